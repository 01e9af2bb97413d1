"""A second, independent look at de-identified text: Presidio's own recognizers and bare shapes.

Shares nothing with the first look: no labels, no name lists, no models. What it finds in a
de-identified text is either a surrogate, which the caller knows, or a leak.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from typing import Any

from appliance.records import Span
from appliance.redact.detect import recognizers
from appliance.redact.detect.normalise import normalise
from appliance.redact.detect.resolve import resolve

#: Shapes no de-identified text should hold, whatever stands beside them.
_SHAPES: tuple[tuple[str, str, re.Pattern[str]], ...] = (
    ("EMAIL_ADDRESS", "at", re.compile(r"[^\s@<>()\[\]]+@[^\s@<>()\[\]]+\.[^\s@<>()\[\],;]{2,}")),
    ("ID_NUMBER", "long", re.compile(r"(?<![\d.,])\d(?:[ \-]?\d){8,18}(?![\d]|[.,]\d)")),
    (
        "ID_NUMBER",
        "grouped",
        re.compile(r"(?<!\d)\d{2,3}[.\-]\d{2,5}[.\-/]\d{2,4}[\-./]\d{1,4}(?!\d)"),
    ),
    ("US_SSN", "ssn", re.compile(r"(?<!\d)\d{3}-\d{2}-\d{4}(?!\d)")),
    ("DATE_TIME", "day", re.compile(r"(?<![\d/])\d{1,2}[/.\-]\d{1,2}[/.\-](?:19|20)\d{2}(?!\d)")),
    ("DATE_TIME", "iso", re.compile(r"(?<!\d)(?:19|20)\d{2}-\d{2}-\d{2}(?!\d)")),
    (
        "PERSON",
        "title",
        re.compile(r"(?<!\w)(?:Mr|Mrs|Ms|Dr|Sra?|Dra|Herrn?|Frau|Mme)\.? [^\W\d_a-z][^\W\d_]+"),
    ),
    ("URL", "http", re.compile(r"https?://[^\s<>\"']+")),
)
_SCORE = 0.6
_BUILT_IN = (
    "CreditCardRecognizer",
    "CryptoRecognizer",
    "EmailRecognizer",
    "IbanRecognizer",
    "IpRecognizer",
    "MacAddressRecognizer",
    "UrlRecognizer",
    "UsSsnRecognizer",
    "UsPassportRecognizer",
    "UsBankRecognizer",
    "EsNifRecognizer",
    "EsNieRecognizer",
    "ItFiscalCodeRecognizer",
    "NhsRecognizer",
)
_MINIMUM = 0.5


@cache
def _built_in() -> tuple[Any, ...]:
    """Build Presidio's own pattern recognizers, offline."""
    recognizers.quiet()
    from presidio_analyzer import predefined_recognizers

    return tuple(
        kind() for name in _BUILT_IN if (kind := getattr(predefined_recognizers, name, None))
    )


def second_look(texts: Sequence[str]) -> list[list[Span]]:
    """Scan de-identified texts for what should not be there any more.

    Args:
        texts: de-identified texts.

    Returns:
        For each text its spans: in order, not overlapping, code points of the text as given. A
        surrogate in a real shape is reported too; the caller knows where it put those.

    Guarantees:
        No network; deterministic; independent of the first look's patterns, names and models.
    """
    found = []
    for text in texts:
        plain = normalise(text)
        spans = [s for s in recognizers.run(_built_in(), plain.text) if s.score >= _MINIMUM]
        for entity_type, name, shape in _SHAPES:
            spans.extend(
                Span(
                    start=m.start(),
                    end=m.end(),
                    entity_type=entity_type,
                    score=_SCORE,
                    source=f"second:{name}",
                )
                for m in shape.finditer(plain.text)
            )
        mapped = []
        for span in spans:
            start, end = plain.original(span.start, span.end)
            mapped.append(
                Span(
                    start=start,
                    end=end,
                    entity_type=span.entity_type,
                    score=span.score,
                    source=span.source,
                )
            )
        found.append(resolve(text, mapped))
    return found
