"""Copies of records: found exactly, and nearly by MinHash.

Two records are exact copies when their kind and fields agree after white space and Unicode
normalisation. They are near copies when (1) the estimated Jaccard similarity of their word
3-grams reaches the policy's threshold, and (2) they belong to the same privacy unit, or every
word with a digit, a capital or a non-ASCII letter in it is the same.

Why (2): form letters of different people differ in little but names, numbers and dates. By
shingles alone a letter of 80 words that differs in one name and one record number is .88 similar,
and would remove a person from the data. A letter of one person, copied forward with small edits,
is what should go; and one letter filed under two numbers, as long as its own names and numbers
agree.

Nothing here is a plain hash: word hashes, permutations and digests all come from a key of the
vault, and the signatures lie sealed. Memory stays near 30 bytes a record, however many: signature
columns are read from the sealed file one at a time.

Reference:
    Broder 1997, "On the resemblance and containment of documents" (w-shingling, MinHash);
    Leskovec, Rajaraman, Ullman, "Mining of Massive Datasets", 3.4 (banding), here 16 bands of 4;
    Li and Koenig 2010, arXiv:0910.3349 (b-bit minwise hashing, here 8 bits), whose collision
    term 1/256 is taken off the estimate.
"""

from __future__ import annotations

import hashlib
import string
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, BinaryIO, Protocol

import numpy as np
import orjson
from numpy.typing import NDArray
from rensa import RMinHash

from appliance.records import KIND_FIELDS, Record

U64 = NDArray[np.uint64]

BANDS = 16
ROWS_OF_BAND = 4
_PERMUTATIONS = BANDS * ROWS_OF_BAND
_COLLISION = 1.0 / 256.0
_SHINGLE = 3
#: Sealed columns: exact digest (2), unit, marked words, then the bands; 32 bits each.
_EXACT, _UNIT, _MARKS, _FIRST_BAND = 0, 2, 3, 4
_COLUMNS = _FIRST_BAND + BANDS
_CHUNK_ROWS = 65536
#: Text fingerprinted at a time; the arrays take about 60 times as much.
_BATCH_CHARS = 512 * 1024
#: Near copies of a longer record are judged on its beginning.
_MAX_CHARS = 1024 * 1024
_PAIRS_AT_A_TIME = 1_000_000
_SORTED_AT_A_TIME = 2_000_000
#: Record numbers; the stage refuses more than 2**31 - 1 records.
_ID = np.int32


class _Reader(Protocol):
    def seek(self, offset: int, whence: int = 0, /) -> int: ...
    def read(self, size: int = -1, /) -> bytes: ...


@dataclass(frozen=True, slots=True)
class Duplicates:
    """Which records are copies of an earlier one; no record is in both.

    Attributes:
        exact: bool [records].
        near: bool [records].
    """

    exact: NDArray[np.bool_]
    near: NDArray[np.bool_]


class _Tables:
    """Everything random, drawn once from a key."""

    def __init__(self, key: bytes) -> None:
        stream = hashlib.shake_256(b"appliance/ingest/dedupe/1" + key).digest(8 * 512 + 64)
        numbers = np.frombuffer(stream[: 8 * 512], np.uint64)
        byte = numbers[:256].copy()
        byte[ord("A") : ord("Z") + 1] = byte[ord("a") : ord("z") + 1]
        self.byte = byte
        self.place = numbers[256:320] | np.uint64(1)
        self.gram = numbers[320 : 320 + _SHINGLE] | np.uint64(1)
        self.mark = numbers[330] | np.uint64(1)
        self.seed = int(numbers[331])
        self.exact_key = stream[8 * 512 :]


def _among(characters: str) -> NDArray[np.bool_]:
    """Return a table of the 256 bytes: True for those characters."""
    table = np.zeros(256, np.bool_)
    table[list(characters.encode())] = True
    return table


