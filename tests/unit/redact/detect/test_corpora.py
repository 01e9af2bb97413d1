"""Floors on annotated corpora, where they are at hand: the same figures as bench/detection.py."""

import sys
from pathlib import Path

import pytest

_ROOT = Path(__file__).parents[4]
_DATA = _ROOT.parent / "shared/data"
sys.path.insert(0, str(_ROOT / "bench"))

import detection as bench  # noqa: E402  a script beside the package


@pytest.mark.parametrize("name", sorted(bench.FLOORS))
def test_recall_and_precision_stay_above_their_floors(name):
    directory = _DATA / name
    if not (directory / "data.jsonl").is_file():
        pytest.skip(f"corpus {name} is not at hand")
    documents, language, scope = bench.corpus(directory)
    texts = [d["text"] for d in documents]
    result = bench.score(documents, bench.ours(language)(texts), scope, 1.0)
    recall, precision = bench.FLOORS[name]
    assert result.recall >= recall
    assert result.precision >= precision
