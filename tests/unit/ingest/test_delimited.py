from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.errors import DataError
from appliance.ingest.delimited import read_delimited
from appliance.ingest.rows import BadRow, Row
from tests.unit.ingest.rooms import bad, good, reading

CELL = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\r"), max_size=12)


def _rows(data: bytes, *, tabs: bool = False, **limits: object) -> list[Row | BadRow]:
    stream = io.BytesIO(data)
    return list(
        read_delimited(stream, reading(**limits), tabs=tabs, check_columns=lambda c, n: None)
    )


@given(st.lists(st.tuples(CELL, CELL, CELL), min_size=1, max_size=6), st.sampled_from(",;\t|"))
def test_a_written_table_is_read_back(rows: list[tuple[str, str, str]], separator: str) -> None:
    out = io.StringIO()
    writer = csv.writer(out, delimiter=separator, quoting=csv.QUOTE_ALL, lineterminator="\n")
    writer.writerow(["a", "b", "c"])
    writer.writerows(rows)
    found = [tuple(values.values()) for _, values in good(_rows(out.getvalue().encode()))]
    assert found == rows


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_the_header_row_tells_the_separator(separator: str) -> None:
    data = separator.join(["id", "text"]) + "\n" + separator.join(["1", "x"])
    assert good(_rows(data.encode())) == [(2, {"id": "1", "text": "x"})]


def test_a_separator_inside_quotes_of_the_header_does_not_count() -> None:
    assert good(_rows(b'id;"a,b,c"\n1;x')) == [(2, {"id": "1", "a,b,c": "x"})]


def test_tsv_is_separated_by_tabs_whatever_the_header_has() -> None:
    assert good(_rows(b"a,b\tc\n1,2\t3", tabs=True)) == [(2, {"a,b": "1,2", "c": "3"})]


def test_ragged_rows_are_set_aside_with_their_lines() -> None:
    rows = _rows(b"a,b\n1,2\n1\n1,2,3\n\n3,4\n")
    assert bad(rows) == [(3, "ragged"), (4, "ragged")]
    assert [line for line, _ in good(rows)] == [2, 6]


def test_a_quoted_newline_is_part_of_its_cell() -> None:
    rows = _rows(b'a,b\n1,"two\nlines"\n3,4\n')
    assert good(rows) == [(2, {"a": "1", "b": "two\nlines"}), (4, {"a": "3", "b": "4"})]


def test_an_open_quote_costs_its_own_line_and_no_other() -> None:
    rows = _rows(b'a,b\n1,"open\n2,x\n3,y\n4,z\n')
    assert bad(rows) == [(2, "csv")]
    assert [values["a"] for _, values in good(rows)] == ["2", "3", "4"]


def test_two_open_quotes_cost_two_lines() -> None:
    rows = _rows(b'a,b\n1,"open\n2,x\n3,"open\n4,z\n')
    assert bad(rows) == [(2, "csv"), (4, "csv")]
    assert [values["a"] for _, values in good(rows)] == ["2", "4"]


def test_a_swallowed_region_too_long_to_read_again_is_counted_line_by_line() -> None:
    lost = b"".join(b"%d,%s\n" % (i, b"x" * 100) for i in range(20000))
    rows = _rows(b'a,b\n1,"open\n' + lost)
    (row,) = rows
    assert isinstance(row, BadRow)
    assert row.rows == 20001


def test_many_open_quotes_take_time_in_proportion() -> None:
    data = b"a,b\n" + b'1,"open\n2,x\n' * 20000
    rows = _rows(data)
    assert len(good(rows)) == 20000
    assert len(bad(rows)) == 20000


def test_bytes_in_another_encoding_set_one_row_aside() -> None:
    rows = _rows(b"a,b\n1,x\n2,\xe9\n3,y\n")
    assert bad(rows) == [(3, "encoding")]
    assert [r.offset for r in rows if isinstance(r, BadRow)] == [10]
    assert len(good(rows)) == 2


def test_a_nul_character_sets_its_row_aside() -> None:
    assert bad(_rows(b"a,b\n1,x\0\n2,y\n")) == [(2, "nul")]


def test_a_record_beyond_the_limit_is_set_aside() -> None:
    data = b"a,b\n1," + b"x" * 5000 + b"\n2,y\n"
    rows = _rows(data, max_record_bytes=1000)
    assert bad(rows) == [(2, "too-large")]
    assert good(rows) == [(3, {"a": "2", "b": "y"})]


def test_a_quoted_record_of_many_lines_beyond_the_limit_is_set_aside() -> None:
    data = b'a,b\n1,"' + b"x\n" * 5000 + b'"\n2,y\n'
    rows = _rows(data, max_record_bytes=1000)
    assert "too-large" in {cause for _, cause in bad(rows)}
    assert good(rows)[-1][1] == {"a": "2", "b": "y"}


def test_a_line_of_a_million_separators_is_not_split() -> None:
    assert bad(_rows(b"a,b\n" + b"," * 1_500_000 + b"\n")) == [(2, "too-large")]


def test_two_columns_of_one_name_are_refused_without_naming_them() -> None:
    with pytest.raises(DataError, match="columns 1 and 3") as caught:
        _rows(b"Maria,b,Maria\n1,2,3\n")
    assert "Maria" not in str(caught.value)


def test_too_many_columns_are_refused() -> None:
    with pytest.raises(DataError, match="more than 3 columns"):
        _rows(b"a,b,c,d\n1,2,3,4\n", max_columns=3)


@pytest.mark.parametrize("data", [b"\n\n", b'"open,b\n1,2\n', b"a,\xff\n1,2\n"])
def test_a_file_without_a_usable_header_is_refused(data: bytes) -> None:
    with pytest.raises(DataError, match=r"empty|header row"):
        _rows(data)


def test_a_column_without_a_name_gets_one() -> None:
    assert good(_rows(b",text\n0,x\n")) == [(2, {"column_1": "0", "text": "x"})]


def test_windows_line_ends_leave_no_trace() -> None:
    assert good(_rows(b"a,b\r\n1,2\r\n")) == [(2, {"a": "1", "b": "2"})]
