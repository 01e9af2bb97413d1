"""Second level: every finding, measurement, interval and control, for the auditor."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from appliance.evidence import (
    DeidentificationSection,
    Metric,
    PrivacySection,
    Recall,
    Report,
    UtilitySection,
)
from appliance.report import plots
from appliance.report.attacks import audit_blocks
from appliance.report.blocks import (
    Block,
    Bullets,
    Coded,
    Figure,
    Level,
    Paragraph,
    Section,
    Table,
)
from appliance.report.controls import control_table
from appliance.report.limits import translated
from appliance.report.measures import (
    because,
    judged,
    limit,
    outcome,
    remarks,
    rule_title,
    shown,
    unit_named,
    unit_word,
)
from appliance.report.words import Words


def auditor_level(report: Report, words: Words) -> Level:
    """Return the second level of a report."""
    parts = {
        "findings": _findings,
        "guarantee": _guarantee,
        "deidentification": _deidentification,
        "audit": audit_blocks,
        "utility": _utility,
        "controls": _controls,
        "untested": _untested,
    }
    return Level(
        anchor="auditor",
        title=words.say("level.auditor"),
        reader=words.say("level.auditor.reader"),
        sections=tuple(
            Section(
                anchor=name, title=words.say(f"{name}.title"), blocks=tuple(make(report, words))
            )
            for name, make in parts.items()
        ),
    )


def _findings(report: Report, words: Words) -> Iterator[Block]:
    yield Paragraph(text=words.say("findings.intro"))
    rows = tuple(
        (
            Coded(rule_title(words, f.rule), f.rule),
            outcome(words, f),
            judged(words, f.measured),
            limit(words, f),
            words.phrase("detail", f.detail),
        )
        for f in report.findings
    )
    yield Table(
        caption=words.say("findings.table"),
        head=tuple(
            words.say(f"findings.{n}") for n in ("rule", "outcome", "measured", "limit", "detail")
        ),
        rows=rows,
        numeric=frozenset({2, 3}),
        outcome=1,
        failed=frozenset(i for i, f in enumerate(report.findings) if not f.passed),
    )


def _guarantee(report: Report, words: Words) -> Iterator[Block]:
    privacy = report.privacy
    if privacy is None:
        yield _missing(report, "privacy", words)
        return
    if privacy.mechanism == "none":
        yield Paragraph(text=words.say("guarantee.none"))
    else:
        yield Paragraph(text=words.say("guarantee.statement", **_stated(privacy, words)))
    yield Table(
        caption=words.say("guarantee.table"),
        head=(words.say("field"), words.say("value")),
        rows=tuple(_terms(privacy, words)),
    )
    yield from (Paragraph(text=text) for text in remarks(words, privacy))
    if privacy.spent_epsilon is not None:
        measured = None if report.audit is None else report.audit.empirical_epsilon
        yield Figure(
            name="epsilon",
            caption=words.say("figure.epsilon.caption"),
            alt=words.say(
                "figure.epsilon.alt",
                measured=words.value(measured),
                claimed=words.number(privacy.spent_epsilon),
                limit=words.number(privacy.target_epsilon),
            ),
            draw=lambda: plots.epsilon_bar(report, words),
        )


def _stated(privacy: PrivacySection, words: Words) -> dict[str, str]:
    spent = privacy.spent_epsilon
    return {
        "epsilon": words.say("absent") if spent is None else words.fixed(spent, 3),
        "delta": words.number(privacy.target_delta),
        "unit": unit_word(words, privacy.unit),
        "relation": words.label("relation", privacy.neighboring_relation),
    }


def _terms(privacy: PrivacySection, words: Words) -> Iterator[tuple[str, str]]:
    yield words.say("term.unit"), unit_named(words, privacy.unit)
    relation = words.label("relation", privacy.neighboring_relation)
    yield words.say("term.neighboring_relation"), relation
    yield words.say("term.target_epsilon"), words.number(privacy.target_epsilon)
    yield words.say("term.target_delta"), words.number(privacy.target_delta)
    yield (
        words.say("term.spent_epsilon"),
        shown(words, privacy, "spent_epsilon", partial(words.fixed, places=3)),
    )
    yield words.say("term.accountant"), privacy.accountant
    figures = privacy.accountants
    if figures is None:
        yield words.say("term.accountants"), because(words, privacy.reasons.get("accountants"))
    else:
        prv = words.say("absent") if figures.prv is None else words.fixed(figures.prv, 3)
        yield (
            words.say("term.accountants"),
            words.say(
                "accountants",
                pld=words.fixed(figures.pld, 3),
                prv=prv,
                rdp=words.fixed(figures.rdp, 3),
                agree=words.value(figures.agree),
            ),
        )
    ledger = privacy.ledger
    if ledger is None:
        yield words.say("term.ledger"), because(words, privacy.reasons.get("ledger"))
        return
    yield (
        words.say("term.ledger"),
        words.say(
            "ledger",
            previous=words.number(ledger.previous_epsilon),
            total=words.number(ledger.total_epsilon),
            lifetime=words.number(ledger.lifetime_epsilon),
        ),
    )


def _deidentification(report: Report, words: Words) -> Iterator[Block]:
    section = report.deidentification
    if section is None:
        yield _missing(report, "deidentification", words)
        return
    yield Paragraph(text=words.say("deidentification.caveat"))
    yield _entities(section, words)
    if section.entities:
        yield Figure(
            name="entities",
            caption=words.say("figure.entities.caption"),
            alt=words.say("figure.entities.alt"),
            draw=lambda: plots.entity_counts(section, words),
        )
    yield _residual(section, words)
    if section.measured_recall is None:
        reason = because(words, section.reasons.get("measured_recall"))
        yield Paragraph(text=words.say("recall.none", reason=reason))
    else:
        yield _recall(section.measured_recall, words)
    if section.reviewed_recall is not None:
        yield _recall(section.reviewed_recall, words, kind="reviewed")
    if section.columns:
        yield _columns(section, words)
    if section.quasi_identifiers:
        yield _quasi_identifiers(section, words)
    yield from (Paragraph(text=text) for text in remarks(words, section))


def _entities(section: DeidentificationSection, words: Words) -> Table:
    ranked = sorted(section.entities.items(), key=lambda item: (-item[1], item[0]))
    rows = tuple(
        (name, words.integer(count), words.label("operator", section.operators.get(name, "–")))
        for name, count in ranked
    )
    head = tuple(words.say(f"entities.{n}") for n in ("type", "count", "operator"))
    return Table(caption=words.say("entities.table"), head=head, rows=rows, numeric=frozenset({1}))


def _residual(section: DeidentificationSection, words: Words) -> Table:
    residual = section.residual
    found = ", ".join(f"{k}: {words.integer(v)}" for k, v in sorted(residual.findings.items()))
    rows = (
        (words.say("residual.scanned"), words.integer(residual.records_scanned)),
        (words.say("residual.hit"), words.integer(residual.records_with_findings)),
        (
            words.say("residual.rate"),
            shown(words, residual, "direct_identifier_rate", words.percent),
        ),
        (words.say("residual.types"), found or words.say("nothing")),
    )
    return Table(
        caption=words.say("residual.table"),
        head=(words.say("field"), words.say("value")),
        rows=rows,
    )


def _recall(recall: Recall, words: Words, *, kind: str = "recall") -> Table:
    overall = words.say("recall.overall")
    rows = [
        (overall, words.percent(recall.recall), _percents(recall.recall_interval, words)),
        (
            words.say("recall.precision"),
            words.percent(recall.precision),
            _percents(recall.precision_interval, words),
        ),
    ]
    for name, share in sorted(recall.by_type.items()):
        spread = recall.by_type_interval.get(name)
        rows.append((name, words.percent(share), _percents(spread, words) if spread else "–"))
    head = tuple(words.say(f"recall.{n}") for n in ("type", "share", "interval"))
    caption = words.say(f"{kind}.table", documents=words.integer(recall.documents))
    return Table(caption=caption, head=head, rows=tuple(rows), numeric=frozenset({1, 2}))


def _percents(bounds: tuple[float, float], words: Words) -> str:
    low, high = bounds
    return words.say("interval", low=words.percent(low), high=words.percent(high))


def _columns(section: DeidentificationSection, words: Words) -> Table:
    rows = tuple(
        (
            name,
            column.entity_type or words.say("columns.not_personal"),
            words.label("operator", column.action),
            words.phrase("column", column.evidence) if column.evidence else "–",
        )
        for name, column in section.columns.items()
    )
    head = tuple(words.say(f"columns.{n}") for n in ("name", "type", "action", "evidence"))
    return Table(caption=words.say("columns.table"), head=head, rows=rows)


def _quasi_identifiers(section: DeidentificationSection, words: Words) -> Table:
    ranked = sorted(section.quasi_identifiers.items(), key=lambda item: (-item[1], item[0]))
    return Table(
        caption=words.say("quasi.table"),
        head=(words.say("quasi.columns"), words.say("quasi.people")),
        rows=tuple((words.phrase("column", name), words.integer(count)) for name, count in ranked),
        numeric=frozenset({1}),
        note=words.say("quasi.note"),
    )


def _utility(report: Report, words: Words) -> Iterator[Block]:
    utility = report.utility
    if utility is None:
        yield _missing(report, "utility", words)
        return
    yield Paragraph(
        text=words.say(
            "utility.intro",
            records=words.integer(utility.records),
            units=words.integer(utility.units),
        )
    )
    yield Table(
        caption=words.say("utility.table"),
        head=tuple(
            words.say(f"utility.{n}")
            for n in ("metric", "base", "adapter", "interval", "difference")
        ),
        rows=tuple(_metric(name, metric, words) for name, metric in utility.metrics.items()),
        numeric=frozenset({1, 2, 3, 4}),
    )
    if any(_drawable(m) for m in utility.metrics.values()):
        yield Figure(
            name="utility",
            caption=words.say("figure.utility.caption"),
            alt=words.say("figure.utility.alt"),
            draw=lambda: plots.utility(utility, words),
        )
    yield _beyond(utility, words)
    yield from (Paragraph(text=text) for text in remarks(words, utility))


def _drawable(metric: Metric) -> bool:
    return metric.base is not None and metric.adapter is not None


def _metric(name: str, metric: Metric, words: Words) -> tuple[str, ...]:
    spread, change = metric.adapter_interval, metric.difference_interval
    better = words.say("utility.higher" if metric.higher_is_better else "utility.lower")
    return (
        f"{words.label('metric', name)} ({better})",
        shown(words, metric, "base"),
        shown(words, metric, "adapter"),
        "–" if spread is None else words.interval(spread, _places(spread)),
        "–" if change is None else words.interval(change, _places(change)),
    )


def _places(bounds: tuple[float, float]) -> int:
    """Return the decimal places that show an interval of this size."""
    return 1 if max(abs(bound) for bound in bounds) >= 10 else 3


def _beyond(utility: UtilitySection, words: Words) -> Table:
    rows: list[tuple[str, str]] = []
    for name in ("forgetting", "bias", "factuality"):
        found: dict[str, float] | None = getattr(utility, name)
        label = words.say(f"utility.{name}")
        if found is None:
            rows.append((label, because(words, utility.reasons.get(name))))
            continue
        rows += [
            (f"{label}: {words.label('metric', key)}", words.number(value))
            for key, value in found.items()
        ]
    return Table(
        caption=words.say("utility.beyond"),
        head=(words.say("field"), words.say("value")),
        rows=tuple(rows),
    )


def _controls(report: Report, words: Words) -> Iterator[Block]:
    yield Paragraph(text=words.say("controls.intro"))
    yield control_table(report, words)


def _untested(report: Report, words: Words) -> Iterator[Block]:
    yield Paragraph(text=words.say("untested.intro"))
    yield Bullets(items=tuple(translated(report, words.language)))


def _missing(report: Report, name: str, words: Words) -> Paragraph:
    return Paragraph(
        text=words.say("section.missing", reason=because(words, report.reasons.get(name)))
    )
