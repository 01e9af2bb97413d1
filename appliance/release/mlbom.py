"""`mlbom.cdx.json`: a CycloneDX 1.6 bill of materials of the adapter, its data and its makers.

Written as plain JSON (the common library has no model card), checked in the tests by that
library's strict validator. Deterministic: the serial number comes from the run.

Reference:
    CycloneDX 1.6, components of type machine-learning-model with a modelCard.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

from appliance.crypto.canonical import DIGEST_PREFIX, canonical_json
from appliance.evidence import Artifact, Metric, Report
from appliance.policy.model import Policy
from appliance.report.measures import unit_word
from appliance.report.words import Words

_NAMESPACE = uuid.UUID("6f0c9c70-3d2b-5a52-9a6e-6d9c1c0f4b7e")
_ADAPTER = "adapter"
_BASE = "base-model"
_DATA = "training-data"


def render_mlbom(report: Report, *, policy: Policy, artifacts: list[Artifact]) -> bytes:
    """Return the bill of materials as canonical JSON.

    Args:
        report: the run's report.
        policy: for intended use and licence.
        artifacts: the adapter's files.
    """
    run = report.run
    bom = {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{uuid.uuid5(_NAMESPACE, run.id)}",
        "version": 1,
        "metadata": {
            "timestamp": run.finished or run.started,
            "tools": {
                "components": [
                    {"type": "application", "name": "appliance", "version": run.appliance_version}
                ]
            },
            "component": _adapter(report, policy),
        },
        "components": [
            _base(report),
            *(_file(artifact) for artifact in artifacts),
            *_packages(report),
        ],
        "dependencies": [
            {"ref": _ADAPTER, "dependsOn": [_BASE]},
            {"ref": _BASE, "dependsOn": []},
        ],
    }
    return canonical_json(bom)


def _adapter(report: Report, policy: Policy) -> dict[str, Any]:
    run = report.run
    return {
        "type": "machine-learning-model",
        "bom-ref": _ADAPTER,
        "name": f"adapter-{run.id}",
        "version": run.id,
        "description": f"Adapter of {run.base_model.name}, trained under policy "
        f"{run.policy.name} {run.policy.version}.",
        "licenses": [{"license": {"name": policy.release.licence}}],
        "modelCard": _card(report, policy),
        "properties": [
            {"name": "appliance:policy-digest", "value": run.policy.digest},
            {"name": "appliance:verdict", "value": report.verdict},
        ],
    }


def _card(report: Report, policy: Policy) -> dict[str, Any]:
    training = report.training
    return {
        "modelParameters": {
            "approach": {"type": "self-supervised"},
            "task": "text-generation",
            "architectureFamily": "transformer",
            "modelArchitecture": f"{report.run.base_model.name} with "
            f"{training.method if training else 'lora'} tuning",
            "datasets": [_dataset(report)],
            "inputs": [{"format": "text"}],
            "outputs": [{"format": "text"}],
        },
        "quantitativeAnalysis": {"performanceMetrics": _metrics(report)},
        "considerations": {
            "useCases": [policy.release.intended_use],
            "technicalLimitations": list(report.not_tested),
            "ethicalConsiderations": [
                {
                    "name": "What the adapter may reveal about people in the training data",
                    "mitigationStrategy": _mitigation(report),
                }
            ],
        },
    }


def _dataset(report: Report) -> dict[str, Any]:
    data = report.data
    described = "records of the organisation, de-identified before training"
    if data is not None:
        described = f"{data.records_used} {described}, of {data.units} privacy units"
    return {
        "type": "dataset",
        "bom-ref": _DATA,
        "name": "training data",
        "classification": "confidential",
        "sensitiveData": sorted(report.deidentification.entities)
        if report.deidentification
        else [],
        "description": described,
    }


def _metrics(report: Report) -> list[dict[str, Any]]:
    if report.utility is None:
        return []
    rows: list[dict[str, Any]] = []
    for name, metric in sorted(report.utility.metrics.items()):
        rows.extend(_metric(name, metric))
    return rows


def _metric(name: str, metric: Metric) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    if metric.base is not None:
        rows.append({"type": name, "value": repr(metric.base), "slice": "test side, base model"})
    if metric.adapter is not None:
        row = {"type": name, "value": repr(metric.adapter), "slice": "test side, with adapter"}
        rows.append({**row, **_bounds(metric)})
    return rows


def _bounds(metric: Metric) -> Mapping[str, Any]:
    if metric.adapter_interval is None:
        return {}
    low, high = metric.adapter_interval
    return {"confidenceInterval": {"lowerBound": repr(low), "upperBound": repr(high)}}


def _mitigation(report: Report) -> str:
    words = Words.load("en")
    privacy = report.privacy
    if privacy is None or privacy.spent_epsilon is None:
        return words.say("mlbom.no_guarantee")
    return words.say(
        "mlbom.guarantee",
        epsilon=words.number(privacy.spent_epsilon),
        delta=words.number(privacy.target_delta),
        unit=unit_word(words, privacy.unit),
    )


def _base(report: Report) -> dict[str, Any]:
    base = report.run.base_model
    return {
        "type": "machine-learning-model",
        "bom-ref": _BASE,
        "name": base.name,
        "hashes": [_hash(base.digest)],
        "description": "Base model, frozen; not part of the bundle.",
    }


def _file(artifact: Artifact) -> dict[str, Any]:
    return {
        "type": "file",
        "bom-ref": f"file:{artifact.path}",
        "name": artifact.path,
        "hashes": [_hash(artifact.digest)],
    }


def _packages(report: Report) -> list[dict[str, Any]]:
    packages = report.environment.packages if report.environment else {}
    return [
        {
            "type": "library",
            "bom-ref": f"pkg:pypi/{name}@{version}",
            "name": name,
            "version": version,
            "purl": f"pkg:pypi/{name}@{version}",
        }
        for name, version in sorted(packages.items())
    ]


def _hash(digest: str) -> dict[str, str]:
    return {"alg": "SHA-256", "content": digest.removeprefix(DIGEST_PREFIX)}
