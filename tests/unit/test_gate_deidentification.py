"""The gate's rules on de-identification: every measurement counts, and rare values may refuse."""

from __future__ import annotations

from typing import Any

import pytest

from appliance.evidence import DeidentificationSection, Recall
from appliance.gate.rules import deidentified
from appliance.policy import Policy
from tests.unit.report import sample_report

POLICY = sample_report.policy().policy
SECTION = sample_report.evidence().deidentification


def _policy(**deidentify: object) -> Policy:
    return POLICY.model_copy(update={"deidentify": POLICY.deidentify.model_copy(update=deidentify)})


def _recall(low: float) -> Recall:
    return Recall(
        documents=100,
        recall=0.99,
        recall_interval=(low, 1.0),
        precision=0.9,
        precision_interval=(0.8, 1.0),
        by_type={},
    )


def _refusing(policy: Policy, *, people: int | None = 100, **changed: Any) -> set[str]:
    assert SECTION is not None
    section: DeidentificationSection = SECTION.model_copy(update=changed)
    return {f.rule for f in deidentified(section, policy, people=people) if not f.passed}


@pytest.mark.parametrize(
    ("measured", "reviewed", "passes"),
    [
        (0.96, None, True),
        (None, 0.96, True),
        (0.96, 0.97, True),
        (0.94, None, False),
        (0.96, 0.94, False),
        (0.94, 0.96, False),
        (None, None, False),
    ],
)
def test_one_good_recall_excuses_no_bad_one(
    measured: float | None, reviewed: float | None, passes: bool
) -> None:
    found = _refusing(
        _policy(recall_floor=0.95),
        measured_recall=None if measured is None else _recall(measured),
        reviewed_recall=None if reviewed is None else _recall(reviewed),
    )
    assert found == (set() if passes else {"deidentify.recall_floor"})


def test_too_many_people_with_rare_values_refuse_where_the_policy_says_so() -> None:
    rare = {"icd10": 3, "sex + zip": 12}
    free, limit = _policy(quasi_limit=None), _policy(quasi_limit=0.1)
    assert _refusing(free, quasi_identifiers=rare) == set()
    assert _refusing(limit, quasi_identifiers=rare) == {"deidentify.quasi_limit"}
    assert _refusing(limit, quasi_identifiers=rare, people=200) == set()
    assert _refusing(limit, quasi_identifiers={}) == set()


def test_rare_values_of_an_unknown_number_of_people_refuse() -> None:
    limit = _policy(quasi_limit=0.1)
    assert _refusing(limit, quasi_identifiers={}, people=None) == {"deidentify.quasi_limit"}