_IS_HIGH = np.arange(256) >= 128
_IS_MARK = _among(string.digits + string.ascii_uppercase) | _IS_HIGH
_IS_WORD = _among(string.ascii_lowercase) | _IS_MARK


@dataclass(slots=True)
class _Batch:
    texts: list[str] = field(default_factory=list, repr=False)
    exact: list[bytes] = field(default_factory=list, repr=False)
    units: list[bytes] = field(default_factory=list, repr=False)
    chars: int = 0


class Fingerprints:
    """Computes and seals the fingerprints of records as they pass."""

    def __init__(self, sink: BinaryIO, *, key: bytes) -> None:
        """Begin.

        Args:
            sink: sealed; takes columns of 65,536 records at a time.
            key: 32 bytes of the vault's.
        """
        self._sink = sink
        self._tables = _Tables(key)
        self._batch = _Batch()
        self._chunk: list[NDArray[np.uint32]] = []
        self._held = 0

    def add(self, record: Record) -> None:
        """Take the next record."""
        parts = [_normal(record.fields[name]) for name in KIND_FIELDS[record.kind]]
        digest = hashlib.blake2b(key=self._tables.exact_key, digest_size=8)
        digest.update(record.kind.encode())
        for part in parts:
            encoded = part.encode()
            digest.update(len(encoded).to_bytes(8, "little") + encoded)
        text = (parts[0] if len(parts) == 1 else " ".join(parts))[:_MAX_CHARS]
        batch = self._batch
        batch.texts.append(text)
        batch.exact.append(digest.digest())
        batch.units.append(record.unit)
        batch.chars += len(text)
        if batch.chars >= _BATCH_CHARS or len(batch.texts) >= _CHUNK_ROWS:
            self._fingerprint()

    def finish(self) -> None:
        """Seal what is held."""
        self._fingerprint()
        self._write(everything=True)

    def _fingerprint(self) -> None:
        batch, self._batch = self._batch, _Batch()
        if not batch.texts:
            return
        rows = np.empty((_COLUMNS, len(batch.texts)), np.uint32)
        exact = np.frombuffer(b"".join(batch.exact), np.uint32).reshape(-1, 2)
        rows[_EXACT : _EXACT + 2] = exact.T
        rows[_UNIT] = np.frombuffer(b"".join(batch.units), np.uint32).reshape(-1, 4)[:, 0]
        signature, marks = sign(batch.texts, self._tables)
        # Fewer words than a shingle: nothing to compare, so only an exact copy looks alike.
        few = ~signature.any(axis=1)
        signature[few] = np.tile(exact[few].view(np.uint8), (1, _PERMUTATIONS // 8))
        rows[_MARKS] = marks
        rows[_FIRST_BAND:] = signature.view(np.uint32).T
        self._chunk.append(rows)
        self._held += rows.shape[1]
        self._write(everything=False)

    def _write(self, *, everything: bool) -> None:
        """Write whole chunks; at the end the last one, however small."""
        while self._held >= _CHUNK_ROWS or (everything and self._held):
            rows = np.concatenate(self._chunk, axis=1)
            self._sink.write(np.ascontiguousarray(rows[:, :_CHUNK_ROWS]).tobytes())
            rest = rows[:, _CHUNK_ROWS:]
            self._chunk = [rest] if rest.shape[1] else []
            self._held = rest.shape[1]


def sign(texts: list[str], tables: _Tables) -> tuple[NDArray[np.uint8], NDArray[np.uint32]]:
    """Return the MinHash signatures of normalised texts and a digest of their marked words.

    Args:
        texts: white space is single blanks.
        tables: keyed constants.

    Returns:
        uint8 [texts, 64], all zero for a text with fewer than three words; uint32 [texts].
    """
    words, owner, marked = _words(texts, tables)
    count = len(texts)
    sums = np.concatenate([np.zeros(1, np.uint64), np.cumsum(np.where(marked, words, 0))])
    edges = np.searchsorted(owner, np.arange(count + 1))
    marks = _mix((sums[edges[1:]] - sums[edges[:-1]]) * tables.mark)
    signature = np.zeros((count, _PERMUTATIONS), np.uint8)
    if len(words) >= _SHINGLE:
        a, b, c = tables.gram
        grams = _mix(words[:-2] * a + words[1:-1] * b + words[2:] * c)
        inside = owner[:-2] == owner[2:]
        sizes = np.bincount(owner[:-2][inside], minlength=count)
        offsets = np.concatenate([[0], np.cumsum(sizes)]).astype(np.uint64)
        matrix = RMinHash.digest_matrix_from_flat_token_hashes(
            grams[inside], offsets, _PERMUTATIONS, tables.seed
        )
        low = np.array(matrix.to_rows(), np.uint32).astype(np.uint8)
        signature[sizes > 0] = low[sizes > 0]
    return signature, (marks >> np.uint64(32)).astype(np.uint32)


def _words(texts: list[str], tables: _Tables) -> tuple[U64, NDArray[np.int64], NDArray[np.bool_]]:
    """Hash every word of every text.

    Returns:
        Hash, number of the text and whether it is marked, of each word in order.
    """
    data = np.frombuffer("\n".join(texts).encode(), np.uint8)
    word = _IS_WORD[data]
    places = np.flatnonzero(word)
    if len(places) == 0:
        empty = np.zeros(0, np.uint64)
        return empty, np.zeros(0, np.int64), np.zeros(0, np.bool_)
    begins = np.flatnonzero(np.diff(places, prepend=-2) > 1)
    lengths = np.diff(begins, append=len(places))
    within = np.arange(len(places)) - np.repeat(begins, lengths)
    codes = data[places]
    hashes = np.add.reduceat(tables.byte[codes] * tables.place[within & 63], begins)
    marked = np.logical_or.reduceat(_IS_MARK[codes], begins)
    owner = np.searchsorted(np.flatnonzero(data == ord("\n")), places[begins])
    return _mix(hashes), owner, marked


def _mix(values: U64) -> U64:
    """Spread every bit over all others (the finaliser of SplitMix64)."""
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))


