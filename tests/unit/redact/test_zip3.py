from __future__ import annotations

import pytest

from appliance.redact.zip3 import first_three, kept_prefixes

#: Three-digit areas of 20,000 people or fewer in the 2020 census.
RESTRICTED = [
    "036",
    "059",
    "102",
    "202",
    "203",
    "204",
    "205",
    "369",
    "556",
    "692",
    "753",
    "772",
    "821",
    "823",
    "878",
    "879",
    "884",
    "893",
]


def test_the_table_is_the_2020_census() -> None:
    # 894 areas have people counted in them, 18 of them 20,000 or fewer.
    assert len(kept_prefixes()) == 894 - 18
    assert not kept_prefixes() & set(RESTRICTED)


@pytest.mark.parametrize("prefix", RESTRICTED)
def test_small_areas_become_000(prefix: str) -> None:
    assert first_three(f"{prefix}01") == "000"


@pytest.mark.parametrize("prefix", ["000", "090", "340", "987"])
def test_areas_nobody_was_counted_in_become_000(prefix: str) -> None:
    assert first_three(f"{prefix}01-1234") == "000"


@pytest.mark.parametrize("prefix", ["063", "790", "830", "831", "890"])
def test_areas_that_have_grown_past_the_list_of_2000_keep_their_digits(prefix: str) -> None:
    assert first_three(f"{prefix}01") == prefix


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("15940", "159"),
        ("ZIP 15940-1234.", "ZIP 159."),
        ("5639", "056"),
        ("159", "159"),
        ("036", "000"),
        ("01310-100", None),
        ("SW1A 1AA", None),
    ],
)
def test_zip_codes_keep_three_digits(value: str, expected: str | None) -> None:
    assert first_three(value) == expected


def test_the_rule_is_idempotent() -> None:
    for number in range(0, 100_000, 37):
        once = first_three(f"{number:05d}")
        assert once is not None
        assert first_three(once) == once
