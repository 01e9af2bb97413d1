"""The audit in tables and drawings: membership, extraction, what the attacks could have seen."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

import numpy as np
from matplotlib.figure import Figure as Drawing

from appliance.evidence import AuditSection, Canaries, Membership, Report
from appliance.report import plots
from appliance.report.blocks import Block, Figure, Paragraph, Table
from appliance.report.measures import because, remarks, shown
from appliance.report.odds import tpr_ceiling
from appliance.report.words import Words

#: False-positive rates at which the curve is told in numbers.
_RATES = (0.001, 0.01, 0.05, 0.1, 0.5)


def audit_blocks(report: Report, words: Words) -> Iterator[Block]:
    """Yield the audit section's parts."""
    audit = report.audit
    if audit is None:
        reason = because(words, report.reasons.get("audit"))
        yield Paragraph(text=words.say("section.missing", reason=reason))
        return
    confidence = words.percent(audit.confidence, 0)
    yield Paragraph(text=words.say("audit.intro", confidence=confidence))
    yield _membership(audit, words)
    yield from _drawings(report, audit, words)
    yield _bounds(audit, words)
    yield _families(audit.canaries, words)
    yield _repeats(audit.canaries, words)
    yield _extraction(audit, words)
    for section in (audit, audit.canaries):
        yield from (Paragraph(text=text) for text in remarks(words, section))


def _membership(audit: AuditSection, words: Words) -> Table:
    attacks = (
        ("membership", audit.membership),
        ("record_membership", audit.record_membership),
        ("user_membership", audit.user_membership),
    )
    rows = [row for name, found in attacks for row in _attack(name, found, audit, words)]
    rows += [
        (
            words.say("audit.secondary", attack=words.label("attack", name)),
            words.fixed(attack.auc, 3),
            words.interval(attack.auc_interval),
            words.say("audit.unjudged"),
        )
        for name, attack in audit.secondary.items()
    ]
    head = tuple(words.say(f"audit.{n}") for n in ("measure", "value", "interval", "compare"))
    return Table(
        caption=words.say("audit.table"), head=head, rows=tuple(rows), numeric=frozenset({1, 2})
    )


def _attack(
    name: str, found: Membership | None, audit: AuditSection, words: Words
) -> Iterator[tuple[str, ...]]:
    title = words.say(f"audit.{name}")
    if found is None:
        yield (title, because(words, audit.reasons.get(name)), "–", "–")
        return
    sides = words.say(
        "audit.sides",
        members=words.integer(found.n_members),
        others=words.integer(found.n_non_members),
    )
    base = shown(words, found, "base_auc", partial(words.fixed, places=3))
    yield (
        words.say("audit.auc", attack=title, sides=sides),
        words.fixed(found.auc, 3),
        words.interval(found.auc_interval),
        words.say("audit.base", auc=base),
    )
    if found.difference_interval is not None and found.base_auc is not None:
        yield (
            words.say("audit.difference", attack=title),
            words.fixed(found.auc - found.base_auc, 3),
            words.interval(found.difference_interval),
            "–",
        )
    for rate, point in found.tpr_at_fpr.items():
        low, high = point.interval
        ceiling = point.dp_ceiling
        yield (
            words.say("audit.tpr", attack=title, fpr=words.percent(float(rate))),
            words.percent(point.value),
            words.say("interval", low=words.percent(low), high=words.percent(high)),
            "–" if ceiling is None else words.say("audit.ceiling", ceiling=words.percent(ceiling)),
        )


def _drawings(report: Report, audit: AuditSection, words: Words) -> Iterator[Block]:
    attack = audit.membership
    if attack is not None and attack.roc:
        yield _figure(
            "roc",
            words,
            lambda: plots.roc(report, attack, audit.dp_roc, words),
            auc=words.fixed(attack.auc, 3),
        )
        yield _roc(report, attack, words)
    if audit.scores.get("member") and audit.scores.get("non_member"):
        yield _figure("scores", words, lambda: plots.score_histograms(audit.scores, words))
        yield _scores(audit, words)
    if audit.power:
        weakest, strongest = min(audit.power, key=float), max(audit.power, key=float)
        yield _figure(
            "power",
            words,
            lambda: plots.power(audit.power, words),
            low=words.percent(audit.power[weakest], 0),
            weakest=words.fixed(float(weakest), 2),
            high=words.percent(audit.power[strongest], 0),
            strongest=words.fixed(float(strongest), 2),
        )
    means = [mean for f in audit.canaries.families.values() for mean in f.by_repeats.values()]
    if means:
        yield _figure(
            "exposure",
            words,
            lambda: plots.exposure(audit.canaries, words),
            low=words.number(min(means)),
            high=words.number(max(means)),
        )


def _figure(name: str, words: Words, draw: Callable[[], Drawing], **values: str) -> Figure:
    return Figure(
        name=name,
        caption=words.say(f"figure.{name}.caption"),
        alt=words.say(f"figure.{name}.alt", **values),
        draw=draw,
    )


def _roc(report: Report, attack: Membership, words: Words) -> Table:
    """Return the drawn curve in numbers: at each rate, what the attack found and may find."""
    privacy = report.privacy
    rows: list[tuple[str, ...]] = []
    for rate in _RATES:
        found = max(tpr for fpr, tpr in attack.roc if fpr <= rate + 1e-12)
        low, high = map(float, plots.band(found, attack.n_members))
        permitted = "–"
        if privacy is not None and privacy.spent_epsilon is not None:
            ceiling = tpr_ceiling(privacy.spent_epsilon, privacy.target_delta, fpr=rate)
            permitted = words.percent(ceiling)
        between = words.say("interval", low=words.percent(low), high=words.percent(high))
        rows.append((words.percent(rate), words.percent(found), between, permitted))
    return Table(
        caption=words.say("roc.table"),
        head=tuple(words.say(name) for name in ("roc.x", "roc.y", "audit.interval", "roc.limit")),
        rows=tuple(rows),
        numeric=frozenset({0, 1, 2, 3}),
    )


