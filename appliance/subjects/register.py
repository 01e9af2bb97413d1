"""The erasure register: people by keyed digests only, and what holds them.

    vault "home": subjects/data-<run>.json    {"source": name, "units": count}
                  subjects/units-<run>.bin    16-byte digests of a run's people, sorted, packed
                  subjects/erased.bin         digests of people who were erased; never read again
                  subjects/marks.json         run -> {erasure: choice}, for adapters
                  subjects/pending.json       an erasure that began and did not end

A digest is keyed by the workspace's own key: without it nobody can ask whether a person is here.
The ledger's list of the people trained on says which adapters saw them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from appliance.ledger import as_units
from appliance.vault import Vault

UNIT_BYTES = 16
_ERASED = "subjects/erased.bin"
_MARKS = "subjects/marks.json"
_PENDING = "subjects/pending.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class DataSet:
    """What one run read.

    Attributes:
        run: the run.
        source: name of the file or folder, without its place.
        units: people in it.
    """

    run: str
    source: str
    units: int


def record(vault: Vault, run: str, *, source: str, units: Iterable[bytes]) -> None:
    """Keep whom a run's data holds; done once, repeated after a crash."""
    packed = as_units(list(units))
    vault.write_bytes(_units(run), packed.tobytes())
    vault.write_json(_data(run), {"source": source, "units": len(packed)})


def recorded(vault: Vault, run: str) -> bool:
    """Say whether a run's people are in the register."""
    return vault.exists(_data(run))


def data_sets(vault: Vault) -> list[DataSet]:
    """Return every data set of the register, by run."""
    found = []
    for name in vault.names("subjects/data-"):
        run = name.removeprefix("subjects/data-").removesuffix(".json")
        row = vault.read_json(name)
        found.append(DataSet(run=run, source=row["source"], units=row["units"]))
    return found


def holds(vault: Vault, run: str, person: bytes) -> bool:
    """Say whether a run's data holds a person."""
    return vault.exists(_units(run)) and _among(vault.read_bytes(_units(run)), person)


def trained_on(vault: Vault, run: str, person: bytes) -> bool:
    """Say whether a run trained on a person, by the ledger's own list."""
    name = f"ledger/units-{run}.bin"
    return vault.exists(name) and _among(vault.read_bytes(name), person)


def erased(vault: Vault) -> frozenset[bytes]:
    """Return the people who were erased: no run reads them again."""
    if not vault.exists(_ERASED):
        return frozenset()
    packed = vault.read_bytes(_ERASED)
    return frozenset(packed[i : i + UNIT_BYTES] for i in range(0, len(packed), UNIT_BYTES))


def set_erased(vault: Vault, person: bytes) -> None:
    """Remember a person as erased, for good."""
    known = erased(vault)
    if person not in known:
        vault.write_bytes(_ERASED, b"".join(sorted(known | {person})))


def marks(vault: Vault) -> dict[str, dict[str, str]]:
    """Return the choices made about adapters: run -> erasure -> choice."""
    return dict(vault.read_json(_MARKS)) if vault.exists(_MARKS) else {}


def mark(vault: Vault, run: str, erasure: str, choice: str) -> None:
    """Mark a run's adapter with the choice made at an erasure."""
    known = marks(vault)
    known[run] = {**known.get(run, {}), erasure: choice}
    vault.write_json(_MARKS, known)


def pending(vault: Vault) -> dict[str, Any] | None:
    """Return the erasure that a crash interrupted, if one did."""
    return dict(vault.read_json(_PENDING)) if vault.exists(_PENDING) else None


def set_pending(vault: Vault, row: dict[str, Any] | None) -> None:
    """Remember that an erasure began, or that it ended."""
    if row is not None:
        vault.write_json(_PENDING, row)
    elif vault.exists(_PENDING):
        vault.delete(_PENDING)


def _among(packed: bytes, person: bytes) -> bool:
    """Look a digest up in a sorted, packed list."""
    listed = np.frombuffer(packed, dtype=f"V{UNIT_BYTES}").view(f"S{UNIT_BYTES}")
    # Fixed-size byte strings drop trailing zeros when read out; compared whole they do not differ.
    return bool((listed == np.frombuffer(person, dtype=f"S{UNIT_BYTES}")[0]).any())


def _units(run: str) -> str:
    return f"subjects/units-{run}.bin"


def _data(run: str) -> str:
    return f"subjects/data-{run}.json"
