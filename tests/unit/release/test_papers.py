"""Card, bill of materials and statements: valid by others' tools, true by the report."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from appliance.crypto.canonical import digest_file
from appliance.crypto.signing import VerifyingKey, dsse_verify
from appliance.release import statements
from appliance.release.statements import NAMES
from appliance.report.json import parse_report
from tests.unit.release.conftest import Released
from tests.unit.report import sample_report


def opened(released: Released, name: str) -> dict[str, Any]:
    envelope = json.loads((released.bundle / name).read_bytes())
    key = VerifyingKey.from_file(released.public_key)
    return json.loads(dsse_verify(envelope, [key], payload_type="application/vnd.in-toto+json"))


def test_the_card_has_hugging_face_metadata(original: Released) -> None:
    hub = pytest.importorskip("huggingface_hub")
    card = hub.ModelCard((original.bundle / "README.md").read_text(encoding="utf-8"))
    data = card.data.to_dict()
    assert data["base_model"] == "HuggingFaceTB/SmolLM2-135M-Instruct"
    assert data["base_model_relation"] == "adapter"
    assert data["library_name"] == "peft"
    assert data["pipeline_tag"] == "text-generation"
    assert data["language"] == list(sample_report.policy().policy.data.languages)


def test_the_card_says_use_limits_privacy_and_serving(original: Released) -> None:
    text = (original.bundle / "README.md").read_text(encoding="utf-8")
    assert "--enable-lora --max-lora-rank 8" in text
    assert sample_report.policy().policy.release.intended_use in text
    assert "epsilon 7.94" in text
    assert "can become at most 99.96 % sure" in text
    for line in sample_report.released_report().not_tested:
        assert f"- {line}" in text
    assert "model_signing verify key" in text


def test_the_bill_of_materials_is_strictly_valid(original: Released) -> None:
    schema = pytest.importorskip("cyclonedx.schema")
    validation = pytest.importorskip("cyclonedx.validation.json")
    validator = validation.JsonStrictValidator(schema.SchemaVersion.V1_6)
    raw = (original.bundle / "mlbom.cdx.json").read_text(encoding="utf-8")
    assert validator.validate_str(raw) is None
    broken = json.dumps(json.loads(raw) | {"modelCard": {}})
    assert validator.validate_str(broken) is not None


def test_the_bill_of_materials_pins_base_model_and_adapter(original: Released) -> None:
    bom = json.loads((original.bundle / "mlbom.cdx.json").read_bytes())
    hashes = {c["name"]: c["hashes"][0]["content"] for c in bom["components"] if "hashes" in c}
    assert hashes["smollm2-135m"] == sample_report.BASE_DIGEST.removeprefix("sha256:")
    weights = original.bundle / "adapter_model.safetensors"
    assert f"sha256:{hashes['adapter_model.safetensors']}" == digest_file(weights)
    card = bom["metadata"]["component"]["modelCard"]
    limits = card["considerations"]["technicalLimitations"]
    assert limits == sample_report.released_report().not_tested
    assert card["quantitativeAnalysis"]["performanceMetrics"]


@pytest.mark.parametrize("name", NAMES)
def test_every_statement_is_about_the_adapters_files(original: Released, name: str) -> None:
    stated = opened(original, name)
    assert stated["_type"] == "https://in-toto.io/Statement/v1"
    assert stated["predicateType"] == statements.PREDICATE_TYPES[name]
    for subject in stated["subject"]:
        digest = digest_file(original.bundle / subject["name"]).removeprefix("sha256:")
        assert subject["digest"] == {"sha256": digest}
    assert {s["name"] for s in stated["subject"]} == set(statements.SUBJECTS)


def test_the_provenance_pins_base_model_policy_and_report(original: Released) -> None:
    predicate = opened(original, statements.PROVENANCE)["predicate"]
    build, details = predicate["buildDefinition"], predicate["runDetails"]
    pinned = {d.get("name"): d.get("digest") for d in build["resolvedDependencies"]}
    base = sample_report.BASE_DIGEST.removeprefix("sha256:")
    assert pinned["base-model:smollm2-135m"] == {"sha256": base}
    policy = sample_report.policy()
    assert pinned["policy:sample"] == {"sha256": policy.digest.removeprefix("sha256:")}
    stated = build["externalParameters"]["policy"]
    assert stated == json.loads(policy.policy.model_dump_json())
    report = digest_file(original.bundle / "compliance/report.json").removeprefix("sha256:")
    assert details["byproducts"][0]["digest"] == {"sha256": report}
    note = base64.b64decode(details["byproducts"][1]["content"]).decode()
    assert note.startswith("appliance/log/test\n42\n")


def test_guarantee_and_audit_say_what_the_report_says(original: Released) -> None:
    path = Path(original.bundle / "compliance/report.json")
    report = parse_report(path.read_bytes(), where="report.json")
    assert report.privacy is not None
    assert report.audit is not None
    guarantee = opened(original, statements.DP_GUARANTEE)["predicate"]
    assert guarantee["guarantee"]["spent_epsilon"] == report.privacy.spent_epsilon
    assert guarantee["guarantee"]["unit"] == "patient_id"
    assert guarantee["selfTestPassed"] is True
    audit = opened(original, statements.LEAKAGE_AUDIT)["predicate"]
    assert audit["audit"]["empirical_epsilon"] == report.audit.empirical_epsilon
    assert len(audit["findings"]) == len(report.findings)
    assert "scores" not in audit["audit"]
