"""First level: the verdict and what it means, for the privacy officer."""

from __future__ import annotations

from collections.abc import Iterator

from appliance.evidence import PrivacySection, Report, TprAtFpr
from appliance.report.blocks import (
    Block,
    KeyFigure,
    KeyFigures,
    Level,
    Paragraph,
    Section,
    Table,
)
from appliance.report.limits import detectable_auc
from appliance.report.measures import because, unit_word
from appliance.report.odds import posterior, tpr_ceiling
from appliance.report.words import Words

#: Posteriors (from even odds) up to which a guarantee is called strong, then moderate.
_STRONG, _MODERATE = 0.75, 0.95
_RATES = ("0.01", "0.001")


def officer_level(report: Report, words: Words) -> Level:
    """Return the first level of a report."""
    blocks: list[Block] = [_key_figures(report, words)]
    blocks += [Paragraph(text=text) for text in _paragraphs(report, words)]
    sections = [
        Section(anchor="plain", title=words.say("plain.title"), blocks=tuple(blocks)),
        Section(anchor="odds", title=words.say("odds.title"), blocks=tuple(_odds(report, words))),
    ]
    return Level(
        anchor="officer",
        title=words.say("level.officer"),
        reader=words.say("level.officer.reader"),
        sections=tuple(sections),
    )


def _key_figures(report: Report, words: Words) -> KeyFigures:
    return KeyFigures(
        items=(
            _epsilon(report, words),
            _attack(report, words),
            _extracted(report, words),
            _loss(report, words),
        )
    )


def _epsilon(report: Report, words: Words) -> KeyFigure:
    label, privacy = words.say("key.epsilon"), report.privacy
    if privacy is None or privacy.spent_epsilon is None:
        reasons = report.reasons if privacy is None else privacy.reasons
        name = "privacy" if privacy is None else "spent_epsilon"
        return _none(label, reasons.get(name), words)
    note = words.say("key.epsilon.note", limit=words.number(privacy.target_epsilon))
    return KeyFigure(label=label, value=words.fixed(privacy.spent_epsilon, 2), note=note)


def _attack(report: Report, words: Words) -> KeyFigure:
    label, audit = words.say("key.attack"), report.audit
    if audit is None or audit.membership is None:
        reasons = report.reasons if audit is None else audit.reasons
        return _none(label, reasons.get("audit" if audit is None else "membership"), words)
    note = words.say("key.attack.note", interval=words.interval(audit.membership.auc_interval, 2))
    return KeyFigure(label=label, value=words.fixed(audit.membership.auc, 2), note=note)


def _extracted(report: Report, words: Words) -> KeyFigure:
    label, audit = words.say("key.extracted"), report.audit
    if audit is None or audit.extraction is None:
        reasons = report.reasons if audit is None else audit.reasons
        return _none(label, reasons.get("audit" if audit is None else "extraction"), words)
    found = audit.extraction
    note = words.say("key.extracted.note", attempted=words.integer(found.attempted))
    return KeyFigure(label=label, value=words.integer(found.extracted_greedy), note=note)


def _loss(report: Report, words: Words) -> KeyFigure:
    label, utility = words.say("key.loss"), report.utility
    loss = None if utility is None else utility.metrics.get("loss")
    if loss is None or loss.adapter is None:
        return _none(label, report.reasons.get("utility"), words)
    note = words.say("key.loss.note", base=words.value(loss.base))
    return KeyFigure(label=label, value=words.number(loss.adapter), note=note)


def _none(label: str, reason: str | None, words: Words) -> KeyFigure:
    return KeyFigure(label=label, value="–", note=because(words, reason))


def _paragraphs(report: Report, words: Words) -> Iterator[str]:
    yield from _data(report, words)
    yield from _removed(report, words)
    yield from _tested(report, words)
    yield from _useful(report, words)
    yield words.say("plain.yours")


def _data(report: Report, words: Words) -> Iterator[str]:
    data = report.data
    if data is None:
        yield words.say("plain.no_data")
        return
    yield words.say(
        "plain.data",
        read=words.integer(data.records_read),
        used=words.integer(data.records_used),
        units=words.integer(data.units),
        quarantined=words.integer(data.records_quarantined),
        duplicates=words.integer(data.duplicates_removed),
    )


