"""Sealed lines: how this room keeps private intermediate rows, one JSON value a line."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO, cast

import orjson

from appliance.vault import Vault

_BUFFER = 1024 * 1024


def as_line(row: Any) -> bytes:  # noqa: ANN401  any JSON value
    """Return a row as it is written."""
    return orjson.dumps(row) + b"\n"


class LineWriter:
    """Appends JSON rows; made by `writing`."""

    def __init__(self, sink: BinaryIO) -> None:
        self._sink = sink
        self._held = bytearray()

    def append(self, row: Any) -> None:  # noqa: ANN401  any JSON value
        """Add one row."""
        self._held += as_line(row)
        if len(self._held) >= _BUFFER:
            self.flush()

    def flush(self) -> None:
        """Seal what is held."""
        if self._held:
            self._sink.write(bytes(self._held))
            self._held.clear()


@contextmanager
def writing(vault: Vault, name: str) -> Iterator[LineWriter]:
    """Write rows under a name; they exist only after a clean exit."""
    with vault.writer(name) as sink:
        writer = LineWriter(cast("BinaryIO", sink))
        yield writer
        writer.flush()


def reading(vault: Vault, name: str) -> Iterator[Any]:
    """Yield the rows of a name in order."""
    with vault.reader(name) as source:
        for line in io.BufferedReader(cast("io.RawIOBase", source), _BUFFER):
            yield orjson.loads(line)
