"""Canaries: whose words they are, which coins they got, how they are counted."""

import json
import re

import numpy as np
import pytest
from scipy import stats

from appliance.audit import templates
from appliance.audit.canaries import Form, fair_coins, plan_canaries, plant
from appliance.audit.canary_set import CanarySet
from appliance.errors import IntegrityError
from appliance.policy.model import Audit, CanaryCounts
from tests.unit.audit.world import EXTRA_TOKENS, people, tokenizer

COUNTS = CanaryCounts(newtok=40, secrets=16, repeats={"4": 2, "16": 1}, max_share=1.0)
TYPES = ["US_SSN", "MEDICAL_RECORD_NUMBER", "PERSON"]


def planted(*, entropy=b"e" * 32, counts=COUNTS, corpus=(), n_units=100, types=TYPES, **extra):
    return plant(
        policy=Audit(canaries=counts),
        n_units=n_units,
        tokenizer=tokenizer(),
        corpus_token_ids=corpus,
        entity_types=types,
        entropy=entropy,
        **extra,
    )


def test_families_have_the_policys_counts():
    found = planted()
    assert len(found.family("newtok")) == 40
    assert len(found.family("secret")) == 16
    assert sorted(c.repeats for c in found.family("repeat")) == [4, 4, 16]
    assert [c.id for c in found.canaries] == list(range(59))
    assert found.reason is None


def test_a_newtok_token_occurs_nowhere_else():
    corpus = [e.input_ids for unit in people(20, first=0) for e in unit]
    corpus.append(np.arange(300, 500, dtype=np.int32))
    found = planted(corpus=corpus)
    seen = set(np.concatenate(corpus).tolist())
    own = [c.example.input_ids[c.secret_span[0]] for c in found.family("newtok")]
    others = {t for c in found.canaries for t in c.example.input_ids[: c.secret_span[0]].tolist()}
    secrets = {t for c in found.family("secret") for t in c.example.input_ids.tolist()}
    assert len(set(own)) == len(own)
    assert not set(own) & (seen | others | secrets)


def test_a_used_up_vocabulary_makes_fewer_newtok_and_says_so():
    corpus = [np.arange(0, 257 + EXTRA_TOKENS - 5, dtype=np.int32)]
    found = planted(corpus=corpus)
    assert len(found.family("newtok")) == 5
    assert "5 newtok" in found.reason


@pytest.mark.parametrize("targets", ["all", "secret"])
def test_a_canary_is_learned_as_its_records_are_and_attacked_at_its_secret(targets):
    for canary in planted(form=Form(targets=targets)).canaries:
        start, end = canary.secret_span
        learned = np.flatnonzero(canary.example.loss_mask).tolist()
        assert learned == list(range(start if targets == "secret" else 1, end))
        assert np.flatnonzero(canary.probe.loss_mask).tolist() == list(range(start, end))
        assert end == len(canary.example)
        if canary.family == "newtok":
            assert end - start == 1


def test_words_come_from_the_templates_alone():
    words = tokenizer()
    domain = templates.choose_domain(TYPES, "en")
    known = " ".join([*domain.places, *domain.matters, *domain.states, *domain.labels.values()])
    for canary in planted().family("secret"):
        text = words.decode(canary.example.input_ids[: canary.secret_span[0]])
        for word in re.findall(r"[A-Za-z]+", text):
            assert word in known or word in domain.pattern


def test_coins_follow_the_entropy_alone():
    a, b = planted(), planted(corpus=[np.arange(300, 400, dtype=np.int32)])
    assert [c.included for c in a.canaries] == [c.included for c in b.canaries]
    other = planted(entropy=b"f" * 32)
    assert [c.included for c in a.canaries] != [c.included for c in other.canaries]


def test_coins_are_fair_and_independent():
    """Chi-square over counts and neighbours at 1e-4 each, fixed entropies."""
    coins = np.array([fair_coins(bytes([i, j]) * 16, 64) for i in range(40) for j in range(40)])
    assert stats.binomtest(int(coins.sum()), coins.size).pvalue > 1e-4
    per_set = coins.sum(axis=1)
    dispersion = ((per_set - 32) ** 2).sum() / 16
    assert 1e-4 < stats.chi2.sf(dispersion, len(per_set)) < 1 - 1e-4
    same = (coins[:, 1:] == coins[:, :-1]).sum()
    assert stats.binomtest(int(same), coins[:, 1:].size).pvalue > 1e-4


def test_coins_are_not_drawn_again_for_balance():
    counts = {int(fair_coins(bytes([i]) * 32, 20).sum()) for i in range(200)}
    assert min(counts) <= 5
    assert max(counts) >= 15


def test_too_little_entropy_is_refused():
    with pytest.raises(ValueError, match="entropy"):
        planted(entropy=b"short")


def test_a_planted_canary_is_a_unit_and_a_ladder_is_one_unit_per_repeat():
    found = planted()
    units = found.included_units()
    expected = sum(c.repeats for c in found.canaries if c.included)
    assert len(units) == expected
    assert all(len(unit) == 1 for unit in units)
    ids = [unit[0].record_id for unit in units]
    assert len(set(ids)) == len(ids)
    assert all(record_id < 0 for record_id in ids)


def test_held_out_canaries_are_in_no_unit():
    found = planted()
    texts = {unit[0].input_ids.tobytes() for unit in found.included_units()}
    for canary in found.canaries:
        assert (canary.example.input_ids.tobytes() in texts) == canary.included


