"""The privacy ledger: what every run spent, over which people, for the life of the data.

Sealed in the workspace's vault, hash-chained, written ahead: a run reserves all its planned steps
before the first of them and settles afterwards, so that a crash can only over-count. Refused runs
count: their report was seen. Two runs compose when they share a single privacy unit, by keyed
digests; composing every run that shares anyone bounds the person who is in all of them.

A run without differential privacy has no finite epsilon. It is listed and not composed; the figures
say how many there were. Where a policy let one be released, its people's budget is gone for good.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from appliance.crypto.canonical import canonical_json, digest_bytes
from appliance.errors import BudgetError, IntegrityError
from appliance.vault import Vault

_NAME = "ledger/entries.json"
UNIT_BYTES = 16
State = Literal["reserved", "spent", "refused", "released"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """`steps` Poisson-sampled Gaussian updates; what an accountant needs."""

    noise_multiplier: float
    sample_rate: float
    steps: int


#: Epsilon of the events' composition at a delta; given by the accounting room.
Compose = Callable[[Sequence[Event], float], float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One run's line.

    Attributes:
        run: the run's id.
        state: "reserved" before training, then "spent", then the verdict.
        event: the mechanism; None for a run without differential privacy.
        n_units: people the run could touch.
        delta: the run's delta.
        policy: the policy's name.
        started: UTC time of the reservation.
    """

    run: str
    state: State
    event: Event | None
    n_units: int
    delta: float
    policy: str
    started: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """What these people have spent, before and with a planned event.

    Attributes:
        previous_epsilon: all earlier runs over any of these people, composed.
        total_epsilon: the planned event included.
        unaccounted_runs: earlier runs over any of them without differential privacy.
        unbounded_releases: those among them that were released: no finite epsilon holds any more.
    """

    previous_epsilon: float
    total_epsilon: float
    unaccounted_runs: int
    unbounded_releases: int = 0


