"""What a report does not show, in plain words, drawn from the evidence itself.

Each line names a limit that holds for this very run: a measurement that is missing, too weak or
outside what any measurement here can say. The list is never empty.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from appliance.evidence import AuditSection, Evidence, Report, UtilitySection
from appliance.report.words import Language, Words

#: Power from which an audit is said to be able to see a leak.
GOOD_POWER = 0.8
#: Parts of the audit that can be missing.
_FINDABLE = (
    "membership",
    "record_membership",
    "user_membership",
    "extraction",
    "regurgitation",
    "positive_control",
)


def not_tested(evidence: Evidence | Report, language: Language = "en") -> list[str]:
    """Return what this run's evidence does not show.

    Args:
        evidence: a run's evidence, or the report made of it.
        language: of the sentences.
    """
    words = Words.load(language)
    lines = [
        *_data(evidence, words),
        *_deidentification(evidence, words),
        *_privacy(evidence, words),
        *_audit(evidence.audit, evidence, words),
        *_utility(evidence.utility, words),
    ]
    always = ("base_model", "mentions", "future", "site", "determination")
    return lines + [words.say(f"limit.{name}") for name in always]


def translated(report: Report, language: Language) -> list[str]:
    """Return a report's list in another language; a line of unknown origin stays as it is."""
    if language == "en":
        return list(report.not_tested)
    pairs = zip(not_tested(report, "en"), not_tested(report, language), strict=True)
    known = dict(pairs)
    return [known.get(line, line) for line in report.not_tested]


def detectable_auc(power: dict[str, float]) -> float | None:
    """Return the smallest true AUC the audit would refuse with good power, if any."""
    able = [float(auc) for auc, share in power.items() if share >= GOOD_POWER]
    return min(able, default=None)


def _data(evidence: Evidence | Report, words: Words) -> Iterator[str]:
    data = evidence.data
    if data is None:
        yield words.say("limit.no_data")
        return
    if data.records_quarantined:
        yield words.say("limit.quarantined", count=words.integer(data.records_quarantined))


def _deidentification(evidence: Evidence | Report, words: Words) -> Iterator[str]:
    section = evidence.deidentification
    if section is None:
        yield words.say("limit.no_deidentification")
        return
    if section.measured_recall is None:
        yield words.say("limit.no_recall")
    else:
        documents = words.integer(section.measured_recall.documents)
        yield words.say("limit.recall_sample", documents=documents)
    yield words.say("limit.free_text")


def _privacy(evidence: Evidence | Report, words: Words) -> Iterator[str]:
    section = evidence.privacy
    if section is None:
        yield words.say("limit.no_privacy")
        return
    spent = section.spent_epsilon
    if section.mechanism == "none" or spent is None or not math.isfinite(spent):
        yield words.say("limit.no_guarantee")
        return
    if section.unit == "record":
        yield words.say("limit.record_unit")
    yield words.say("limit.delta", delta=words.number(section.target_delta))
    if section.ledger is not None:
        yield words.say("limit.ledger")


def _audit(audit: AuditSection | None, evidence: Evidence | Report, words: Words) -> Iterator[str]:
    if audit is None:
        yield words.say("limit.no_audit")
        return
    for name in _FINDABLE:
        if getattr(audit, name) is None:
            yield _with_reason(words, f"limit.no_{name}", audit.reasons.get(name))
    yield from _power(audit, evidence, words)
    if audit.regurgitation is not None:
        count = words.integer(audit.regurgitation.generations)
        yield words.say("limit.generations", count=count)
    canaries = words.integer(audit.canaries.planted + audit.canaries.held_out)
    yield words.say("limit.canaries", count=canaries)


def _power(audit: AuditSection, evidence: Evidence | Report, words: Words) -> Iterator[str]:
    able = detectable_auc(audit.power)
    if able is not None:
        share = audit.power[_key(audit.power, able)]
        yield words.say("limit.power", auc=words.fixed(able, 2), power=words.percent(share, 0))
    else:
        yield words.say("limit.no_power")
    most, spent = audit.largest_detectable_epsilon, evidence.privacy
    claim = None if spent is None else spent.spent_epsilon
    bounded = claim is not None and math.isfinite(claim)
    if most is not None and claim is not None and bounded and claim > most:
        yield words.say("limit.claim", most=words.number(most), claim=words.number(claim))
    yield words.say("limit.lower_bound")


def _key(power: dict[str, float], auc: float) -> str:
    return next(name for name in power if float(name) == auc)


def _utility(utility: UtilitySection | None, words: Words) -> Iterator[str]:
    if utility is None:
        yield words.say("limit.no_utility")
        return
    names: Sequence[str] = ("forgetting", "bias", "factuality")
    if utility.forgetting is not None:
        yield words.say("limit.forgetting")
    for name in names:
        if getattr(utility, name) is None:
            yield _with_reason(words, f"limit.no_{name}", utility.reasons.get(name))


def _with_reason(words: Words, key: str, reason: str | None) -> str:
    said = words.say(key)
    return (
        said
        if reason is None
        else words.say("limit.because", said=said[:-1], reason=words.label("reason", reason))
    )