def _scores(audit: AuditSection, words: Words) -> Table:
    """Return the drawn losses in numbers: where nine in ten of each kind lie."""
    rows: list[tuple[str, ...]] = []
    for prefix, model in (("base_", "scores.base"), ("", "scores.adapter")):
        for kind in ("member", "non_member"):
            values = audit.scores.get(f"{prefix}{kind}")
            if values:
                marks = np.quantile(-np.asarray(values), (0.05, 0.5, 0.95)).tolist()
                said = (words.say(model), words.say(f"scores.{kind}"))
                rows.append((*said, *(words.number(mark) for mark in marks)))
    marked = (words.percent(0.05), words.say("scores.median"), words.percent(0.95))
    return Table(
        caption=words.say("scores.table"),
        head=(words.say("scores.model"), words.say("scores.kind"), *marked),
        rows=tuple(rows),
        numeric=frozenset({2, 3, 4}),
    )


def _bounds(audit: AuditSection, words: Words) -> Table:
    rows = [
        (words.say("audit.empirical"), shown(words, audit, "empirical_epsilon")),
        (words.say("audit.bug"), shown(words, audit, "empirical_epsilon_bug")),
        (words.say("audit.gaussian"), shown(words, audit, "empirical_epsilon_gaussian")),
        (words.say("audit.curve"), shown(words, audit, "curve_p_value", words.percent)),
        (words.say("audit.guesses"), shown(words, audit, "guesses")),
        (words.say("audit.correct"), shown(words, audit, "correct_guesses")),
        (words.say("audit.largest"), shown(words, audit, "largest_detectable_epsilon")),
        (words.say("audit.dp_auc"), shown(words, audit, "dp_auc_ceiling")),
        (words.say("audit.permutation"), shown(words, audit, "permutation_p_value")),
    ]
    control = audit.positive_control
    if control is None:
        seen = because(words, audit.reasons.get("positive_control"))
    else:
        seen = words.say(
            "audit.control.value",
            auc=words.fixed(control.auc, 3),
            interval=words.interval(control.auc_interval),
            seen=words.value(control.seen),
        )
    rows.append((words.say("audit.control"), seen))
    rows += [
        (words.say("audit.power", auc=words.fixed(float(auc), 2)), words.percent(share, 0))
        for auc, share in sorted(audit.power.items(), key=lambda item: float(item[0]))
    ]
    return Table(
        caption=words.say("audit.bounds"),
        head=(words.say("audit.measure"), words.say("value")),
        rows=tuple(rows),
        note=words.say("audit.bounds.note"),
    )


def _families(canaries: Canaries, words: Words) -> Table:
    rows = tuple(
        (
            words.label("family", name),
            words.integer(family.planted),
            words.integer(family.held_out),
            shown(words, family, "mean_exposure"),
            shown(words, family, "max_exposure"),
            words.integer(family.extracted),
        )
        for name, family in canaries.families.items()
    )
    columns = ("family", "planted", "held_out", "mean", "max", "extracted")
    return Table(
        caption=words.say("canaries.table"),
        head=tuple(words.say(f"canaries.{n}") for n in columns),
        rows=rows,
        numeric=frozenset({1, 2, 3, 4, 5}),
        note=words.say("canaries.note", digest=canaries.coins_digest),
    )


def _repeats(canaries: Canaries, words: Words) -> Table:
    rows = tuple(
        (words.label("family", name), repeats, words.number(exposure))
        for name, family in canaries.families.items()
        for repeats, exposure in sorted(family.by_repeats.items(), key=lambda item: int(item[0]))
    )
    head = tuple(words.say(f"canaries.{n}") for n in ("family", "repeats", "mean"))
    none = ((words.say("nothing"), "–", "–"),)
    return Table(
        caption=words.say("canaries.repeats.table"),
        head=head,
        rows=rows or none,
        numeric=frozenset({1, 2}),
    )


def _extraction(audit: AuditSection, words: Words) -> Table:
    rows: list[tuple[str, str]] = []
    found = audit.extraction
    if found is None:
        reason = because(words, audit.reasons.get("extraction"))
        rows.append((words.say("extraction.title"), reason))
    else:
        rows += [
            (words.say("extraction.attempted"), words.integer(found.attempted)),
            (words.say("extraction.greedy"), words.integer(found.extracted_greedy)),
            (words.say("extraction.base"), words.integer(found.extracted_base)),
            (words.say("extraction.probability"), shown(words, found, "max_log2_probability")),
        ]
    spoken = audit.regurgitation
    if spoken is None:
        reason = because(words, audit.reasons.get("regurgitation"))
        rows.append((words.say("regurgitation.title"), reason))
    else:
        rows += [
            (words.say("regurgitation.generations"), words.integer(spoken.generations)),
            (words.say("regurgitation.matches"), words.integer(spoken.matches)),
            (words.say("regurgitation.base"), words.integer(spoken.matches_base)),
            (words.say("regurgitation.overlaps"), words.integer(spoken.verbatim_overlaps)),
            (words.say("regurgitation.tokens"), shown(words, spoken, "overlap_tokens")),
            (words.say("regurgitation.ranked"), shown(words, spoken, "real_values_ranked")),
            (words.say("regurgitation.p"), shown(words, spoken, "rank_p_value")),
        ]
    return Table(
        caption=words.say("extraction.table"),
        head=(words.say("audit.measure"), words.say("value")),
        rows=tuple(rows),
    )
