"""What a policy asks of training arrives at the mechanism, its units and the trainer."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import pytest

from appliance.errors import PolicyError
from appliance.finetune.accounting import EventSpec, compose_epsilon
from appliance.model.store import UnitExamples
from appliance.pipeline.feasible import ENOUGH, feasibility
from appliance.pipeline.recipe import plan_mechanism, private_units, train_settings
from appliance.pipeline.tuning import _epsilon_by_step
from appliance.policy.model import Policy


def policy(**sections: dict[str, Any]) -> Policy:
    given: dict[str, Any] = {
        "name": "p",
        "version": "1",
        "regulation": "test",
        "data": {"unit": "mrn"},
        "deidentify": {"entities": {"PERSON": "redact"}},
        "training": {"steps": 8, "expected_batch_size": 20},
    }
    for name, knobs in sections.items():
        given[name] = {**given.get(name, {}), **knobs}
    return Policy.model_validate(given)


def people() -> UnitExamples:
    """Three people with one, three and two records of two tokens."""
    return UnitExamples(
        tokens=np.arange(12, dtype=np.int32),
        learned=np.tile([False, True], 6),
        offsets=np.arange(0, 14, 2),
        record_ids=np.arange(6),
        first=np.array([0, 1, 4, 6]),
        digests=(b"a" * 16, b"b" * 16, b"c" * 16),
    )


def test_noise_is_calibrated_to_the_target_unless_it_is_given():
    calibrated = plan_mechanism(policy(), n_units=200)
    assert 0.99 * 8.0 <= calibrated.spent_epsilon(8) <= 8.0
    given = plan_mechanism(policy(privacy={"noise_multiplier": 2.5}), n_units=200)
    event = EventSpec(noise_multiplier=2.5, sample_rate=0.1, steps=8)
    assert given.noise_multiplier == 2.5
    assert given.spent_epsilon(8) == compose_epsilon([event], 200**-1.1) < 8.0


def test_noise_too_low_for_the_target_is_refused():
    with pytest.raises(PolicyError, match="expected at most privacy"):
        plan_mechanism(policy(privacy={"noise_multiplier": 0.2}), n_units=200)


def test_adaptive_clipping_costs_nothing_more_and_has_a_budget_of_its_own():
    fixed = plan_mechanism(policy(), n_units=200)
    knobs = {"quantile": 0.7, "learning_rate": 0.3, "budget_share": 0.1}
    moving = plan_mechanism(policy(privacy={"adaptive_clipping": knobs}), n_units=200)
    assert moving.adaptive is not None
    assert (moving.adaptive.quantile, moving.adaptive.learning_rate) == (0.7, 0.3)
    assert moving.spent_epsilon(8) == fixed.spent_epsilon(8)
    z, gradient = moving.noise_multiplier, moving.gradient_noise_multiplier
    count = moving.adaptive.count_noise_multiplier
    assert z == fixed.noise_multiplier
    assert gradient**-2 + count**-2 == pytest.approx(z**-2)
    assert count**-2 == pytest.approx(0.1 * z**-2)


@pytest.mark.parametrize(
    "sections",
    [
        {"privacy": {"adaptive_clipping": {}, "clipping": "automatic"}},
        {"privacy": {"adaptive_clipping": {}}, "training": {"debias_second_moment": True}},
    ],
    ids=["automatic", "debiased"],
)
def test_an_adaptive_bound_refuses_what_it_contradicts(sections):
    with pytest.raises(ValueError, match="adaptive_clipping"):
        policy(**sections)


def test_the_record_level_makes_each_record_its_own_unit():
    by_record = policy(privacy={"unit": "record"})
    units = private_units(by_record, people())
    assert len(units) == 6
    assert [[e.record_id for e in unit] for unit in units] == [[i] for i in range(6)]
    assert plan_mechanism(by_record, n_units=200).max_records_per_unit == 1


def test_people_stay_whole_at_the_person_level():
    units = private_units(policy(), people())
    assert [len(unit) for unit in units] == [1, 3, 2]


def test_every_knob_of_the_update_reaches_the_trainer():
    knobs = {
        "optimizer": "sgd",
        "momentum": 0.5,
        "learning_rate": 0.02,
        "schedule": "cosine",
        "warmup_steps": 3,
        "averaging": "tail",
        "average_share": 0.4,
        "debias_second_moment": True,
        "gradient_checkpointing": True,
        "physical_batch_tokens": 77,
    }
    settings = train_settings(policy(training=knobs))
    assert {name: getattr(settings, name) for name in knobs} == knobs


def test_the_feasible_epsilon_is_where_the_signal_stands_clear_of_the_noise():
    strict = {"target_epsilon": 3.0}
    mechanism = plan_mechanism(policy(privacy=strict), n_units=200)
    found = feasibility(mechanism, n_units=200)
    assert found is not None
    assert [t.epsilon for t in found.trades] == [1.0, 3.0, 8.0]
    assert found.trades[0].signal_to_noise < found.trades[2].signal_to_noise
    assert found.trades[1].noise_multiplier == mechanism.noise_multiplier
    strength = 20 * math.sqrt(8)
    event = EventSpec(noise_multiplier=strength / ENOUGH, sample_rate=0.1, steps=8)
    assert found.epsilon == compose_epsilon([event], mechanism.target_delta)
    # The policy's own epsilon of 3 is out of reach of 200 units, and in reach of those named.
    assert found.epsilon > 3.0
    larger = {"expected_batch_size": found.units // 10}
    more = plan_mechanism(policy(privacy=strict, training=larger), n_units=found.units)
    assert more.expected_batch_size * math.sqrt(8) / more.noise_multiplier > 0.9 * ENOUGH
    assert (
        feasibility(plan_mechanism(policy(privacy={"mechanism": "none"}), n_units=9), n_units=9)
        is None
    )


def test_epsilon_over_the_steps_rises_to_what_was_spent():
    mechanism = plan_mechanism(policy(), n_units=200)
    curve = _epsilon_by_step(mechanism, 8)
    assert curve[-1] == (8, mechanism.spent_epsilon(8))
    assert all(a[1] < b[1] for a, b in itertools.pairwise(curve))
    assert _epsilon_by_step(mechanism, 0) == []
    assert (
        _epsilon_by_step(plan_mechanism(policy(privacy={"mechanism": "none"}), n_units=9), 8) == []
    )
    assert math.isfinite(curve[0][1])