def _normal(value: object) -> str:
    """Return a field as text in one spelling; blanks inside and around do not count."""
    text = value if isinstance(value, str) else orjson.dumps(value).decode()
    if not text.isascii():
        text = unicodedata.normalize("NFC", text)
    return " ".join(text.split())


def find_duplicates(
    source: _Reader,
    *,
    records: int,
    threshold: float,
    done: Callable[[float], None] = lambda _: None,
) -> Duplicates:
    """Find copies among sealed fingerprints.

    Args:
        source: what `Fingerprints` sealed, seekable.
        records: how many there are.
        threshold: estimated Jaccard similarity that makes a near copy, in (0, 1].
        done: told of progress; sums to 1.

    Returns:
        The later ones of each set of copies.

    Guarantees:
        The first record of any set of copies is never marked. A near copy is marked only if it
        was compared with an earlier record that is itself kept.
    """
    columns = _Sealed(source, records)
    everyone = np.arange(records, dtype=_ID)
    exact = np.zeros(records, np.bool_)
    for ids, agrees in _grouped(columns.digests(), everyone):
        exact[ids[agrees]] = True
    alive = everyone[~exact]
    del everyone
    pairs: list[NDArray[_ID]] = []
    paired = np.zeros(records, np.bool_)
    for band in range(BANDS):
        for left, right in _candidates(columns.read(_FIRST_BAND + band)[alive], alive):
            new = ~paired[right]
            similar = _similar(columns, left[new], right[new], threshold)
            pairs.append(np.stack([right[new][similar], left[new][similar]], axis=1))
            paired[pairs[-1][:, 0]] = True
        done(1.0 / BANDS)
    return Duplicates(exact, _greedy(pairs, records))


