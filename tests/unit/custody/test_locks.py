"""The process locks: each attempted from a process of its own, as root and as an ordinary user."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from appliance.locks import landlock, seccomp

ROOT = Path(__file__).parents[3]
NOBODY = 65534


def run(
    body: str, *arguments: str, user: int | None = None, profile: str = "strict", before: str = ""
) -> dict:
    """Lock a fresh process down, run `body` in it, return what it put into `out`.

    `before` runs in the process before it is locked.
    """
    code = f"""
import errno, json, os, resource, socket, subprocess, sys, tempfile, threading
from pathlib import Path
from appliance.locks import lockdown, kernel
from appliance.locks.process import left_behind
def attempt(action):
    try:
        action()
        return "done"
    except OSError as e:
        return errno.errorcode[e.errno]
def main():
    home = Path(sys.argv[1])
    user = {user!r}
    if user is not None:
        os.setgroups([])
        os.setresgid(user, user, user)
        os.setresuid(user, user, user)
        kernel.prctl(kernel.PR_SET_DUMPABLE, 1)  # as in a process that user started
    temp = home / "temp"
    temp.mkdir(mode=0o700)
{textwrap.indent(textwrap.dedent(before), "    ")}
    report = lockdown({profile!r}, writable=[home], readable=[Path(p) for p in sys.argv[2:]], temp=temp)
    out = {{"report": report.as_dict(), "missing": report.missing()}}
{textwrap.indent(textwrap.dedent(body), "    ")}
    print(json.dumps(out))
if __name__ == "__main__":
    main()
