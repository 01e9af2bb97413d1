"""The report's drawings, readable without colour: line styles, direct labels, plain axes.

Every number drawn comes from the report; only bands and permitted rates are computed here, each
with its reference. Drawings are matplotlib figures made without its global state; `html` writes
them as inline SVG, `pdf` as images.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator, NullLocator

from appliance.evidence import (
    Canaries,
    DeidentificationSection,
    Membership,
    PrivacySection,
    Report,
    TrainingSection,
    UtilitySection,
)
from appliance.report.odds import tpr_ceiling
from appliance.report.words import Words

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis

INK = "#1c2733"
BLUE = "#1f5582"
RUST = "#a8480f"
GREY = "#6b7785"
PALE = "#d7dee6"
_SIZE = (6.4, 3.6)
_MAX_BARS = 14
STYLE = {
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans", "Arial", "Helvetica", "sans-serif"],
    "font.size": 9.5,
    "text.color": INK,
    "axes.edgecolor": GREY,
    "axes.labelcolor": INK,
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.color": INK,
    "ytick.color": INK,
    "legend.frameon": False,
    "grid.color": PALE,
    "grid.linewidth": 0.6,
    "svg.fonttype": "none",
}


def styled(draw: Callable[[], Figure]) -> Figure:
    """Draw in the report's style."""
    with mpl.rc_context(STYLE):
        return draw()


def roc(
    report: Report, attack: Membership, ceiling: Sequence[tuple[float, float]], words: Words
) -> Figure:
    """Draw the ROC of the canary attack, log-log, with its band, the diagonal and the DP limits.

    Args:
        report: for the stated epsilon and delta.
        attack: what was measured.
        ceiling: (fpr, largest tpr) by the accountant's own curve; may be empty.
        words: the language.

    Reference:
        Band: Clopper-Pearson per point, descriptive. Limit: `odds.tpr_ceiling`.
    """
    figure, axes = _blank((6.4, 5.0))
    fpr, tpr = (np.array(side) for side in zip(*attack.roc, strict=True))
    floor = 0.5 / max(attack.n_members, attack.n_non_members, 1)
    low, high = band(tpr, attack.n_members)
    shown = np.maximum(fpr, floor)
    axes.fill_between(shown, np.maximum(low, floor), high, color=BLUE, alpha=0.16, linewidth=0)
    axes.plot(
        shown, np.maximum(tpr, floor), color=BLUE, linewidth=1.8, label=words.say("roc.curve")
    )
    rates = np.geomspace(floor, 1.0, 160)
    axes.plot(rates, rates, color=GREY, linewidth=1, linestyle=":", label=words.say("roc.chance"))
    privacy = report.privacy
    if privacy is not None and privacy.spent_epsilon is not None:
        epsilon, delta = privacy.spent_epsilon, privacy.target_delta
        limit = [tpr_ceiling(epsilon, delta, fpr=float(rate)) for rate in rates]
        axes.plot(
            rates, limit, color=RUST, linewidth=1.3, linestyle="--", label=words.say("roc.limit")
        )
    points = [(x, y) for x, y in ceiling if x >= floor]
    if points:
        xs, ys = zip(*points, strict=True)
        axes.plot(xs, ys, color=INK, linewidth=1.3, linestyle="-.", label=words.say("roc.points"))
    axes.set(xscale="log", yscale="log", xlim=(floor, 1), ylim=(floor, 1.25))
    axes.set(xlabel=words.say("roc.x"), ylabel=words.say("roc.y"))
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(FuncFormatter(lambda v, _: words.percent(v)))
        axis.set_minor_locator(NullLocator())
    axes.grid(visible=True)
    axes.legend(loc="lower right", fontsize=8.5)
    return figure


def score_histograms(scores: Mapping[str, Sequence[float]], words: Words) -> Figure:
    """Draw the loss of planted and held-out canaries, before and after training.

    A score is minus the loss: higher looks more like a member.
    """
    figure = Figure(figsize=(6.4, 3.9), layout="constrained")
    panels = figure.subplots(2, 1, sharex=True)
    losses = {name: -np.asarray(values, dtype=float) for name, values in scores.items()}
    every = np.concatenate(list(losses.values()))
    edges = np.linspace(float(every.min()), float(every.max()) + 1e-9, 25)
    rows = (("base_", "scores.base"), ("", "scores.adapter"))
    for axes, (prefix, title) in zip(panels, rows, strict=True):
        members = losses.get(f"{prefix}member", ())
        others = losses.get(f"{prefix}non_member", ())
        axes.hist(members, edges, color=BLUE, alpha=0.35, label=words.say("scores.member"))
        axes.hist(
            others,
            edges,
            histtype="step",
            color=RUST,
            linewidth=1.6,
            linestyle="--",
            label=words.say("scores.non_member"),
        )
        axes.set_title(words.say(title), loc="left", fontsize=9.5)
        axes.yaxis.set_major_locator(MaxNLocator(4, integer=True))
    panels[0].legend(loc="upper right", fontsize=8.5)
    panels[1].set_xlabel(words.say("scores.x"))
    _numbers(panels[1].xaxis, words)
    figure.supylabel(words.say("scores.y"), fontsize=9.5)
    return figure


