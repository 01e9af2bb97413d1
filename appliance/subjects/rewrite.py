"""Take one person out of a run's sealed shards.

Rules:
- A table with a column of people (`unit`) is written again without the person's rows; record ids
  are numbered anew, everywhere alike.
- What is not known to hold no person is removed: rows set aside, scores, checkpoints, losses.
- The bytes before go with the run's data keys, which the caller replaces (`reseal_run`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.ipc as ipc
from numpy.typing import NDArray

from appliance.corpus import Corpus
from appliance.vault import Vault

_SIDES = "split/sides.arrow"
_PLAN = "erase/plan.json"
_CORPORA = ("ingest/corpus.arrow", "redact/corpus.arrow")
#: What holds no person: the plan, settings, names of files, made-up secrets, the adapter itself.
_HARMLESS = (
    _PLAN,
    "run/",
    "manifest/",
    "canaries/",
    "finetune/adapter/",
    "ingest/sources.json",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shard:
    """One sealed file of a run that holds a person.

    Attributes:
        name: its logical name.
        rows: how many of its rows are the person's.
    """

    name: str
    rows: int


def shards_of(vault: Vault, person: bytes) -> list[Shard]:
    """Return the shards of a run that hold a person."""
    found = []
    for name in vault.names():
        rows = _rows_of(vault, name, person)
        if rows:
            found.append(Shard(name=name, rows=rows))
    return found


def take_out(vault: Vault, person: bytes) -> None:
    """Write every shard again without a person, and remove what may hold them unseen.

    Guarantees:
        Repeated after a crash it ends as if it had not been interrupted: a plan names every file by
        its digest before, each is replaced whole, and the corpus that numbers are drawn from goes
        last.
    """
    if not vault.exists(_PLAN):
        vault.write_json(_PLAN, {name: vault.digest(name) for name in _affected(vault, person)})
    plan: dict[str, str] = vault.read_json(_PLAN)
    todo = [name for name, digest in plan.items() if vault.digest(name) == digest]
    kept = {n: _kept_rows(vault, n, person) for n in _CORPORA if n in todo}
    numbers = _numbers(kept.get(_CORPORA[-1], kept.get(_CORPORA[0])))
    for name in todo:
        if name == _SIDES:
            _rewrite(vault, name, None, numbers)
        elif name not in _CORPORA:
            _rewrite(vault, name, person, numbers)
    for name, rows in kept.items():
        Corpus(vault, name).copy(name, keep=rows)
    for name in vault.names():
        if not name.endswith(".arrow") and not name.startswith(_HARMLESS):
            vault.delete(name)
    vault.delete(_PLAN)


def _affected(vault: Vault, person: bytes) -> list[str]:
    """Return the tables that hold the person, or a record's number."""
    if not shards_of(vault, person):
        return []
    tables = [n for n in vault.names() if n.endswith(".arrow")]
    return [n for n in tables if n == _SIDES or n in _CORPORA or _schema_has_people(vault, n)]


def _schema_has_people(vault: Vault, name: str) -> bool:
    with vault.reader(name) as source:
        return _has_people(ipc.open_file(source).schema)


def _rows_of(vault: Vault, name: str, person: bytes) -> int:
    if not name.endswith(".arrow"):
        return 0
    with vault.reader(name) as source:
        reader = ipc.open_file(source)
        if not _has_people(reader.schema):
            return 0
        at = reader.schema.get_field_index("unit")
        batches = (reader.get_batch(i).column(at) for i in range(reader.num_record_batches))
        return sum(int((np.array(b.to_pylist(), object) == person).sum()) for b in batches)


def _has_people(schema: pa.Schema) -> bool:
    return "unit" in schema.names and pa.types.is_fixed_size_binary(schema.field("unit").type)


def _kept_rows(vault: Vault, name: str, person: bytes) -> NDArray[np.bool_]:
    return np.array([unit != person for _, unit in Corpus(vault, name).units()], np.bool_)


def _numbers(kept: NDArray[np.bool_] | None) -> NDArray[np.int64] | None:
    """Return each record's new number, -1 for the person's; None when nothing changes."""
    if kept is None or bool(kept.all()):
        return None
    return np.where(kept, np.cumsum(kept) - 1, -1)


def _rewrite(
    vault: Vault, name: str, person: bytes | None, numbers: NDArray[np.int64] | None
) -> None:
    """Write a table again: without a person's rows, or without those that have no number."""
    with vault.reader(name) as source:
        reader = ipc.open_file(source)
        batches = [reader.get_batch(i) for i in range(reader.num_record_batches)]
        schema = reader.schema
    if person is None and numbers is None:
        return
    first = 0
    with vault.writer(name) as sink, ipc.new_file(sink, schema) as writer:
        for batch in batches:
            if person is None:
                keep = numbers[first : first + batch.num_rows] >= 0  # type: ignore[index]  # above
            else:
                units = batch.column(schema.get_field_index("unit")).to_pylist()
                keep = np.array([unit != person for unit in units], np.bool_)
            first += batch.num_rows
            writer.write_batch(_renumbered(batch.filter(pa.array(keep)), numbers))


def _renumbered(batch: pa.RecordBatch, numbers: NDArray[np.int64] | None) -> pa.RecordBatch:
    """Give a table's record ids their new numbers, if it has any."""
    if numbers is None or "record_id" not in batch.schema.names:
        return batch
    at = batch.schema.get_field_index("record_id")
    ids = pa.array(numbers[batch.column(at).to_numpy()], pa.int64())
    return batch.set_column(at, batch.schema.field(at), ids)
