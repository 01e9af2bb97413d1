"""A crash or a full disk at every write: whole states, no plaintext, work goes on."""

from __future__ import annotations

import errno
import os
import resource
import shutil
import signal
import traceback
from collections.abc import Callable
from pathlib import Path

import pytest

from appliance.crypto.keys import make_key_file
from appliance.errors import ApplianceError, MachineError
from appliance.manifest import Manifest
from appliance.workspace import Home, Unlock, rotate

MARKER = b"Marisol Dalton, born 19 Sep 1931"
OLD, NEW = MARKER * 10 + b"old", MARKER * 2000 + b"new"
BOUNDARIES = ("write", "fsync", "replace", "rename", "unlink", "ftruncate", "mkdir", "open")


@pytest.fixture(scope="module")
def base(tmp_path_factory) -> Path:
    """A workspace before the command that will crash, with its key file and the one to come."""
    folder = tmp_path_factory.mktemp("base")
    make_key_file(folder / "key")
    make_key_file(folder / "new-key")
    with Home.init(folder / "home", Unlock(key_file=folder / "key")) as home:
        vault = home.run_vault("r1")
        vault.write_bytes("ingest/a", OLD)
        vault.write_bytes("ingest/gone", OLD)
        Manifest(home.path / "runs" / "r1" / "manifest.jsonl", vault).append({"stage": "one"})
    return folder


def command(folder: Path) -> None:
    """Everything custody writes, once."""
    with Home.open(folder / "home", Unlock(key_file=folder / "key"), exclusive=True) as home:
        vault = home.run_vault("r1")
        vault.write_bytes("ingest/a", NEW)
        vault.delete("ingest/gone")
        manifest = Manifest(home.path / "runs" / "r1" / "manifest.jsonl", vault)
        manifest.append({"stage": "two"})
        home.log.append("test.event")
        home.run_vault("r2").write_json("ingest/b", {"marker": MARKER.decode()})
        rotate(home, Unlock(key_file=folder / "new-key"))


def in_child(body: Callable[[], None]) -> int:
    """Run `body` in a forked child; return how it ended."""
    child = os.fork()
    if child == 0:
        try:
            body()
        except ApplianceError as e:
            os._exit(100 + e.exit_code)
        except BaseException:  # noqa: BLE001
            traceback.print_exc()
            os._exit(99)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    return -os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)


def fail_at(count: int, action: Callable[[str, tuple], None]) -> None:
    """Let the `count`-th call that changes the disk run `action` first."""
    left = [count]

    def watch(name: str) -> None:
        real = getattr(os, name)

        def wrapped(*arguments, **options):
            changes = name != "open" or arguments[1] & os.O_CREAT
            if changes:
                left[0] -= 1
                if left[0] == 0:
                    action(name, arguments)
            return real(*arguments, **options)

        setattr(os, name, wrapped)

    for name in BOUNDARIES:
        watch(name)


def check_whole(folder: Path) -> None:
    """The workspace opens with one of the two keys, holds whole states and no plaintext."""
    home_path = folder / "home"
    for path in home_path.rglob("*"):
        if path.is_file():
            assert MARKER[:12] not in path.read_bytes(), path
    key = folder / "key"
    try:
        home = Home.open(home_path, Unlock(key_file=key), exclusive=True)
    except ApplianceError:
        home = Home.open(home_path, Unlock(key_file=folder / "new-key"), exclusive=True)
    with home:
        vault = home.run_vault("r1")
        assert vault.read_bytes("ingest/a") in (OLD, NEW)
        if vault.exists("ingest/gone"):
            assert vault.read_bytes("ingest/gone") == OLD
        manifest = Manifest(home_path / "runs" / "r1" / "manifest.jsonl", vault)
        stages = [receipt["stage"] for receipt in manifest.receipts()]
        assert stages in (["one"], ["one", "two"])
        manifest.append({"stage": "three"})
        vault.write_bytes("ingest/c", b"goes on")
        home.verify()
    left = [p.name for p in home_path.rglob(".tmp-*")]
    assert left == [] or all(name.startswith(".tmp-vault") for name in left), left


