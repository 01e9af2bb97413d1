"""One document as a page for human eyes: coloured spans with their types and reasons.

Owns the page. It holds private text, so the caller seals it; it refers to nothing outside itself
and runs no script.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from html import escape

from appliance.records import Span
from appliance.redact.entities import Family, family

_COLOURS: dict[Family, str] = {
    "person": "#cfe3ff",
    "date": "#d9f2d9",
    "age": "#d9f2d9",
    "zip": "#ffe8c7",
    "place": "#ffe8c7",
    "organization": "#f0e0ff",
    "phone": "#ffd6dc",
    "email": "#ffd6dc",
    "other": "#e8e8e8",
}
_DIRECT_COLOUR = "#ffc9c9"
_STYLE = (
    "body{font:16px/1.6 system-ui,sans-serif;margin:2rem auto;max-width:52rem;padding:0 1rem;"
    "color:#1a1a1a;background:#fff}pre{white-space:pre-wrap;overflow-wrap:anywhere;font:inherit;"
    "border:1px solid #ddd;border-radius:6px;padding:1rem}mark{border-radius:3px;padding:0 .15em;"
    "color:inherit}mark small{font-size:.65em;letter-spacing:.03em;margin-left:.3em;color:#444;"
    "user-select:none}table{border-collapse:collapse;width:100%;font-size:.9rem}th,td{text-align:"
    "left;padding:.3rem .6rem;border-bottom:1px solid #e4e4e4}@media print{mark{border:1px solid "
    "#888}}"
)


def render_html(text: str, spans: Sequence[Span], *, title: str = "Detection") -> str:
    """Render a text with its spans as one self-contained page.

    Args:
        text: the text; private.
        spans: what was found, in any order; of overlapping ones the first is drawn.
        title: public heading.

    Returns:
        HTML; everything of the text is escaped.
    """
    drawn: list[Span] = []
    for span in sorted(spans):
        if not drawn or span.start >= drawn[-1].end:
            drawn.append(span)
    parts: list[str] = []
    position = 0
    for span in drawn:
        parts.append(escape(text[position : span.start]))
        parts.append(_marked(text[span.start : span.end], span))
        position = span.end
    parts.append(escape(text[position:]))
    counts = Counter(span.entity_type for span in drawn)
    summary = ", ".join(f"{count} {name}" for name, count in sorted(counts.items())) or "nothing"
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; '
        "style-src 'unsafe-inline'\">"
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head><body>"
        f"<h1>{escape(title)}</h1><p>Found: {escape(summary)}.</p>"
        f"<pre>{''.join(parts)}</pre>{_table(text, drawn)}</body></html>\n"
    )


def _colour(entity_type: str) -> str:
    return _COLOURS.get(family(entity_type), _DIRECT_COLOUR)


def _reason(span: Span) -> str:
    return f"{span.source or 'unknown'}, score {span.score:.2f}"


def _marked(value: str, span: Span) -> str:
    name, why = escape(span.entity_type), escape(f"{span.entity_type}: {_reason(span)}")
    return (
        f'<mark style="background:{_colour(span.entity_type)}" title="{why}">'
        f"{escape(value)}<small>{name}</small></mark>"
    )


def _table(text: str, spans: Sequence[Span]) -> str:
    if not spans:
        return ""
    rows = "".join(
        f"<tr><td>{s.start}-{s.end}</td><td>{escape(s.entity_type)}</td>"
        f"<td>{escape(text[s.start : s.end])}</td><td>{escape(_reason(s))}</td></tr>"
        for s in spans
    )
    return (
        "<h2>Why</h2><table><thead><tr><th>Place</th><th>Type</th><th>Text</th>"
        f"<th>Found by</th></tr></thead><tbody>{rows}</tbody></table>"
    )