def power(shares: Mapping[str, float], words: Words) -> Figure:
    """Draw how probable it is that this audit refuses a leak of a given true AUC."""
    figure, axes = _blank(_SIZE)
    points = sorted((float(auc), share) for auc, share in shares.items())
    xs, ys = zip(*points, strict=True)
    axes.plot(xs, ys, "o-", color=BLUE, linewidth=1.8, markersize=5)
    axes.set_xticks(xs)
    axes.axhline(0.8, color=GREY, linewidth=1, linestyle=":")
    axes.annotate(
        words.say("power.good", share=words.percent(0.8, 0)),
        (xs[0], 0.8),
        xytext=(0, 4),
        textcoords="offset points",
        color=GREY,
        fontsize=8.5,
    )
    axes.set(ylim=(0, 1.03), xlabel=words.say("power.x"), ylabel=words.say("power.y"))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda v, _: words.percent(v, 0)))
    _numbers(axes.xaxis, words)
    axes.grid(visible=True)
    return figure


def exposure(canaries: Canaries, words: Words) -> Figure:
    """Draw mean exposure against the number of repeats."""
    figure, axes = _blank(_SIZE)
    ladder = {name: f.by_repeats for name, f in canaries.families.items() if f.by_repeats}
    ticks: set[int] = set()
    looks = itertools.cycle(((BLUE, "o", "-"), (RUST, "s", "--"), (GREY, "D", ":")))
    for (name, steps), (colour, marker, line) in zip(ladder.items(), looks, strict=False):
        points = sorted((int(k), v) for k, v in steps.items())
        xs, ys = zip(*points, strict=True)
        ticks |= set(xs)
        label = words.label("family", name)
        axes.plot(xs, ys, line, marker=marker, color=colour, linewidth=1.6, label=label)
    axes.set_xscale("log", base=2)
    axes.set_xticks(sorted(ticks), [words.integer(t) for t in sorted(ticks)])
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_ylim(0, 1.15 * max((v for f in ladder.values() for v in f.values()), default=1) or 1)
    axes.set(xlabel=words.say("exposure.x"), ylabel=words.say("exposure.y"))
    _numbers(axes.yaxis, words)
    axes.grid(visible=True)
    axes.legend(loc="upper left", fontsize=8.5)
    return figure


def epsilon_bar(report: Report, words: Words) -> Figure:
    """Draw the measured lower bound, the claim and the policy's limit on one line."""
    figure, axes = _blank((6.4, 2.1))
    privacy, audit = report.privacy, report.audit
    claim = privacy.spent_epsilon if privacy and privacy.spent_epsilon is not None else 0.0
    limit = privacy.target_epsilon if privacy else claim
    bound = audit.empirical_epsilon if audit and audit.empirical_epsilon is not None else None
    end = max(claim, limit, bound or 0.0)
    thick = {"linewidth": 9, "solid_capstyle": "butt"}
    axes.plot([0, end], [0, 0], color=PALE, **thick)
    if bound is not None and bound <= claim:
        axes.plot([bound, claim], [0, 0], color=BLUE, alpha=0.45, **thick)
        _under(axes, bound, claim, words.say("epsilon.between"))
    near = bound is not None and abs(claim - bound) < 0.35 * end
    if bound is not None:
        _mark(axes, bound, words.say("epsilon.measured", value=words.number(bound)), end=end)
    said = words.say("epsilon.claimed", value=words.number(claim))
    _mark(axes, claim, said, end=end, row=2 if near else 1)
    _mark(axes, limit, words.say("epsilon.limit", value=words.number(limit)), end=end, row=-1)
    axes.set(ylim=(-1.35, 1.35), xlim=(-0.02 * end, 1.08 * end), yticks=[])
    axes.spines["left"].set_visible(False)
    axes.set_xlabel(words.say("epsilon.x"))
    _numbers(axes.xaxis, words)
    return figure


def losses(training: TrainingSection, privacy: PrivacySection | None, words: Words) -> Figure:
    """Draw the validation loss, and beneath it epsilon where the run recorded it, over steps."""
    curve = [] if privacy is None else privacy.epsilon_by_step
    figure = Figure(figsize=(6.4, 4.4 if curve else 3.2), layout="constrained")
    panels = figure.subplots(2 if curve else 1, 1, sharex=True, squeeze=False)[:, 0]
    steps, values = zip(*training.losses, strict=True)
    panels[0].plot(steps, values, "o-", color=BLUE, linewidth=1.8, markersize=3.5)
    panels[0].set_ylabel(words.say("losses.y"))
    if curve and privacy is not None:
        steps, values = zip(*curve, strict=True)
        panels[1].plot(steps, values, "s-", color=RUST, linewidth=1.6, markersize=3)
        panels[1].axhline(privacy.target_epsilon, color=GREY, linewidth=1, linestyle=":")
        panels[1].annotate(
            words.say("epsilon.limit", value=words.number(privacy.target_epsilon)),
            (0, privacy.target_epsilon),
            xytext=(2, -4),
            textcoords="offset points",
            va="top",
            color=GREY,
            fontsize=8.5,
        )
        panels[1].set_ylabel(words.say("losses.epsilon"))
        panels[1].set_ylim(bottom=0)
    for axes in panels:
        _numbers(axes.yaxis, words)
        axes.grid(visible=True)
    panels[-1].set_xlabel(words.say("losses.x"))
    panels[-1].xaxis.set_major_locator(MaxNLocator(8, integer=True))
    return figure


