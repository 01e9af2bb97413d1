"""The pages say nothing of tests that do not exist, and every decision record is whole."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TESTS = ROOT / "tests"
#: Pages whose claims name tests as `path/test_x.py::test_y`.
PAGES = ["pitfalls.md", "threat-model.md"]
ADRS = sorted((ROOT / "docs" / "adr").glob("[0-9]*.md"))


def names_in(file: Path) -> set[str]:
    return set(re.findall(r"^ *def (test_\w+)", file.read_text("utf-8"), flags=re.MULTILINE))


def named_tests(text: str) -> Iterator[tuple[Path, str]]:
    """Yield each test a page names: in full, by the file's name alone, or by its own alone.

    A file named before in full may be named by its last part, and the file named last not at all.
    """
    known: dict[str, Path] = {}
    last = Path()
    for path, name in re.findall(r"`(?:tests/)?([\w/]*test_\w+\.py)?(?:::(test_\w+))?`", text):
        if "/" in path:
            last = known[Path(path).name] = TESTS / path
        elif path:
            assert path in known, f"{path}: which folder?"
            last = known[path]
        elif not name:
            continue
        yield last, name


@pytest.mark.parametrize("page", PAGES)
def test_every_test_a_page_names_exists(page: str) -> None:
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    named = list(named_tests(text))
    assert len(named) > 60
    for file, name in named:
        assert file.is_file(), file
        assert not name or name in names_in(file), f"{file}::{name}"


def test_no_test_name_on_a_page_escapes_the_check() -> None:
    for page in PAGES:
        text = (ROOT / "docs" / page).read_text(encoding="utf-8")
        seen = {name for _, name in named_tests(text)} | {f.stem for f, _ in named_tests(text)}
        assert set(re.findall(r"\btest_\w+", text)) <= seen, page


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
