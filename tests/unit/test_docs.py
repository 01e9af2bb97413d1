"""The pages say nothing of tests that do not exist, and every decision record is whole."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TESTS = ROOT / "tests"
#: Pages whose claims name tests as `path/test_x.py::test_y`.
PAGES = ["pitfalls.md", "threat-model.md"]
ADRS = sorted((ROOT / "docs" / "adr").glob("[0-9]*.md"))


def known_tests() -> set[tuple[str, str]]:
    return {
        (file.name, name)
        for file in TESTS.rglob("test_*.py")
        for name in re.findall(r"^ *def (test_\w+)", file.read_text("utf-8"), flags=re.MULTILINE)
    }


@pytest.mark.parametrize("page", PAGES)
def test_every_test_a_page_names_exists(page: str) -> None:
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    named = re.findall(r"`(?:tests/)?([\w/]*test_\w+\.py)(?:::(test_\w+))?`", text)
    assert named
    known = known_tests()
    for path, name in named:
        assert list(TESTS.rglob(Path(path).name)), path
        if "/" in path:
            assert (TESTS / path).is_file(), path
        assert not name or (Path(path).name, name) in known, f"{path}::{name}"


def test_every_claim_of_the_threat_model_names_its_test() -> None:
    text = (ROOT / "docs" / "threat-model.md").read_text(encoding="utf-8")
    claims = re.split(r"^(?=\d+\. \*\*)", text, flags=re.MULTILINE)[1:]
    assert len(claims) > 15
    for claim in claims:
        own = re.split(r"\n\n|\n(?=## )", claim)[0]
        assert re.search(r"`[\w/]*test_\w+\.py", own), own.splitlines()[0]


def test_every_pitfall_has_a_severity_and_a_test() -> None:
    text = (ROOT / "docs" / "pitfalls.md").read_text(encoding="utf-8")
    rows = [
        [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
        for line in text.splitlines()
        if line.startswith("| ") and not line.startswith("| pitfall")
    ]
    assert len(rows) > 30
    for row in rows:
        assert len(row) == 4, row[0]
        assert row[1] in {"breaks", "leaks", "misleads", "theory"}, row[0]
        assert "::test_" in row[3], row[0]


@pytest.mark.parametrize("path", ADRS, ids=lambda p: p.stem)
def test_every_decision_record_has_all_parts(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    number = int(path.name[:4])
    assert text.startswith(f"# {number}. ")
    for part in ("Status:", "## Context", "## Drivers", "## Options", "## Decision", "## Negative"):
        assert part in text, part
    assert len(text.splitlines()) <= 60, "one page"


def test_decision_records_are_numbered_without_gaps() -> None:
    assert [int(p.name[:4]) for p in ADRS] == list(range(1, len(ADRS) + 1))
    assert len(ADRS) >= 8
