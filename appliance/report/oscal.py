"""`oscal-assessment-results.json`: the findings and the evidence by control, as OSCAL.

Targets are the rules of the policy, never the controls themselves: "satisfied" here says that a
rule held, and each observation about a control carries its caveat. Deterministic: identifiers come
from the run.

Reference:
    NIST OSCAL 1.2.1, assessment-results model.
"""

from __future__ import annotations

import uuid
from typing import Any

from appliance.crypto.canonical import DIGEST_PREFIX, canonical_json
from appliance.evidence import Finding, Report
from appliance.report.controls import CONTROLS, Control, presence
from appliance.report.measures import rule_title
from appliance.report.words import Words

OSCAL_VERSION = "1.2.1"

_NAMESPACE = uuid.UUID("0a7e2c8e-6f57-5d0f-8d0a-4c3d2b1f9e60")
_NS = "urn:appliance:oscal"


def render_oscal(report: Report) -> bytes:
    """Return the assessment results as canonical JSON, in English."""
    words = Words.load("en")
    run = report.run
    end = run.finished or run.started
    policy = _uuid(report, "policy")
    result = {
        "uuid": _uuid(report, "result"),
        "title": f"Run {run.id} under policy {run.policy.name} {run.policy.version}",
        "description": words.say("controls.intro"),
        "start": run.started,
        "end": end,
        "props": [_prop("verdict", report.verdict), _prop("run", run.id)],
        "reviewed-controls": _reviewed(report),
        "observations": [
            *(_measured(report, n, f, end, words) for n, f in enumerate(report.findings)),
            *(_supported(report, c, end, words) for c in CONTROLS),
        ],
        "findings": [_finding(report, n, f, words) for n, f in enumerate(report.findings)],
        "remarks": "\n".join(f"- {line}" for line in report.not_tested),
    }
    document = {
        "uuid": _uuid(report, "document"),
        "metadata": {
            "title": words.say("title"),
            "last-modified": end,
            "version": run.id,
            "oscal-version": OSCAL_VERSION,
        },
        "import-ap": {"href": f"#{policy}", "remarks": "The policy is the plan."},
        "results": [result],
        "back-matter": {"resources": [_policy(report, policy)]},
    }
    return canonical_json({"assessment-results": document})


def _policy(report: Report, identifier: str) -> dict[str, Any]:
    policy = report.run.policy
    return {
        "uuid": identifier,
        "title": f"Policy {policy.name} {policy.version}",
        "description": policy.regulation,
        "rlinks": [
            {
                "href": "../attestations/provenance.dsse.json",
                "hashes": [
                    {"algorithm": "SHA-256", "value": policy.digest.removeprefix(DIGEST_PREFIX)}
                ],
            }
        ],
        "remarks": "The hash is that of the resolved policy inside the provenance statement.",
    }


def _reviewed(report: Report) -> dict[str, Any]:
    rules = [{"control-id": f.rule} for f in _distinct(report)]
    selection: dict[str, Any] = {"description": "Rules of the policy, by their names."}
    if rules:
        selection["include-controls"] = rules
    else:
        selection["include-all"] = {}
    return {"control-selections": [selection]}


def _distinct(report: Report) -> list[Finding]:
    return list({f.rule: f for f in report.findings}.values())


def _measured(
    report: Report, number: int, finding: Finding, when: str, words: Words
) -> dict[str, Any]:
    return {
        "uuid": _uuid(report, f"observation-{number}"),
        "title": rule_title(words, finding.rule),
        "description": finding.detail or finding.rule,
        "props": [
            _prop("measured", words.value(finding.measured)),
            _prop("threshold", words.value(finding.threshold)),
        ],
        "methods": ["TEST"],
        "collected": when,
    }


def _supported(report: Report, control: Control, when: str, words: Words) -> dict[str, Any]:
    return {
        "uuid": _uuid(report, f"control-{control.key}"),
        "title": control.citation,
        "description": words.say(f"control.{control.key}.evidence"),
        "props": [_prop("measured-in-this-run", presence(report, control, words))],
        "methods": ["EXAMINE"],
        "collected": when,
        "remarks": words.say(f"control.{control.key}.caveat"),
    }


def _finding(report: Report, number: int, finding: Finding, words: Words) -> dict[str, Any]:
    reasons = {"pass": "pass", "refuse": "fail", "inconclusive": "other", "waived": "other"}
    return {
        "uuid": _uuid(report, f"finding-{number}"),
        "title": rule_title(words, finding.rule),
        "description": finding.detail or finding.rule,
        "target": {
            "type": "objective-id",
            "target-id": finding.rule,
            "status": {
                "state": "satisfied" if finding.passed else "not-satisfied",
                "reason": reasons[finding.outcome],
            },
        },
        "related-observations": [{"observation-uuid": _uuid(report, f"observation-{number}")}],
    }


def _prop(name: str, value: str) -> dict[str, str]:
    return {"name": name, "ns": _NS, "value": value}


def _uuid(report: Report, name: str) -> str:
    return str(uuid.uuid5(_NAMESPACE, f"{report.run.id}/{name}"))
