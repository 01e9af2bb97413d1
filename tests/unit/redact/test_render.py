from __future__ import annotations

from html.parser import HTMLParser

from hypothesis import given
from hypothesis import strategies as st

from appliance.records import Span
from appliance.redact.render import render_html
from tests.unit.redact.world import marked


class _Text(HTMLParser):
    """Gather the text of the document's block, without the type labels."""

    def __init__(self) -> None:
        super().__init__()
        self.text, self.tags, self._in, self._label = "", set(), False, False

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.tags.add(tag)
        self._in = self._in or tag == "pre"
        self._label = self._label or tag == "small"

    def handle_endtag(self, tag: str) -> None:
        self._in = self._in and tag != "pre"
        self._label = self._label and tag != "small"

    def handle_data(self, data: str) -> None:
        if self._in and not self._label:
            self.text += data


def _read(page: str) -> _Text:
    parser = _Text()
    parser.feed(page)
    return parser


def test_the_page_shows_text_types_and_reasons() -> None:
    text, spans = marked("seen by [PERSON Ann Lee] on [DATE_TIME 19 Sep 2014]")
    page = render_html(text, spans)
    assert _read(page).text == text
    assert "1 DATE_TIME, 1 PERSON" in page
    assert "score 0.90" in page


def test_the_page_stands_alone_and_runs_nothing() -> None:
    text, spans = marked('<script src="http://x"></script> [PERSON <img onerror=alert(1)>]')
    page = render_html(text, spans)
    assert not {"script", "img", "link", "iframe"} & _read(page).tags
    assert "<script" not in page
    assert "<img" not in page


@given(st.text(st.characters(categories=["L", "N", "P", "S", "Zs"]), max_size=60), st.data())
def test_no_character_is_lost_whatever_the_spans(text: str, data: st.DataObject) -> None:
    spans = [
        Span(start=a, end=b, entity_type="PERSON", score=0.5)
        for a, b in data.draw(
            st.lists(st.tuples(st.integers(0, len(text)), st.integers(0, len(text))), max_size=4)
        )
        if a < b
    ]
    assert _read(render_html(text, spans)).text == text
