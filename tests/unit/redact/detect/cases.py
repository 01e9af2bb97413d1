"""Readable cases: "call [PHONE_NUMBER 555-0100] now" is a text and the spans it should have."""

import re
from dataclasses import dataclass

from hypothesis import HealthCheck, settings

from appliance.redact.detect import Detector

#: For properties: machines differ in speed, truths do not.
PROPERTY = settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])

_MARK = re.compile(r"\[([A-Z][A-Z_]+) ([^\]]+)\]")


@dataclass(frozen=True, slots=True)
class Case:
    text: str
    spans: list[tuple[int, int, str]]


def parse(marked: str) -> Case:
    text, spans, position = "", [], 0
    for match in _MARK.finditer(marked):
        text += marked[position : match.start()]
        spans.append((len(text), len(text) + len(match[2]), match[1]))
        text += match[2]
        position = match.end()
    return Case(text + marked[position:], spans)


def render(text: str, spans) -> str:
    out, position = "", 0
    for span in spans:
        out += f"{text[position : span.start]}[{span.entity_type} {text[span.start : span.end]}]"
        position = span.end
    return out + text[position:]


def check(detector: Detector, marked: str) -> None:
    """The detector finds exactly the marked spans."""
    case = parse(marked)
    assert render(case.text, detector.detect(case.text)) == marked


def masks(detector: Detector, marked: str) -> None:
    """Every marked word is masked with its type; more may be."""
    case = parse(marked)
    found = detector.detect(case.text)
    for start, end, entity_type in case.spans:
        touching = [s for s in found if s.start < end and s.end > start]
        covered = {i for s in touching for i in range(s.start, s.end)}
        left = [i for i in range(start, end) if case.text[i].isalnum() and i not in covered]
        assert not left, f"left of {case.text[start:end]!r} in {render(case.text, found)!r}"
        assert entity_type in {s.entity_type for s in touching}, render(case.text, found)
