"""Erasing a person: no shard holds them, no key opens what did, nobody reads them in again."""

from __future__ import annotations

import base64
import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from appliance.corpus import Corpus
from appliance.crypto.signing import VerifyingKey, dsse_verify
from appliance.errors import ApplianceError, IntegrityError, UsageError
from appliance.finetune.spent import compose
from appliance.ingest.split import read_sides
from appliance.ledger import Ledger, as_units
from appliance.model.store import read_examples
from appliance.records import SIDES
from appliance.run import status
from appliance.settlement import erasing
from appliance.settlement.erasing import digest_of, erase, find
from appliance.subjects import register
from appliance.vault import Vault
from appliance.workspace import Home
from tests.support.inside import appliance
from tests.unit.subjects.world import (
    MARKER,
    NOW,
    RUN,
    WHO,
    a_run,
    clock,
    opened,
    plain_text,
    read_in,
    rows,
    tokens,
)


def test_a_person_is_found_in_every_shard_and_run(home: Home, tmp_path: Path) -> None:
    a_run(home, tmp_path / "notes.jsonl")
    (trace,) = find(home, digest_of(home, f"  {WHO} "))
    names = {name for name, _ in trace.shards}
    assert {"ingest/corpus.arrow", "redact/corpus.arrow"} <= names
    assert any(name.startswith("examples/") for name in names)
    assert trace.trained_on
    assert trace.adapter == "released"
    assert trace.source == "notes.jsonl"
    assert find(home, digest_of(home, "MRN-99")) == []


def test_an_erased_person_is_in_no_shard_and_everybody_else_still_is(
    home: Home, tmp_path: Path
) -> None:
    vault = a_run(home, tmp_path / "notes.jsonl")
    assert MARKER.encode() in plain_text(vault)
    before = [r.fields["text"] for r in Corpus(vault, "redact/corpus.arrow")]
    person = digest_of(home, WHO)
    erase(home, person, "rely-on-dp", clock=clock)
    vault = home.run_vault(RUN)
    left = plain_text(vault)
    assert MARKER.encode() not in left
    assert tokens(MARKER) not in left
    assert person not in left
    kept = [t for t in before if MARKER not in str(t)]
    for name in ("ingest/corpus.arrow", "redact/corpus.arrow"):
        corpus = Corpus(vault, name)
        assert [r.fields["text"] for r in corpus] == kept
        assert [r.record_id for r in corpus] == list(range(len(kept)))
    redacted = Corpus(vault, "redact/corpus.arrow")
    sides = read_sides(vault)
    assert len(sides.side) == len(kept)
    for side in SIDES:
        examples = read_examples(vault, f"examples/{side}.arrow")
        assert sorted(examples.record_ids.tolist()) == sides.ids(side).tolist()
        for unit in examples:
            for example in unit:
                (record,) = redacted.take([example.record_id])
                text = bytes(example.input_ids.astype(np.uint8).tolist()).decode()
                assert text == record.fields["text"]
    assert not vault.exists("ingest/quarantine.jsonl"), "nobody knows whose those rows were"
    assert not vault.exists("base_scores/scores.json")
    assert vault.exists("run/settings.json")
    (trace,) = find(home, person)
    assert trace.shards == ()
    home.verify()


def test_the_bytes_of_before_open_no_more(home: Home, tmp_path: Path) -> None:
    a_run(home, tmp_path / "notes.jsonl")
    folder = home.path / "runs" / RUN / "vault"
    shutil.copytree(folder, tmp_path / "stolen")
    wrapped = json.loads((folder / "keys.json").read_bytes())["keys"]
    del wrapped[".keyed"]  # seals nothing: it derives digests
    assert MARKER.encode() in plain_text(
        Vault.open(tmp_path / "stolen", scope=f"run/{RUN}", root=home._root, writable=False)
    ), "with their keys the old bytes open"
    erase(home, digest_of(home, WHO), "rely-on-dp", clock=clock)
    now = json.loads((folder / "keys.json").read_bytes())["keys"]
    assert not set(wrapped.values()) & set(now.values()), "no data key survives"
    for path in home.path.rglob("*"):
        if path.is_file():
            raw = path.read_bytes()
            assert not any(k.encode() in raw for k in wrapped.values()), path
    shutil.copy(folder / "keys.json", tmp_path / "stolen" / "keys.json")
    with pytest.raises(IntegrityError):
        Vault.open(tmp_path / "stolen", scope=f"run/{RUN}", root=home._root, writable=False)


