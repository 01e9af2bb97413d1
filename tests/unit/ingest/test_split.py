from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from appliance.corpus import Corpus
from appliance.errors import DataError
from appliance.ingest.split import _counts, read_sides, split
from appliance.policy.model import SplitShares
from appliance.records import SIDES, Record
from appliance.vault import Vault

KEY = b"s" * 32
SHARES = SplitShares()


def _corpus(vault: Vault, units: Sequence[int]) -> Corpus:
    with Corpus.writing(vault, "ingest/corpus.arrow") as writer:
        for number, unit in enumerate(units):
            writer.append(
                Record(
                    record_id=number,
                    unit=unit.to_bytes(16, "big"),
                    source=0,
                    line=number + 1,
                    kind="text",
                    fields={"text": "x"},
                    extra={},
                )
            )
    return Corpus(vault, "ingest/corpus.arrow")


def test_no_unit_is_on_two_sides_and_every_record_is_on_one(vault: Vault) -> None:
    units = np.random.default_rng(1).integers(0, 60, 500).tolist()
    result = split(_corpus(vault, units), shares=SHARES, key=KEY, vault=vault)
    sides = read_sides(vault)
    ids = [set(sides.ids(side).tolist()) for side in SIDES]
    people = [{units[i] for i in side} for side in ids]
    assert set().union(*ids) == set(range(500))
    assert sum(map(len, ids)) == 500
    assert sum(map(len, people)) == len(set(units))
    assert [getattr(result.records, s) for s in SIDES] == [len(i) for i in ids]
    assert [getattr(result.units, s) for s in SIDES] == [len(p) for p in people]


def test_groups_are_the_records_of_one_unit(vault: Vault) -> None:
    units = [3, 1, 3, 2, 1, 4, 5, 3, 6, 7]
    split(_corpus(vault, units), shares=SHARES, key=KEY, vault=vault)
    sides = read_sides(vault)
    groups = sides.groups("train")
    assert all(len({units[i] for i in group.tolist()}) == 1 for group in groups)
    assert len({units[g[0]] for g in groups}) == len(groups)
    assert sorted(i for g in groups for i in g.tolist()) == sides.ids("train").tolist()


@given(st.integers(4, 5000))
def test_shares_are_exact_to_one_unit_and_no_side_is_empty(units: int) -> None:
    counts = _counts(units, SHARES)
    assert sum(counts) == units
    assert min(counts) >= 1
    assert all(
        abs(count - getattr(SHARES, side) * units) < 3
        for count, side in zip(counts, SIDES, strict=True)
    )


def test_a_side_without_a_share_stays_empty(vault: Vault) -> None:
    shares = SplitShares(train=0.8, validation=0.0, test=0.2, audit_holdout=0.0)
    result = split(_corpus(vault, range(10)), shares=shares, key=KEY, vault=vault)
    assert (result.units.train, result.units.validation, result.units.test) == (8, 0, 2)
    assert read_sides(vault).groups("validation") == []


@pytest.mark.parametrize("units", [0, 1, 2, 3])
def test_fewer_units_than_sides_are_refused(vault: Vault, units: int) -> None:
    with pytest.raises(DataError, match="cannot fill 4 sides"):
        split(_corpus(vault, range(units)), shares=SHARES, key=KEY, vault=vault)


@settings(max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.permutations(range(30)))
def test_a_unit_keeps_its_side_whatever_the_order_of_the_records(
    vault: Vault, order: list[int]
) -> None:
    split(_corpus(vault, range(30)), shares=SHARES, key=KEY, vault=vault)
    plain = read_sides(vault)
    split(_corpus(vault, order), shares=SHARES, key=KEY, vault=vault)
    shuffled = read_sides(vault)
    assert [int(plain.side[unit]) for unit in order] == shuffled.side.tolist()


def test_another_key_gives_another_split(vault: Vault) -> None:
    corpus = _corpus(vault, range(200))
    split(corpus, shares=SHARES, key=KEY, vault=vault)
    first = read_sides(vault).side
    split(corpus, shares=SHARES, key=b"t" * 32, vault=vault)
    assert (read_sides(vault).side != first).any()
