"""The ledger: written ahead, over people, append-only; a crash or a trick can only over-count."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from appliance.crypto.keys import RootKey
from appliance.errors import BudgetError, IntegrityError
from appliance.ledger import Budget, Event, Ledger, as_units
from appliance.vault import Vault

ENTRIES = "ledger/entries.json"
WHEN = "2026-01-01T00:00:00+00:00"


def count_steps(events: Sequence[Event], delta: float) -> float:
    """A stand-in for the accountant that adds up: one epsilon a step."""
    return float(sum(e.steps for e in events))


def event(steps: int) -> Event:
    return Event(noise_multiplier=1.0, sample_rate=0.1, steps=steps)


def people(*names: int) -> Any:
    return as_units([bytes([n]) * 16 for n in names])


@pytest.fixture
def vault(tmp_path: Path) -> Vault:
    return Vault.create(tmp_path / "vault", scope="test/ledger", root=RootKey.generate())


@pytest.fixture
def ledger(vault: Vault) -> Ledger:
    return Ledger(vault, count_steps)


def reserve(
    ledger: Ledger, run: str, units: Any, what: Event | None, *, lifetime: float = 100.0
) -> Budget:
    return ledger.reserve(
        units,
        run=run,
        event=what,
        delta=1e-5,
        lifetime_epsilon=lifetime,
        policy="p",
        started=WHEN,
    )


def test_a_new_ledger_is_empty(ledger: Ledger) -> None:
    assert ledger.entries() == []
    assert ledger.head() == ""


def test_a_reservation_counts_before_the_first_step(ledger: Ledger) -> None:
    reserve(ledger, "a", people(1, 2), event(5))
    assert ledger.entries()[0].state == "reserved"
    budget = ledger.budget(people(2), event=event(1), delta=1e-5, run="b")
    assert (budget.previous_epsilon, budget.total_epsilon) == (5.0, 6.0)


@pytest.mark.parametrize("state", ["spent", "refused", "released"])
def test_what_was_reserved_never_shrinks_however_the_run_ends(ledger: Ledger, state: Any) -> None:
    reserve(ledger, "a", people(1), event(5))
    ledger.settle("a", state)
    assert ledger.entries()[0].state == state
    assert ledger.budget(people(1), event=None, delta=1e-5, run="b").previous_epsilon == 5.0


def test_only_runs_that_share_a_person_compose(ledger: Ledger) -> None:
    reserve(ledger, "a", people(1, 2), event(5))
    reserve(ledger, "b", people(3, 4), event(7))
    assert ledger.budget(people(5), event=event(1), delta=1e-5, run="c").total_epsilon == 1.0
    assert ledger.budget(people(4, 5), event=event(1), delta=1e-5, run="c").total_epsilon == 8.0
    assert ledger.budget(people(2, 3), event=event(1), delta=1e-5, run="c").total_epsilon == 13.0


def test_a_broken_budget_writes_nothing(ledger: Ledger, vault: Vault) -> None:
    reserve(ledger, "a", people(1), event(9))
    before = ledger.head()
    with pytest.raises(BudgetError) as caught:
        reserve(ledger, "b", people(1), event(2), lifetime=10.0)
    assert caught.value.exit_code == 7
    assert ledger.head() == before
    assert len(ledger.entries()) == 1
    assert not vault.exists("ledger/units-b.bin")


def test_a_budget_spent_to_the_last_drop_is_allowed(ledger: Ledger) -> None:
    reserve(ledger, "a", people(1), event(9))
    reserve(ledger, "b", people(1), event(1), lifetime=10.0)


@pytest.mark.parametrize("answer", [math.nan, math.inf])
def test_an_epsilon_that_is_not_a_number_breaks_the_budget(vault: Vault, answer: float) -> None:
    odd = Ledger(vault, lambda _events, _delta: answer)
    with pytest.raises(BudgetError):
        reserve(odd, "a", people(1), event(1))
    assert odd.entries() == []


def test_a_resumed_run_is_counted_once(ledger: Ledger) -> None:
    first = reserve(ledger, "a", people(1), event(9), lifetime=10.0)
    assert reserve(ledger, "a", people(1), event(9), lifetime=10.0) == first
    assert len(ledger.entries()) == 1


def test_a_resumed_run_cannot_change_its_mechanism(ledger: Ledger) -> None:
    reserve(ledger, "a", people(1), event(5))
    for other in (event(6), None, Event(noise_multiplier=0.5, sample_rate=0.1, steps=5)):
        with pytest.raises(IntegrityError):
            reserve(ledger, "a", people(1), other)


def test_a_resumed_run_cannot_change_its_people(ledger: Ledger) -> None:
    reserve(ledger, "a", people(1, 2), event(5))
    for other in (people(1), people(1, 2, 3), people(8, 9)):
        with pytest.raises(IntegrityError) as caught:
            reserve(ledger, "a", other, event(5))
        assert caught.value.exit_code == 6


def test_a_reservation_over_nobody_is_refused(ledger: Ledger) -> None:
    with pytest.raises(ValueError, match="at least one unit"):
        reserve(ledger, "a", as_units([]), event(5))
    assert ledger.entries() == []


def test_a_run_without_privacy_is_listed_and_not_composed(ledger: Ledger) -> None:
    reserve(ledger, "a", people(1), None)
    ledger.settle("a", "refused")
    budget = ledger.budget(people(1), event=event(3), delta=1e-5, run="b")
    assert (budget.total_epsilon, budget.unaccounted_runs) == (3.0, 1)
    assert ledger.epsilon_of(ledger.entries()[0]) is None
    reserve(ledger, "b", people(1), event(3))


def test_people_of_a_release_without_privacy_have_no_budget_left(ledger: Ledger) -> None:
    reserve(ledger, "a", people(1), None)
    ledger.settle("a", "released")
    with pytest.raises(BudgetError):
        reserve(ledger, "b", people(1, 2), event(1))
    reserve(ledger, "c", people(2), event(1))


def test_settling_an_unknown_run_is_refused(ledger: Ledger) -> None:
    with pytest.raises(ValueError, match="in the ledger"):
        ledger.settle("nobody", "spent")


def test_a_crash_between_the_people_and_the_line_leaves_no_run_and_can_be_repeated(
    ledger: Ledger, vault: Vault, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = vault.write_json

    def crash(name: str, value: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(vault, "write_json", crash)
    with pytest.raises(KeyboardInterrupt):
        reserve(ledger, "a", people(1), event(5))
    monkeypatch.setattr(vault, "write_json", real)
    assert ledger.entries() == []
    assert vault.exists("ledger/units-a.bin")
    reserve(ledger, "a", people(1, 2), event(5))
    assert ledger.entries()[0].n_units == 2
    assert ledger.budget(people(2), event=None, delta=1e-5, run="b").previous_epsilon == 5.0


def test_a_run_whose_people_are_missing_is_never_taken_for_one_without(
    ledger: Ledger, vault: Vault
) -> None:
    reserve(ledger, "a", people(1), event(5))
    vault.delete("ledger/units-a.bin")
    with pytest.raises(IntegrityError):
        ledger.budget(people(1), event=event(1), delta=1e-5, run="b")


Lines = list[dict[str, Any]]


def _shrink(lines: Lines) -> Lines:
    lines[0]["body"]["event"]["steps"] = 1
    return lines


TAMPERINGS: dict[str, Callable[[Lines], Any]] = {
    "a figure changed": _shrink,
    "the first line dropped": lambda lines: lines[1:],
    "a middle line dropped": lambda lines: [lines[0], lines[2]],
    "two lines exchanged": lambda lines: [lines[0], lines[2], lines[1]],
    "a line repeated": lambda lines: [*lines, lines[-1]],
    "not a list": lambda lines: {"lines": lines},
    "a line that is text": lambda lines: [*lines, "x"],
    "a settlement of nobody": lambda lines: [
        {"seq": 0, "prev": "", "body": {"run": "z", "settled": "spent"}}
    ],
    "a line without a run": lambda lines: [{"seq": 0, "prev": "", "body": {"event": None}}],
    "a body that is text": lambda lines: [{"seq": 0, "prev": "", "body": "x"}],
    "an event of another shape": lambda lines: [
        {"seq": 0, "prev": "", "body": {**lines[0]["body"], "event": {"sigma": 1.0}}}
    ],
}


@pytest.mark.parametrize("name", TAMPERINGS)
def test_tampering_breaks_the_chain(ledger: Ledger, vault: Vault, name: str) -> None:
    reserve(ledger, "a", people(1), event(5))
    ledger.settle("a", "spent")
    ledger.settle("a", "released")
    vault.write_json(ENTRIES, TAMPERINGS[name](vault.read_json(ENTRIES)))
    with pytest.raises(IntegrityError) as caught:
        ledger.entries()
    assert caught.value.exit_code == 6
    with pytest.raises(IntegrityError):
        reserve(ledger, "b", people(1), event(1))


def test_the_head_changes_with_every_line(ledger: Ledger) -> None:
    heads = {ledger.head()}
    reserve(ledger, "a", people(1), event(5))
    heads.add(ledger.head())
    ledger.settle("a", "spent")
    heads.add(ledger.head())
    assert len(heads) == 3


def test_units_are_distinct_sorted_and_of_one_length() -> None:
    units = as_units([b"b" * 16, b"a" * 16, b"b" * 16])
    assert units.tobytes() == b"a" * 16 + b"b" * 16
    for wrong in ([b"a" * 8, b"b" * 8], [b"a" * 17], [b""]):
        with pytest.raises(ValueError, match="16 bytes"):
            as_units(wrong)


digests = st.lists(st.binary(min_size=16, max_size=16), min_size=1, max_size=12)


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(one=digests, two=digests, shared=st.booleans())
def test_sharing_a_person_agrees_with_its_slow_twin(
    tmp_path_factory: pytest.TempPathFactory,
    one: list[bytes],
    two: list[bytes],
    shared: bool,
) -> None:
    if shared:
        two = [*two, one[0]]
    folder = tmp_path_factory.mktemp("v") / "vault"
    ledger = Ledger(Vault.create(folder, scope="test/l", root=RootKey.generate()), count_steps)
    reserve(ledger, "a", as_units(one), event(5))
    budget = ledger.budget(as_units(two), event=None, delta=1e-5, run="b")
    assert (budget.previous_epsilon > 0) == bool(set(one) & set(two))


def test_people_who_differ_in_one_bit_are_two_people(ledger: Ledger) -> None:
    base = bytes(range(16))
    reserve(ledger, "a", as_units([base]), event(5))
    for byte in (1, 2, 7, 9, 10, 15):
        near = bytearray(base)
        near[byte] ^= 0x80
        budget = ledger.budget(as_units([bytes(near)]), event=None, delta=1e-5, run="b")
        assert budget.previous_epsilon == 0.0


def test_the_real_accountant_composes_monotonely(vault: Vault) -> None:
    from appliance.finetune.spent import compose

    ledger = Ledger(vault, compose)
    spent = []
    for run in ("a", "b", "c"):
        budget = ledger.reserve(
            people(1),
            run=run,
            event=Event(noise_multiplier=2.0, sample_rate=0.2, steps=10),
            delta=1e-4,
            lifetime_epsilon=100.0,
            policy="p",
            started=WHEN,
        )
        assert budget.previous_epsilon == pytest.approx(spent[-1] if spent else 0.0)
        spent.append(budget.total_epsilon)
    assert 0 < spent[0] < spent[1] < spent[2]
    assert spent[2] < 3 * spent[0], "three runs compose to less than their sum"
    alone = ledger.epsilon_of(ledger.entries()[2])
    assert alone == pytest.approx(spent[0])
    assert np.isfinite(spent).all()