"""
    script = Path(arguments[0]) / "script.py"
    script.write_text(code)
    environ = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        [sys.executable, script, *arguments],
        capture_output=True, text=True, env=environ, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout.splitlines()[-1])


@pytest.fixture(params=["as started", "ordinary user"])
def user(request, tmp_path):
    if request.param == "as started":
        return None
    if os.geteuid() != 0:
        pytest.skip("already an ordinary user: covered by the other parameter")
    tmp_path.chmod(0o777)
    for parent in tmp_path.parents:
        if parent.stat().st_uid == os.geteuid() and parent not in (Path("/"), Path("/tmp")):
            parent.chmod(parent.stat().st_mode | 0o011)
    return NOBODY


def test_every_lock_is_in_force_here(tmp_path, user):
    out = run("", str(tmp_path), user=user)
    swap = len(Path("/proc/swaps").read_text().splitlines()) > 1
    expected = ["no_swap"] if swap else []
    if landlock.version() == 0:
        expected.append("landlock")
    assert out["missing"] == expected
    assert set(out["report"]["locks"]) == {
        "umask", "core_dumps", "not_dumpable", "no_new_privileges", "landlock", "seccomp", "no_swap", "private_temp",
    }  # fmt: skip


def test_only_unix_sockets_open_also_in_threads_and_children(tmp_path, user):
    body = """
    import subprocess, threading
    tries = {"inet": (2, 1), "inet6": (10, 2), "netlink": (16, 3), "packet": (17, 3), "vsock": (40, 1), "unix": (1, 1)}
    out["tries"] = {n: attempt(lambda f=f, k=k: os.close(kernel.socket(f, k))) for n, (f, k) in tries.items()}
    out["pair"] = attempt(lambda: socket.socketpair(socket.AF_UNIX))
    thread = threading.Thread(target=lambda: out.update(thread=attempt(lambda: kernel.socket(2, 1))))
    thread.start(); thread.join()
    read, write = os.pipe()
    if os.fork() == 0:
        os.write(write, attempt(lambda: kernel.socket(2, 1)).encode())
        os._exit(0)
    out["child"] = os.read(read, 100).decode()
    os.wait()
    """
    out = run(body, str(tmp_path), user=user)
    assert out["tries"] == {
        "inet": "EPERM", "inet6": "EPERM", "netlink": "EPERM", "packet": "EPERM", "vsock": "EPERM", "unix": "done",
    }  # fmt: skip
    assert (out["pair"], out["thread"], out["child"]) == ("done", "EPERM", "EPERM")


def test_threads_that_already_run_cannot_open_sockets_either(tmp_path):
    before = """
    import threading
    go, result = threading.Event(), []
    def late():
        go.wait()
        result.append(attempt(lambda: kernel.socket(2, 1)))
    thread = threading.Thread(target=late)
    thread.start()
    """
    body = """
    go.set()
    thread.join()
    out["thread"] = result
    """
    out = run(body, str(tmp_path), before=before)
    assert out["thread"] == ["EPERM"]
    assert out["report"]["locks"]["seccomp"]["in_force"]
    if landlock.version() < 8:
        assert "landlock" in out["missing"]


def test_only_the_given_paths_can_be_read_and_written(tmp_path, user):
    home, data, other = tmp_path / "home", tmp_path / "data", tmp_path / "other"
    for folder in (home, data, other):
        folder.mkdir()
        folder.chmod(0o777)
        (folder / "f").write_text("x")
    body = """
    home, data = Path(sys.argv[1]), Path(sys.argv[2])
    other = data.parent / "other"
    out["read data"] = attempt(lambda: (data / "f").read_text())
    out["write data"] = attempt(lambda: (data / "g").write_text("x"))
    out["write home"] = attempt(lambda: (home / "g").write_text("x"))
    out["rename home"] = attempt(lambda: (home / "g").rename(home / "h"))
    out["read other"] = attempt(lambda: (other / "f").read_text())
    out["list other"] = attempt(lambda: list(other.iterdir()))
    out["truncate other"] = attempt(lambda: os.truncate(other / "f", 0))
    out["move out"] = attempt(lambda: (home / "f").rename(other / "moved"))
    out["shadow"] = attempt(lambda: Path("/etc/shadow").read_text())
    (home / "program").write_text("#!/bin/sh\\nexit 0\\n")
    (home / "program").chmod(0o755)
    out["run from home"] = attempt(lambda: os.posix_spawn(home / "program", ["program"], {}))
    """
    out = run(body, str(home), str(data), user=user)
    if landlock.version() == 0:
        pytest.skip("the kernel has no Landlock")
    done = {name: value for name, value in out.items() if name not in ("report", "missing")}
    assert done.pop("move out") in ("EACCES", "EXDEV")
    assert done == {
        "read data": "done", "write data": "EACCES", "write home": "done", "rename home": "done",
        "read other": "EACCES", "list other": "EACCES", "truncate other": "EACCES", "shadow": "EACCES",
        "run from home": "EACCES",
    }  # fmt: skip
    assert (other / "f").read_text() == "x"


def test_no_other_process_is_reached_over_a_unix_socket(tmp_path, user):
    before = """
    theirs, named = socket.socket(socket.AF_UNIX), str(home / "service")
    theirs.bind(named); theirs.listen()
    letters, posted = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM), str(home / "post")
    letters.bind(posted)
    open_before = socket.socket(socket.AF_UNIX)
    """
    body = """
    out["connect"] = attempt(lambda: socket.socket(socket.AF_UNIX).connect(named))
    out["connect early socket"] = attempt(lambda: open_before.connect(named))
    out["datagram"] = attempt(lambda: socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM))
    out["raw"] = attempt(lambda: socket.socket(socket.AF_UNIX, socket.SOCK_RAW))
    out["datagram pair"] = attempt(lambda: socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM))
    one, other = socket.socketpair()
    out["pair"] = attempt(lambda: one.sendall(b"x"))
    """
    out = run(body, str(tmp_path), user=user, before=before)
    assert out.pop("pair") == "done"
    done = {name: value for name, value in out.items() if name not in ("report", "missing")}
    assert set(done.values()) == {"EPERM"}, done


def test_beside_loopback_no_unix_socket_opens_but_pairs(tmp_path, user):
    body = """
    out["socket"] = attempt(lambda: socket.socket(socket.AF_UNIX))
    out["pair"] = attempt(socket.socketpair)
    """
    out = run(body, str(tmp_path), user=user, profile="loopback")
    if not out["report"]["locks"]["network_namespace"]["in_force"]:
        pytest.skip("the kernel gives this user no network namespace")
    assert (out["socket"], out["pair"]) == ("EPERM", "done")


def test_other_processes_kernel_and_namespaces_are_out_of_reach(tmp_path, user):
    body = """
    from appliance.locks import seccomp
    out["calls"] = {n: attempt(lambda nr=nr: kernel.syscall(nr, 0, 0, 0, 0, 0)) for n, nr in seccomp.refused_calls().items()}
    """
    out = run(body, str(tmp_path), user=user)
    assert set(out["calls"].values()) == {"EPERM"}
    assert {"io_uring_setup", "move_mount", "kcmp"} <= set(out["calls"])


def test_no_namespace_is_made_by_starting_a_child(tmp_path, user):
    body = """
    from appliance.locks import seccomp
    out["clone"] = attempt(seccomp.new_namespace)
    out["clone3"] = attempt(lambda: kernel.syscall(435, 0, 0))
    child = os.fork()
    if child == 0:
        os._exit(7)
    out["child"] = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    """
    out = run(body, str(tmp_path), user=user)
    assert (out["clone"], out["clone3"], out["child"]) == ("EPERM", "ENOSYS", 7)


def test_nothing_is_typed_into_the_terminal(tmp_path, user):
    """A byte put into the operator's own terminal would be a command once we have ended."""
    before = """
    terminal = os.openpty()[1]
    number = 29 if os.uname().machine == "aarch64" else 16
    def ioctl(request):
        return attempt(lambda: kernel.syscall(number, terminal, request, 0))
    """
    body = """
    out["size"], out["typed"] = ioctl(0x5413), [ioctl(0x5412), ioctl(0x5412 | 1 << 32)]
    """
    out = run(body, str(tmp_path), user=user, before=before)
    assert out["size"] == "EFAULT"  # no filter stands before it: the kernel looked for its buffer
    assert out["typed"] == ["EPERM", "EPERM"]


