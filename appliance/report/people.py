"""First page: who approved, rejected or waived, in which role, until when, in their own words."""

from __future__ import annotations

from appliance.evidence import Report, Signature
from appliance.people import judge
from appliance.report.measures import rule_title
from appliance.report.words import Words

#: Findings that wait for a signature and for nothing else.
_WAITING = frozenset({"release.approvals", "release.signing_key"})


def people_lines(report: Report, words: Words) -> tuple[str, ...]:
    """Return one sentence per signed word; rejections first, then waivers.

    Guarantees:
        Every word of the report is there, with its end; one that does not count says why.
    """
    people = report.people
    if people is None:
        return ()
    order = ("reject", "waive", "approve")
    signatures = sorted(people.signatures, key=lambda s: order.index(s.decision))
    lines = []
    for word in signatures:
        said = _line(word, words)
        why = judge.objection(word, judged=people.judged, operators=people.operators)
        if why is not None:
            said = words.say("people.ignored", said=said, why=words.label("detail", why))
        lines.append(said)
    if people.roles is not None and lines:
        lines.append(
            words.say(
                "people.roles",
                version=words.integer(people.roles.version),
                digest=people.roles.digest,
                needed=words.integer(people.needed),
            )
        )
    return tuple(lines)


def waiting(report: Report) -> bool:
    """Say whether only signatures keep this run from its release."""
    failed = {f.rule for f in report.findings if not f.passed}
    return report.verdict == "refused" and bool(failed) and failed <= _WAITING


def waived_count(report: Report) -> int:
    """Count the rules that did not hold and were waived."""
    return sum(f.outcome == "waived" for f in report.findings)


def _line(word: Signature, words: Words) -> str:
    return words.say(
        f"people.{word.decision}",
        person=word.person,
        role=words.label("role", word.role),
        signed=word.signed[:10],
        expires=word.expires[:10],
        rule=rule_title(words, word.rule or ""),
        reason=word.reason,
    )
