"""Sealed examples come back as they were, grouped by person, with their tokens unseen on disk."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.crypto.keys import RootKey
from appliance.model import store
from appliance.model.examples import Example
from appliance.model.store import UnitExamples, read_examples, write_examples
from appliance.vault import Vault

NAME = "examples/train.arrow"


@pytest.fixture(scope="module")
def vault(tmp_path_factory: pytest.TempPathFactory) -> Vault:
    folder = tmp_path_factory.mktemp("store") / "vault"
    return Vault.create(folder, scope="test/store", root=RootKey.generate())


def example(tokens: list[int], *, record_id: int = 0) -> Example:
    mask = np.arange(len(tokens)) % 2 == 1
    return Example(input_ids=np.asarray(tokens, np.int32), loss_mask=mask, record_id=record_id)


def plain(found: Example) -> tuple[int, list[int], list[bool]]:
    return found.record_id, found.input_ids.tolist(), found.loss_mask.tolist()


rows = st.lists(
    st.tuples(
        st.sampled_from([bytes([n]) * 16 for n in (0, 3, 1, 255, 7)]),
        st.lists(st.integers(0, 2**31 - 1), min_size=1, max_size=9),
    ),
    max_size=25,
)


@settings(max_examples=40, deadline=None)
@given(rows=rows)
def test_what_was_written_is_read_back_by_person(
    vault: Vault, rows: list[tuple[bytes, list[int]]]
) -> None:
    written = [(unit, example(tokens, record_id=i)) for i, (unit, tokens) in enumerate(rows)]
    assert write_examples(vault, NAME, iter(written)) == len(rows)
    twin: dict[bytes, list[Example]] = defaultdict(list)
    for unit, one in written:
        twin[unit].append(one)
    found = read_examples(vault, NAME)
    assert list(found.digests) == sorted(twin)
    assert len(found) == len(twin)
    assert found.n_examples == len(rows)
    assert found.n_tokens == sum(len(tokens) for _, tokens in rows)
    for index, digest in enumerate(sorted(twin)):
        assert [plain(e) for e in found[index]] == [plain(e) for e in twin[digest]]


def test_several_batches_join(vault: Vault, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "_BATCH", 4)
    written = [(bytes([i % 3]) * 16, example([i, i + 1], record_id=i)) for i in range(11)]
    write_examples(vault, NAME, written)
    found = read_examples(vault, NAME)
    assert [e.record_id for unit in found for e in unit] == [0, 3, 6, 9, 1, 4, 7, 10, 2, 5, 8]


@pytest.fixture(scope="module")
def three(vault: Vault) -> UnitExamples:
    name = "examples/three.arrow"
    write_examples(vault, name, [(bytes([i]) * 16, example([i, i], record_id=i)) for i in range(3)])
    return read_examples(vault, name)


def test_units_index_and_slice_as_a_list_does(three: UnitExamples) -> None:
    ids = [[e.record_id for e in unit] for unit in three]
    assert ids == [[0], [1], [2]]
    assert [e.record_id for e in three[-1]] == [2]
    assert [[e.record_id for e in unit] for unit in three[::-1]] == ids[::-1]
    assert len(three[5:]) == 0


@pytest.mark.parametrize("index", [3, -4, 99])
def test_a_unit_that_is_not_there_is_an_index_error(three: UnitExamples, index: int) -> None:
    with pytest.raises(IndexError):
        three[index]


def test_an_empty_side_is_an_empty_sequence(vault: Vault) -> None:
    assert write_examples(vault, "examples/none.arrow", []) == 0
    found = read_examples(vault, "examples/none.arrow")
    assert (len(found), found.n_examples, found.n_tokens, list(found)) == (0, 0, 0, [])


def test_nothing_private_is_shown_or_in_clear(three: UnitExamples, vault: Vault) -> None:
    assert "UnitExamples()" in repr(three)
    tokens = np.arange(7000, 7200, dtype=np.int32)
    write_examples(
        vault,
        "examples/marked.arrow",
        [(b"m" * 16, Example(input_ids=tokens, loss_mask=tokens > 7000, record_id=0))],
    )
    marker = tokens[50:60].tobytes()
    files = [p for p in Path(vault.path).rglob("*") if p.is_file()]
    assert files
    assert not any(marker in p.read_bytes() for p in files)


def test_a_crash_while_writing_leaves_the_old_examples(vault: Vault) -> None:
    name = "examples/crash.arrow"
    write_examples(vault, name, [(b"a" * 16, example([1, 2]))])

    def failing() -> object:
        yield b"b" * 16, example([3, 4])
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_examples(vault, name, failing())  # type: ignore[arg-type]
    assert read_examples(vault, name).digests == (b"a" * 16,)