class _Sealed:
    """Columns of fingerprints in a sealed file, read one at a time."""

    def __init__(self, source: _Reader, records: int) -> None:
        self._source = source
        self._records = records

    def digests(self) -> U64:
        """Read the exact digests of all records."""
        both = np.stack([self.read(_EXACT), self.read(_EXACT + 1)], axis=1)
        return both.view(np.uint64).reshape(-1)

    def read(self, column: int) -> NDArray[np.uint32]:
        """Read one column of all records."""
        result = np.empty(self._records, np.uint32)
        for first in range(0, self._records, _CHUNK_ROWS):
            rows = min(_CHUNK_ROWS, self._records - first)
            self._source.seek(4 * (first * _COLUMNS + column * rows))
            result[first : first + rows] = np.frombuffer(self._source.read(4 * rows), np.uint32)
        return result


def _grouped(
    values: NDArray[Any], ids: NDArray[_ID]
) -> Iterator[tuple[NDArray[_ID], NDArray[np.bool_]]]:
    """Bring equal values together, a part of all values at a time to bound memory.

    Yields:
        Ids ordered by value, then as they were; and where the value is that of the id before.
    """
    parts = 1 + len(values) // _SORTED_AT_A_TIME
    for part in range(parts):
        inside = (
            slice(None) if parts == 1 else np.flatnonzero(values % values.dtype.type(parts) == part)
        )
        some = values[inside]
        order = np.argsort(some, kind="stable")
        some = some[order]
        agrees = np.zeros(len(some), np.bool_)
        agrees[1:] = some[1:] == some[:-1]
        yield ids[inside][order], agrees


def _candidates(
    band: NDArray[np.uint32], alive: NDArray[_ID]
) -> Iterator[tuple[NDArray[_ID], NDArray[_ID]]]:
    """Yield (earlier, later) records whose band agrees: the first of each group and the others.

    Near copies agree in about half of 16 bands, so some band brings them together whoever is
    first in another. Comparing with the record before as well found nothing more when tried.
    """
    for ids, agrees in _grouped(band, alive):
        first = np.maximum.accumulate(np.where(agrees, 0, np.arange(len(ids), dtype=_ID)))
        at = np.flatnonzero(agrees)
        for start in range(0, len(at), _PAIRS_AT_A_TIME):
            some = at[start : start + _PAIRS_AT_A_TIME]
            yield ids[first[some]], ids[some]


def _similar(
    columns: _Sealed,
    left: NDArray[_ID],
    right: NDArray[_ID],
    threshold: float,
) -> NDArray[np.bool_]:
    """Say which pairs are near copies."""
    if len(left) == 0:
        return np.zeros(0, np.bool_)
    units, marks = columns.read(_UNIT), columns.read(_MARKS)
    same = (units[left] == units[right]) | (marks[left] == marks[right])
    del units, marks
    agreeing = np.zeros(len(left), np.int64)
    for band in range(BANDS):
        column = columns.read(_FIRST_BAND + band)
        differing = (column[left] ^ column[right]).view(np.uint8).reshape(-1, ROWS_OF_BAND)
        agreeing += (differing == 0).sum(axis=1)
    estimate = (agreeing / _PERMUTATIONS - _COLLISION) / (1.0 - _COLLISION)
    result: NDArray[np.bool_] = same & (estimate >= threshold)
    return result


def _greedy(pairs: list[NDArray[_ID]], records: int) -> NDArray[np.bool_]:
    """Walk the records in order and drop each that is close to one kept before it."""
    removed = np.zeros(records, np.bool_)
    together = np.concatenate([np.zeros((0, 2), _ID), *pairs])
    together = together[np.argsort(together[:, 0], kind="stable")]
    for start in range(0, len(together), _CHUNK_ROWS):
        for later, earlier in together[start : start + _CHUNK_ROWS].tolist():
            if not removed[earlier]:
                removed[later] = True
    return removed
