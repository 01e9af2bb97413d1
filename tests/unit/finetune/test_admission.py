"""A curriculum and a mix of tasks only take records away: the accounted sampler stays an upper bound."""

from __future__ import annotations

import importlib.util
import sys

import numpy as np
import pytest
from scipy.stats import norm

from appliance.finetune import admission
from appliance.finetune.admission import Admission
from appliance.finetune.mechanism import Mechanism
from appliance.finetune.noise import INJECTED, NoiseSource
from appliance.finetune.sampling import PoissonSampler
from appliance.model.examples import Example
from appliance.policy.tasks import Curriculum
from appliance.policy.training import Training

STEPS, RATE = 400, 0.3
MECHANISM = Mechanism(
    sample_rate=RATE,
    noise_multiplier=1.0,
    steps=STEPS,
    expected_batch_size=12.0,
    max_grad_norm=1.0,
    target_delta=1e-5,
    max_records_per_unit=2,
)
LENGTHS = (4, 9, 14)


def example(length: int, *, part: int = 0, record: int = 0) -> Example:
    return Example(
        input_ids=np.arange(length, dtype=np.int32),
        loss_mask=np.arange(length) > 0,
        record_id=record,
        part=part,
    )


#: Unit i has i % 3 + 1 records, of the lengths above in turn, of two tasks in turn.
UNITS = [
    [
        example(LENGTHS[(unit + r) % 3], part=(unit + r) % 2, record=10 * unit + r)
        for r in range(unit % 3 + 1)
    ]
    for unit in range(40)
]


def sampler(rule: Admission | None) -> PoissonSampler:
    noise = NoiseSource(key=bytes(range(32)), origin=INJECTED)
    return PoissonSampler(mechanism=MECHANISM, noise=noise, admission=rule)


def by(kind: str, limits: tuple[float, ...], share: float = 0.5, losses: object = ()) -> Admission:
    curriculum = Curriculum(by=kind, limits=limits, share=share)  # type: ignore[arg-type]
    return Admission(steps=STEPS, curriculum=curriculum, losses=losses)  # type: ignore[arg-type]


RULES = {
    "length": by("length", (5.0, 10.0)),
    "unit-size": by("unit-size", (1.0, 2.0)),
    "base-loss": by("base-loss", (2.0, 5.0), losses=[[float(u % 7)] * 3 for u in range(40)]),
    "mix": Admission(steps=STEPS, weights=(1.0, 0.25)),
    "both": Admission(
        steps=STEPS, weights=(0.5, 2.0), curriculum=Curriculum(by="length", limits=(10.0,))
    ),
}


@pytest.mark.parametrize("rule", RULES)
def test_whoever_takes_part_was_drawn_by_the_accounted_sampler(rule: str) -> None:
    plain, ruled = sampler(None), sampler(RULES[rule])
    taken = 0
    for step in range(0, STEPS, 5):
        drawn = {d.unit for d in plain.draw(step, UNITS)}
        found = ruled.draw(step, UNITS)
        assert {d.unit for d in found} == drawn
        assert all(len(d.records) <= MECHANISM.max_records_per_unit for d in found)
        taken += sum(bool(d.records) for d in found)
    assert 0 < taken < 40 * RATE * STEPS / 5


@pytest.mark.parametrize("rule", RULES)
def test_a_share_is_a_chance(rule: str) -> None:
    for step in (0, 100, 199, 200, 399):
        for unit in (0, 4, 8):
            shares = RULES[rule].shares(step, unit, UNITS[unit])
            assert len(shares) == len(UNITS[unit])
            assert all(0.0 <= share <= 1.0 for share in shares)


def test_a_removed_unit_leaves_the_draws_of_those_before_it() -> None:
    ruled = sampler(RULES["both"])
    for step in range(20):
        with_it = {d.unit: d.records for d in ruled.draw(step, UNITS)}
        without = {d.unit: d.records for d in ruled.draw(step, UNITS[:-1])}
        assert without.items() <= with_it.items()


