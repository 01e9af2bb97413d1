"""The words of every sample report, reviewed as golden files.

`make golden` rewrites them; the diff is reviewed. Drawings are left out: their fonts differ between
library versions, their numbers are in the tables.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from tests.unit.report.test_html import Page

GOLDEN = Path(__file__).parents[2] / "golden" / "reports"


def words_of(html: str) -> str:
    """One line per paragraph, cell and heading; digests and drawings left out."""
    plain = re.sub(r"<svg.*?</svg>", "", html, flags=re.DOTALL)
    plain = re.sub(r"sha256:[0-9a-f]{6,64}…?", "sha256:…", plain)
    lines = (" ".join(line.split()) for line in Page(plain).words)
    return "\n".join(line for line in lines if line) + "\n"


@pytest.mark.parametrize("language", ["en", "pt-BR"])
@pytest.mark.parametrize("name", ["released", "refused", "early"])
def test_golden_report_says_the_same(
    name: str, language: str, pages: dict[tuple[str, str], str]
) -> None:
    golden = GOLDEN / f"{name}.{language}.txt"
    said = words_of(pages[name, language])
    if os.environ.get("GOLDEN_REWRITE"):
        golden.write_text(said, encoding="utf-8")
    assert said == golden.read_text(encoding="utf-8")
