"""Custody as an operator meets it: keys, log and check, through the command line."""

from __future__ import annotations

import json
import os
import pty
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

import pytest

from appliance.cli.__main__ import main
from appliance.crypto.keys import make_key_file
from appliance.locks import Lock, LockReport
from appliance.policy import load_policy
from appliance.policy.model import LockName
from appliance.workspace import Home, Unlock
from tests.support.pkcs11 import PIN, soft_token

Command = Callable[..., "Said"]


@dataclass(frozen=True)
class Said:
    code: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, Any]:
        return json.loads(self.out)


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Command:
    """Run a command in this process."""

    def command(*words: object, code: int = 0) -> Said:
        with pytest.raises(SystemExit) as ended:
            main([str(word) for word in words])
        out, err = capsys.readouterr()
        said = Said(int(ended.value.code or 0), out, err)
        assert said.code == code, (out, err)
        if code:
            assert "Traceback" not in err + out
        return said

    return command


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A workspace with a run, opened by the key file beside it."""
    make_key_file(tmp_path / "key")
    with Home.init(tmp_path / "home", Unlock(key_file=tmp_path / "key"), label="first") as made:
        made.run_vault("r1").write_bytes("ingest/a.bin", bytes(50_000))
        made.expect_public(made.path / "reports" / "r1")
        (made.path / "reports" / "r1").mkdir()
        (made.path / "reports" / "r1" / "report.json").write_text("{}")
        made.record_public(made.path / "reports" / "r1")
    return tmp_path / "home"


def by_key(home: Path, key: str = "key") -> list[object]:
    return ["--home", home, "--key-file", home.parent / key]


# Keys.


def test_status_names_every_slot_and_no_secret(home: Path, run: Command) -> None:
    said = run("keys", "status", "--json", *by_key(home))
    (slot,) = said.json["slots"]
    assert (slot["label"], slot["kind"], said.json["opened_by"]) == ("first", "keyfile", slot["id"])
    assert "wrapped" not in said.out
    assert "salt" not in said.out
    assert slot["id"] in run("keys", "status", *by_key(home)).out


def test_a_recovery_slot_is_added_used_and_removed(home: Path, run: Command) -> None:
    run("keys", "make-file", home.parent / "safe")
    assert (home.parent / "safe").stat().st_mode & 0o777 == 0o600
    new = ["--new-key-file", home.parent / "safe", "--label", "safe"]
    slot = run("keys", "add-slot", *new, "--json", *by_key(home)).json["slot"]
    run("check", *by_key(home, "safe"))
    assert run("keys", "remove-slot", slot["id"], "--json", *by_key(home)).json["removed"]
    run("check", *by_key(home, "safe"), code=6)
    run("keys", "remove-slot", "nonsense", *by_key(home), code=2)


def test_rotation_keeps_the_present_secret_unless_a_new_one_is_given(
    home: Path, run: Command
) -> None:
    before = run("keys", "status", "--json", *by_key(home)).json
    run("keys", "rotate", *by_key(home))
    after = run("keys", "status", "--json", *by_key(home)).json
    assert after["root_key"] != before["root_key"]
    assert after["slots"][0]["label"] == "first"
    make_key_file(home.parent / "new")
    run("keys", "rotate", "--new-key-file", home.parent / "new", *by_key(home))
    run("keys", "status", *by_key(home), code=6)
    run("check", *by_key(home, "new"))


def test_rotation_names_the_slots_it_closes(home: Path, run: Command) -> None:
    make_key_file(home.parent / "safe")
    run("keys", "add-slot", "--new-key-file", home.parent / "safe", *by_key(home))
    said = run("keys", "rotate", "--json", *by_key(home))
    assert [slot["kind"] for slot in said.json["closed_slots"]] == ["keyfile"]
    run("check", *by_key(home, "safe"), code=6)


def test_full_rotation_seals_all_data_anew(home: Path, run: Command) -> None:
    sealed = {p: p.read_bytes() for p in home.rglob("*.sealed")}
    said = run("keys", "rotate", "--full", "--json", *by_key(home)).json
    assert said["resealed"]["bytes"] > 50_000
    assert all(not p.exists() or p.read_bytes() != data for p, data in sealed.items())
    run("check", *by_key(home))
    assert not run("keys", "status", "--json", *by_key(home)).json["resealing_unfinished"]


def test_destroying_needs_the_folders_name_and_lists_what_else_to_destroy(
    home: Path, run: Command
) -> None:
    run("keys", "destroy", "--confirm", "yes", *by_key(home), code=2)
    run("check", *by_key(home))
    said = run("keys", "destroy", "--confirm", "home", *by_key(home))
    assert "refused: the vault's keys are gone" in said.out
    assert "backups" in said.out
    ended = run("keys", "status", *by_key(home), code=6)
    assert "destroyed on" in ended.err
    run("log", "verify", "--home", home, "--public-key", home / "keys" / "release.pub.pem")


# Ways in.


def test_a_passphrase_comes_by_file_descriptor_file_or_credential(
    tmp_path: Path, run: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret, home = tmp_path / "appliance-passphrase", tmp_path / "home"
    secret.write_text("correct horse battery staple\n")
    run("init", "--home", home, "--passphrase-file", secret)
    with secret.open() as opened:
        run("keys", "status", "--home", home, "--passphrase-fd", opened.fileno())
    run("keys", "status", "--home", home, code=2)
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    run("keys", "status", "--home", home)


def test_a_passphrase_is_asked_for_on_a_terminal_and_never_shown(tmp_path: Path) -> None:
    home, secret = tmp_path / "home", b"correct horse battery staple"
    command = [sys.executable, "-m", "appliance.cli"]
    for words in (["init", "--home", home], ["keys", "status", "--home", home]):
        ours, theirs = pty.openpty()
        process = subprocess.Popen(
            [*command, *map(str, words)],
            stdin=theirs, stdout=subprocess.PIPE, stderr=theirs, start_new_session=True,
        )  # fmt: skip
        os.close(theirs)
        shown = b""
        try:
            while b"assphrase" not in shown.rpartition(b"\n")[2]:
                shown += os.read(ours, 1024)
            os.write(ours, secret + b"\n")
            while process.poll() is None and b"onfirmation" not in shown:
                shown += os.read(ours, 1024)
            os.write(ours, secret + b"\n")
        except OSError:
            pass  # it ended and closed the terminal
        assert process.wait(60) == 0, shown
        assert secret not in shown
        os.close(ours)


def test_the_fips_profile_derives_by_pbkdf2(tmp_path: Path, run: Command) -> None:
    secret = tmp_path / "p"
    secret.write_text("correct horse battery staple")
    unlock = ["--home", tmp_path / "home", "--passphrase-file", secret]
    run("init", "--profile", "fips", *unlock)
    said = run("keys", "status", "--json", *unlock).json
    assert "pbkdf2-hmac-sha256, iterations 600000" in said["slots"][0]["kdf"]
    assert said["profile"] == "fips"


def test_a_key_on_a_device_opens_a_workspace_and_is_rotated_there(
    tmp_path: Path, run: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = soft_token(tmp_path, monkeypatch, label="site")
    pin, home = tmp_path / "pin", tmp_path / "home"
    pin.write_text(PIN)
    device = ["--pkcs11-module", module, "--passphrase-file", pin]
    uri = "pkcs11:token=site;object=kek"
    run("keys", "make-device-key", uri, *device)
    run("init", "--home", home, "--device-key", uri, *device)
    said = run("keys", "status", "--json", "--home", home, *device).json
    assert said["slots"][0]["kind"] == "pkcs11"
    run("keys", "rotate", "--home", home, *device)
    run("check", "--home", home, *device)
    make_key_file(tmp_path / "key")
    run("keys", "add-slot", "--new-key-file", tmp_path / "key", "--home", home, *device)
    run("check", *by_key(home))
    add = ["--new-device-key", uri, "--new-pkcs11-module", module, "--new-passphrase-file", pin]
    run("keys", "add-slot", *add, *by_key(home))
    pin.write_text("00000000")
    wrong = run("check", "--home", home, *device, code=6)
    assert "PIN" in wrong.err
    assert "00000000" not in wrong.err
    run("init", "--home", tmp_path / "other", "--device-key", uri, code=2)


# The log.


def test_every_command_is_in_the_log_with_who_what_and_how_it_ended(
    home: Path, run: Command
) -> None:
    run("keys", "status", *by_key(home))
    run("keys", "remove-slot", "nonsense", *by_key(home), code=2)
    events = run("log", "show", "--json", *by_key(home)).json["events"]
    ended = [e for e in events if e["event"] == "command.ended"]
    assert [(e["fields"]["command"], e["outcome"]) for e in ended] == [
        ("keys status", "done"),
        ("keys remove-slot", "failed"),
    ]
    assert ended[1]["fields"]["exit_code"] == 2
    assert all(e["who"]["uid"] == os.getuid() and e["who"]["slot"] for e in ended)
    assert "nonsense" not in json.dumps(events)


def _flip(data: bytes) -> bytes:
    return data.replace(b'"outcome":"done"', b'"outcome":"dine"', 1)


def _without_one(data: bytes) -> bytes:
    lines = data.splitlines(keepends=True)
    return b"".join([*lines[:2], *lines[3:]])


def _twice(data: bytes) -> bytes:
    lines = data.splitlines(keepends=True)
    return b"".join([*lines[:3], lines[2], *lines[3:]])


def _short(data: bytes) -> bytes:
    return b"".join(data.splitlines(keepends=True)[:-2])


@pytest.mark.parametrize(
    ("fault", "damage"),
    [("bad hash", _flip), ("gap", _without_one), ("fork", _twice), ("truncation", _short)],
)
def test_each_damage_to_the_log_is_called_by_its_name(
    home: Path, run: Command, fault: str, damage: Callable[[bytes], bytes]
) -> None:
    events = home / "log" / "events.jsonl"
    events.write_bytes(damage(events.read_bytes()))
    said = run("log", "verify", *by_key(home), code=6)
    assert f"events.jsonl: {fault}: " in said.err


def test_what_a_killed_command_left_is_an_unsigned_tail(home: Path, run: Command) -> None:
    opened = Home.open(home, Unlock(key_file=home.parent / "key"), exclusive=True)
    opened.log.append("test.event")
    opened._wipe()  # as after kill -9
    assert "unsigned tail" in run("log", "verify", *by_key(home), code=6).err
    run("keys", "status", *by_key(home))
    run("log", "verify", *by_key(home))
    events = run("log", "show", "--json", *by_key(home)).json["events"]
    assert [e["fields"] for e in events if e["event"] == "log.unsigned-tail"] == [{"events": 1}]


def test_events_of_a_command_that_runs_are_no_unsigned_tail(home: Path, run: Command) -> None:
    with Home.open(home, Unlock(key_file=home.parent / "key"), exclusive=True) as opened:
        opened.log.append("test.event")
        assert run("log", "verify", "--json", *by_key(home)).json["still_running"]
    events = run("log", "show", "--json", *by_key(home)).json["events"]
    assert "log.unsigned-tail" not in [e["event"] for e in events]


def test_a_checkpoint_kept_elsewhere_shows_a_log_put_back(home: Path, run: Command) -> None:
    old = home.parent / "old"
    shutil.copytree(home, old)
    run("keys", "status", *by_key(home))
    kept, report = home.parent / "kept", home.parent / "report.json"
    kept.write_text(run("log", "checkpoint", *by_key(home)).out)
    report.write_text(json.dumps({"environment": {"log_checkpoint": kept.read_text()}}))
    for since in (kept, report):
        run("log", "verify", "--since", since, *by_key(home))
    shutil.rmtree(home)
    shutil.copytree(old, home)
    public = ["--home", home, "--public-key", home / "keys" / "release.pub.pem"]
    run("log", "verify", *public)
    for since in (kept, report):
        said = run("log", "verify", "--since", since, *by_key(home), code=6)
        assert "truncation" in said.err
    for _ in range(3):  # the log that was put back goes on, and is as long again
        run("log", "verify", *by_key(home))
    said = run("log", "verify", "--since", kept, *by_key(home), code=6)
    assert "fork" in said.err
    report.write_text("{}")
    run("log", "verify", "--since", report, *by_key(home), code=2)


def test_an_auditor_reads_and_verifies_the_log_without_a_secret(home: Path, run: Command) -> None:
    public = ["--home", home, "--public-key", home / "keys" / "release.pub.pem"]
    before = (home / "log" / "events.jsonl").read_bytes()
    assert run("log", "verify", "--json", *public).json["events"] > 3
    assert "workspace.created" in run("log", "show", *public).out
    for form, mark in (("jsonl", '{"event":'), ("syslog", "<109>1 "), ("cef", "CEF:0|appliance")):
        lines = run("log", "export", "--format", form, *public).out.splitlines()
        assert len(lines) == before.count(b"\n")
        assert all(line.startswith(mark) for line in lines)
    assert (home / "log" / "events.jsonl").read_bytes() == before


# Everything.


@pytest.mark.parametrize(
    "name",
    [
        "keys/slots.json",
        "keys/release.pub.pem",
        "log/events.jsonl",
        "log/checkpoints.jsonl",
        "vault/index.sealed",
        "vault/keys.json",
        "runs/r1/vault/index.sealed",
        "runs/r1/vault/keys.json",
        "runs/r1/vault/0000000001.sealed",
        "reports/r1/report.json",
    ],
)
def test_check_names_the_file_with_a_flipped_bit(home: Path, run: Command, name: str) -> None:
    path = home / name
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 4
    path.write_bytes(data)
    said = run("check", *by_key(home), code=6)
    assert f"appliance: error: {path}" in said.err
    assert said.err.count("\n") == 2


def test_check_names_a_public_file_that_nobody_recorded(home: Path, run: Command) -> None:
    (home / "releases" / "r1").mkdir()
    (home / "releases" / "r1" / "adapter_model.safetensors").write_bytes(b"x")
    said = run("check", *by_key(home), code=6)
    assert "adapter_model.safetensors: added" in said.err


def test_a_public_file_under_way_is_no_strangers(home: Path, run: Command) -> None:
    with Home.open(home, Unlock(key_file=home.parent / "key"), exclusive=True) as opened:
        opened.expect_public(home / "releases" / "r1")
    (home / "releases" / "r1").mkdir()
    (home / "releases" / "r1" / "half").write_bytes(b"x")
    run("check", *by_key(home))


# Locks.


def _without_landlock(profile: str = "strict", **_: object) -> LockReport:
    """What lockdown says on a kernel without Landlock; locks nothing in this process."""
    locks = [
        Lock(name=name, in_force=name != "landlock", detail="the kernel has no Landlock")
        for name in get_args(LockName)
    ]
    return LockReport(profile="strict", locks=tuple(locks))


@pytest.mark.parametrize(("insists", "code"), [(True, 4), (False, 0)])
def test_the_policy_decides_whether_data_is_opened_without_a_lock(
    home: Path, run: Command, monkeypatch: pytest.MonkeyPatch, insists: bool, code: int
) -> None:
    monkeypatch.setattr("appliance.locks.lockdown", _without_landlock)
    data, out, policy = (home.parent / name for name in ("in.jsonl", "out.jsonl", "p.yaml"))
    data.write_text('{"id":"1","text":"no name at all"}\n')
    overlay = "deidentify: {detectors: {ner: false}}\n"
    overlay += "" if insists else "data: {required_locks: [seccomp]}\n"
    demo = Path(__file__).parents[3] / "policies" / "demo.yaml"
    policy.write_text(f'name: x\nversion: "1"\nregulation: test\nextends: {demo}\n{overlay}')
    said = run("detect", "--policy", policy, data, out, *by_key(home), code=code)
    assert out.exists() is not insists
    if insists:
        assert "lock landlock: is not in force, and the policy insists on it" in said.err
    events = run("log", "show", "--json", *by_key(home)).json["events"]
    (locked,) = [e for e in events if e["event"] == "process.locked"]
    assert locked["fields"]["missing"] == ["landlock"]
    assert locked["outcome"] == ("refused" if insists else "done")


@pytest.mark.parametrize("name", ["hipaa", "gdpr", "lgpd", "pci-dss"])
def test_the_shipped_policies_insist_on_the_locks(name: str) -> None:
    loaded = load_policy(Path(__file__).parents[3] / "policies" / f"{name}.yaml")
    assert {"landlock", "seccomp", "core_dumps"} <= set(loaded.policy.data.required_locks)
