from __future__ import annotations

from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.redact.persona import fold, name_pools, name_tokens, roles_of, usual_gender
from appliance.redact.real_values import RealValues
from tests.unit.redact.world import persona

NAMES = ["DALTON, MARISOL D", "Marisol Dalton", "Mrs. Dalton", "M. Dalton", "marisol"]


def test_one_person_stays_one_fictitious_person() -> None:
    who = persona()
    who.meet(NAMES)
    reversed_, full, titled, initialled, lower = (who.rename(n) for n in NAMES)
    given, family = full.split()
    assert reversed_.startswith(f"{family.upper()}, {given.upper()} ")
    assert titled == f"Mrs. {family}"
    assert initialled == f"{given[0]}. {family}"
    assert lower == given.lower()


def test_the_surrogates_do_not_depend_on_the_order_names_are_met() -> None:
    results = set()
    for order in permutations(NAMES[:4]):
        who = persona()
        who.meet(order)
        results.add(tuple(who.rename(n) for n in NAMES))
    assert len(results) == 1


def test_the_same_name_of_another_person_gets_another_surrogate() -> None:
    surrogates = {persona(bytes([n]) * 16).rename("Marisol Dalton") for n in range(20)}
    assert len(surrogates) > 15


def test_gender_is_kept_where_it_is_known() -> None:
    for name, gender in (("Marisol", "female"), ("José", "male"), ("Mary", "female")):
        for n in range(20):
            surrogate = persona(bytes([n]) * 16).rename(f"{name} Dalton").split()[0]
            assert usual_gender(fold(surrogate)) in (gender, None)
            assert surrogate in name_pools().female["en"] + name_pools().male["en"]


def test_a_title_tells_the_gender_of_an_unknown_given_name() -> None:
    for n in range(20):
        who = persona(bytes([n]) * 16)
        who.meet(["Mrs. Dalton", "Ubika Dalton"])
        assert who.rename("Ubika") in name_pools().female["en"]


def test_initials_are_kept_where_the_policy_wants_it() -> None:
    for n in range(20):
        who = persona(bytes([n]) * 16, keep_initials=True)
        given, family = who.rename("Marisol Dalton").split()
        assert (given[0], family[0]) == ("M", "D")


def test_titles_credentials_and_particles_stay() -> None:
    renamed = persona().rename("Dr. José de la Cruz Jr. MD")
    assert renamed.startswith("Dr. ")
    assert " de la " in renamed
    assert renamed.endswith(" Jr. MD")
    assert "Cruz" not in renamed


def test_a_genitive_stays() -> None:
    assert persona().rename("Marisol's").endswith("'s")


def test_a_surrogate_is_never_a_real_name_of_the_data() -> None:
    # All but three names of the pools are taken: only those three, or made-up ones, may come.
    pools = name_pools()
    real = RealValues(b"f" * 32, bits=1 << 20)
    free = {"Abigail", "Aaron", "Adkins"}
    for name in pools.female["en"] + pools.male["en"] + pools.last["en"]:
        if name not in free:
            real.add(fold(name))
    taken = {fold(n) for n in pools.female["en"] + pools.male["en"] + pools.last["en"]} - {
        fold(n) for n in free
    }
    for n in range(60):
        renamed = persona(bytes([n]) * 16, real=real).rename("Marisol Dalton")
        assert not taken & set(name_tokens(renamed))


@given(st.text(st.characters(categories=["L", "Zs", "P"]), min_size=1, max_size=40))
def test_no_name_token_survives_renaming(name: str) -> None:
    tokens = set(name_tokens(name))
    renamed = persona().rename(name)
    assert not tokens & set(name_tokens(renamed))


@given(st.text(max_size=40))
def test_renaming_is_a_function(name: str) -> None:
    assert persona().rename(name) == persona().rename(name)


@pytest.mark.parametrize(
    ("name", "roles"),
    [
        ("DALTON, MARISOL D", {"dalton": "family", "marisol": "given"}),
        ("Marisol Ann Dalton", {"marisol": "given", "ann": "given", "dalton": "family"}),
        ("Dr. Renner", {"renner": "family"}),
        ("Marisol", {"marisol": "given"}),
    ],
)
def test_roles_follow_the_way_a_name_is_written(name: str, roles: dict[str, str]) -> None:
    assert roles_of(name) == roles


def test_dates_of_a_person_move_and_persons_move_differently() -> None:
    shifts = [persona(bytes([n]) * 16).shift_days(365) for n in range(100)]
    assert all(s != 0 and abs(s) <= 365 for s in shifts)
    assert len(set(shifts)) > 70


def test_nothing_private_is_in_the_repr() -> None:
    who = persona()
    who.meet(NAMES)
    assert repr(who) == "Persona(...)"
