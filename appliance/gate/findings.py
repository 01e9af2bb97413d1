"""One finding per rule: passed, refused, or inconclusive. Missing and impossible values refuse."""

from __future__ import annotations

import math
from collections.abc import Iterator

from appliance.evidence import Finding, Section

Value = float | int | str | bool | None
MISSING = "evidence is missing"


def finding(rule: str, ok: bool, measured: Value, threshold: Value, detail: str) -> Finding:
    """Judge one rule."""
    return Finding(
        rule=rule,
        passed=ok,
        outcome="pass" if ok else "refuse",
        measured=_number(measured),
        threshold=_number(threshold),
        detail=detail,
    )


def unknown(rule: str, measured: Value, threshold: Value, detail: str) -> Finding:
    """Say that a rule cannot be judged; the policy decides what that means."""
    return Finding(
        rule=rule,
        passed=False,
        outcome="inconclusive",
        measured=_number(measured),
        threshold=_number(threshold),
        detail=detail,
    )


def missing(rule: str, threshold: Value = None) -> Finding:
    """Refuse for want of evidence."""
    return finding(rule, False, None, threshold, MISSING)


def at_most(rule: str, measured: float | None, threshold: float, detail: str) -> Finding:
    """Judge an upper limit; absent and not finite (a diverged model, a bug) is missing."""
    if measured is None or not math.isfinite(measured):
        return missing(rule, threshold)
    return finding(rule, measured <= threshold, measured, threshold, detail)


def at_least(rule: str, measured: float | None, threshold: float, detail: str) -> Finding:
    """Judge a lower limit, likewise."""
    if measured is None or not math.isfinite(measured):
        return missing(rule, threshold)
    return finding(rule, measured >= threshold, measured, threshold, detail)


def absent(rule: str, section: Section | None) -> Iterator[Finding]:
    """Refuse when a whole section is missing."""
    if section is None:
        yield missing(rule)


def _number(value: Value) -> Value:
    """Return a value a report can hold: JSON knows neither NaN nor infinities."""
    return None if isinstance(value, float) and not math.isfinite(value) else value
