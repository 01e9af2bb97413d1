from __future__ import annotations

import re
from datetime import date, datetime, timedelta

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from appliance.redact.calendar_words import MONTHS
from appliance.redact.dates import Reading, is_day_first, shift, year_only, years

US = Reading(language="en", day_first=False, reference_year=2026)
BR = Reading(language="pt", day_first=True, reference_year=2026)

SHIFTED_BY_40 = [
    ("19 Sep 2014", "29 Oct 2014"),
    ("July 10, 2023", "August 19, 2023"),
    ("1/3", "2/12"),
    ("19641117", "19641227"),
    ("2014-09-19", "2014-10-29"),
    ("05/28/2022", "07/07/2022"),
    ("5/4/18", "6/13/18"),
    ("Aug 15", "Sep 24"),
    ("January 15th", "February 24th"),
    ("January 22nd", "March 3rd"),
    ("Monday, March 3rd, 2021", "Monday, April 12th, 2021"),
    ("Sept. '14", "Oct. '14"),
    ("from 1/3 to 1/9", "from 2/12 to 2/18"),
    ("03/2014", "04/2014"),
    ("2014-09-19T10:30:00Z", "2014-10-29T10:30:00Z"),
    ("SEP 19 2014", "OCT 29 2014"),
    ("14-Sep-19", "24-Oct-19"),
    ("13/05/2019 14:30", "22/06/2019 14:30"),
    ("15.03.2021", "24.04.2021"),
    ("Friday", "Wednesday"),
]


@pytest.mark.parametrize(("written", "expected"), SHIFTED_BY_40)
def test_shift_keeps_the_layout(written: str, expected: str) -> None:
    assert shift(written, 40, US) == expected


@pytest.mark.parametrize(
    ("written", "expected", "language"),
    [
        ("12 de março de 2020", "21 de abril de 2020", "pt"),
        ("1º de maio de 2021", "10 de junho de 2021", "pt"),
        ("12/03/2020", "21/04/2020", "pt"),
        ("5 de enero de 2020", "14 de febrero de 2020", "es"),
        ("3 mars 2019", "12 avril 2019", "fr"),
        ("3. März 2019", "12. April 2019", "de"),
        ("3.3.19", "12.4.19", "de"),
    ],
)
def test_shift_writes_the_months_of_the_language(
    written: str, expected: str, language: str
) -> None:
    reading = Reading(language=language, day_first=True, reference_year=2026)
    assert shift(written, 40, reading) == expected


@pytest.mark.parametrize(
    "written",
    ["Christmas 2014", "31/02/2014", "99/99/9999", "10:30", "the day her son was born", ""],
)
def test_what_cannot_be_read_whole_is_not_shifted(written: str) -> None:
    assert shift(written, 40, US) is None


_FORMATS = ["%Y-%m-%d", "%m/%d/%Y", "%d %B %Y", "%B %d, %Y", "%d %b %Y", "%Y%m%d", "%b %d %Y"]


@given(
    first=st.dates(date(1950, 1, 1), date(2025, 1, 1)),
    second=st.dates(date(1950, 1, 1), date(2025, 1, 1)),
    form=st.sampled_from(_FORMATS),
    days=st.integers(-365, 365),
)
def test_shift_moves_whole_dates_by_exactly_the_days(
    first: date, second: date, form: str, days: int
) -> None:
    # Slow twin: datetime's own arithmetic, formatting and parsing.
    for day in (first, second):
        assume("%b" not in form or day.month != 5)  # "May" is both the name and its short form.
        moved = shift(day.strftime(form), days, US)
        assert moved is not None
        assert datetime.strptime(moved, form).date() == day + timedelta(days=days)  # noqa: DTZ007


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("19 Sep 2014", "2014"),
        ("5/4/18", "2018"),
        ("11/17/64", "1964"),
        ("March 1931", "before 1937"),
        ("1936-05-05", "before 1937"),
        ("1937-05-05", "1937"),
        ("2013-01-01 to 2014-01-01", "2013-2014"),
        ("Aug 15", None),
        ("10:30", None),
    ],
)
def test_year_only_keeps_the_year_and_bounds_old_age(written: str, expected: str | None) -> None:
    assert year_only(written, US) == expected


@given(st.dates(date(1900, 1, 1), date(2026, 1, 1)), st.sampled_from(_FORMATS))
def test_year_only_is_idempotent_and_leaves_no_month_or_day(day: date, form: str) -> None:
    once = year_only(day.strftime(form), US)
    assert once is not None
    assert year_only(once, US) == once
    assert not any(name.lower() in once.lower() for row in MONTHS["en"] for name in row)


def test_two_digit_years_lie_in_the_last_hundred_years() -> None:
    assert years("1/2/27", US) == [2027]
    assert years("1/2/28", US) == [1928]


def test_unambiguous_dates_decide_the_order_of_day_and_month() -> None:
    assert is_day_first(["23/04/2020", "01/02/2020"], default=False)
    assert not is_day_first(["04/23/2020", "01/02/2020"], default=True)
    assert is_day_first(["01/02/2020"], default=True)


def test_an_impossible_order_is_read_the_other_way() -> None:
    assert shift("25/12/2020", 1, US) == "26/12/2020"
    assert shift("12/25/2020", 1, BR) == "12/26/2020"


@pytest.mark.parametrize(
    ("language", "written", "days", "moved"),
    [
        ("en", "3-5 May 2020", 10, "13-15 May 2020"),
        ("en", "3rd to 5th May 2020", 18, "21st to 23rd May 2020"),
        ("en", "May 3-5, 2020", -40, "March 24-26, 2020"),
        ("en", "May 30-31, 2020", 1, "May 31-June 1, 2020"),
        ("en", "Dec 30-31, 2019", 1, "Dec 31, 2019-Jan 1, 2020"),
        ("en", "30-31 Dec 2019", 1, "31 Dec 2019-1 Jan 2020"),
        ("pt", "3 a 5 de maio de 2020", 30, "2 a 4 de junho de 2020"),
        ("de", "3.-5. Mai 2020", 1, "4.-6. Mai 2020"),
        ("en", "3-5 May", 1, "4-6 May"),
    ],
)
def test_both_days_of_a_range_move_alike(
    language: str, written: str, days: int, moved: str
) -> None:
    reading = Reading(language=language, day_first=language != "en", reference_year=2026)
    assert shift(written, days, reading) == moved


def test_a_range_that_runs_backwards_is_not_read() -> None:
    assert shift("5-3 May 2020", 1, US) is None


@given(
    st.dates(date(1950, 1, 1), date(2025, 12, 28)),
    st.integers(1, 9),
    st.integers(-365, 365),
    st.sampled_from(["{a}-{b} {month} {year}", "{month} {a} to {b}, {year}"]),
)
def test_a_moved_range_is_as_long_as_it_was(
    first: date, length: int, days: int, layout: str
) -> None:
    last = first + timedelta(days=length)
    if last.month != first.month:
        return
    written = layout.format(a=first.day, b=last.day, month=first.strftime("%B"), year=first.year)
    moved = shift(written, days, US)
    assert moved is not None
    begin, end = first + timedelta(days=days), last + timedelta(days=days)
    numbers = {begin.day, end.day, begin.year, end.year}
    assert {int(n) for n in re.findall(r"\d+", moved)} == numbers
    assert begin.strftime("%B") in moved
    assert end.strftime("%B") in moved
