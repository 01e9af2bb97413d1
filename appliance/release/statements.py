"""In-toto statements about a release: where it came from, what is guaranteed, what was attacked.

Each says something about the adapter's files by their digests, and is signed on its own (DSSE), so
that it can travel without the bundle. All figures come from the report; `verify` derives them from
the report again and compares.

Reference:
    in-toto Attestation Framework, Statement v1; SLSA provenance v1 (slsa.dev/spec/v1.0).
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

from appliance.crypto.canonical import DIGEST_PREFIX, canonical_json
from appliance.crypto.signing import Signer, dsse_sign
from appliance.evidence import Report
from appliance.release.model_sig import PAYLOAD_TYPE, STATEMENT_TYPE

PROVENANCE = "attestations/provenance.dsse.json"
DP_GUARANTEE = "attestations/dp-guarantee.dsse.json"
LEAKAGE_AUDIT = "attestations/leakage-audit.dsse.json"
NAMES = (PROVENANCE, DP_GUARANTEE, LEAKAGE_AUDIT)

PREDICATE_TYPES: Mapping[str, str] = {
    PROVENANCE: "https://slsa.dev/provenance/v1",
    DP_GUARANTEE: "urn:appliance:dp-guarantee:v1",
    LEAKAGE_AUDIT: "urn:appliance:leakage-audit:v1",
}
BUILD_TYPE = "urn:appliance:train:v1"
BUILDER = "urn:appliance:builder"
CHECKPOINT_NAME = "log-checkpoint"
LOG_KEY_NAME = "log-key"
_MERGED = "merged/"

#: The subjects: what peft loads.
SUBJECTS = ("adapter_model.safetensors", "adapter_config.json")
#: The evidence each statement points at.
EVIDENCE = ("compliance/report.json",)

_GUARANTEE = (
    "mechanism",
    "unit",
    "neighboring_relation",
    "target_epsilon",
    "target_delta",
    "spent_epsilon",
    "noise_multiplier",
    "sample_rate",
    "steps",
    "max_grad_norm",
    "max_records_per_unit",
    "clipping",
    "sampling",
    "noise_source",
    "accountant",
    "accountants",
    "ledger",
)
_AUDIT = (
    "confidence",
    "empirical_epsilon",
    "empirical_epsilon_bug",
    "largest_detectable_epsilon",
    "power",
    "extraction",
    "regurgitation",
    "positive_control",
)


def statement(
    name: str, predicate: Mapping[str, Any], *, digests: Mapping[str, str]
) -> dict[str, Any]:
    """Return the in-toto statement `name` about the adapter's files.

    Args:
        name: one of `NAMES`.
        predicate: what is said.
        digests: relative path -> "sha256:<hex>"; holds at least the subjects.
    """
    return {
        "_type": STATEMENT_TYPE,
        "subject": [{"name": path, "digest": _digest(digests[path])} for path in SUBJECTS],
        "predicateType": PREDICATE_TYPES[name],
        "predicate": dict(predicate),
    }


def sign_statement(stated: Mapping[str, Any], *, key: Signer) -> bytes:
    """Return a statement as the canonical JSON of a DSSE envelope."""
    return canonical_json(dsse_sign(canonical_json(dict(stated)), PAYLOAD_TYPE, [key]))


def provenance(
    report: Report,
    *,
    digests: Mapping[str, str],
    policy: Mapping[str, Any],
    decision_digest: str,
    log_checkpoint: str | None,
    log_key: str | None = None,
) -> dict[str, Any]:
    """Say what the adapter was made from: base model, policy, packages, run, decision.

    Args:
        report: the run's report.
        digests: relative path -> "sha256:<hex>" of the evidence files.
        policy: every resolved value of the policy; its canonical digest is in the report.
        decision_digest: the gate's digest of evidence and findings.
        log_checkpoint: the audit log's signed checkpoint, or None when there is none.
        log_key: PEM of the key that signed the checkpoint, when it is not the release key.
    """
    run = report.run
    byproducts: list[dict[str, Any]] = [
        {"name": path, "digest": _digest(digests[path])} for path in EVIDENCE
    ]
    if log_checkpoint is not None:
        content = base64.b64encode(log_checkpoint.encode()).decode()
        byproducts.append({"name": CHECKPOINT_NAME, "content": content})
    if log_key is not None:
        content = base64.b64encode(log_key.encode()).decode()
        byproducts.append({"name": LOG_KEY_NAME, "content": content})
    byproducts += [
        {"name": path, "digest": _digest(digests[path])}
        for path in sorted(digests)
        if path.startswith(_MERGED)
    ]
    return {
        "buildDefinition": {
            "buildType": BUILD_TYPE,
            "externalParameters": {"policy": dict(policy)},
            "internalParameters": {"decisionDigest": decision_digest},
            "resolvedDependencies": dependencies(report),
        },
        "runDetails": {
            "builder": {"id": BUILDER, "version": {"appliance": run.appliance_version}},
            "metadata": {
                "invocationId": run.id,
                "startedOn": run.started,
                **({"finishedOn": run.finished} if run.finished else {}),
            },
            "byproducts": byproducts,
        },
    }


def dependencies(report: Report) -> list[dict[str, Any]]:
    """Return what the adapter was made from, pinned by digest or version."""
    run = report.run
    packages = report.environment.packages if report.environment else {}
    return [
        {"name": f"base-model:{run.base_model.name}", "digest": _digest(run.base_model.digest)},
        {"name": f"policy:{run.policy.name}", "digest": _digest(run.policy.digest)},
        *({"uri": f"pkg:pypi/{name}@{version}"} for name, version in sorted(packages.items())),
    ]


def dp_guarantee(report: Report, *, digests: Mapping[str, str]) -> dict[str, Any]:
    """State the privacy guarantee, with everything a reader needs to recompute it."""
    section = report.privacy
    figures = {} if section is None else section.model_dump(mode="json", include=set(_GUARANTEE))
    passed = section is not None and section.self_test is not None and section.self_test.passed
    return {
        "run": report.run.id,
        "guarantee": figures,
        "selfTestPassed": passed,
        "evidence": _evidence(digests),
    }


def leakage_audit(report: Report, *, digests: Mapping[str, str]) -> dict[str, Any]:
    """State what the attacks measured and what they could have seen."""
    section = report.audit
    figures: dict[str, Any] = {}
    if section is not None:
        figures = section.model_dump(mode="json", include=set(_AUDIT))
        if section.membership is not None:
            figures["membership"] = section.membership.model_dump(mode="json", exclude={"roc"})
        figures["canaries"] = section.canaries.model_dump(
            mode="json", include={"planted", "held_out", "coins_digest"}
        )
    return {
        "run": report.run.id,
        "audit": figures,
        "findings": [f.model_dump(mode="json") for f in report.findings],
        "evidence": _evidence(digests),
    }


def _evidence(digests: Mapping[str, str]) -> list[dict[str, Any]]:
    return [{"name": path, "digest": _digest(digests[path])} for path in EVIDENCE]


def _digest(digest: str) -> dict[str, str]:
    return {"sha256": digest.removeprefix(DIGEST_PREFIX)}
