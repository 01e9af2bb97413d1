"""The whole audit: what leaks is seen, what does not leak is not, what is missing is said."""

from contextlib import contextmanager
from dataclasses import replace

import numpy as np
import pytest
import torch

from appliance.audit.base import (
    RECORD_TARGETS,
    UNIT_RECORDS,
    BaseScores,
    UnitScore,
    choose_units,
    cut,
    score_base,
)
from appliance.audit.stage import dp_curve
from appliance.audit.statistics import auc
from appliance.errors import IntegrityError
from appliance.evidence import AuditSection
from appliance.progress import SilentProgress
from tests.unit.audit.world import (
    World,
    overtrain,
    peft_model,
    people,
    policy,
    privacy,
    removed,
    tokenizer,
)


@pytest.fixture(scope="module")
def clean():
    world = World.build()
    return world, world.audit()


@pytest.fixture(scope="module")
def leaking():
    world = World.build(seed=b"l")
    overtrain(world.model, world.planted.included_units(), epochs=25)
    return world, world.audit()


def test_an_untouched_model_shows_nothing(clean):
    _, section = clean
    low, high = section.membership.auc_interval
    assert low < 0.5 < high or high < 0.65
    assert section.membership.difference_interval == pytest.approx((0.0, 0.0), abs=0.02)
    assert section.empirical_epsilon == 0.0
    assert section.extraction.extracted_greedy == 0
    assert section.extraction.max_log2_probability < -20
    assert section.regurgitation.matches == 0
    assert section.permutation_p_value > 0.01
    assert section.curve_p_value > 0.01


def test_a_model_that_learned_its_canaries_is_seen_by_every_canary_attack(leaking):
    _, section = leaking
    assert section.membership.auc_interval[0] > 0.85
    assert section.membership.difference_interval[0] > 0.2
    assert section.membership.tpr_at_fpr["0.01"].value > 0.5
    assert section.empirical_epsilon > 1.0
    assert section.empirical_epsilon_bug <= section.empirical_epsilon
    assert section.empirical_epsilon_gaussian > section.empirical_epsilon
    assert section.correct_guesses == section.guesses
    assert section.permutation_p_value < 0.001
    # Perfect guesses contradict the accountant's curve, the more the smaller the claim.
    assert section.curve_p_value < 0.01
    small = privacy().model_copy(update={"noise_multiplier": 8.0, "spent_epsilon": 0.5})
    world, _ = leaking
    control = policy(positive_control=False)
    assert world.audit(privacy=small, policy=control).curve_p_value < 1e-4
    for name in ("base_calibrated", "min_k_plus_plus", "residual"):
        assert section.secondary[name].auc_interval[0] > 0.8
    newtok = section.canaries.families["newtok"]
    assert newtok.mean_exposure > 4
    assert section.canaries.families["secret"].mean_exposure > 2


def test_the_positive_control_is_seen_on_a_clean_model(clean):
    _, section = clean
    assert section.positive_control.seen
    assert section.positive_control.auc_interval[0] > 0.8


def test_a_control_that_does_not_leak_is_not_seen(clean):
    world, _ = clean

    @contextmanager
    def frozen():
        model = peft_model()
        hook = [p.register_hook(torch.zeros_like) for p in model.parameters() if p.requires_grad]
        yield model
        for handle in hook:
            handle.remove()

    section = world.audit(control=frozen)
    assert not section.positive_control.seen


def test_extracted_secrets_are_counted_and_the_base_models_apart():
    world = World.build(
        seed=b"x",
        positive_control=False,
        canaries={"newtok": 8, "secrets": 12, "repeats": {"4": 4}},
    )
    overtrain(world.model, world.planted.included_units(), epochs=70)
    section = world.audit()
    assert section.extraction.attempted == section.canaries.families["secret"].planted
    assert section.extraction.extracted_greedy >= 1
    assert section.extraction.extracted_base == 0
    assert section.extraction.max_log2_probability > -20
    assert set(section.canaries.families["repeat"].by_repeats) == {"4"}


