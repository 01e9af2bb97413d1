"""Drawings: exact bands, labels in the language, no global state."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binomtest

from appliance.evidence import Report
from appliance.report import plots
from appliance.report.words import Words
from tests.unit.report import sample_report


@pytest.mark.parametrize(("hits", "total"), [(0, 20), (1, 20), (7, 20), (20, 20), (41, 104)])
def test_the_band_is_clopper_pearson(hits: int, total: int) -> None:
    low, high = plots._clopper_pearson(np.array([hits]), total, 0.95)
    exact = binomtest(hits, total).proportion_ci(0.95, method="exact")
    assert (low[0], high[0]) == pytest.approx((exact.low, exact.high), abs=1e-12)


def _texts(figure: plots.Figure) -> list[str]:
    return [t.get_text() for axes in figure.axes for t in axes.texts] + [
        axes.get_xlabel() for axes in figure.axes
    ]


def test_the_roc_draws_attack_chance_and_both_limits(reports: dict[str, Report]) -> None:
    report = reports["released"]
    assert report.audit is not None
    assert report.audit.membership is not None
    words = Words.load("en")
    figure = plots.roc(report, report.audit.membership, report.audit.dp_roc, words)
    (axes,) = figure.axes
    assert (axes.get_xscale(), axes.get_yscale()) == ("log", "log")
    lines = {str(line.get_label()): line for line in axes.get_lines()}
    assert set(lines) == {
        words.say(f"roc.{name}") for name in ("curve", "chance", "limit", "points")
    }
    assert len({line.get_linestyle() for line in lines.values()}) == 4  # told apart without colour
    curve = lines[words.say("roc.points")].get_xydata()
    assert all((x, pytest.approx(y)) in [(a, b) for a, b in report.audit.dp_roc] for x, y in curve)
    bare = plots.roc(report, report.audit.membership, [], words)
    assert words.say("roc.points") not in {str(x.get_label()) for x in bare.axes[0].get_lines()}


def test_the_epsilon_bar_names_measured_claimed_and_limit(reports: dict[str, Report]) -> None:
    drawn = _texts(plots.epsilon_bar(reports["refused"], Words.load("en")))
    assert {"measured ≥ 2.9", "claimed ≤ 7.94", "policy limit 8"} <= set(drawn)
    assert "the truth lies between" in drawn


def test_a_bound_above_the_claim_is_not_called_between() -> None:
    audit = sample_report.audit_section(empirical_epsilon=9.5)
    report = sample_report.report_of(sample_report.evidence(audit=audit))
    drawn = _texts(plots.epsilon_bar(report, Words.load("en")))
    assert "measured ≥ 9.5" in drawn
    assert "the truth lies between" not in drawn


def test_an_audit_without_a_bound_draws_claim_and_limit_only() -> None:
    report = sample_report.report_of(sample_report.evidence(audit=None))
    drawn = _texts(plots.epsilon_bar(report, Words.load("pt-BR")))
    assert "declarado ≤ 7,94" in drawn
    assert not any("medido" in text for text in drawn)


def test_epsilon_over_steps_is_drawn_where_recorded(reports: dict[str, Report]) -> None:
    report = reports["released"]
    assert report.training is not None
    assert len(plots.losses(report.training, report.privacy, Words.load("en")).axes) == 2
    unrecorded = sample_report.privacy_section(epsilon_by_step=[])
    assert len(plots.losses(report.training, unrecorded, Words.load("en")).axes) == 1


def test_many_entity_types_are_cut_to_the_most_frequent() -> None:
    counts = {f"TYPE_{n:02}": n + 1 for n in range(40)}
    section = sample_report.deidentification_section().model_copy(update={"entities": counts})
    figure = plots.entity_counts(section, Words.load("en"))
    labels = [t.get_text() for t in figure.axes[0].get_yticklabels()]
    assert labels[-1] == "TYPE_39"
    assert len(labels) == 14
