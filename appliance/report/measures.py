"""Small phrasings several builders share: a value or why it is absent, a finding in a line."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from appliance.crypto.canonical import DIGEST_PREFIX
from appliance.evidence import Finding, Section
from appliance.report.blocks import Coded
from appliance.report.words import Words

#: How the stages begin a reason that is a sentence of its own.
_ABSENT = "not measured"
Value = float | int | str | bool | None


def shown(
    words: Words, section: Section, name: str, form: Callable[[float], str] | None = None
) -> str:
    """Return a field's value in words, or why it is absent.

    Args:
        words: the language.
        section: where the field is.
        name: the field.
        form: how a number is written; absent: three significant digits.
    """
    value = getattr(section, name)
    if value is None:
        return because(words, section.reasons.get(name))
    if form is not None and isinstance(value, int | float) and not isinstance(value, bool):
        return form(value)
    return words.value(value)


def because(words: Words, reason: str | None) -> str:
    """Return "not measured", with the reason if one is known."""
    if not reason:
        return words.say("absent")
    if reason.startswith(_ABSENT):  # the reason says it itself
        return words.label("reason", reason)
    return words.say("absent_because", reason=words.label("reason", reason))


def remarks(words: Words, section: Section) -> Iterator[str]:
    """Yield the reasons of a section that are about more than an absent value."""
    for name, reason in section.reasons.items():
        if getattr(section, name, reason) is not None:
            label = words.label("metric", name)
            yield words.say("remark", name=label, reason=words.label("reason", reason))


def unit_word(words: Words, unit: str) -> str:
    """Return what a privacy unit is: a column of the data that names people is a person."""
    return words.label("unit", unit) if words.knows(f"unit.{unit}") else words.say("unit.person")


def unit_named(words: Words, unit: str) -> str:
    """Return what a privacy unit is, with the column that names it."""
    word = unit_word(words, unit)
    if words.knows(f"unit.{unit}"):
        return word
    return words.say("unit.column", unit=word, column=unit)


def rule_title(words: Words, rule: str) -> str:
    """Return what a rule asks, in plain words; the rule's own name if it has none."""
    return words.label("rule", rule)


def outcome(words: Words, finding: Finding) -> str:
    """Return a finding's outcome in a word, with a sign that needs no colour."""
    return words.say(f"outcome.{finding.outcome}" + (".passed" if _excused(finding) else ""))


#: Rules whose number is the least that must be reached; every other number is the most allowed.
_LEAST = frozenset(
    {
        "data.split",
        "deidentify.recall_floor",
        "release.rules.min_canaries",
        "release.rules.min_secrets_planted",
        "release.rules.require_positive_control",
        "release.rules.min_rank_p_value",
        "audit.curve_holds",
        "release.approvals",
    }
)


def limit(words: Words, finding: Finding) -> str:
    """Return a finding's limit, with the side on which it must be kept."""
    value = finding.threshold
    if value is None:
        return "–"
    said = judged(words, value)
    if isinstance(value, bool | str):
        return said
    if finding.rule == "release.rules.require_better_than_base":
        return f"< {said}"
    return f"≥ {said}" if finding.rule in _LEAST else f"≤ {said}"


def reason(words: Words, finding: Finding) -> Coded:
    """Return a finding that did not pass as one sentence, with the rule's name."""
    kind = "inconclusive" if finding.outcome == "inconclusive" else "refuse"
    said = words.say(
        f"finding.{kind}",
        title=rule_title(words, finding.rule),
        measured=judged(words, finding.measured),
        threshold=limit(words, finding),
        detail=words.phrase("detail", finding.detail),
    )
    if finding.measured is None and finding.threshold is None:
        said = words.say(
            "finding.absent",
            title=rule_title(words, finding.rule),
            detail=words.phrase("detail", finding.detail),
        )
    return Coded(said, finding.rule)


def judged(words: Words, value: Value) -> str:
    """Return a finding's value; a digest by its first figures, whole under "Run"."""
    if isinstance(value, str) and value.startswith(DIGEST_PREFIX):
        return f"{value[: len(DIGEST_PREFIX) + 6]}…"
    return words.value(value)


def _excused(finding: Finding) -> bool:
    return finding.outcome == "inconclusive" and finding.passed