def test_people_the_model_knows_are_told_from_the_holdout():
    world = World.build(positive_control=False, max_members=20)
    attacked = [world.members[one.unit] for one in world.base.members]
    overtrain(world.model, attacked, epochs=60)
    section = world.audit()
    assert section.record_membership.auc_interval[0] > 0.6
    assert section.user_membership.auc_interval[0] > 0.6
    assert section.record_membership.n_members == section.user_membership.n_members == 20
    assert section.record_membership.n_non_members == 20
    assert "base_auc" in section.record_membership.reasons


def test_several_records_of_a_person_tell_more_than_one():
    """Each record leaks a little: together they leak more (user-level membership)."""
    rng = np.random.default_rng(5)

    def side(shift):
        gains = rng.normal(shift, 1.0, (200, 4))
        return [
            UnitScore(unit=n, records=(0, 1, 2, 3), log_probabilities=tuple(row), targets=(1,) * 4)
            for n, row in enumerate(gains.tolist())
        ]

    inside, outside = side(0.5), side(0.0)
    one = auc([s.rate(1) for s in inside], [s.rate(1) for s in outside])
    every = auc([s.rate() for s in inside], [s.rate() for s in outside])
    assert one == pytest.approx(0.64, abs=0.06)  # Phi(.5 / sqrt 2)
    assert every == pytest.approx(0.76, abs=0.06)  # Phi(1 / sqrt 2)


def test_people_the_model_never_saw_look_like_the_holdout(clean):
    _, section = clean
    low, high = section.record_membership.auc_interval
    assert low < 0.5 < high


def test_the_audit_leaves_the_model_as_it_was(clean):
    world, _ = clean
    before = {name: p.detach().clone() for name, p in world.model.named_parameters()}
    flags = {name: p.requires_grad for name, p in world.model.named_parameters()}
    world.audit()
    assert {n: p.requires_grad for n, p in world.model.named_parameters()} == flags
    assert all(torch.equal(p, before[n]) for n, p in world.model.named_parameters())


def test_the_same_audit_twice_gives_the_same_figures(clean):
    world, section = clean
    again = world.audit()
    volatile = {"seconds": 0.0, "positive_control": None}
    assert (
        again.model_copy(update=volatile).model_dump()
        == section.model_copy(update=volatile).model_dump()
    )


def test_the_section_is_json_and_holds_no_canary(leaking):
    world, section = leaking
    text = section.model_dump_json()
    assert AuditSection.model_validate_json(text) == section
    words = tokenizer()
    for canary in world.planted.canaries:
        secret = words.decode(canary.example.input_ids[slice(*canary.secret_span)]).strip()
        if canary.family == "secret":
            assert secret not in text
        else:
            assert f'"{secret}"' not in text


def test_missing_removed_values_are_said_not_passed(clean):
    world, _ = clean
    section = world.audit(removed=None)
    assert section.regurgitation is None
    assert section.reasons["regurgitation"] == "the removed values were not given"


def test_no_control_is_said(clean):
    world, _ = clean
    section = world.audit(policy=policy(positive_control=False))
    assert section.positive_control is None
    assert section.reasons["positive_control"] == "the policy asks for none"


def test_no_canary_is_said_and_measures_nothing():
    world = World.build(canaries={"newtok": 0, "secrets": 0})
    section = world.audit()
    assert section.membership is None
    assert section.empirical_epsilon is None
    assert section.extraction is None
    assert section.positive_control is None
    for name in ("membership", "empirical_epsilon", "extraction", "positive_control"):
        assert section.reasons[name]


def test_an_empty_holdout_is_said(clean):
    world, _ = clean
    base = BaseScores(
        canaries=world.base.canaries,
        members=world.base.members,
        non_members=(),
        slots=world.base.slots,
    )
    section = world.audit(non_members=[], base_scores=base)
    assert section.record_membership is None
    assert "holdout" in section.reasons["record_membership"]


def test_base_scores_of_other_canaries_are_refused(clean):
    world, _ = clean
    other = BaseScores(
        canaries=world.base.canaries[1:],
        members=world.base.members,
        non_members=world.base.non_members,
        slots=world.base.slots,
    )
    with pytest.raises(IntegrityError, match="base scores: hold 103 canaries, expected 104"):
        world.audit(base_scores=other)