class Ledger:
    """The workspace's ledger."""

    def __init__(self, vault: Vault, compose: Compose) -> None:
        self._vault = vault
        self._compose = compose

    def entries(self) -> list[Entry]:
        """Return one entry per run, oldest first, each in its latest state.

        Raises:
            IntegrityError: the chain is broken.
        """
        runs: dict[str, Entry] = {}
        for line in self._lines():
            body = line["body"]
            if "settled" not in body:
                entry = _parse(body)
                runs[entry.run] = entry
            elif body.get("run") in runs:
                runs[body["run"]] = replace(runs[body["run"]], state=body["settled"])
            else:
                raise _broken()
        return list(runs.values())

    def head(self) -> str:
        """Return the digest of the last line; it is anchored in the audit log."""
        lines = self._lines()
        return _digest(lines[-1]) if lines else ""

    def budget(
        self, units: NDArray[np.void], *, event: Event | None, delta: float, run: str
    ) -> Budget:
        """Compose all runs that share a unit with `units`, before and with `event`.

        Args:
            units: [n] of V16, the keyed digests of the units a run would touch.
            event: the planned run; None when it has no differential privacy.
            delta: the delta of the composition.
            run: the planned run's id: its own line, if it is resumed, is not counted twice.
        """
        earlier = [e for e in self.entries() if e.run != run and self._shares(e.run, units)]
        events = [e.event for e in earlier if e.event is not None]
        previous = self._compose(events, delta) if events else 0.0
        total = self._compose([*events, event], delta) if event is not None else previous
        return Budget(
            previous_epsilon=previous,
            total_epsilon=total,
            unaccounted_runs=sum(e.event is None for e in earlier),
            unbounded_releases=sum(e.event is None and e.state == "released" for e in earlier),
        )

    def reserve(
        self,
        units: NDArray[np.void],
        *,
        run: str,
        event: Event | None,
        delta: float,
        lifetime_epsilon: float,
        policy: str,
        started: str,
    ) -> Budget:
        """Write a run down before its first step.

        Raises:
            BudgetError: the people's lifetime budget would break; nothing is written.
            IntegrityError: the run was reserved before for another mechanism or other people.
            ValueError: there are no people.
        """
        if not len(units):
            msg = "expected at least one unit"
            raise ValueError(msg)
        budget = self.budget(units, event=event, delta=delta, run=run)
        if event is not None and budget.unbounded_releases:
            raise BudgetError(
                "privacy.lifetime_epsilon",
                f"{budget.unbounded_releases} adapter(s) trained on these people without "
                "differential privacy were released: no lifetime epsilon holds for them",
                hint="appliance ledger show",
            )
        # NOTE: written so that an epsilon that is not a number refuses.
        if event is not None and not budget.total_epsilon <= lifetime_epsilon:
            raise BudgetError(
                "privacy.lifetime_epsilon",
                f"this run would bring epsilon to {budget.total_epsilon:.3f} for people who have "
                f"already spent {budget.previous_epsilon:.3f} of {lifetime_epsilon:g}",
                hint="appliance ledger show",
            )
        known = next((e for e in self.entries() if e.run == run), None)
        if known is not None:
            self._check_same(known, event, units)
            return budget
        self._vault.write_bytes(_units_name(run), units.tobytes())
        entry = Entry(
            run=run,
            state="reserved",
            event=event,
            n_units=len(units),
            delta=delta,
            policy=policy,
            started=started,
        )
        self._append(asdict(entry))
        return budget

    def settle(self, run: str, state: State) -> None:
        """Say how a run ended. What it spent never shrinks: its event stays as reserved.

        Raises:
            ValueError: the run was never reserved.
        """
        if all(e.run != run for e in self.entries()):
            msg = f"expected run={run!r} in the ledger"
            raise ValueError(msg)
        self._append({"run": run, "settled": state})

    def units(self, run: str) -> NDArray[np.void]:
        """Return the keyed digests of the people a run could touch, [n] of V16.

        Raises:
            IntegrityError: the run was never reserved.
        """
        return np.frombuffer(self._vault.read_bytes(_units_name(run)), dtype=f"V{UNIT_BYTES}")

    def epsilon_of(self, entry: Entry) -> float | None:
        """Return what one run spent alone; None without differential privacy."""
        return None if entry.event is None else self._compose([entry.event], entry.delta)

    def _check_same(self, known: Entry, event: Event | None, units: NDArray[np.void]) -> None:
        """Refuse to let a resumed run spend on what it never reserved."""
        what = None
        if known.event != event:
            what = "was reserved for another mechanism than the one resumed"
        elif self._vault.read_bytes(_units_name(known.run)) != units.tobytes():
            what = "was reserved for other people than those resumed"
        if what is not None:
            raise IntegrityError(
                f"ledger: run {known.run}", what, hint="appliance train --policy P --data D"
            )

    def _shares(self, run: str, units: NDArray[np.void]) -> bool:
        stored = np.frombuffer(self._vault.read_bytes(_units_name(run)), dtype=f"V{UNIT_BYTES}")
        # numpy cannot sort void; compare as pairs of integers.
        mine, theirs = _as_pairs(units), _as_pairs(stored)
        return bool(np.isin(mine, theirs).any())

    def _lines(self) -> list[dict[str, Any]]:
        if not self._vault.exists(_NAME):
            return []
        lines = self._vault.read_json(_NAME)
        if not isinstance(lines, list):
            raise _broken()
        prev = ""
        for seq, line in enumerate(lines):
            if not isinstance(line, dict) or line.get("seq") != seq or line.get("prev") != prev:
                raise _broken()
            if not isinstance(line.get("body"), dict):
                raise _broken()
            prev = _digest(line)
        return lines

    def _append(self, body: dict[str, Any]) -> None:
        lines = self._lines()
        prev = _digest(lines[-1]) if lines else ""
        self._vault.write_json(_NAME, [*lines, {"seq": len(lines), "prev": prev, "body": body}])


def as_units(digests: Sequence[bytes]) -> NDArray[np.void]:
    """Pack distinct 16-byte unit digests into an array [n] of V16, sorted.

    Raises:
        ValueError: a digest is not 16 bytes long: packed, it would blur with its neighbour.
    """
    if any(len(d) != UNIT_BYTES for d in digests):
        msg = f"expected digests of {UNIT_BYTES} bytes"
        raise ValueError(msg)
    return np.frombuffer(b"".join(sorted(set(digests))), dtype=f"V{UNIT_BYTES}")


def _as_pairs(units: NDArray[np.void]) -> NDArray[np.complex128]:
    # Keyed digests are uniform: 2 x 52 bits are as good as all of them for equality.
    words = np.frombuffer(units.tobytes(), dtype=np.uint64).reshape(-1, 2) >> np.uint64(12)
    return words[:, 0].astype(np.float64) + 1j * words[:, 1].astype(np.float64)


def _units_name(run: str) -> str:
    return f"ledger/units-{run}.bin"


def _parse(body: dict[str, Any]) -> Entry:
    try:
        values = dict(body)
        event = values.pop("event")
        return Entry(event=None if event is None else Event(**event), **values)
    except (TypeError, KeyError, ValueError):
        raise _broken() from None


def _digest(line: dict[str, Any]) -> str:
    return digest_bytes(canonical_json(line))


def _broken() -> IntegrityError:
    return IntegrityError("ledger", "its chain of entries is broken", hint="appliance log verify")
