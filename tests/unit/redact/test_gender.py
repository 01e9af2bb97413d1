"""A surrogate keeps the gender the record gives its person; where it gives none, nothing is made up."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from appliance.corpus import Corpus
from appliance.policy.model import Policy
from appliance.progress import SilentProgress
from appliance.records import Json, Record
from appliance.redact.gender import gender_of_value, names_the_person, spoken_gender, titled
from appliance.redact.persona import name_pools
from appliance.redact.stage import redact
from appliance.vault import Vault
from tests.unit.redact.world import KnownValues, policy, record, write_corpus

#: No list knows these given names.
NAMES = {"Ubika Okonkwo": "PERSON", "Okonkwo": "PERSON"}


def _rewritten(
    vault: Vault, records: Sequence[Record], *, rules: Policy | None = None
) -> list[Record]:
    redact(
        write_corpus(vault, records),
        policy=rules or policy(),
        vault=vault,
        person_key=b"p" * 32,
        progress=SilentProgress(),
        detector=KnownValues(NAMES),
        reference_year=2026,
    )
    return list(Corpus(vault, "redact/corpus.arrow"))


def _given(vault: Vault, text: str, language: str = "en", **extra: Json) -> list[str]:
    """Rewrite the same text of twenty people; return the surrogates of the first given name."""
    rules = policy()
    data = rules.data.model_copy(update={"languages": (language,)})
    rows = [record(i, text, unit=f"u{i}", **extra) for i in range(20)]
    after = _rewritten(vault, rows, rules=rules.model_copy(update={"data": data}))
    place = text.split().index("Ubika")
    return [r.texts()[0].split()[place] for r in after]


@pytest.mark.parametrize(
    ("text", "language", "female"),
    [
        ("Ubika Okonkwo came in. She has pain.", "en", True),
        ("Ubika Okonkwo came in. He has pain.", "en", False),
        ("Ubika Okonkwo is a 72-year-old gentleman.", "en", False),
        ("Mrs. Ubika Okonkwo came in with his son.", "en", True),
        ("Veio à consulta a Ubika Okonkwo com dor.", "pt", True),
        ("Consulta do Ubika Okonkwo por dor.", "pt", False),
    ],
)
def test_the_text_tells_the_gender_of_a_name_no_list_knows(
    vault: Vault, text: str, language: str, female: bool
) -> None:
    drawn = _given(vault, text, language)
    pool = name_pools().female if female else name_pools().male
    assert set(drawn) <= set(pool[language])
    assert len(set(drawn)) > 5


def test_a_column_outranks_the_name_and_the_text(vault: Vault) -> None:
    rows = [
        record(i, "He said so.", unit=f"u{i}", first_name="Ashley", sex="M", mother_name="Ubika")
        for i in range(20)
    ]
    after = _rewritten(vault, rows)
    assert {r.extra["first_name"] for r in after} <= set(name_pools().male["en"])
    assert not {r.extra["mother_name"] for r in after} <= set(name_pools().male["en"])


def test_texts_that_contradict_each_other_say_nothing(vault: Vault) -> None:
    drawn = _given(vault, "Today Ubika Okonkwo said she left. Later Ubika Okonkwo said he stayed.")
    assert set(drawn) & set(name_pools().female["en"])
    assert set(drawn) & set(name_pools().male["en"])


def test_a_title_in_front_of_a_name_settles_what_kind_of_name_it_is() -> None:
    assert titled("seen by Dr. Grant today", 12, 17) == "Dr Grant"
    assert titled("seen by Grant", 8, 13) == "Grant"


@pytest.mark.parametrize(
    ("column", "value", "said"),
    [
        ("sex", "F", "female"),
        ("patient_gender", "male", "male"),
        ("Geschlecht", "w", "female"),
        ("sexo", "masculino", "male"),
        ("sex", "U", None),
        ("status", "M", None),
    ],
)
def test_a_column_of_sexes_is_read(column: str, value: str, said: str | None) -> None:
    assert gender_of_value(column, value) == said


def test_columns_about_others_are_not_the_person_s() -> None:
    assert names_the_person("first_name")
    assert names_the_person("patient_name")
    assert not names_the_person("attending_physician")
    assert not names_the_person("nome_da_mae")


def test_pronouns_behind_the_next_name_are_not_this_person_s() -> None:
    text = "Ann met Bob. He left."
    assert spoken_gender(text, 0, 3, stop=8, language="en") is None
    assert spoken_gender(text, 8, 11, stop=len(text), language="en") == "male"
