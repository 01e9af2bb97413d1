from __future__ import annotations

import io

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.ingest.parquet_thrift import BrokenThriftError, read_footer, read_page


def _file(**options: object) -> bytes:
    rows = [{"text": f"row {i % 5}", "n": i, "v": [i] * (i % 3)} for i in range(100)]
    out = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows), out, row_group_size=30, **options)
    return out.getvalue()


def _footer(data: bytes) -> bytes:
    length = int.from_bytes(data[-8:-4], "little")
    return data[-8 - length : -8]


@pytest.mark.parametrize("options", [{}, {"use_dictionary": False}, {"write_page_index": True}])
def test_the_footer_says_what_the_library_reads_in_it(options: dict[str, object]) -> None:
    data = _file(**options)
    metadata = pq.ParquetFile(io.BytesIO(data)).metadata
    groups = read_footer(_footer(data))
    assert len(groups) == metadata.num_row_groups == 4
    for g, group in enumerate(groups):
        assert len(group) == metadata.num_columns
        for c, chunk in enumerate(group):
            column = metadata.row_group(g).column(c)
            assert chunk.packed_bytes == column.total_compressed_size
            assert chunk.data_page_offset == column.data_page_offset
            assert chunk.dictionary_page_offset == (column.dictionary_page_offset or 0)


@pytest.mark.parametrize("version", ["1.0", "2.0"])
def test_pages_follow_one_another_to_the_end_of_their_chunk(version: str) -> None:
    data = _file(data_page_version=version, data_page_size=64)
    for group in read_footer(_footer(data)):
        for chunk in group:
            position, values = chunk.start, 0
            while position < chunk.start + chunk.packed_bytes:
                page, header = read_page(data[position:])
                position += header + page.packed_bytes
                values += page.values if page.is_data else 0
                assert 0 <= page.unpacked_bytes < 10_000
            assert position == chunk.start + chunk.packed_bytes
            assert values >= 10


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    for read in (read_page, read_footer):
        try:
            read(data)
        except (BrokenThriftError, IndexError):
            continue
