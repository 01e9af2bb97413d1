"""Catalogs say the same things in both languages, and code asks for what they have."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

import appliance
from appliance.finetune import toy
from appliance.finetune.loss import causal_lm_loss
from appliance.finetune.selftest_checks import Rig, check_noise, check_sampler
from appliance.ingest.rows import CAUSES
from appliance.redact import verdicts
from appliance.report.words import LANGUAGES, Words, _read

ROOT = Path(appliance.__file__).parent
#: Groups whose English is the name itself.
TRANSLATED_ONLY = ("detail.", "reason.", "column.", "check.", "lock.")
PLACES = re.compile(r"\{(\w+)\}")


def literal_keys() -> set[str]:
    """Keys that the code of `report` and `release` says outright."""
    found = set()
    for path in [*(ROOT / "report").glob("*.py"), *(ROOT / "release").glob("*.py")]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                first = node.args[0] if node.args else None
                if node.func.attr == "say" and isinstance(first, ast.Constant):
                    found.add(first.value)
    return found


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_key_the_code_says_is_in_the_catalog(language: str) -> None:
    assert literal_keys() - set(_read(language)) == set()


def test_catalogs_have_the_same_keys_and_places() -> None:
    english, portuguese = (_read(language) for language in LANGUAGES)
    extra = {k for k in portuguese if not k.startswith(TRANSLATED_ONLY)}
    assert extra == set(english)
    for key, said in english.items():
        assert set(PLACES.findall(said)) == set(PLACES.findall(portuguese[key])), key


def test_an_unknown_language_has_no_words() -> None:
    with pytest.raises(ValueError, match="expected language='xx'"):
        Words.load("xx")


def test_a_missing_key_is_a_bug_not_an_empty_string() -> None:
    with pytest.raises(KeyError):
        Words.load("en").say("no.such.key")


@pytest.mark.parametrize(
    ("value", "english", "portuguese"),
    [
        (0, "0", "0"),
        (0.0, "0", "0"),
        (7.94, "7.94", "7,94"),
        (0.0019, "0.0019", "0,0019"),
        (0.00586, "0.00586", "0,00586"),
        (1.3e-7, "1.3 × 10⁻⁷", "1,3 × 10⁻⁷"),
        (1204, "1,204", "1.204"),
        (2_442_240, "2,442,240", "2.442.240"),
        (-41.2, "−41.2", "−41,2"),
        (16.0, "16", "16"),
    ],
)
def test_numbers_read_as_the_language_writes_them(
    value: float, english: str, portuguese: str
) -> None:
    assert Words.load("en").number(value) == english
    assert Words.load("pt-BR").number(value) == portuguese


@pytest.mark.parametrize(
    ("share", "said"),
    [
        (0.5, "50 %"),
        (0.9996438, "99.96 %"),
        (0.99999999, "99.999999 %"),
        (1.0, "100 %"),
        (0.0002, "0.02 %"),
        (0.0, "0 %"),
    ],
)
def test_a_share_is_never_rounded_to_certainty(share: float, said: str) -> None:
    assert Words.load("en").percent(share) == said


def test_values_of_any_kind_have_words() -> None:
    words = Words.load("pt-BR")
    assert words.value(None) == "não medido"
    assert (words.value(True), words.value(False)) == ("sim", "não")
    assert words.value("dp-sgd") == "dp-sgd"
    assert words.size(1_700_000_000) == "1,7 GB"
    assert words.duration(312.0) == "5,2 min"


def column_reasons() -> set[str]:
    """Every sentence with which de-identification can explain a column, 7 in its places."""
    found = {f"7 % {shape[3]}" for shape in verdicts._SHAPES}
    for name in ("verdicts.py", "columns.py"):
        tree = ast.parse((ROOT / "redact" / name).read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            said: ast.expr | None = None
            if isinstance(node, ast.keyword) and node.arg in ("why", "evidence"):
                said = node.value
            elif isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "why":
                said = node.value.left if isinstance(node.value, ast.BinOp) else node.value
            elif isinstance(node, ast.Return) and isinstance(node.value, ast.JoinedStr):
                said = node.value
            if isinstance(said, ast.Constant | ast.JoinedStr):
                parts = said.values if isinstance(said, ast.JoinedStr) else [said]
                text = "".join(str(p.value) if isinstance(p, ast.Constant) else "7" for p in parts)
                found.add(text.removeprefix("; "))
    return {text for text in found if text.strip("7 %")}


def test_every_reason_for_a_column_is_said_in_portuguese() -> None:
    words = Words.load("pt-BR")
    reasons = column_reasons()
    assert len(reasons) > 25
    assert {text for text in reasons if words.phrase("column", text) == text} == set()


def test_a_sentence_carries_over_what_stands_in_its_places() -> None:
    words = Words.load("pt-BR")
    said = words.phrase("column", "header says 'date of birth'; 98 % of the values look so")
    assert said == "o cabeçalho diz 'date of birth'; 98 % dos valores parecem isso"
    assert words.phrase("column", "something new") == "something new"
    assert Words.load("en").phrase("column", "7 % are dates") == "7 % are dates"


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_cause_of_an_unreadable_row_has_words(language: str) -> None:
    assert {f"cause.{cause}" for cause in CAUSES} - set(_read(language)) == set()


def test_every_check_of_the_self_test_is_named_in_portuguese() -> None:
    names = set()
    for path in (ROOT / "finetune").glob("selftest*.py"):
        names |= set(re.findall(r'name="(T\d[^"]+)"', path.read_text(encoding="utf-8")))
    assert len(names) > 8
    assert {f"check.{name}" for name in names} - set(_read("pt-BR")) == set()


def test_nothing_of_a_self_test_is_left_in_english() -> None:
    words = Words.load("pt-BR")
    rig = Rig(model=toy.toy_model(), clipping="abadi", loss_fn=causal_lm_loss)
    checks = (*check_noise(rig), *check_sampler(rig))
    said = {text for check in checks for text in (check.name, check.expected, check.detail)}
    left = {text for text in said if words.phrase("check", text) == text}
    assert len(said) > 15
    assert {text for text in left if re.search(r"[a-z]{3}", text)} == set()
    assert "of all" not in words.phrase("check", "T2 noise variance of all tensors")


def lock_details() -> set[str]:
    """Every sentence with which a lock says how it was seen, or why it is not in force."""
    found = set()
    for node in ast.walk(ast.parse((ROOT / "locks" / "process.py").read_text(encoding="utf-8"))):
        said: ast.expr | None = None
        if isinstance(node, ast.Return):
            said = node.value
        elif isinstance(node, ast.Call) and ast.unparse(node.func) == "_NotInForceError":
            said = node.args[0]
        if isinstance(said, ast.Constant | ast.JoinedStr):
            parts = said.values if isinstance(said, ast.JoinedStr) else [said]
            found.add("".join(str(p.value) if isinstance(p, ast.Constant) else "7" for p in parts))
    return {text for text in found if " " in text and text != "unix connect"}


def test_every_lock_is_said_in_portuguese() -> None:
    words = Words.load("pt-BR")
    details = lock_details()
    assert len(details) > 15
    assert {text for text in details if words.phrase("lock", text) == text} == set()
    assert words.phrase("lock", "in force: limit 0") == "em vigor: limite 0"