def test_base_scores_read_back_are_the_same(clean):
    world, _ = clean
    again = BaseScores.from_bytes(world.base.to_bytes())
    assert again.to_bytes() == world.base.to_bytes()
    np.testing.assert_array_equal(again.canaries[0].greedy, world.base.canaries[0].greedy)
    assert again.members == world.base.members


@pytest.mark.parametrize("data", [b"", b"{}", b'{"version": 1}', b"[1]", b"\xff"])
def test_damaged_base_scores_are_refused(data):
    with pytest.raises(IntegrityError, match="base scores of version 2"):
        BaseScores.from_bytes(data)


def test_the_delta_of_the_claim_weakens_the_bound(leaking):
    world, section = leaking
    loose = world.audit(privacy=privacy(delta=1e-2), policy=policy(positive_control=False))
    assert loose.empirical_epsilon < section.empirical_epsilon
    assert loose.largest_detectable_epsilon < section.largest_detectable_epsilon


def test_a_run_without_privacy_has_no_ceiling(clean):
    world, section = clean
    assert section.dp_auc_ceiling is not None
    assert section.membership.tpr_at_fpr["0.01"].dp_ceiling is not None
    for fpr, tpr in section.dp_roc:
        assert fpr <= tpr <= 1.0
    bare = world.audit(privacy=privacy(private=False), policy=policy(positive_control=False))
    assert bare.dp_auc_ceiling is None
    assert bare.dp_roc == []
    assert bare.curve_p_value is None
    assert "no differential privacy" in bare.reasons["curve_p_value"]
    assert bare.membership.tpr_at_fpr["0.01"].dp_ceiling is None
    assert dp_curve(privacy(private=False)) is None


def test_people_are_chosen_before_training_and_within_bounds(clean):
    world, _ = clean
    units = people(60, first=3, records=9)
    rules = policy(max_members=25)
    chosen = choose_units(world.planted, units, "members", rules, 25)
    assert chosen == choose_units(world.planted, units, "members", rules, 25)
    assert len(chosen) == 25
    for unit, records in chosen:
        assert len(set(records)) == len(records) <= UNIT_RECORDS
        assert sum(len(units[unit][r]) for r in records) <= 128


def test_where_the_unit_is_a_record_one_record_is_attacked_and_no_person():
    rules = policy()
    alone = rules.model_copy(
        update={"privacy": rules.privacy.model_copy(update={"unit": "record"})}
    )
    world = World.build(positive_control=False, generations=0)
    units = people(60, first=3, records=9)
    chosen = choose_units(world.planted, units, "members", alone, 25)
    assert {len(records) for _, records in chosen} == {1}
    section = world.audit(policy=alone)
    assert section.user_membership is None
    assert section.reasons["user_membership"] == "the privacy unit is a record"
    assert section.record_membership is not None


def test_a_records_opening_is_scored_and_no_more():
    example = people(1, first=3, records=1)[0][0]
    long = replace(
        example,
        input_ids=np.tile(example.input_ids, 9),
        loss_mask=np.arange(9 * len(example)) >= 100,
    )
    opening = cut(long)
    assert opening.targets == RECORD_TARGETS
    assert len(opening) == 100 + RECORD_TARGETS
    assert opening.loss_mask[-1]
    assert cut(example) is example


def test_the_base_is_scored_with_the_adapter_off():
    world = World.build()
    with torch.no_grad():
        for name, parameter in world.model.named_parameters():
            if "lora_B" in name:
                parameter.normal_(std=0.3)
    again = score_base(
        model=world.model,
        tokenizer=tokenizer(),
        canaries=world.planted,
        members=world.members,
        non_members=world.non_members,
        policy=world.rules,
        removed=removed(),
        progress=SilentProgress(),
    )
    ours = [one.loss for one in again.canaries]
    assert ours == pytest.approx([one.loss for one in world.base.canaries], rel=1e-4)
    assert again.slots[0] == pytest.approx(world.base.slots[0], rel=1e-4)
