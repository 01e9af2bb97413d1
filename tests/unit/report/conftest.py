"""Reports and pages are slow to make: once per session."""

from __future__ import annotations

import pytest
from matplotlib.figure import Figure

from appliance.evidence import Report
from appliance.report import plots
from appliance.report.html import render_html
from tests.unit.report import sample_report


@pytest.fixture(scope="session")
def reports() -> dict[str, Report]:
    return {
        "released": sample_report.released_report(),
        "refused": sample_report.refused_report(),
        "early": sample_report.early_refusal_report(),
    }


@pytest.fixture(scope="session")
def pages(reports: dict[str, Report]) -> dict[tuple[str, str], str]:
    """Every sample report in every language."""
    return {
        (name, language): render_html(report, language=language, organisation="Saint Luke")
        for name, report in reports.items()
        for language in ("en", "pt-BR")
    }


@pytest.fixture
def undrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave drawings blank: they take nearly all of a page's time, and `pages` has them all."""
    monkeypatch.setattr(plots, "styled", lambda draw: Figure(figsize=(1, 1)))
