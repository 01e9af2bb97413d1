"""A text file is one record."""

from __future__ import annotations

from collections.abc import Iterator

from appliance.ingest.rows import BadRow, Reading, Row
from appliance.ingest.streams import BLOCK_BYTES, KEPT_BYTES, ByteStream

#: The column that a text file's content is found under.
TEXT_COLUMN = "text"


def read_text(stream: ByteStream, reading: Reading) -> Iterator[Row | BadRow]:
    """Read a whole file as the text of one record.

    Args:
        stream: UTF-8.
        reading: the source and its limits.

    Yields:
        One row with the column "text", or the reason why there is none.
    """
    limit = reading.limits.max_record_bytes
    blocks: list[bytes] = []
    size = 0
    while block := stream.read(BLOCK_BYTES):
        blocks.append(block)
        size += len(block)
        if size > limit:
            yield BadRow(1, "too-large", b"".join(blocks)[:KEPT_BYTES])
            return
    data = b"".join(blocks)
    try:
        text = data.decode()
    except UnicodeDecodeError as e:
        offset = e.start if reading.encoding == "utf-8" else None
        yield BadRow(1, "encoding", data[:KEPT_BYTES], offset=offset)
        return
    yield Row(1, {TEXT_COLUMN: text}, size)