def test_an_erased_person_is_never_read_in_again(home: Home, tmp_path: Path) -> None:
    a_run(home, tmp_path / "notes.jsonl")
    person = digest_of(home, WHO)
    erase(home, person, "rely-on-dp", clock=clock)
    vault = home.run_vault("20260202T000000-bbbb")
    section = read_in(home, vault, tmp_path / "notes.jsonl")
    assert section.records_erased == 2
    assert section.records_read == 41
    assert section.units == 19
    assert MARKER.encode() not in vault.read_bytes("ingest/corpus.arrow")


def test_an_unfinished_run_is_burned_whole(home: Home, tmp_path: Path) -> None:
    a_run(home, tmp_path / "notes.jsonl", verdict=None)
    receipt, _ = erase(home, digest_of(home, WHO), "retire", clock=clock)
    assert not (home.path / "runs" / RUN).exists()
    assert status(home, RUN).verdict == "burned"
    assert receipt["runs"][0]["action"] == "unfinished run burned whole"


@pytest.mark.parametrize("choice", ["retrain", "retire"])
def test_a_withdrawn_adapter_leaves_the_releases(
    home: Home, tmp_path: Path, choice: erasing.Choice
) -> None:
    a_run(home, tmp_path / "notes.jsonl")
    receipt, _ = erase(home, digest_of(home, WHO), choice, clock=clock)
    assert not (home.path / "releases" / RUN).exists()
    (adapter,) = receipt["adapters"]
    assert adapter["choice"] == choice
    assert adapter["bundles"][RUN].startswith("sha256:")
    assert status(home, RUN).verdict == "withdrawn"
    assert list(register.marks(home.vault)[RUN].values()) == [choice]
    home.verify()


def test_relying_on_dp_keeps_the_release_and_states_the_guarantee(
    home: Home, tmp_path: Path
) -> None:
    a_run(home, tmp_path / "notes.jsonl")
    receipt, _ = erase(home, digest_of(home, WHO), "rely-on-dp", clock=clock)
    assert (home.path / "releases" / RUN).is_dir()
    (adapter,) = receipt["adapters"]
    assert adapter["epsilon"] > 0
    assert adapter["delta"] == 1e-3


def test_without_a_guarantee_there_is_nothing_to_rely_on(home: Home, tmp_path: Path) -> None:
    vault = a_run(home, tmp_path / "notes.jsonl")
    bare = "20260303T000000-cccc"
    units = [u for _, u in Corpus(vault, "ingest/corpus.arrow").units()]
    Ledger(home.vault, compose).reserve(
        as_units(units), run=bare, event=None, delta=1e-3, lifetime_epsilon=9.0, policy="p",
        started=NOW.isoformat(),
    )  # fmt: skip
    (home.path / "releases" / bare).mkdir()
    (home.path / "releases" / bare / "model.sig").write_bytes(b"s")
    with pytest.raises(UsageError, match="no privacy guarantee"):
        erase(home, digest_of(home, WHO), "rely-on-dp", clock=clock)
    assert MARKER.encode() in plain_text(home.run_vault(RUN)), "nothing was done"


