"""Attacks on a workspace at rest that touch more than one file, by someone who holds no key."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from appliance.crypto.canonical import canonical_json, digest_bytes, digest_file
from appliance.crypto.keys import make_key_file
from appliance.crypto.signing import SigningKey, VerifyingKey
from appliance.errors import IntegrityError
from appliance.log import AuditLog
from appliance.people.release_key import apart_key, set_apart
from appliance.workspace import Home, Unlock, add_slot, destroy, finish_destroying, remove_slot


def forge(home: Path, event: str, **fields: object) -> None:
    """Append an event as anyone can who may write the file: well formed, chained, keyless."""
    path = home / "log" / "events.jsonl"
    lines = path.read_bytes().splitlines()
    forged = json.loads(lines[-1]) | {"event": event, "fields": fields, "outcome": "done"}
    forged |= {"seq": len(lines), "prev": digest_bytes(lines[-1])}
    forged.pop("mac", None)
    forged["who"]["slot"] = ""
    path.write_bytes(path.read_bytes() + canonical_json(forged) + b"\n")


def head_of(home: Path, scope: str) -> dict:
    """Return a vault's newest head that the log knows."""
    return [e["fields"] for e in events(home, "vault.head") if e["fields"]["scope"] == scope][-1]


def events(home: Path, name: str) -> list[dict]:
    lines = (home / "log" / "events.jsonl").read_bytes().splitlines()
    return [event for event in map(json.loads, lines) if event["event"] == name]


def refused(home: Path, unlock: Unlock, *, names: str) -> None:
    """Neither a reader nor a writer opens it, and both name the file."""
    for exclusive in (False, True):
        with pytest.raises(IntegrityError) as caught:
            Home.open(home, unlock, exclusive=exclusive)
        assert caught.value.exit_code == 6
        assert caught.value.where == str(home / names)


def test_a_ledger_put_back_under_a_forged_head_is_refused(home_path, unlock):
    older = home_path.with_name("older")
    shutil.copytree(home_path / "vault", older)
    head = head_of(home_path, "home")
    with Home.open(home_path, unlock, exclusive=True) as home:
        home.vault.write_json("ledger/entries.json", ["one more run"])
    shutil.rmtree(home_path / "vault")
    older.rename(home_path / "vault")
    forge(home_path, "vault.head", **head)
    refused(home_path, unlock, names="log/events.jsonl")


def test_a_run_put_back_under_a_forged_head_is_refused(home_path, unlock):
    vault = home_path / "runs" / "r1" / "vault"
    older = home_path.with_name("older")
    shutil.copytree(vault, older)
    head = head_of(home_path, "run/r1")
    with Home.open(home_path, unlock, exclusive=True) as home:
        home.run_vault("r1").write_json("redact/spans.json", {"n": 2})
    shutil.rmtree(vault)
    older.rename(vault)
    forge(home_path, "vault.head", **head)
    refused(home_path, unlock, names="log/events.jsonl")


def test_a_run_removed_under_a_forged_purge_is_refused(home_path, unlock):
    shutil.rmtree(home_path / "runs" / "r1")
    forge(home_path, "vault.destroying", scope="run/r1")
    refused(home_path, unlock, names="log/events.jsonl")


def test_no_forged_purge_makes_the_appliance_burn_a_run(home_path, unlock):
    forge(home_path, "vault.destroying", scope="run/r1")
    refused(home_path, unlock, names="log/events.jsonl")
    assert (home_path / "runs" / "r1" / "vault" / "keys.json").is_file()


def test_a_removed_slot_put_back_under_a_forged_change_is_refused(home_path, unlock, tmp_path):
    make_key_file(tmp_path / "second")
    second = Unlock(key_file=tmp_path / "second")
    slots = home_path / "keys" / "slots.json"
    with Home.open(home_path, unlock, exclusive=True) as home:
        slot = add_slot(home, second)
    with_both, digest = slots.read_bytes(), digest_file(slots)
    with Home.open(home_path, unlock, exclusive=True) as home:
        remove_slot(home, slot.slot_id)
    slots.write_bytes(with_both)
    forge(home_path, "keys.changing", file="slots.json", digest=digest)
    refused(home_path, second, names="log/events.jsonl")


def test_an_event_forged_beside_a_running_command_is_never_signed(home_path, unlock):
    checkpoints = (home_path / "log" / "checkpoints.jsonl").read_bytes()
    home = Home.open(home_path, unlock, exclusive=True)
    forge(home_path, "vault.destroying", scope="run/r1")
    home.log.append("test.event")
    with pytest.raises(IntegrityError, match="forged"):
        home.close()
    assert (home_path / "log" / "checkpoints.jsonl").read_bytes() == checkpoints
    refused(home_path, unlock, names="log/events.jsonl")


def test_an_event_moved_to_another_log_of_the_organisation_is_forged_there(
    home_path, unlock, tmp_path
):
    with Home.init(tmp_path / "other", unlock) as other:
        other.log.append("run.started", run="r1")
    line = events(tmp_path / "other", "run.started")[-1]
    path = home_path / "log" / "events.jsonl"
    lines = path.read_bytes().splitlines()
    line |= {"seq": len(lines), "prev": digest_bytes(lines[-1])}
    path.write_bytes(path.read_bytes() + canonical_json(line) + b"\n")
    refused(home_path, unlock, names="log/events.jsonl")


