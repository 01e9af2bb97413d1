from __future__ import annotations

import gzip
import io

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from appliance.errors import DataError
from appliance.ingest.streams import DecodedStream, Utf8Stream, lines
from appliance.policy.model import Limits
from tests.unit.ingest.rooms import source

PACK = {"gzip": gzip.compress, "zstd": zstandard.compress}


class _Dribble:
    """Gives bytes a few at a time, whatever is asked for."""

    def __init__(self, data: bytes, step: int) -> None:
        self._source = io.BytesIO(data)
        self._step = step

    def read(self, size: int) -> bytes:
        return self._source.read(min(size, self._step))


def _unpack(data: bytes, kind: str | None, **limits: object) -> bytes:
    stream = DecodedStream(
        io.BytesIO(data),  # type: ignore[arg-type]
        source(compression=kind),  # type: ignore[arg-type]
        Limits.model_validate(limits),
        lambda _: None,
    )
    return b"".join(iter(lambda: stream.read(65536), b""))


def _slow_lines(data: bytes) -> list[bytes]:
    parts = data.split(b"\n")
    return parts[:-1] if parts[-1] == b"" else parts


@given(st.lists(st.binary(max_size=9)).map(b"\n".join), st.integers(1, 7))
def test_lines_are_those_of_splitting_the_whole(data: bytes, step: int) -> None:
    if b"\r" in data:
        data = data.replace(b"\r", b"")
    found = list(lines(_Dribble(data, step), limit_bytes=100))
    assert [line.data for line in found] == _slow_lines(data)
    assert [line.number for line in found] == list(range(1, len(found) + 1))
    assert all(data[x.offset : x.offset + len(x.data)] == x.data for x in found)


def test_a_line_beyond_the_limit_is_cut_and_the_next_one_is_whole() -> None:
    data = b"a" * 1_000_000 + b"\nshort\n" + b"b" * 900_000
    found = list(lines(io.BytesIO(data), limit_bytes=500_000))
    assert [(x.number, x.too_long) for x in found] == [(1, True), (2, False), (3, True)]
    assert found[1].data == b"short"
    assert len(found[0].data) <= 65536


def test_lines_that_end_in_carriage_returns_only_are_cut_there() -> None:
    assert [x.data for x in lines(io.BytesIO(b"a\rb\r"), limit_bytes=9)] == [b"a", b"b"]


@pytest.mark.parametrize("kind", ["gzip", "zstd"])
def test_packed_bytes_come_out_as_they_went_in(kind: str) -> None:
    data = bytes(range(256)) * 1000
    assert _unpack(PACK[kind](data), kind) == data
    assert _unpack(PACK[kind](data) + PACK[kind](data), kind) == data + data


@pytest.mark.parametrize("kind", ["gzip", "zstd"])
@pytest.mark.parametrize("cut", [1, 4, 9, 100])
def test_packed_bytes_cut_short_are_refused(kind: str, cut: int) -> None:
    data = bytes(i * i % 251 for i in range(30000))
    with pytest.raises(DataError, match="cut short"):
        _unpack(PACK[kind](data)[:-cut], kind)


@pytest.mark.parametrize("kind", ["gzip", "zstd"])
def test_other_bytes_are_refused(kind: str) -> None:
    with pytest.raises(DataError, match="damaged or of another kind"):
        _unpack(b"plain text, not packed at all", kind)
    with pytest.raises(DataError, match="damaged or of another kind"):
        _unpack(PACK[kind](b"x" * 999) + b"trailing bytes that are no member", kind)


@pytest.mark.parametrize("kind", ["gzip", "zstd"])
def test_a_packed_bomb_is_stopped_by_its_ratio(kind: str) -> None:
    bomb = PACK[kind](b"\0" * 100_000_000)
    assert len(bomb) < 200_000
    with pytest.raises(DataError, match="200 times"):
        _unpack(bomb, kind)
    assert len(_unpack(bomb, kind, max_ratio=10_000.0)) == 100_000_000


def test_the_total_of_decoded_bytes_is_bounded() -> None:
    with pytest.raises(DataError, match="more than 1000 bytes"):
        _unpack(b"x" * 1001, None, max_decoded_bytes=1000)
    assert _unpack(b"x" * 1000, None, max_decoded_bytes=1000)


def _utf8(data: bytes, encoding: str, step: int = 3) -> bytes:
    stream = Utf8Stream(_Dribble(data, step), "notes.x", encoding)
    return b"".join(iter(lambda: stream.read(65536), b""))


@given(st.text(min_size=1), st.sampled_from(["utf-8", "utf-16"]), st.integers(1, 9))
def test_text_survives_its_encoding(text: str, encoding: str, step: int) -> None:
    text = "{" + text  # A file that begins with NUL characters is another matter.
    if encoding == "utf-8" and "\0" in text:
        text = text.replace("\0", "")
    data = text.encode(encoding)
    # The first block tells the encoding: it is never smaller than a byte order mark in life.
    assert _utf8(data, encoding, step + 3) == text.encode()


def test_latin_1_and_cp1252_become_utf_8() -> None:
    assert _utf8("Señor Müller".encode("latin-1"), "latin-1", 99) == "Señor Müller".encode()
    assert _utf8(b"\x93quoted\x94", "cp1252", 99) == "“quoted”".encode()


def test_a_byte_that_the_encoding_lacks_stays_bad() -> None:
    assert _utf8(b"a\x81b", "cp1252", 99) == b"a\x81b"


@pytest.mark.parametrize(
    ("data", "encoding", "found"),
    [
        ("né".encode("utf-16"), "utf-8", "utf-16"),
        ("plain".encode("utf-16-le"), "utf-8", "utf-16"),
        ("plain".encode("utf-16-le"), "latin-1", "utf-16"),
        ("Müller".encode(), "latin-1", "valid utf-8"),
        (b"plain text", "utf-16", "no utf-16 byte order mark"),
        ("né".encode("utf-16")[:-1], "utf-16", "ends inside a character"),
    ],
)
def test_a_wrong_encoding_is_refused_and_not_guessed(
    data: bytes, encoding: str, found: str
) -> None:
    with pytest.raises(DataError, match=found) as caught:
        _utf8(data, encoding, 99)
    assert caught.value.exit_code == 5
    assert "data.encoding" in caught.value.hint


def test_a_byte_order_mark_is_no_text() -> None:
    assert _utf8(b"\xef\xbb\xbftext", "utf-8", 99) == b"text"
