"""Floors on documents written to defeat the detector: courts, notes, questions to an assistant.

`hostile/*.txt` hold documents under `=== N` lines, with marks "[PERSON Jane Roe]" of coarse types.
All but the first sets were written after the rules and measured before anybody looked at the
misses. The shipped model has learned from `notes`, `queries`, `court` and the `second_`, `third_`
and `fourth_` sets (`make detector-en`): on these the floors only say that nothing was lost. It
never saw `held_` and `unseen_`; nobody has looked at what is missed in `unseen_`.
"""

import re
import sys
from pathlib import Path

import pytest

from tests.unit.redact.detect.cases import parse

_HERE = Path(__file__).parent
sys.path.insert(0, str(_HERE.parents[3] / "bench"))

import detection as bench  # noqa: E402  a script beside the package

_CLINICAL = {"PERSON", "DATE", "LOCATION", "ORG", "ID", "PHONE", "EMAIL", "SSN", "AGE", "URL", "IP"}
#: (types, recall, precision)
_FLOORS = {
    "court_en": ({"PERSON", "ID"}, 0.98, 0.93),
    "held_court_en": ({"PERSON", "ID"}, 0.99, 0.95),
    "queries_en": (_CLINICAL, 0.965, 0.95),
    "held_queries_en": (_CLINICAL, 0.98, 0.93),
    "notes_en": (_CLINICAL, 0.95, 0.9),
    "held_notes_en": (_CLINICAL, 0.975, 0.87),
    "second_court_en": ({"PERSON", "ID"}, 0.98, 0.94),
    "second_queries_en": (_CLINICAL, 0.985, 0.97),
    "second_notes_en": (_CLINICAL, 0.965, 0.93),
    "third_notes_en": (_CLINICAL, 0.985, 0.9),
    "third_queries_en": (_CLINICAL, 0.97, 0.92),
    "third_court_en": ({"PERSON", "ID"}, 0.99, 0.93),
    "fourth_notes_en": (_CLINICAL, 0.965, 0.93),
    "fourth_queries_en": (_CLINICAL, 0.99, 0.94),
    "fourth_court_en": ({"PERSON", "ID"}, 0.99, 0.96),
    "unseen_notes_en": (_CLINICAL, 0.91, 0.9),
    "unseen_queries_en": (_CLINICAL, 0.985, 0.91),
    "unseen_court_en": ({"PERSON", "ID"}, 0.99, 0.92),
}


def documents(name: str) -> list[dict]:
    read = []
    marked = (_HERE / "hostile" / f"{name}.txt").read_text("utf-8")
    for part in re.split(r"(?m)^=== ", marked)[1:]:
        case = parse(part.split("\n", 1)[1].rstrip("\n"))
        spans = [{"start": a, "end": b, "type": t} for a, b, t in case.spans]
        read.append({"text": case.text, "spans": spans})
    return read


@pytest.mark.parametrize("name", sorted(_FLOORS))
def test_hostile_documents_stay_above_their_floors(english, name):
    scope, recall, precision = _FLOORS[name]
    gold = documents(name)
    found = [
        [(s.start, s.end, bench.COARSE.get(s.entity_type, "ID")) for s in spans]
        for spans in english.detect_batch([d["text"] for d in gold])
    ]
    result = bench.score(gold, found, scope, 1.0)
    assert result.recall >= recall
    assert result.precision >= precision