def test_no_core_dumps_private_files_and_offline_libraries(tmp_path, user):
    body = """
    import resource
    out["core"] = resource.getrlimit(resource.RLIMIT_CORE)
    (Path(sys.argv[1]) / "new").write_text("x")
    out["mode"] = (Path(sys.argv[1]) / "new").stat().st_mode & 0o777
    out["offline"] = [os.environ[n] for n in ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE", "HF_DATASETS_OFFLINE")]
    out["temp"] = tempfile.gettempdir()
    out["caches"] = [os.environ[n] for n in ("HF_HOME", "XDG_CACHE_HOME", "MPLCONFIGDIR", "TORCHINDUCTOR_CACHE_DIR", "TMPDIR")]
    out["left"] = left_behind(temp)
    tempfile.mkstemp()
    out["left then"] = left_behind(temp)
    """
    out = run(body, str(tmp_path), user=user)
    assert out["core"] == [0, 0]
    assert out["mode"] == 0o600
    assert out["offline"] == ["1", "1", "1"]
    assert all(path.startswith(str(tmp_path / "temp")) for path in [out["temp"], *out["caches"]])
    assert (out["left"], out["left then"]) == (0, 1)


def test_worker_processes_and_numeric_threads_survive(tmp_path, user):
    body = """
    import multiprocessing, numpy
    from joblib import Parallel, delayed
    out["loky"] = Parallel(n_jobs=2)(delayed(abs)(i) for i in (-1, -2, -3))
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        out["spawn"] = pool.map(abs, [-4])
    out["numpy"] = float((numpy.ones((300, 300)) @ numpy.ones((300, 300))).sum())
    """
    if user is not None and not os.access(Path(sys.base_prefix), os.X_OK, effective_ids=False):
        pytest.skip("the interpreter is private to another user")
    if user is not None and any(
        not parent.stat().st_mode & 0o001 for parent in Path(sys.base_prefix).resolve().parents
    ):
        pytest.skip("an ordinary user cannot start this interpreter: it lies in a private folder")
    out = run(body, str(tmp_path), user=user)
    assert out["loky"] == [1, 2, 3]
    assert out["spawn"] == [4]
    assert out["numpy"] == 300.0**3


def test_the_loopback_profile_reaches_itself_and_nobody_else(tmp_path, user):
    body = """
    server = socket.socket(); server.bind(("127.0.0.1", 0)); server.listen()
    client = socket.socket(); client.connect(server.getsockname())
    out["loopback"] = "done"
    out["outside"] = attempt(lambda: socket.socket().connect(("192.0.2.1", 80)))
    out["vsock"] = attempt(lambda: kernel.socket(40, 1))
    """
    out = run(body, str(tmp_path), user=user, profile="loopback")
    if not out["report"]["locks"]["network_namespace"]["in_force"]:
        pytest.skip("the kernel gives this user no network namespace")
    assert out["loopback"] == "done"
    assert out["outside"] == "ENETUNREACH"
    assert out["vsock"] == "EPERM"


def test_without_a_namespace_the_loopback_profile_gets_no_network(tmp_path):
    before = """
    from appliance.locks import netns
    def refuse():
        raise PermissionError(1, "no namespaces here")
    netns.enter_loopback = refuse
    """
    body = """
    out["inet"] = attempt(lambda: kernel.socket(2, 1))
    """
    out = run(body, str(tmp_path), before=before, profile="loopback")
    assert "network_namespace" in out["missing"]
    assert out["inet"] == "EPERM"


def test_a_lock_that_does_not_hold_is_reported_as_missing(tmp_path):
    before = """
    import appliance.locks.process as process
    process.landlock.restrict = lambda **_: False
    process.seccomp.install = lambda **_: None
    """
    out = run("", str(tmp_path), before=before)
    assert {"landlock", "seccomp"} <= set(out["missing"])
    assert not out["report"]["complete"]


def test_a_kernel_without_a_lock_is_reported_with_the_reason(tmp_path):
    before = """
    from appliance.locks import landlock
    landlock.version = lambda: 0
    """
    out = run("", str(tmp_path), before=before)
    lock = out["report"]["locks"]["landlock"]
    assert not lock["in_force"]
    assert lock["detail"] == "the kernel has no Landlock"


def test_a_refused_limit_is_a_missing_lock_and_no_crash(tmp_path):
    before = """
    def refused(*_):
        raise ValueError("not allowed to raise maximum limit")
    resource.setrlimit = refused
    """
    out = run("", str(tmp_path), before=before)
    assert out["missing"] == ["core_dumps"]


@pytest.mark.parametrize("loopback", [False, True])
def test_the_filter_for_the_other_architecture_is_well_formed(loopback):
    for audit in (0xC000003E, 0xC00000B7):
        code = seccomp.program(audit, loopback=loopback)
        count = len(code) // 8
        assert len(code) % 8 == 0
        for at in range(count):
            operation = int.from_bytes(code[at * 8 : at * 8 + 2], "little")
            if operation in (0x15, 0x35):
                assert at + 1 + code[at * 8 + 2] < count
                assert at + 1 + code[at * 8 + 3] < count