def test_a_refused_secret_s_event_may_stand_unkeyed_and_carries_nothing(home_path, unlock):
    forge(home_path, "unlock.refused")
    Home.open(home_path, unlock, exclusive=False).close()
    forge(home_path, "unlock.refused", scope="run/r1")
    refused(home_path, unlock, names="log/events.jsonl")


def test_a_forged_destruction_is_not_finished_without_a_key(home_path, unlock):
    forge(home_path, "workspace.destroying", vaults=2)
    assert finish_destroying(home_path) is None
    assert (home_path / "keys" / "slots.json").is_file()


def test_a_destruction_that_was_signed_is_finished_without_a_key(home_path, unlock, monkeypatch):
    from appliance.workspace import destruction

    def crash(*_: object) -> str:
        raise KeyboardInterrupt

    monkeypatch.setattr(destruction, "burn", crash)
    home = Home.open(home_path, unlock, exclusive=True)
    with pytest.raises(KeyboardInterrupt):
        destroy(home)
    report = finish_destroying(home_path)
    assert report is not None
    assert report.sealed_files_left == 0


def test_a_folder_of_temporary_files_that_is_a_link_leads_nowhere(home_path, unlock, tmp_path):
    """Whoever may write the workspace must not make its owner delete other folders."""
    precious = tmp_path / "victim" / "documents"
    precious.mkdir(parents=True)
    (precious / "file").write_text("precious")
    (home_path / "tmp").rmdir()
    (home_path / "tmp").symlink_to(precious.parent)
    refused(home_path, unlock, names="tmp")
    assert (precious / "file").is_file()


@pytest.fixture
def apart(home_path: Path, unlock: Unlock) -> Path:
    """The public half of a release key that lies apart from the workspace."""
    with Home.open(home_path, unlock, exclusive=True) as home:
        return set_apart(home, SigningKey.generate().public)


@pytest.mark.parametrize("other", [None, b"", SigningKey.generate().public.pem()])
def test_another_release_key_for_verifiers_is_refused(other, apart, home_path, unlock):
    Home.open(home_path, unlock, exclusive=False).close()
    if other is None:
        apart.unlink()
    else:
        apart.write_bytes(other)
    refused(home_path, unlock, names="keys/release-apart.pub.pem")


def test_a_release_key_that_nobody_set_apart_is_refused(home_path, unlock):
    planted = home_path / "keys" / "release-apart.pub.pem"
    planted.write_bytes(SigningKey.generate().public.pem())
    refused(home_path, unlock, names="keys/release-apart.pub.pem")


@pytest.mark.parametrize("first", [True, False])
def test_setting_a_key_apart_may_be_interrupted_and_repeated(first, home_path, unlock, monkeypatch):
    from appliance.people import release_key

    if not first:
        with Home.open(home_path, unlock, exclusive=True) as home:
            set_apart(home, SigningKey.generate().public)

    def crash(*_: object) -> None:
        raise KeyboardInterrupt

    new = SigningKey.generate().public
    with monkeypatch.context() as patch, Home.open(home_path, unlock, exclusive=True) as home:
        patch.setattr(release_key, "write_atomic", crash)
        with pytest.raises(KeyboardInterrupt):
            set_apart(home, new)
    with Home.open(home_path, unlock, exclusive=True) as home:
        with pytest.raises(IntegrityError, match="release key"):
            apart_key(home)
        set_apart(home, new)
    with Home.open(home_path, unlock, exclusive=False) as home:
        assert apart_key(home).key_id == new.key_id


def test_a_planted_receipt_of_a_destruction_is_refused(home_path, unlock):
    (home_path / "keys" / "destroyed.json").write_text("{}\n")
    refused(home_path, unlock, names="keys/destroyed.json")


@pytest.mark.parametrize("folder", ["tmp", "models"])
def test_a_file_in_a_folder_s_place_is_refused(folder, home_path, unlock):
    (home_path / folder).rmdir()
    (home_path / folder).write_bytes(b"")
    refused(home_path, unlock, names=folder)


def test_a_workspace_from_before_events_were_keyed_opens_and_keys_them_from_then_on(
    home_path, unlock
):
    log = home_path / "log"
    public = VerifyingKey.from_file(home_path / "keys" / "release.pub.pem")
    with Home.open(home_path, unlock, exclusive=True) as home:
        signing = home.signing_key()
        anchor = home.vault.read_json("custody/log-head.json")
        # As it was written then: no event keyed, an anchor that says nothing of keys.
        bare = []
        for line in (log / "events.jsonl").read_bytes().splitlines():
            event = json.loads(line)
            event.pop("mac", None)
            event["prev"] = digest_bytes(bare[-1]) if bare else event["prev"]
            bare.append(canonical_json(event))
        (log / "events.jsonl").write_bytes(b"".join(line + b"\n" for line in bare))
        (log / "checkpoints.jsonl").unlink()
        old = AuditLog(log, key=public)
        signed = old.checkpoint(signing)
        size, root = old.head()
        anchor = {"size": size, "root": root, "signed": signed.size}
        home.vault.write_json("custody/log-head.json", anchor)
        head = home.vault.head
        old.append("vault.head", scope="home", epoch=head.epoch, digest=head.digest)
        old.checkpoint(signing)
        home.forget()
    Home.open(home_path, unlock, exclusive=True).close()
    forge(home_path, "vault.destroying", scope="run/r1")
    refused(home_path, unlock, names="log/events.jsonl")
