"""`report.json`: the one report everything else is rendered from, as canonical bytes.

Owns how evidence and decision become a `Report`, its JSON Schema, and its reading back. Decides
nothing. A number that is not finite has no JSON: it becomes null, with a reason.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from pydantic import ValidationError

from appliance.crypto.canonical import canonical_json, digest_bytes
from appliance.errors import IntegrityError
from appliance.evidence import Artifact, Evidence, Finding, Report, overall

SCHEMA_ID = "urn:appliance:report:v1"
MAX_REPORT_BYTES = 64 * 1024 * 1024

#: Sections a report carries over from the evidence, in the order of the pipeline.
SECTIONS = (
    "data",
    "deidentification",
    "privacy",
    "training",
    "utility",
    "audit",
    "environment",
    "people",
)


def build_report(
    evidence: Evidence,
    findings: Sequence[Finding],
    verdict: Literal["released", "refused"],
    artifacts: Sequence[Artifact],
    not_tested: Sequence[str],
) -> Report:
    """Join evidence and decision into one report.

    Args:
        evidence: what was measured.
        findings: one per rule, as the gate made them.
        verdict: the gate's.
        artifacts: files of the release; filled in by the release itself.
        not_tested: what this report does not show, in plain words (see `limits.not_tested`).

    Returns:
        A report whose numbers are all finite.

    Guarantees:
        A value that is not finite becomes null with a line in its section's `reasons`.
        Whatever is finite is carried over unchanged.
    """
    values = evidence.model_dump(mode="python")
    values |= {
        "verdict": verdict,
        "outcome": overall(verdict, findings),
        "findings": [f.model_dump(mode="python") for f in findings],
        "artifacts": [a.model_dump(mode="python") for a in artifacts],
        "not_tested": list(not_tested),
    }
    return Report.model_validate(_finite(values))


def evidence_of(report: Report) -> Evidence:
    """Return the evidence a report was built from."""
    values = {name: getattr(report, name) for name in SECTIONS}
    return Evidence(run=report.run, reasons=report.reasons, **values)


def report_bytes(report: Report) -> bytes:
    """Return `report.json` as canonical JSON (RFC 8785)."""
    return canonical_json(report.model_dump(mode="json"))


def report_digest(report: Report) -> str:
    """Return "sha256:<hex>" of `report.json`."""
    return digest_bytes(report_bytes(report))


def decision_digest(report: Report) -> str:
    """Return the digest of a report's evidence and findings, as the gate's approval holds it."""
    findings = [f.model_dump(mode="json") for f in report.findings]
    evidence = evidence_of(report).model_dump(mode="json")
    return digest_bytes(canonical_json({"evidence": evidence, "findings": findings}))


def parse_report(raw: bytes, *, where: str) -> Report:
    """Read `report.json` back, strictly.

    Args:
        raw: its bytes.
        where: the file, named in the error.

    Raises:
        IntegrityError: not JSON, an unknown or missing field, a wrong type, or too large.
    """
    hint = "appliance report --schema"
    if len(raw) > MAX_REPORT_BYTES:
        raise IntegrityError(where, f"is over {MAX_REPORT_BYTES} bytes", hint=hint)
    try:
        return Report.model_validate_json(raw)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False, include_context=False)[0]
        field = ".".join(str(part) for part in first["loc"]) or "report"
        what = f"{field}: does not match the schema ({first['type']})"
        raise IntegrityError(where, what, hint=hint) from None


def report_schema() -> dict[str, Any]:
    """Return the JSON Schema (2020-12) of `report.json`."""
    schema = Report.model_json_schema(mode="serialization")
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": SCHEMA_ID,
        **schema,
    }


def write_schema(path: Path) -> None:
    """Write the JSON Schema, indented for readers."""
    path.write_text(json.dumps(report_schema(), indent=2) + "\n", encoding="utf-8")


def _finite(value: Any) -> Any:  # noqa: ANN401 - any JSON value
    """Replace what is not finite by None and say so in the `reasons` beside it."""
    if isinstance(value, dict):
        lost = [k for k, v in value.items() if _unbounded(v)]
        plain = {k: None if k in lost else _finite(v) for k, v in value.items()}
        if lost and "reasons" in plain:
            said = dict.fromkeys(lost, "not a finite number: nothing bounds it")
            plain["reasons"] = {**said, **(plain["reasons"] or {})}
        return plain
    if isinstance(value, tuple):
        return tuple(_finite(v) for v in value)
    if isinstance(value, list):
        return [_finite(v) for v in value if not _broken(v)]
    return value


def _unbounded(value: object) -> bool:
    return isinstance(value, float) and not math.isfinite(value)


def _broken(value: object) -> bool:
    """Say whether a point of a curve (or a list's number) is not finite."""
    if isinstance(value, tuple):
        return any(_unbounded(part) for part in value)
    return _unbounded(value)
