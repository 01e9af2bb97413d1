"""Rows of JSON: one object a line, or the members of one array.

Rules:
- RFC 8259 and no more: NaN, infinities, duplicate names and numbers that would change their
  value are refused, a row at a time. `orjson` parses; what it lets pass silently (duplicate
  names, integers beyond 64 bits) is looked for on the bytes.
- Depth is bounded before anything is parsed.
- An array is cut into its members without being held in memory.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import orjson

from appliance.errors import DataError
from appliance.ingest.rows import BadRow, Cause, Reading, Row
from appliance.ingest.streams import BLOCK_BYTES, KEPT_BYTES, ByteStream, lines
from appliance.records import Json

# Possessive quantifiers: no input makes these look back.
_STRING = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"', re.DOTALL)
_STRING_OR_BRACKET = re.compile(_STRING.pattern + rb"|[\[\]{}]", re.DOTALL)
#: Every digit becomes "0", so that finding 19 in a row is one search for a constant.
_DIGITS = bytes(ord("0") if chr(code) in "0123456789" else 32 for code in range(256))
_LONG_DIGITS = b"0" * 19
_INTEGER = re.compile(rb"(?<![0-9.eE+])-?[0-9]{19,}(?![0-9.eE])")
_NAME_OR_OBJECT = re.compile(rb'("[^"\\]*+(?:\\.[^"\\]*+)*+")\s*+(:?)|[{}]', re.DOTALL)
_INT64 = range(-(2**63), 2**64)


class _Refused(Exception):  # noqa: N818 - a signal between functions of this file
    def __init__(self, cause: Cause) -> None:
        super().__init__(cause)
        self.cause: Cause = cause


def read_json_lines(stream: ByteStream, reading: Reading) -> Iterator[Row | BadRow]:
    """Read one JSON object a line; blank lines are passed over.

    Args:
        stream: UTF-8.
        reading: the source and its limits.

    Yields:
        A row, or the row that could not be read, with its line.
    """
    for line in lines(stream, limit_bytes=reading.limits.max_record_bytes):
        if line.too_long:
            yield BadRow(line.number, "too-large", line.data)
        elif line.data and not line.data.isspace():
            yield _row(line.data, line.number, line.offset, reading)


def read_json(stream: ByteStream, reading: Reading) -> Iterator[Row | BadRow]:
    """Read the members of one JSON array, or JSON objects one after the other.

    Args:
        stream: UTF-8.
        reading: the source and its limits.

    Yields:
        A row for each member; its line is the member's number.

    Raises:
        DataError: the file ends inside a value, or its brackets do not fit.
    """
    for number, (offset, data) in enumerate(_members(stream, reading), 1):
        yield _row(data, number, offset, reading)


def _row(data: bytes, number: int, offset: int, reading: Reading) -> Row | BadRow:
    """Parse one object."""
    try:
        value = parse_json(data, max_depth=reading.limits.max_json_depth)
    except _Refused as e:
        cause: Cause = e.cause
        at: int | None = None
        if cause == "json":
            at = _first_bad_byte(data)
            cause = "encoding" if at is not None else "nul" if b"\0" in data else cause
        where = offset + at if at is not None and reading.encoding == "utf-8" else None
        return BadRow(number, cause, data[:KEPT_BYTES], offset=where)
    if not isinstance(value, dict):
        return BadRow(number, "not-an-object", data[:KEPT_BYTES])
    if len(value) > reading.limits.max_columns:
        return BadRow(number, "columns", data[:KEPT_BYTES])
    return Row(number, value, len(data))


def parse_cell(text: str, *, max_depth: int) -> Json:
    """Parse JSON inside a cell of a table, e.g. a chat.

    Raises:
        ValueError: it is not JSON as this file understands it. The message holds no content.
    """
    try:
        return parse_json(text.encode(), max_depth=max_depth)
    except (_Refused, UnicodeEncodeError):
        raise ValueError("not JSON") from None


def parse_json(data: bytes, *, max_depth: int) -> Json:
    """Parse one JSON value, refusing what other parsers read differently.

    Args:
        data: UTF-8 JSON text.
        max_depth: deepest nesting of arrays and objects.

    Raises:
        _Refused: with the cause.

    Guarantees:
        No duplicate name, NaN, infinity or integer beyond 64 bits is ever in the result.
    """
    if data.count(b"{") + data.count(b"[") > max_depth and _depth(data) > max_depth:
        raise _Refused("json-depth")
    try:
        value: Json = orjson.loads(data)
    except orjson.JSONDecodeError as e:
        overflow = "infinity when parsed" in e.msg
        raise _Refused("json-number" if overflow else "json") from None
    if _LONG_DIGITS in data.translate(_DIGITS) and _has_huge_integer(data):
        raise _Refused("json-number")
    if _may_repeat_names(data, value) and _repeats_names(data):
        raise _Refused("json-duplicate-key")
    return value


def _depth(data: bytes) -> int:
    """Return the deepest nesting, or the depth at which brackets stop making sense."""
    deepest = depth = 0
    for match in _STRING_OR_BRACKET.finditer(data):
        token = match[0]
        if token in (b"{", b"["):
            depth += 1
            deepest = max(deepest, depth)
        elif token in (b"}", b"]"):
            depth -= 1
    return deepest


def _has_huge_integer(data: bytes) -> bool:
    """Whether a number outside strings is an integer that 64 bits do not hold."""
    return any(
        len(m[0]) > 20 or int(m[0]) not in _INT64
        for m in _INTEGER.finditer(_STRING.sub(b'""', data))
    )


def _may_repeat_names(data: bytes, value: Json) -> bool:
    """Compare the colons of the text with those of its value written anew.

    Every pair has one colon outside strings, and strings keep theirs; so a pair that the parser
    dropped leaves fewer colons. Only an escaped colon could hide that, and is looked for.
    """
    if b"\\u003a" in data or b"\\u003A" in data:
        return True
    return data.count(b":") != orjson.dumps(value).count(b":")


def _repeats_names(data: bytes) -> bool:
    """Whether any object of a valid JSON text has one name twice."""
    stack: list[set[str]] = []
    for match in _NAME_OR_OBJECT.finditer(data):
        token = match[0]
        if token == b"{":
            stack.append(set())
        elif token == b"}":
            stack.pop()
        elif match[2]:
            name = orjson.loads(match[1])
            if name in stack[-1]:
                return True
            stack[-1].add(name)
    return False


def _first_bad_byte(data: bytes) -> int | None:
    """Return the position of the first byte that is not UTF-8."""
    try:
        data.decode()
    except UnicodeDecodeError as e:
        return e.start
    return None


def _members(stream: ByteStream, reading: Reading) -> Iterator[tuple[int, bytes]]:
    """Cut a JSON text into (offset, bytes) of its members."""
    cutter = _Cutter(reading)
    # Reading as much again as is held keeps a long member linear, however long.
    while block := stream.read(max(BLOCK_BYTES, cutter.held_bytes)):
        yield from cutter.feed(block)
    yield from cutter.finish()


class _Cutter:
    """Finds where members begin and end, by brackets and strings alone."""

    #: A string, a bracket or comma, white space, anything else; or the quote of a string whose
    #: end has not come yet. Possessive: no input makes it look back.
    _TOKEN = re.compile(
        rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"|[\[\]{},]|[ \t\r\n]++|[^"\[\]{}, \t\r\n]++|"', re.DOTALL
    )

    def __init__(self, reading: Reading) -> None:
        self._reading = reading
        self._buffer = b""
        self._scanned = 0  # Bytes of the buffer already looked at.
        self._start: int | None = None  # Where the member under way begins in the buffer.
        self._offset = 0  # Of the buffer's first byte in the stream.
        self._depth = 0
        self._base: int | None = None  # 1 inside one array, 0 for objects in a row.
        self._closed = False

    @property
    def held_bytes(self) -> int:
        """Bytes kept because a member is under way."""
        return len(self._buffer)

    def feed(self, block: bytes) -> Iterator[tuple[int, bytes]]:
        """Take more bytes and yield the members they complete.

        Raises:
            DataError: the brackets do not fit, or a member is too large.
        """
        self._buffer += block
        position = self._scanned
        for match in self._TOKEN.finditer(self._buffer, position):
            token = match[0]
            if token == b'"':
                if self._start is None:
                    self._start = match.start()
                break
            position = match.end()
            if not token.isspace():
                yield from self._token(token, match.start(), position)
        keep = position if self._start is None else self._start
        if len(self._buffer) - keep > self._reading.limits.max_record_bytes:
            raise DataError(
                self._reading.name,
                "a member is beyond data.limits.max_record_bytes, or its brackets do not close",
                hint="appliance policy explain data.limits.max_record_bytes",
            )
        self._buffer = self._buffer[keep:]
        self._offset += keep
        self._scanned = position - keep
        self._start = None if self._start is None else 0

    def finish(self) -> Iterator[tuple[int, bytes]]:
        """Check that the text ended where it may.

        Raises:
            DataError: the text ends inside a value.
        """
        if self._scanned < len(self._buffer) or self._depth > 0:
            raise DataError(
                self._reading.name,
                "the JSON text ends inside a value",
                hint="fetch the file again; it seems cut short",
            )
        if self._start is not None:
            yield self._take(len(self._buffer))

    def _token(self, token: bytes, start: int, end: int) -> Iterator[tuple[int, bytes]]:
        """Follow one token."""
        if self._base is None:
            self._base = 1 if token == b"[" else 0
            if self._base:
                self._depth = 1
                return
        if self._closed:
            raise self._brackets()
        if token in (b"}", b"]"):
            yield from self._close(end)
        elif token == b"," and self._depth == self._base:
            if self._start is not None:
                yield self._take(start)
        else:
            if self._start is None:
                self._start = start
            if token in (b"{", b"["):
                self._depth += 1

    def _close(self, end: int) -> Iterator[tuple[int, bytes]]:
        """Follow a closing bracket."""
        self._depth -= 1
        if self._depth < 0:
            raise self._brackets()
        if self._depth == self._base and self._start is not None:
            yield self._take(end)
        elif self._base == 1 and self._depth == 0:
            if self._start is not None:
                yield self._take(end - 1)
            self._closed = True

    def _take(self, end: int) -> tuple[int, bytes]:
        """Return the member under way."""
        assert self._start is not None
        start, self._start = self._start, None
        return self._offset + start, self._buffer[start:end]

    def _brackets(self) -> DataError:
        return DataError(
            self._reading.name,
            "the JSON text's brackets do not fit",
            hint="check the file with a JSON parser; or give one object a line as .jsonl",
        )
