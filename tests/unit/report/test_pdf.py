"""The PDF says what the page says."""

from __future__ import annotations

import io

import pytest

from appliance.evidence import Report
from appliance.report.pdf import render_pdf

pypdf = pytest.importorskip("pypdf")


def _text(raw: bytes) -> str:
    pages = pypdf.PdfReader(io.BytesIO(raw)).pages
    return " ".join(" ".join(page.extract_text() for page in pages).split())


@pytest.fixture(scope="module")
def raw(reports: dict[str, Report]) -> bytes:
    return render_pdf(reports["refused"], language="pt-BR", organisation="São Lucas")


def test_the_pdf_says_verdict_reasons_and_limits(raw: bytes) -> None:
    text = _text(raw)
    assert "✕ Recusado" in text
    assert "release.rules.max_auc" in text
    assert "O que não foi testado" in text
    assert "São Lucas" in text


def test_the_pdf_is_a4_tagged_and_has_an_outline(raw: bytes) -> None:
    reader = pypdf.PdfReader(io.BytesIO(raw))
    width, height = (float(x) for x in reader.pages[0].mediabox[2:])
    assert (round(width), round(height)) == (595, 842)
    assert reader.trailer["/Root"]["/Lang"] == "pt-BR"
    assert reader.trailer["/Root"]["/MarkInfo"]["/Marked"]
    assert len([entry for entry in reader.outline if not isinstance(entry, list)]) == 3


def test_a_run_stopped_early_has_a_pdf(reports: dict[str, Report]) -> None:
    text = _text(render_pdf(reports["early"]))
    assert "✕ Refused" in text
    assert "not reached" in text