def entity_counts(section: DeidentificationSection, words: Words) -> Figure:
    """Draw how many spans and cells of each type were replaced."""
    ranked = sorted(section.entities.items(), key=lambda item: item[1])[-_MAX_BARS:]
    names, counts = zip(*ranked, strict=True)
    figure, axes = _blank((6.4, 0.8 + 0.28 * len(names)))
    bars = axes.barh(names, counts, color=BLUE, height=0.62)
    labels = [words.integer(c) for c in counts]
    axes.bar_label(bars, labels, padding=4, fontsize=8.5, color=INK)
    axes.margins(x=0.12)
    axes.xaxis.set_visible(False)
    axes.spines["bottom"].set_visible(False)
    return figure


def utility(section: UtilitySection, words: Words) -> Figure:
    """Draw each measure before and after, on its own scale."""
    both = {
        name: (m.base, m.adapter, m.adapter_interval)
        for name, m in section.metrics.items()
        if m.base is not None and m.adapter is not None
    }
    figure = Figure(figsize=(6.4, 0.9 + 0.85 * len(both)), layout="constrained")
    panels = figure.subplots(len(both), 1, squeeze=False)[:, 0]
    for axes, (name, (base, adapter, spread)) in zip(panels, both.items(), strict=True):
        labels = [words.say("utility.adapter"), words.say("utility.base")]
        axes.plot([0, base], [1, 1], color=GREY, linewidth=7, solid_capstyle="butt")
        axes.plot([0, adapter], [0, 0], color=BLUE, linewidth=7, solid_capstyle="butt")
        if spread is not None:
            axes.plot(spread, [0, 0], color=INK, linewidth=1.4, marker="|", markersize=9)
        for y, value, end in ((1, base, base), (0, adapter, max(adapter, *(spread or (adapter,))))):
            axes.annotate(
                words.number(value),
                (end, y),
                xytext=(6, 0),
                textcoords="offset points",
                va="center",
                fontsize=8.5,
            )
        axes.set_yticks([0, 1], labels, fontsize=8.5)
        axes.set_ylim(-0.6, 1.6)
        axes.set_xlim(0, 1.12 * max(base, adapter, *(spread or (adapter,))) or 1.0)
        axes.set_title(words.label("metric", name), loc="left", fontsize=9.5)
        axes.xaxis.set_visible(False)
        axes.spines["bottom"].set_visible(False)
    return figure


def _blank(size: tuple[float, float]) -> tuple[Figure, Axes]:
    figure = Figure(figsize=size, layout="constrained")
    return figure, figure.subplots()


def _mark(axes: Axes, x: float, text: str, *, end: float, row: int = 1) -> None:
    """Mark a value on the epsilon line: its words above the line (rows 1, 2) or beneath it (-1)."""
    side = 1 if row > 0 else -1
    y = side * (0.3 + 0.42 * (abs(row) - 1))
    axes.plot([x, x], [-0.28, y - 0.02 if row > 1 else 0.28], color=INK, linewidth=1.6)
    axes.annotate(
        text,
        (x, y + side * 0.04),
        ha="left" if x < 0.3 * end else "right",
        va="bottom" if row > 0 else "top",
        fontsize=8.5,
    )


def _under(axes: Axes, low: float, high: float, text: str) -> None:
    """Bracket a stretch of the epsilon line, beneath the limit's words."""
    axes.plot([low, low, high, high], [-0.72, -0.82, -0.82, -0.72], color=GREY, linewidth=1)
    axes.annotate(text, ((low + high) / 2, -0.88), ha="center", va="top", fontsize=8.5)


def _numbers(axis: Axis, words: Words) -> None:
    axis.set_major_formatter(FuncFormatter(lambda v, _: words.number(round(v, 9))))


def band(share: float | np.ndarray, total: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the 95 % Clopper-Pearson interval of each share of `total`."""
    return _clopper_pearson(np.asarray(share) * total, total, 0.95)


def _clopper_pearson(
    hits: np.ndarray, total: int, confidence: float
) -> tuple[np.ndarray, np.ndarray]:
    """Return the exact interval of each count out of `total`."""
    from scipy.stats import beta

    tail = (1 - confidence) / 2
    low = np.where(hits > 0, beta.ppf(tail, hits, total - hits + 1), 0.0)
    high = np.where(hits < total, beta.ppf(1 - tail, hits + 1, total - hits), 1.0)
    return low, high