def boundaries(base: Path, tmp_path: Path) -> int:
    """Count the calls that change the disk in one undisturbed command."""
    shutil.copytree(base, tmp_path / "count")
    seen = tmp_path / "seen"

    def body() -> None:
        fail_at(10**9, lambda *_: None)
        counter = [0]
        for name in BOUNDARIES:
            real = getattr(os, name)

            def wrapped(*arguments, _real=real, _name=name, **options):
                if _name != "open" or arguments[1] & os.O_CREAT:
                    counter[0] += 1
                return _real(*arguments, **options)

            setattr(os, name, wrapped)
        command(tmp_path / "count")
        seen.write_text(str(counter[0]))

    assert in_child(body) == 0
    check_whole(tmp_path / "count")
    return int(seen.read_text())


def test_kill_9_at_every_write_boundary_leaves_a_whole_workspace(base, tmp_path):
    total = boundaries(base, tmp_path)
    assert total > 80
    for at in range(1, total + 1):
        folder = tmp_path / f"kill-{at}"
        shutil.copytree(base, folder)

        def body(at=at, folder=folder) -> None:
            def die(name: str, arguments: tuple) -> None:
                if name == "write":  # torn: half of it reaches the disk
                    data = bytes(arguments[1])
                    os.writev(arguments[0], [data[: len(data) // 2]])
                os.kill(os.getpid(), signal.SIGKILL)

            fail_at(at, die)
            command(folder)

        assert in_child(body) == -signal.SIGKILL, at
        check_whole(folder)
        shutil.rmtree(folder)


@pytest.mark.parametrize("error", [errno.ENOSPC, errno.EIO])
def test_a_failing_disk_at_every_write_is_exit_4_and_tears_nothing(base, tmp_path, error):
    total = boundaries(base, tmp_path)
    for at in range(1, total + 1, 2 if error == errno.ENOSPC else 7):
        folder = tmp_path / f"full-{at}"
        shutil.copytree(base, folder)

        def body(at=at, folder=folder) -> None:
            def refuse(name: str, arguments: tuple) -> None:
                raise OSError(error, os.strerror(error))

            fail_at(at, refuse)
            command(folder)

        ended = in_child(body)
        assert ended in (104, 0), (at, ended)
        check_whole(folder)
        shutil.rmtree(folder)


def test_a_real_limit_on_file_size_is_exit_4_and_leaves_nothing(base, tmp_path):
    folder = tmp_path / "limit"
    shutil.copytree(base, folder)

    def body() -> None:
        unlock = Unlock(key_file=folder / "key")
        with Home.open(folder / "home", unlock, exclusive=True) as home:
            resource.setrlimit(resource.RLIMIT_FSIZE, (64 * 1024, 64 * 1024))
            try:
                home.run_vault("r1").write_bytes("ingest/big", bytes(10**6))
            finally:
                resource.setrlimit(resource.RLIMIT_FSIZE, (-1, resource.getrlimit(1)[1]))

    code = in_child(body)
    assert code in (104, 99)
    check_whole(folder)


def test_the_fault_harness_itself_can_see_a_torn_state(base, tmp_path):
    folder = tmp_path / "torn"
    shutil.copytree(base, folder)
    index = folder / "home" / "runs" / "r1" / "vault" / "index.sealed"
    index.write_bytes(index.read_bytes()[:-1])
    with pytest.raises((ApplianceError, AssertionError)):
        check_whole(folder)


def test_a_full_disk_is_told_as_such(base, tmp_path):
    folder = tmp_path / "told"
    shutil.copytree(base, folder)
    unlock = Unlock(key_file=folder / "key")
    with Home.open(folder / "home", unlock, exclusive=True) as home:
        vault, real = home.run_vault("r1"), os.write

        def full(fd, data):
            raise OSError(errno.ENOSPC, "No space left on device")

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(os, "write", full)
            with pytest.raises(MachineError, match="the disk is full"):
                vault.write_bytes("ingest/x", b"1")
        assert os.write is real
        vault.write_bytes("ingest/x", b"2")