def _removed(report: Report, words: Words) -> Iterator[str]:
    section = report.deidentification
    if section is None:
        yield words.say("plain.no_deidentification")
        return
    rate = section.residual.direct_identifier_rate
    yield words.say(
        "plain.removed",
        count=words.integer(sum(section.entities.values())),
        changed=words.integer(section.records_changed),
        rate=words.say("absent") if rate is None else words.percent(rate),
    )
    for key, recall in (
        ("plain.recall", section.measured_recall),
        ("plain.reviewed", section.reviewed_recall),
    ):
        if recall is None:
            continue
        low, high = recall.recall_interval
        yield words.say(
            key,
            recall=words.percent(recall.recall),
            low=words.percent(low),
            high=words.percent(high),
            documents=words.integer(recall.documents),
        )


def _tested(report: Report, words: Words) -> Iterator[str]:
    audit = report.audit
    if audit is None or audit.membership is None:
        yield words.say("plain.no_audit")
        return
    attack = audit.membership
    clear = attack.auc_interval[0] > 0.5
    yield words.say(
        "plain.attack.seen" if clear else "plain.attack.unseen",
        canaries=words.integer(attack.n_members + attack.n_non_members),
        auc=words.fixed(attack.auc, 2),
        interval=words.interval(attack.auc_interval, 2),
    )
    able = detectable_auc(audit.power)
    if able is None:
        yield words.say("plain.no_power")
    else:
        yield words.say("plain.power", auc=words.fixed(able, 2))
    if audit.extraction is not None and audit.extraction.extracted_greedy:
        count = words.integer(audit.extraction.extracted_greedy)
        attempted = words.integer(audit.extraction.attempted)
        yield words.say("plain.extracted", count=count, attempted=attempted)


def _useful(report: Report, words: Words) -> Iterator[str]:
    utility = report.utility
    loss = None if utility is None else utility.metrics.get("loss")
    if utility is None or loss is None or loss.adapter is None or loss.base is None:
        yield words.say("plain.no_utility")
        return
    yield words.say(
        "plain.better" if loss.adapter < loss.base else "plain.worse",
        records=words.integer(utility.records),
        units=words.integer(utility.units),
        base=words.number(loss.base),
        adapter=words.number(loss.adapter),
    )


def _odds(report: Report, words: Words) -> Iterator[Block]:
    privacy = report.privacy
    if privacy is None or privacy.spent_epsilon is None:
        yield Paragraph(text=words.say("odds.none"))
        return
    yield Paragraph(text=_meaning(privacy, privacy.spent_epsilon, words))
    yield _priors(privacy.spent_epsilon, words)
    yield _ceilings(report, privacy, privacy.spent_epsilon, words)


def _meaning(privacy: PrivacySection, epsilon: float, words: Words) -> str:
    after = posterior(epsilon)
    strength = "strong" if after <= _STRONG else "moderate" if after <= _MODERATE else "weak"
    said = words.say(
        "odds.meaning",
        epsilon=words.fixed(epsilon, 2),
        after=words.percent(after),
        unit=unit_word(words, privacy.unit),
        delta=words.number(privacy.target_delta),
    )
    return f"{said} {words.say(f'odds.{strength}')}"


def _priors(epsilon: float, words: Words) -> Table:
    rows = tuple(
        (words.percent(prior), words.percent(posterior(epsilon, prior=prior)))
        for prior in (0.5, 0.1, 0.01)
    )
    head = (words.say("odds.before"), words.say("odds.after"))
    return Table(caption=words.say("odds.table"), head=head, rows=rows, numeric=frozenset({1}))


def _ceilings(report: Report, privacy: PrivacySection, epsilon: float, words: Words) -> Table:
    attack = report.audit.membership if report.audit else None
    points = attack.tpr_at_fpr if attack else {}
    rows = tuple(
        (
            words.percent(float(rate)),
            words.percent(_ceiling(points.get(rate), epsilon, privacy.target_delta, float(rate))),
            _reached(points.get(rate), words),
        )
        for rate in _RATES
    )
    head = (words.say("odds.fpr"), words.say("odds.permits"), words.say("odds.reached"))
    return Table(
        caption=words.say("odds.ceilings"),
        head=head,
        rows=rows,
        numeric=frozenset({1, 2}),
        note=words.say("odds.ceilings.note"),
    )


def _ceiling(point: TprAtFpr | None, epsilon: float, delta: float, fpr: float) -> float:
    """Return the run's own ceiling if it was computed, else what epsilon and delta permit."""
    if point is not None and point.dp_ceiling is not None:
        return point.dp_ceiling
    return tpr_ceiling(epsilon, delta, fpr=fpr)


def _reached(point: TprAtFpr | None, words: Words) -> str:
    if point is None:
        return words.say("absent")
    low, high = point.interval
    return words.say(
        "rate_between",
        value=words.percent(point.value),
        low=words.percent(low),
        high=words.percent(high),
    )
