"""Every shipped policy loads, and its resolved values are reviewed as a golden file.

`make golden` rewrites the golden files.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from appliance.policy import load_policy, shipped_policies

GOLDEN = Path(__file__).parents[2] / "golden" / "policies"
SHIPPED = sorted(shipped_policies().rglob("*.yaml"))
REGULATIONS = {"hipaa", "gdpr", "lgpd", "pci-dss"}


def _resolved(path: Path) -> str:
    policy = load_policy(path).policy
    return json.dumps(policy.model_dump(mode="json"), indent=2, ensure_ascii=False) + "\n"


@pytest.mark.parametrize("path", SHIPPED, ids=lambda p: p.stem)
def test_shipped_policy_matches_its_golden_file(path: Path) -> None:
    golden = GOLDEN / f"{path.stem}.json"
    resolved = _resolved(path)
    if "GOLDEN_REWRITE" in os.environ:
        golden.write_text(resolved, encoding="utf-8")
    assert resolved == golden.read_text(encoding="utf-8")


def test_the_promised_policies_ship() -> None:
    assert {p.stem for p in SHIPPED} >= REGULATIONS | {"demo", "impossible"}


@pytest.mark.parametrize("path", SHIPPED, ids=lambda p: p.stem)
def test_shipped_policy_never_keeps_a_direct_identifier(path: Path) -> None:
    deidentify = load_policy(path).policy.deidentify
    direct = {"PERSON", "US_SSN", "EMAIL_ADDRESS", "PHONE_NUMBER", "CREDIT_CARD", "IBAN_CODE", "ID"}
    for entity_type in direct:
        operator = deidentify.entities.get(entity_type, deidentify.default_operator)
        assert operator != "keep", entity_type


@pytest.mark.parametrize("path", SHIPPED, ids=lambda p: p.stem)
def test_shipped_policy_requires_privacy_of_the_person(path: Path) -> None:
    policy = load_policy(path).policy
    assert policy.privacy.mechanism == "dp-sgd"
    assert policy.privacy.unit == "person"
    assert policy.release.rules.require_dp
    assert policy.release.rules.inconclusive == "refuse"


def test_pci_never_keeps_authentication_data() -> None:
    entities = load_policy(shipped_policies() / "pci-dss.yaml").policy.deidentify.entities
    assert {entities[t] for t in ("CVV", "CARD_TRACK", "PIN")} == {"redact"}


def test_hipaa_shifts_no_date() -> None:
    deidentify = load_policy(shipped_policies() / "hipaa.yaml").policy.deidentify
    assert "date_shift" not in deidentify.entities.values()


def test_only_examples_and_the_demo_loosen_the_strict_audit() -> None:
    for path in SHIPPED:
        policy = load_policy(path).policy
        strict = path.stem in REGULATIONS
        assert (policy.audit.level == "strict") == strict
        assert (policy.release.rules.min_canaries >= 500) == strict
