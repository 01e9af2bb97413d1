"""The report as one HTML page: nothing to load, nothing to run, nothing to click to see.

Styles and drawings are inline; a content security policy in the page forbids everything else.
"""

from __future__ import annotations

import io
import re
from functools import cache
from pathlib import Path

import matplotlib as mpl
from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template
from markupsafe import Markup

from appliance.evidence import Report
from appliance.report import blocks, plots
from appliance.report.document import document
from appliance.report.words import Words

_TEMPLATES = Path(__file__).parent / "templates"
_PROLOGUE = re.compile(r"^.*?(?=<svg)", re.DOTALL)
_METADATA = re.compile(r"<metadata>.*?</metadata>", re.DOTALL)
_IDS = re.compile(r'(\bid="|url\(#|href="#)')


def render_html(report: Report, *, language: str = "en", organisation: str = "") -> str:
    """Return the report as one self-contained page.

    Args:
        report: the run's report, released or refused, whole or stopped early.
        language: "en" or "pt-BR".
        organisation: name printed at the top; may be empty.

    Guarantees:
        The page refers to nothing outside itself and holds no script.
        The same report gives the same bytes.
    """
    page = document(report, language=language, organisation=organisation)
    return _template().render(page=page, words=Words.load(language))


def svg(figure: blocks.Figure) -> Markup:
    """Return a drawing as inline SVG, its ids made unique to the page."""
    sink = io.StringIO()
    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": figure.name}):
        plots.styled(figure.draw).savefig(
            sink, format="svg", transparent=True, metadata={"Date": None}
        )
    text = _METADATA.sub("", _PROLOGUE.sub("", sink.getvalue()))
    text = _IDS.sub(rf"\g<1>{figure.name}-", text)
    # The drawing is made of numbers and escaped labels by matplotlib, not of page input.
    return Markup(text)  # noqa: S704


def _finished(said: object) -> object:
    """Keep numbers on the line of their unit; markup passes as it is."""
    return blocks.bound(said) if type(said) is str else said


@cache
def _template() -> Template:
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_finished,
    )
    environment.filters["svg"] = svg
    environment.filters["kind"] = lambda block: type(block).__name__
    return environment.get_template("report.html.j2")
