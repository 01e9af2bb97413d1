"""What a strict policy may not loosen."""

from typing import Any

import pytest
from pydantic import ValidationError

from appliance.policy.model import Policy


def policy(**changes: Any) -> Policy:
    values: dict[str, Any] = {
        "name": "p",
        "version": "1",
        "regulation": "none",
        "data": {"unit": "patient_id"},
        "deidentify": {"entities": {"US_SSN": "redact"}},
    }
    return Policy.model_validate(values | changes)


def test_a_policy_is_strict_unless_it_says_otherwise() -> None:
    assert policy().audit.level == "strict"


@pytest.mark.parametrize(
    ("audit", "rules"),
    [
        ({"positive_control": False}, {}),
        ({}, {"require_positive_control": False}),
        ({}, {"inconclusive": "pass"}),
    ],
)
def test_a_strict_policy_keeps_its_control_and_refuses_the_inconclusive(
    audit: dict[str, Any], rules: dict[str, Any]
) -> None:
    with pytest.raises(ValidationError, match=r"audit\.level .strict."):
        policy(audit=audit, release={"rules": rules})
    standard = policy(audit=audit | {"level": "standard"}, release={"rules": rules})
    assert standard.audit.level == "standard"