def test_the_receipt_is_signed_and_holds_no_name(home: Home, tmp_path: Path) -> None:
    a_run(home, tmp_path / "notes.jsonl")
    _, path = erase(home, digest_of(home, WHO), "retire", clock=clock)
    envelope = json.loads(path.read_bytes())
    key = VerifyingKey.from_file(home.public_key_path)
    payload = dsse_verify(envelope, [key], payload_type=erasing.PAYLOAD_TYPE)
    assert WHO.encode() not in payload
    assert MARKER.encode() not in payload
    body = json.loads(payload)
    assert body["subject"] == digest_of(home, WHO).hex()
    assert body["not_reached"]
    log = (home.path / "log" / "events.jsonl").read_text()
    assert WHO not in log
    assert body["subject"] not in log
    assert base64.b64encode(WHO.encode()).decode() not in log


def test_who_is_not_there_cannot_be_erased(home: Home, tmp_path: Path) -> None:
    a_run(home, tmp_path / "notes.jsonl")
    with pytest.raises(UsageError, match="no run of this workspace") as caught:
        erase(home, digest_of(home, "SECRET-99"), "retire", clock=clock)
    assert "SECRET" not in caught.value.message + caught.value.hint


def test_excerpts_that_wait_for_a_steward_are_dropped(home: Home, tmp_path: Path) -> None:
    from appliance.redact import review

    a_run(home, tmp_path / "notes.jsonl")
    item = review.ReviewItem(number=1, text=f"letter of {MARKER}", spans=())
    review.write_queue(home.vault, "review/abc/", [item])
    home.vault.write_json("review/abc/about.json", {"detector": "d"})
    receipt, _ = erase(home, digest_of(home, WHO), "retire", clock=clock)
    assert receipt["reviews_dropped"] == 1
    assert home.vault.names("review/") == ("review/abc/about.json",)
    home.verify()


def test_a_reader_finds_while_another_command_may_write(vacant: Path, tmp_path: Path) -> None:
    shutil.copytree(vacant, tmp_path / "w")
    rows(tmp_path / "notes.jsonl")
    with opened(tmp_path / "w") as home:
        a_run(home, tmp_path / "notes.jsonl")
        with opened(tmp_path / "w", exclusive=False) as reader:
            assert len(find(reader, digest_of(reader, WHO))) == 1
            with pytest.raises((ApplianceError, ValueError)):
                erase(reader, digest_of(reader, WHO), "retire", clock=clock)


@pytest.fixture
def typed(vacant: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str | Path]:
    """A workspace with one run, and the options that open it by the command line."""
    monkeypatch.setattr("appliance.cli.subjects_cmd.lock_process", lambda *_, **__: None)
    shutil.copytree(vacant, tmp_path / "w")
    rows(tmp_path / "notes.jsonl")
    with opened(tmp_path / "w") as home:
        a_run(home, tmp_path / "notes.jsonl")
    return ["--home", tmp_path / "w" / "home", "--key-file", tmp_path / "w" / "key"]


def test_the_commands_take_the_identifier_from_stdin_alone(typed: list[str | Path]) -> None:
    found = appliance("subjects", "find", "--json", *typed, stdin=f"{WHO}\n").assert_code(0).json
    (trace,) = found["found"]
    assert trace["adapter"] == "released"
    appliance("subjects", "find", WHO, *typed, stdin="").assert_two_lines(2)
    appliance("subjects", "find", *typed, stdin=f"{WHO}\nMRN-8\n").assert_two_lines(2)
    erasing_it = ["subjects", "erase", "--choice", "retire", *typed]
    appliance(*erasing_it, stdin=f"{WHO}\n").assert_code(2)  # nobody can confirm
    done = appliance(*erasing_it, "--confirm", "erase", stdin=f"{WHO}\n").assert_code(0)
    assert "released): retire" in done.out
    assert "not reached:" in done.out
    assert WHO not in done.out + done.err
    again = appliance("subjects", "find", "--json", *typed, stdin=f"{WHO}\n").json["found"]
    assert again[0]["shards"] == []
    assert again[0]["marks"] == ["retire"]
    appliance("log", "verify", *typed).assert_code(0)
