"""Erasing a person: no shard holds them, no key opens what did, nobody reads them in again."""

from __future__ import annotations

import base64
import json
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from appliance.corpus import Corpus
from appliance.crypto.signing import VerifyingKey, dsse_verify
from appliance.crypto.unlock import Unlock
from appliance.errors import ApplianceError, IntegrityError, UsageError
from appliance.finetune.spent import compose
from appliance.ingest.split import read_sides, split
from appliance.ingest.stage import ingest
from appliance.ledger import Event, Ledger, as_units
from appliance.model.examples import Example
from appliance.model.store import read_examples, write_examples
from appliance.policy.model import Data, SplitShares
from appliance.progress import SilentProgress
from appliance.records import SIDES
from appliance.run import finish, status
from appliance.settlement import erasing
from appliance.settlement.erasing import digest_of, erase, find
from appliance.subjects import register, rewrite
from appliance.vault import Vault
from appliance.workspace import Home
from tests.support.inside import appliance

NOW = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)
MARKER = "Quillfeather"
WHO = "MRN-7"
RUN = "20260101T000000-aaaa"


def clock() -> datetime:
    return NOW


def rows(path: Path) -> Path:
    lines = [
        {"mrn": f"MRN-{n // 2}", "text": f"letter {n} of {MARKER if n // 2 == 7 else 'somebody'}"}
        for n in range(40)
    ]
    path.write_text("\n".join(json.dumps(line) for line in lines) + "\nnot json\n")
    return path


def read_in(home: Home, vault: Vault, source: Path) -> Any:
    return ingest(
        source,
        policy=Data(unit="mrn", quarantine_limit=0.5),
        vault=vault,
        unit_key=home.vault.keyed("units"),
        progress=SilentProgress(),
        erased=register.erased(home.vault),
    )


def a_run(home: Home, source: Path, run_id: str = RUN, verdict: str | None = "released") -> Vault:
    """What a run leaves in its vault, without the training."""
    vault = home.run_vault(run_id)
    read_in(home, vault, source)
    corpus = Corpus(vault, "ingest/corpus.arrow")
    whole = np.ones(len(corpus), np.bool_)
    redacted = corpus.copy("redact/corpus.arrow", keep=whole)
    shares = SplitShares(train=0.7, validation=0.1, test=0.1, audit_holdout=0.1)
    split(redacted, shares=shares, key=vault.keyed("split"), vault=vault)
    sides = read_sides(vault)
    for side in SIDES:
        records = redacted.take(int(i) for i in sides.ids(side))
        write_examples(
            vault,
            f"examples/{side}.arrow",
            (
                (
                    r.unit,
                    Example(
                        input_ids=np.frombuffer(str(r.fields["text"]).encode(), np.uint8).astype(
                            np.int32
                        ),
                        loss_mask=np.arange(len(str(r.fields["text"]))) > 0,
                        record_id=r.record_id,
                    ),
                )
                for r in records
            ),
        )
    vault.write_json("base_scores/scores.json", {"of": MARKER})
    vault.write_json("run/settings.json", {"kept": True})
    register.record(home.vault, run_id, source=source.name, units=(u for _, u in corpus.units()))
    ledger = Ledger(home.vault, compose)
    ledger.reserve(
        as_units([u for _, u in corpus.units()]),
        run=run_id,
        event=Event(noise_multiplier=1.0, sample_rate=0.1, steps=10),
        delta=1e-3,
        lifetime_epsilon=100.0,
        policy="p",
        started=NOW.isoformat(),
    )
    if verdict is not None:
        finish(home, run_id, verdict)
    if verdict == "released":
        bundle = home.path / "releases" / run_id
        home.expect_public(bundle)
        bundle.mkdir(parents=True)
        (bundle / "model.sig").write_bytes(b"signature")
        home.record_public(bundle)
    return vault


@pytest.fixture(scope="module")
def vacant(tmp_path_factory: pytest.TempPathFactory) -> Path:
    key = tmp_path_factory.mktemp("key") / "key"
    key.write_bytes(bytes(range(32)))
    Home.init(key.parent / "home", Unlock(key_file=key)).close()
    return key.parent


def opened(folder: Path, *, exclusive: bool = True) -> Home:
    return Home.open(folder / "home", Unlock(key_file=folder / "key"), exclusive=exclusive)


@pytest.fixture
def home(vacant: Path, tmp_path: Path) -> Iterator[Home]:
    shutil.copytree(vacant, tmp_path / "w")
    rows(tmp_path / "notes.jsonl")
    with opened(tmp_path / "w") as found:
        yield found


def plain_text(vault: Vault) -> bytes:
    return b"".join(vault.read_bytes(name) for name in vault.names())


def tokens(text: str) -> bytes:
    return np.frombuffer(text.encode(), np.uint8).astype(np.int32).tobytes()


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


CRASHES = [
    ("set_erased", "after"),
    ("_rewrite", "before"),
    ("_rewrite", "after"),
    ("copy", "after"),
    ("reseal_run", "before"),
    ("reseal_run", "after"),
    ("_mark", "after"),
    ("_write_receipt", "after"),
    ("register_done", "after"),
]


@pytest.mark.parametrize(("where", "when"), CRASHES)
def test_after_a_crash_the_same_command_ends_what_it_began(
    vacant: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str, when: str
) -> None:
    shutil.copytree(vacant, tmp_path / "w")
    rows(tmp_path / "notes.jsonl")
    with opened(tmp_path / "w") as home:
        a_run(home, tmp_path / "notes.jsonl")

    class CrashError(Exception):
        pass

    owner: Any = register if where in ("set_erased", "register_done") else erasing
    owner = {"_rewrite": rewrite, "copy": Corpus}.get(where, owner)
    name = "set_pending" if where == "register_done" else where
    real = getattr(owner, name)

    def broken(*args: Any, **kwargs: Any) -> Any:
        if where == "register_done" and args[1] is not None:
            return real(*args, **kwargs)
        if when == "after":
            real(*args, **kwargs)
        raise CrashError

    with monkeypatch.context() as patched:
        patched.setattr(owner, name, broken)
        with pytest.raises(CrashError), opened(tmp_path / "w") as home:
            erase(home, digest_of(home, WHO), "retire", clock=clock)
    with opened(tmp_path / "w") as home:
        erase_again(home, when=when, where=where)
        assert register.pending(home.vault) is None
        assert MARKER.encode() not in plain_text(home.run_vault(RUN))
        assert tokens(MARKER) not in plain_text(home.run_vault(RUN))
        assert not (home.path / "releases" / RUN).exists()
        assert len(list((home.path / "reports" / "erasures").iterdir())) == 1
        home.verify()


def erase_again(home: Home, *, when: str, where: str) -> None:
    if where == "register_done" and when == "after":
        assert register.pending(home.vault) is None
        return
    receipt, _ = erase(home, digest_of(home, WHO), "retire", clock=clock)
    assert receipt["runs"][0]["shards"], "the receipt still names what was found"


def test_an_interrupted_erasure_is_ended_before_another_begins(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    a_run(home, tmp_path / "notes.jsonl")

    def stop(*_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(erasing, "take_out", stop)
        with pytest.raises(KeyboardInterrupt):
            erase(home, digest_of(home, WHO), "retire", clock=clock)
    erase(home, digest_of(home, "MRN-3"), "retire", clock=clock)
    assert register.erased(home.vault) == {digest_of(home, WHO), digest_of(home, "MRN-3")}
    assert MARKER.encode() not in plain_text(home.run_vault(RUN))


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
