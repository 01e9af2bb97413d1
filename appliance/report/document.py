"""Lay a report out for its three readers: officer, auditor, engineer."""

from __future__ import annotations

from appliance.evidence import Report
from appliance.report.auditor import auditor_level
from appliance.report.blocks import Document, Tone
from appliance.report.engineer import engineer_level
from appliance.report.json import report_digest
from appliance.report.measures import reason
from appliance.report.officer import officer_level
from appliance.report.people import people_lines, waiting, waived_count
from appliance.report.words import Words

#: An exception, a wait and an open question are neither good nor bad.
_TONES: dict[str, Tone] = {"released": "good", "refused": "bad"}


def document(report: Report, *, language: str, organisation: str = "") -> Document:
    """Return the report's parts in a language.

    Args:
        report: the run's report.
        language: "en" or "pt-BR".
        organisation: name printed at the top; may be empty.

    Guarantees:
        Whatever the report lacks is shown with its reason; a refusal shows its reasons first.
    """
    words = Words.load(language)
    run, failed = report.run, [f for f in report.findings if not f.passed]
    verdict: str = "inconclusive" if report.outcome == "inconclusive" else report.verdict
    if waiting(report):
        verdict = "waiting"
    elif report.verdict == "released" and waived_count(report):
        verdict = "waived"
    summary = words.say(
        f"verdict.{verdict}.summary" if report.findings else "verdict.empty.summary",
        failed=words.integer(len(failed)),
        count=words.integer(len(report.findings)),
        waived=words.integer(waived_count(report)),
        policy=f"{run.policy.name} {run.policy.version}",
    )
    return Document(
        language=language,
        title=words.say("title"),
        organisation=organisation,
        subtitle=words.say(
            "subtitle",
            run=run.id,
            date=(run.finished or run.started)[:10],
            model=run.base_model.name,
            regulation=run.policy.regulation,
        ),
        tone=_TONES.get(verdict, "note"),
        verdict=words.say(f"verdict.{verdict}"),
        summary=summary,
        reasons=tuple(reason(words, f) for f in failed),
        people=people_lines(report, words),
        people_title=words.say("people.title"),
        contents=words.say("contents"),
        levels=(
            officer_level(report, words),
            auditor_level(report, words),
            engineer_level(report, words),
        ),
        footer=(
            words.say("footer.digest", digest=report_digest(report)),
            words.say("footer.version", version=run.appliance_version),
        ),
    )
