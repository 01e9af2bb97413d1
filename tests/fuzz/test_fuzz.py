"""Any bytes are read or refused by every parser that meets them first: never a bug.

A short look in every run; `make fuzz` sets FUZZ_EXAMPLES high and lets atheris look as well.
"""

from __future__ import annotations

import os
from contextlib import nullcontext

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fuzz.targets import TARGETS, seeds

EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "25"))
#: What parsers of JSON, YAML and CSV stumble over.
PIECES = st.sampled_from(
    [b"{", b"}", b"[", b"]", b'"', b"\\", b"\\ud800", b":", b",", b"\n", b"\0", b"&a ", b"*a", b"- ",
     b"<<: ", b"!!python/object:os.system ", b"1e999", b"NaN", b"0" * 40, b"-", b"null", b"\xff",
     b'{"seq":0,"prev":', b'"mac":', b"PAR1", b"[" * 300, b"{a: " * 100, b"2001-13-99", b"%YAML 9.9\n"]
)  # fmt: skip
SOUP = st.lists(PIECES | st.binary(max_size=6), max_size=30).map(b"".join)


@pytest.mark.parametrize("name", sorted(TARGETS))
def test_no_bytes_make_a_bug(name: str) -> None:
    (seed,) = seeds(name)

    @settings(max_examples=EXAMPLES, deadline=None)
    @given(SOUP, st.integers(0, len(seed)), st.integers(0, 12), st.booleans())
    def check(put: bytes, at: int, skip: int, alone: bool) -> None:
        TARGETS[name](put if alone else seed[:at] + put + seed[at + skip :])

    check()


@pytest.mark.parametrize("name", sorted(TARGETS))
def test_the_seed_of_a_target_is_sound_and_not_refused(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fuzzing from a seed that is refused at the door would look at the door alone."""
    if name in ("model_folder", "log", "text", "jsonl_gz", "manifest"):
        pytest.skip("refused late by intent: its target needs more than bytes")
    import tests.fuzz.targets as targets

    (seed,) = seeds(name)
    monkeypatch.setattr(targets, "suppress", nullcontext)
    TARGETS[name](seed)