def test_bytes_read_back_are_the_same_set():
    found = planted()
    again = CanarySet.from_bytes(found.to_bytes())
    assert again.digest == found.digest
    assert again.to_bytes() == found.to_bytes()
    assert [u[0].input_ids.tolist() for u in again.included_units()] == [
        u[0].input_ids.tolist() for u in found.included_units()
    ]


def test_the_digest_covers_every_coin_and_token_and_the_design():
    found = planted()
    value = json.loads(found.to_bytes())
    assert value["guesses"] == [10, 10]
    assert "secret span" in value["primary_score"]
    value["canaries"][3]["included"] = not value["canaries"][3]["included"]
    changed = CanarySet.from_bytes(
        json.dumps(value, separators=(",", ":"), sort_keys=True).encode()
    )
    assert changed.digest != found.digest


@pytest.mark.parametrize(
    "damage",
    [
        lambda v: v.pop("salt"),
        lambda v: v.update(version=2),
        lambda v: v["canaries"][0].update(secret_span=[1]),
        lambda v: v.update(guesses=[1, 1]),
        lambda v: v["canaries"][0].update(loss_mask=[1]),
    ],
)
def test_a_damaged_set_is_refused_without_its_content(damage):
    value = json.loads(planted().to_bytes())
    damage(value)
    with pytest.raises(IntegrityError) as caught:
        CanarySet.from_bytes(json.dumps(value, separators=(",", ":"), sort_keys=True).encode())
    assert caught.value.message == "canaries: expected a sealed canary set of version 1"
    assert caught.value.__cause__ is None


def test_nothing_of_a_canary_shows_in_its_repr():
    found = planted()
    shown = repr(found) + repr(found.canaries[0])
    assert "included" not in shown
    assert "input_ids" not in shown
    assert found.salt.hex() not in shown


def test_the_plan_is_the_policys_where_the_data_can_carry_it():
    plan = plan_canaries(Audit(), 10_000)
    assert (plan.newtok, plan.secrets, plan.repeats, plan.reason) == (500, 200, {4: 4, 16: 2}, None)
    assert plan.expected_units == (500 + 200 + 16 + 32) / 2


def test_the_ladder_is_left_out_first():
    plan = plan_canaries(Audit(), 3200)
    assert (plan.newtok, plan.secrets, plan.repeats) == (500, 200, {})
    assert "repeat ladder was left out" in plan.reason


def test_little_data_carries_few_canaries_and_says_so():
    plan = plan_canaries(Audit(), 144)
    assert plan.expected_units <= 16
    assert plan.newtok == 22
    assert "22 of 500 newtok" in plan.reason
    assert "at most 10% of the units trained on may be canaries, beside 144 real" in plan.reason


@pytest.mark.parametrize("units", [0, 1, 9, 100, 1000, 3100, 3300, 3365, 3366])
def test_the_share_is_never_exceeded(units):
    plan = plan_canaries(Audit(), units)
    assert plan.expected_units <= 0.1 * (units + plan.expected_units) + 1e-9


@pytest.mark.parametrize("name", templates.FORMATS)
def test_every_format_has_more_than_a_million_values(name):
    """Birthday test: 4,000 draws from 2**20 values would collide 7.6 times on average."""
    rng = np.random.default_rng(1)
    draws = [templates.FORMATS[name](rng) for _ in range(4000)]
    assert len(draws) - len(set(draws)) <= 1


def test_social_security_numbers_are_of_areas_never_issued():
    rng = np.random.default_rng(2)
    for _ in range(500):
        area, group, _ = templates.FORMATS["US_SSN"](rng).split("-")
        assert area in ("000", "666") or area.startswith("9")
        assert int(group) < 50  # 50 and above with area 9xx are taxpayer numbers


def test_phone_numbers_are_fictitious():
    rng = np.random.default_rng(2)
    for _ in range(100):
        assert re.fullmatch(
            r"\([2-9]\d\d\) 555-01\d\d ext\. \d{5}", templates.FORMATS["PHONE_NUMBER"](rng)
        )


def test_card_numbers_have_no_issuer_and_fail_the_check_digit():
    rng = np.random.default_rng(2)
    for _ in range(300):
        digits = templates.FORMATS["CREDIT_CARD"](rng).replace(" ", "")
        doubled = [int(d) * (2 if i % 2 == 0 else 1) for i, d in enumerate(digits)]
        total = sum(sum(map(int, str(value))) for value in doubled)
        assert digits.startswith("9999")
        assert total % 10 != 0


def test_cpf_numbers_fail_the_check_digit():
    rng = np.random.default_rng(2)
    for _ in range(300):
        digits = [int(d) for d in re.sub(r"\D", "", templates.FORMATS["BR_CPF"](rng))]
        rest = sum(d * w for d, w in zip(digits[:9], range(10, 1, -1), strict=True)) % 11
        assert digits[9] != (0 if rest < 2 else 11 - rest)


def test_a_policy_without_known_formats_gets_plain_references():
    assert templates.secret_types(["PERSON"]) == ["ID_NUMBER"]
    found = planted(types=["PERSON"])
    assert {c.entity_type for c in found.family("secret")} == {"ID_NUMBER"}


def test_portuguese_data_gets_portuguese_openings():
    found = planted(language="pt", types=["BR_CPF"])
    words = tokenizer()
    assert "Consulta de" in words.decode(found.canaries[0].example.input_ids)
