from __future__ import annotations

import pytest

from appliance.redact.removed import (
    DECOYS,
    RemovedPiece,
    SlotSampler,
    fingerprint,
    is_telling,
    open_removed,
    read_removed,
    writing_removed,
)
from appliance.vault import Vault
from tests.unit.redact.world import KnownValues, record, write_corpus

KEY = b"f" * 32


def _piece(record_id: int, value: str, start: int, **more: object) -> RemovedPiece:
    return RemovedPiece(
        record_id=record_id,
        unit=b"a" * 16,
        cell=0,
        start=start,
        end=start + 5,
        entity_type="US_SSN",
        telling=True,
        digest=more.pop("digest", fingerprint(KEY, value)),  # type: ignore[arg-type]
        value=value if more.pop("kept", True) else None,
    )


@pytest.mark.parametrize(
    ("one", "other"),
    [("075-69-1543", "075691543"), ("Ann  LEE", "ann lee"), ("ＡＢ１２", "ab12")],
)
def test_two_writings_of_a_value_have_one_fingerprint(one: str, other: str) -> None:
    assert fingerprint(KEY, one) == fingerprint(KEY, other)


def test_fingerprints_need_the_key() -> None:
    assert fingerprint(KEY, "075-69-1543") != fingerprint(b"g" * 32, "075-69-1543")


@pytest.mark.parametrize(
    ("value", "entity_type", "telling"),
    [
        ("075-69-1543", "US_SSN", True),
        ("a.b12345@c.org", "EMAIL_ADDRESS", True),
        ("Marisol Dalton", "PERSON", True),
        ("Dalton", "PERSON", False),
        ("12 Oak Street", "LOCATION", True),
        ("Springfield", "LOCATION", False),
        ("19 Sep 2014", "DATE_TIME", False),
        ("x1", "ID_NUMBER", False),
    ],
)
def test_only_long_random_or_whole_values_tell_something(
    value: str, entity_type: str, telling: bool
) -> None:
    assert is_telling(value, entity_type) == telling


def test_pieces_come_back_as_written(vault: Vault) -> None:
    pieces = [_piece(n, f"{n:09d}", n, kept=n % 2 == 0) for n in range(20_000)]
    with writing_removed(vault) as writer:
        for piece in pieces:
            writer.append(piece)
    assert list(read_removed(vault)) == pieces


def test_the_sampler_keeps_the_same_choice_in_any_order() -> None:
    places = [(n, 0, 5) for n in range(500)]
    choices = set()
    for order in (places, places[::-1], places[250:] + places[:250]):
        sampler = SlotSampler(KEY, 20)
        for place in order:
            sampler.offer(place)
        choices.add(sampler.chosen())
    assert len(choices) == 1
    assert len(choices.pop()) == 20


def test_slots_hold_what_precedes_the_value_and_decoys_of_its_form(vault: Vault) -> None:
    corpus = write_corpus(vault, [record(0, "SSN is [US_SSN], fine"), record(1, "none")])
    key = vault.keyed("removed")
    with writing_removed(vault) as writer:
        writer.append(_piece(0, "075-69-1543", 7, digest=fingerprint(key, "075-69-1543")))
        writer.append(_piece(1, "111-22-3333", 0, digest=fingerprint(key, "111-22-3333")))
    finder = KnownValues({"075 69 1543": "US_SSN", "111-22-3333": "US_SSN"})
    opened = open_removed(vault, corpus, records=[0], detect=finder.detect_batch)
    (slot,) = opened.slots
    assert (slot.before, slot.value) == ("SSN is ", "075-69-1543")
    assert len(slot.decoys) == DECOYS
    assert all(len(d) == 11 and d[3] == d[6] == "-" for d in slot.decoys)
    assert opened.find(["it is 075 69 1543", "or 111-22-3333", "nothing"]) == [1, 0, 0]


def test_true_values_are_not_in_the_repr() -> None:
    assert "075-69-1543" not in repr(_piece(0, "075-69-1543", 0))
