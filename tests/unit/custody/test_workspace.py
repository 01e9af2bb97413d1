"""The workspace: made whole, opened once, vouched for by its log."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from appliance.crypto.keys import make_key_file
from appliance.crypto.signing import VerifyingKey
from appliance.crypto.slots import load_slots
from appliance.errors import IntegrityError, LockedError, MachineError, UsageError
from appliance.manifest import Manifest
from appliance.workspace import Home, Unlock, add_slot, destroy, remove_slot, rotate


def test_a_new_workspace_is_private_and_complete(tmp_path, unlock):
    with Home.init(tmp_path / "home", unlock) as home:
        names = sorted(p.name for p in home.path.iterdir())
        assert names == [
            "keys",
            "lock",
            "log",
            "models",
            "releases",
            "reports",
            "runs",
            "tmp",
            "vault",
        ]
        for path in (home.path, *home.path.rglob("*")):
            assert path.stat().st_mode & 0o077 == 0, path
        key = VerifyingKey.from_file(home.public_key_path)
        key.verify(b"x", home.signing_key().sign(b"x"))
        assert home.findings() == ()
        assert home.exclusive


def test_the_private_signing_key_is_nowhere_in_clear(home_path, unlock):
    with Home.open(home_path, unlock, exclusive=False) as home:
        inner = home.signing_key().pem().splitlines()[1][:40]
    for path in home_path.rglob("*"):
        if path.is_file():
            data = path.read_bytes()
            assert b"PRIVATE" not in data
            assert inner not in data


def test_what_was_written_is_there_after_reopening(home_path, unlock):
    with Home.open(home_path, unlock, exclusive=False) as home:
        assert home.run_vault("r1").read_bytes("ingest/corpus.bin") == bytes(range(256)) * 200
        assert home.vault.read_json("ledger/entries.json") == []
        assert home.run_vault("r1") is home.run_vault("r1")
        assert home.verify()["vaults"] == 2


def test_init_refuses_what_is_not_an_empty_folder(tmp_path, home_path, unlock):
    with pytest.raises(UsageError, match="already"):
        Home.init(home_path, unlock)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "x").touch()
    for path in (tmp_path / "full", tmp_path / "full" / "x"):
        with pytest.raises(UsageError):
            Home.init(path, unlock)
    (tmp_path / "empty").mkdir()
    Home.init(tmp_path / "empty", unlock).close()


def test_no_workspace_is_exit_4_with_the_command_that_makes_one(tmp_path, unlock):
    with pytest.raises(MachineError, match="no workspace") as caught:
        Home.open(tmp_path / "none", unlock, exclusive=False)
    assert caught.value.exit_code == 4
    assert caught.value.hint == f"appliance init --home {tmp_path / 'none'}"


def test_a_wrong_key_is_exit_6_and_releases_the_lock(tmp_path, home_path, unlock):
    make_key_file(tmp_path / "wrong")
    with pytest.raises(IntegrityError) as caught:
        Home.open(home_path, Unlock(key_file=tmp_path / "wrong"), exclusive=True)
    assert caught.value.exit_code == 6
    Home.open(home_path, unlock, exclusive=True).close()


def test_the_second_exclusive_command_learns_who_holds_the_workspace(home_path, unlock):
    with Home.open(home_path, unlock, exclusive=True):
        with pytest.raises(LockedError, match=rf"process {os.getpid()}") as caught:
            Home.open(home_path, unlock, exclusive=True)
        assert caught.value.exit_code == 4
        Home.open(home_path, unlock, exclusive=False).close()
    Home.open(home_path, unlock, exclusive=True).close()


def test_the_lock_dies_with_its_process(home_path, unlock):
    code = (
        "import os, sys; from pathlib import Path; from appliance.workspace import Home, Unlock;"
        "Home.open(Path(sys.argv[1]), Unlock(key_file=Path(sys.argv[2])), exclusive=True);"
        "os.kill(os.getpid(), 9)"
    )
    subprocess.run([sys.executable, "-c", code, home_path, unlock.key_file], check=False)
    Home.open(home_path, unlock, exclusive=True).close()


def test_every_command_ends_with_a_signed_log(home_path, unlock):
    with Home.open(home_path, unlock, exclusive=True) as home:
        home.log.append("test.event")
    with Home.open(home_path, unlock, exclusive=False) as home:
        assert home.log.verify().checkpoints >= 2


def test_a_killed_command_leaves_a_tail_that_the_next_one_records(home_path, unlock):
    Home.open(home_path, unlock, exclusive=True).log.append("test.event")
    # Not closed: as after kill -9.
    with Home.open(home_path, unlock, exclusive=False) as home:
        with pytest.raises(IntegrityError, match="unsigned tail"):
            home.log.verify()
        home._closed = True
        home._wipe()


def test_an_error_in_the_block_still_signs_the_log(home_path, unlock):
    with pytest.raises(ZeroDivisionError), Home.open(home_path, unlock, exclusive=True) as home:
        home.log.append("test.event", outcome="failed") / 0
    with Home.open(home_path, unlock, exclusive=False) as home:
        home.log.verify()


# Files that do not belong.


@pytest.mark.parametrize(
    "where", ["keys/x", "runs/x", "log/x", "vault/x", "models/x", "releases/x"]
)
def test_a_symbolic_link_anywhere_is_refused(home_path, unlock, where):
    (home_path / where).symlink_to("/etc/passwd")
    with pytest.raises(IntegrityError, match="symbolic link") as caught:
        Home.open(home_path, unlock, exclusive=False)
    assert caught.value.where == str(home_path / where)


def test_a_linked_top_folder_is_refused(home_path, unlock, tmp_path):
    (home_path / "runs").rename(tmp_path / "elsewhere")
    (home_path / "runs").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(IntegrityError, match="symbolic link"):
        Home.open(home_path, unlock, exclusive=False)


def test_a_hard_link_and_a_special_file_are_refused(home_path, unlock):
    os.link(home_path / "log" / "events.jsonl", home_path / "log" / "copy")
    with pytest.raises(IntegrityError, match="hard link"):
        Home.open(home_path, unlock, exclusive=False)
    (home_path / "log" / "copy").unlink()
    os.mkfifo(home_path / "keys" / "fifo")
    with pytest.raises(IntegrityError, match="special"):
        Home.open(home_path, unlock, exclusive=False)


@pytest.mark.parametrize("where", ["keys/new", "log/new", "runs/r1/new", "runs/new", "new"])
def test_an_added_file_is_refused_by_name(home_path, unlock, where):
    (home_path / where).write_bytes(b"x")
    with pytest.raises(IntegrityError) as caught:
        Home.open(home_path, unlock, exclusive=False)
    assert caught.value.where == str(home_path / where)


def test_a_recorded_public_file_is_missed_and_its_change_seen(home_path, unlock):
    report = home_path / "reports" / "r1.html"
    report.write_bytes(b"<p>fine</p>")
    with Home.open(home_path, unlock, exclusive=True) as home:
        home.record_public(report)
        home.verify()
    for change in (lambda: report.write_bytes(b"<p>Fine</p>"), report.unlink):
        change()
        with (
            Home.open(home_path, unlock, exclusive=False) as home,
            pytest.raises(IntegrityError, match="altered or missing") as caught,
        ):
            home.verify()
        assert caught.value.where == str(report)


# Putting things back.


def snapshot(home: Path, tmp_path: Path, part: str) -> Path:
    source, copy = home / part, tmp_path / "old" / part
    copy.parent.mkdir(parents=True, exist_ok=True)
    shutil.copytree(source, copy) if source.is_dir() else shutil.copy(source, copy)
    return copy


@pytest.mark.parametrize("part", ["runs/r1/vault", "vault", "log", "runs/r1"])
def test_a_part_put_back_to_an_older_state_is_refused(home_path, unlock, tmp_path, part):
    old = snapshot(home_path, tmp_path, part)
    with Home.open(home_path, unlock, exclusive=True) as home:
        home.run_vault("r1").write_bytes("ingest/more.bin", b"x")
        home.log.append("test.event")
    shutil.rmtree(home_path / part)
    shutil.copytree(old, home_path / part)
    with pytest.raises(IntegrityError), Home.open(home_path, unlock, exclusive=False) as home:
        home.run_vault("r1")


def test_a_removed_run_is_missed(home_path, unlock):
    shutil.rmtree(home_path / "runs" / "r1")
    with pytest.raises(IntegrityError, match="vault is missing") as caught:
        Home.open(home_path, unlock, exclusive=False)
    assert "runs/r1" in caught.value.where


def test_another_public_key_is_refused(home_path, unlock, tmp_path):
    with Home.init(tmp_path / "other", unlock) as other:
        shutil.copy(other.public_key_path, home_path / "keys" / "release.pub.pem")
    with pytest.raises(IntegrityError):
        Home.open(home_path, unlock, exclusive=False)


def test_slots_put_back_after_a_change_are_refused(home_path, unlock, tmp_path):
    make_key_file(tmp_path / "leaked")
    leaked = Unlock(key_file=tmp_path / "leaked")
    with Home.open(home_path, unlock, exclusive=True) as home:
        slot = add_slot(home, leaked)
    old = snapshot(home_path, tmp_path, "keys/slots.json")
    with Home.open(home_path, unlock, exclusive=True) as home:
        remove_slot(home, slot.slot_id)
    shutil.copy(old, home_path / "keys" / "slots.json")
    for known in (unlock, leaked):
        with pytest.raises(IntegrityError, match="older state"):
            Home.open(home_path, known, exclusive=False)


# Runs.


def test_purging_burns_a_run_and_the_log_remembers(home_path, unlock):
    with Home.open(home_path, unlock, exclusive=True) as home:
        home.purge_run("r1")
        with pytest.raises(UsageError, match="purged"):
            home.run_vault("r1")
        with pytest.raises(UsageError, match="no such run"):
            home.purge_run("r1")
    assert not (home_path / "runs" / "r1").exists()
    with Home.open(home_path, unlock, exclusive=False) as home:
        assert "vault.destroyed" in [event["event"] for event in home.log.events()]
        home.verify()


@pytest.mark.parametrize("run_id", ["", "..", "a/b", ".hidden", "x" * 200, "a..b", "a\n"])
def test_what_is_no_run_id_is_refused(home_path, unlock, run_id):
    with (
        Home.open(home_path, unlock, exclusive=True) as home,
        pytest.raises(ValueError, match="run id"),
    ):
        home.run_vault(run_id)


def test_a_reader_does_not_make_runs(home_path, unlock):
    with (
        Home.open(home_path, unlock, exclusive=False) as home,
        pytest.raises(UsageError, match="no such run"),
    ):
        home.run_vault("new")


def test_receipts_of_a_run_survive(home_path, unlock):
    path = home_path / "runs" / "r1" / "manifest.jsonl"
    with Home.open(home_path, unlock, exclusive=True) as home:
        Manifest(path, home.run_vault("r1")).append({"stage": "ingest"})
    with Home.open(home_path, unlock, exclusive=False) as home:
        assert Manifest(path, home.run_vault("r1")).find("ingest") is not None


def test_the_private_temp_folder_goes_away(home_path, unlock):
    with Home.open(home_path, unlock, exclusive=True) as home:
        temp = home.private_temp()
        (temp / "x").write_bytes(b"1")
        assert temp.stat().st_mode & 0o777 == 0o700
    assert list((home_path / "tmp").iterdir()) == []
    stale = home_path / "tmp" / "999999999-abc"
    stale.mkdir()
    Home.open(home_path, unlock, exclusive=True).close()
    assert not stale.exists()


def test_a_workspace_open_to_others_is_a_finding(home_path, unlock):
    home_path.chmod(0o755)
    with Home.open(home_path, unlock, exclusive=False) as home:
        assert any(re.search("mode 755", finding) for finding in home.findings())


# Keys.


def test_a_recovery_slot_opens_the_workspace(home_path, unlock, tmp_path):
    make_key_file(tmp_path / "recovery")
    recovery = Unlock(key_file=tmp_path / "recovery")
    with Home.open(home_path, unlock, exclusive=True) as home:
        slot = add_slot(home, recovery, label="safe")
    with Home.open(home_path, recovery, exclusive=True) as home:
        home.verify()
        first = next(s for s in home.slots if s.slot_id != slot.slot_id)
        remove_slot(home, first.slot_id)
    with pytest.raises(IntegrityError):
        Home.open(home_path, unlock, exclusive=False)
    with Home.open(home_path, recovery, exclusive=True) as home:
        with pytest.raises(UsageError, match="last way in"):
            remove_slot(home, slot.slot_id)
        with pytest.raises(UsageError, match="not a slot"):
            remove_slot(home, "nonsense")


def test_rotation_closes_the_old_way_in_and_keeps_every_byte(home_path, unlock, tmp_path):
    make_key_file(tmp_path / "new")
    new = Unlock(key_file=tmp_path / "new")
    sealed = {p: p.read_bytes() for p in home_path.rglob("0*.sealed")}
    with Home.open(home_path, unlock, exclusive=True) as home:
        keyed = home.run_vault("r1").keyed("pseudonyms")
        assert len(rotate(home, new)) == 1
        assert home.run_vault("r1").read_json("redact/spans.json") == {"n": 1}
    with pytest.raises(IntegrityError):
        Home.open(home_path, unlock, exclusive=False)
    with Home.open(home_path, new, exclusive=False) as home:
        assert home.run_vault("r1").keyed("pseudonyms") == keyed
        home.verify()
    same = [p for p, data in sealed.items() if p.exists() and p.read_bytes() == data]
    assert len(same) >= 3
    assert "previous" not in (home_path / "keys" / "slots.json").read_text()


def test_an_interrupted_rotation_goes_on_at_the_next_opening(
    home_path, unlock, tmp_path, monkeypatch
):
    import appliance.workspace.custody as custody

    make_key_file(tmp_path / "new")
    new = Unlock(key_file=tmp_path / "new")

    def killed(_):
        raise KeyboardInterrupt

    monkeypatch.setattr(custody, "finish_rotation", killed)
    with pytest.raises(KeyboardInterrupt), Home.open(home_path, unlock, exclusive=True) as home:
        rotate(home, new)
    monkeypatch.undo()
    assert "previous" in (home_path / "keys" / "slots.json").read_text()
    with Home.open(home_path, new, exclusive=False) as home:
        assert home.run_vault("r1").read_json("redact/spans.json") == {"n": 1}
    with Home.open(home_path, new, exclusive=True) as home:
        home.verify()
    assert "previous" not in (home_path / "keys" / "slots.json").read_text()
    with Home.open(home_path, new, exclusive=False) as home:
        home.verify()


def test_a_destroyed_workspace_opens_for_nobody(home_path, unlock, tmp_path):
    sealed = [p.read_bytes() for p in home_path.rglob("*.sealed")]
    with Home.open(home_path, unlock, exclusive=True) as home:
        root, report = home._root.exposed(), destroy(home)
    assert report.vaults == 2
    assert report.sealed_files_left == 0
    assert any("backups" in line for line in report.also_destroy)
    assert not list(home_path.rglob("keys.json"))
    with pytest.raises((IntegrityError, MachineError)):
        Home.open(home_path, unlock, exclusive=False)
    left = b"".join(p.read_bytes() for p in home_path.rglob("*") if p.is_file())
    assert root not in left
    assert all(data not in left for data in sealed)
    assert (home_path / "log" / "events.jsonl").exists()


def test_a_passphrase_opens_too(tmp_path):
    unlock = Unlock(passphrase=bytearray(b"correct horse battery"))
    Home.init(tmp_path / "home", unlock).close()
    (slot,) = load_slots(tmp_path / "home" / "keys" / "slots.json")
    assert slot.kind == "passphrase"
    Home.open(tmp_path / "home", unlock, exclusive=False).close()