def untouched() -> type[Admission]:
    """Admission out of a copy of its module made now: what any test filled is not in it."""
    spec = importlib.util.spec_from_file_location("admission_copy", admission.__file__)
    assert spec is not None
    assert spec.loader is not None
    copy = importlib.util.module_from_spec(spec)
    sys.modules["admission_copy"] = copy  # Data classes look for their module.
    spec.loader.exec_module(copy)
    found: type[Admission] = copy.Admission
    assert found is not Admission
    return found


@pytest.mark.parametrize("rule", RULES)
def test_what_others_hold_decides_nothing(rule: str) -> None:
    """A limit taken from the data, say its median, would tie one person's records to another's."""
    answers = []
    for crowd in ((), (1, 1, 1), (99, 99, 99), (3, 6, 9, 12, 15, 18, 21)):
        kept = RULES[rule]
        fresh = untouched()(
            steps=STEPS, curriculum=kept.curriculum, weights=kept.weights, losses=kept.losses
        )
        for _ in range(9):
            for unit, length in enumerate(crowd):
                fresh.shares(110, unit, [example(length, record=r) for r in range(length % 3 + 1)])
        answers.append([fresh.shares(110, unit, UNITS[unit]) for unit in (0, 4, 8)])
    assert answers == answers[:1] * 4


def test_stages_follow_the_policys_limits_and_end_with_everyone() -> None:
    rule = by("length", (5.0, 10.0), share=0.5)
    assert [rule.limit(s) for s in (0, 99, 100, 199, 200, 399)] == [
        5.0,
        5.0,
        10.0,
        10.0,
        float("inf"),
        float("inf"),
    ]
    ruled = sampler(rule)
    lengths = {
        len(UNITS[d.unit][r]) for s in range(100) for d in ruled.draw(s, UNITS) for r in d.records
    }
    assert lengths == {4}
    assert by("length", (5.0,), share=0.0).limit(0) == float("inf")


def test_the_mix_keeps_records_by_their_tasks_weight() -> None:
    ruled = sampler(RULES["mix"])
    counts = {0: 0, 1: 0}
    for step in range(STEPS):
        for draw in ruled.draw(step, UNITS[::3]):  # One record a unit: no bound cuts in.
            for r in draw.records:
                counts[UNITS[::3][draw.unit][r].part] += 1
    assert counts[1] / counts[0] == pytest.approx(0.25, rel=0.15)


def test_a_redone_step_admits_the_same_records() -> None:
    first, second = sampler(RULES["both"]), sampler(RULES["both"])
    assert [first.draw(s, UNITS) for s in range(9)] == [second.draw(s, UNITS) for s in range(9)]


def test_no_rule_in_the_policy_is_no_admission() -> None:
    assert Admission.of(Training(), steps=3) is None


def divergence(rate: float, shift: float, epsilon: float) -> float:
    """Delta of (1 - rate) N(0, 1) + rate N(shift, 1) against N(0, 1), the worse direction."""
    grid = np.linspace(-14.0, 14.0 + shift, 40_001)
    base = norm.pdf(grid)
    mixed = (1.0 - rate) * base + rate * norm.pdf(grid - shift)
    factor = np.exp(epsilon)
    step = grid[1] - grid[0]
    return float(
        max(
            np.maximum(mixed - factor * base, 0.0).sum(),
            np.maximum(base - factor * mixed, 0.0).sum(),
        )
        * step
    )


@pytest.mark.parametrize("epsilon", [0.0, 0.2, 0.7, 1.5])
def test_a_smaller_rate_and_a_smaller_gradient_never_cost_more(epsilon: float) -> None:
    """The lemma of docs/dp.md in one dimension; a larger rate does cost more, so the test can fail."""
    accounted = divergence(RATE, 1.0, epsilon)
    for rate in (0.0, 0.1, 0.2, RATE):
        for shift in (0.0, 0.4, 1.0):
            assert divergence(rate, shift, epsilon) <= accounted + 1e-9
    assert divergence(RATE + 0.1, 1.0, epsilon) > accounted
