"""Bad input through the real command line: an exit code, two lines, no traceback, no content.

Each command runs in a process of its own, for locks on a process cannot be taken off: a new one, or
a copy of this one where the modules' loading would be most of the time.
"""

from __future__ import annotations

import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from appliance.cli.__main__ import main
from appliance.workspace import Home, Unlock
from tests.support.command import Done, appliance, unlock

#: In every row of every file here: no output may hold it.
MARKER = "Zq7xvMARKER"
Train = Callable[..., Done]


def rows(count: int = 40) -> list[dict[str, str]]:
    return [
        {"patient_id": f"p{i % 15}", "text": f"note {i} of {MARKER}, seen today for the knee"}
        for i in range(count)
    ]


def lines(some: list[dict[str, str]]) -> str:
    return "".join(json.dumps(row) + "\n" for row in some)


@pytest.fixture(scope="module")
def workspace(fresh_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One workspace for all failures: a failed run must not stand in the next one's way."""
    root = tmp_path_factory.mktemp("bad")
    shutil.copytree(fresh_home.parent, root / "w")
    return root / "w" / "home"


@pytest.fixture
def train(workspace: Path, policy: Callable[..., Path]) -> Train:
    def _train(data: Path, *more: str, overlay: str = "") -> Done:
        done = appliance(
            "train", "--policy", policy(overlay), "--data", data, *unlock(workspace), *more
        )
        assert MARKER not in done.out + done.err
        assert "Traceback" not in done.out + done.err
        return done

    return _train


def here(*words: str | Path) -> Done:
    """Run a command in a copy of this process: no module loads again, and its locks go with it."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        child = os.fork()
        if child == 0:
            code = 99
            try:
                os.dup2(out.fileno(), 1)
                os.dup2(err.fileno(), 2)
                sys.stdout, sys.stderr = os.fdopen(1, "w"), os.fdopen(2, "w")
                main([str(w) for w in words])
            except SystemExit as stopped:
                code = stopped.code if isinstance(stopped.code, int) else 98
            finally:
                sys.stdout.flush()
                sys.stderr.flush()
                os._exit(code)
        _, status = os.waitpid(child, 0)
        said = []
        for stream in (out, err):
            stream.seek(0)
            said.append(stream.read().decode())
    done = Done(os.waitstatus_to_exitcode(status), *said)
    assert MARKER not in done.out + done.err
    return done


def jsonl_with(index: int, line: str) -> str:
    """Forty good rows, among them bad ones: more than the quarantine limit lets pass."""
    all_lines = lines(rows()).splitlines()
    all_lines[index : index + 5] = [line] * 5
    return "\n".join(all_lines) + "\n"


def _truncated_parquet(path: Path) -> None:
    pq.write_table(pa.Table.from_pylist(rows()), path)
    path.write_bytes(path.read_bytes()[:-40])


def _ragged_csv(path: Path) -> None:
    good = "".join(f'{r["patient_id"]},"{r["text"]}"\n' for r in rows())
    path.write_text("patient_id,text\n" + good + f"p1,{MARKER},one,too,many\np2\n" * 5)


BAD: dict[str, tuple[str, Callable[[Path], object], str]] = {
    "an empty file": ("a.jsonl", lambda p: p.write_bytes(b""), ""),
    "another encoding": (
        "a.jsonl",
        lambda p: p.write_bytes(lines(rows()).replace("knee", "José").encode("latin-1")),
        "",
    ),
    "a truncated Parquet file": ("a.parquet", _truncated_parquet, ""),
    "ragged rows": ("a.csv", _ragged_csv, ""),
    "NaN": (
        "a.jsonl",
        lambda p: p.write_text(jsonl_with(3, f'{{"patient_id":NaN,"text":"{MARKER}"}}')),
        "",
    ),
    "duplicate keys": (
        "a.jsonl",
        lambda p: p.write_text(
            jsonl_with(3, f'{{"patient_id":"p","patient_id":"q","text":"{MARKER}"}}')
        ),
        "",
    ),
    "a column the policy names and the file lacks": (
        "a.jsonl",
        lambda p: p.write_text(lines(rows())),
        "data: {fields: {text: letter}}\n",
    ),
    "two people": ("a.jsonl", lambda p: p.write_text(lines(rows()[:2])), ""),
}


@pytest.mark.parametrize("what", BAD)
def test_bad_data_is_exit_5(what: str, train: Train, tmp_path: Path) -> None:
    name, write, overlay = BAD[what]
    write(tmp_path / name)
    train(tmp_path / name, overlay=overlay).assert_two_lines(5)


def test_bad_data_with_json_is_one_object(train: Train, tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_bytes(b"")
    done = train(tmp_path / "a.jsonl", "--json").assert_code(5)
    assert done.err == ""
    assert set(done.json["error"]) == {"where", "what", "hint", "exit_code"}


def test_a_missing_file_is_exit_5(workspace: Path, policy: Callable[..., Path]) -> None:
    words = ("train", "--policy", policy(), "--data", "nowhere.jsonl", *unlock(workspace))
    here(*words).assert_two_lines(5)


@pytest.mark.parametrize(
    "overlay",
    [
        "privacy: {wrong_key: 1}\n",
        f"privacy: {{mechanism: {MARKER}}}\n",
        "privacy: {target_epsilon: .nan}\n",
        "privacy: {target_epsilon: 1.0}\nprivacy: {target_epsilon: 8.0}\n",
    ],
)
def test_a_bad_policy_is_exit_3_and_names_file_and_line(
    overlay: str, workspace: Path, policy: Callable[..., Path], sample: Path
) -> None:
    path = policy(overlay)
    words = ("train", "--policy", path, "--data", sample, *unlock(workspace))
    done = here(*words).assert_two_lines(3)
    assert f"{path}: line " in done.err


def test_a_missing_policy_is_exit_3(workspace: Path, sample: Path) -> None:
    words = ("train", "--policy", "nowhere.yaml", "--data", sample, *unlock(workspace))
    here(*words).assert_two_lines(3)


@pytest.mark.parametrize("name", ["pytorch_model.bin", "model.pkl", "modeling_evil.py"])
def test_a_base_model_holding_pickles_or_code_is_exit_5(
    name: str, workspace: Path, tiny_model: Path, tmp_path: Path
) -> None:
    evil = tmp_path / "evil"
    shutil.copytree(tiny_model, evil)
    (evil / name).write_bytes(b"\x80\x04cos\nsystem\n")
    words = ("models", "add", evil, *unlock(workspace))
    assert name in here(*words).assert_two_lines(5).err


def test_an_unregistered_base_model_is_exit_2(
    workspace: Path, policy: Callable[..., Path], sample: Path
) -> None:
    words = ("train", "--policy", policy(), "--data", sample, "--base-model", "other")
    here(*words, *unlock(workspace)).assert_two_lines(2)


def test_a_base_model_altered_after_registration_is_exit_6(
    home: Path, policy: Callable[..., Path], sample: Path
) -> None:
    weights = home / "models" / "tiny" / "model.safetensors"
    raw = bytearray(weights.read_bytes())
    raw[-1] ^= 1
    weights.write_bytes(raw)
    words = ("train", "--policy", policy(), "--data", sample, *unlock(home))
    here(*words).assert_two_lines(6)


def test_a_base_model_swapped_with_its_registry_is_exit_6(
    home: Path, policy: Callable[..., Path], sample: Path
) -> None:
    from appliance.model.registry import Registry

    tokenizer = home / "models" / "tiny" / "tokenizer.json"
    tokenizer.write_text(tokenizer.read_text() + "\n")
    Registry(home / "models").add(home / "models" / "tiny", name="tiny")
    words = ("train", "--policy", policy(), "--data", sample, *unlock(home))
    here(*words).assert_two_lines(6)


def test_a_wrong_passphrase_is_exit_6(workspace: Path, tmp_path: Path) -> None:
    (tmp_path / "wrong").write_text(MARKER)
    words = ("runs", "list", "--home", workspace, "--passphrase-file", tmp_path / "wrong")
    here(*words).assert_two_lines(6)


@pytest.mark.parametrize(
    "content", [b"", b"\n"], ids=["an empty passphrase file", "a line end alone"]
)
def test_no_passphrase_is_exit_2(content: bytes, workspace: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").write_bytes(content)
    words = ("runs", "list", "--home", workspace, "--passphrase-file", tmp_path / "empty")
    here(*words).assert_two_lines(2)


def test_no_workspace_is_exit_4(tmp_path: Path) -> None:
    (tmp_path / "passphrase").write_text("x y z")
    here("runs", "list", *unlock(tmp_path / "none")).assert_two_lines(4)


def test_a_second_run_on_a_locked_workspace_is_exit_4(
    workspace: Path, policy: Callable[..., Path], sample: Path
) -> None:
    secret = Unlock.from_options(passphrase_file=workspace.parent / "passphrase")
    with Home.open(workspace, secret, exclusive=True):
        words = ("train", "--policy", policy(), "--data", sample, *unlock(workspace))
        done = appliance(*words).assert_two_lines(4)
    assert "in use by process" in done.err


@pytest.fixture(scope="module")
def killed(
    fresh_home: Path, sample: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, str]:
    """A workspace with a run that was killed once its records were sealed, and the run's id."""
    from tests.e2e.conftest import TINY_POLICY

    root = tmp_path_factory.mktemp("killed")
    shutil.copytree(fresh_home.parent, root / "w")
    home = root / "w" / "home"
    path = root / "tiny.yaml"
    path.write_text(TINY_POLICY.format(demo=Path(__file__).parents[2] / "policies" / "demo.yaml"))
    words = ["train", "--policy", path, "--data", sample, *unlock(home)]
    process = subprocess.Popen(
        [sys.executable, "-m", "appliance.cli", *map(str, words)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        while process.poll() is None:
            if any('"stage":"split"' in m.read_text() for m in home.glob("runs/*/manifest.jsonl")):
                process.send_signal(signal.SIGKILL)
                break
            time.sleep(0.05)
    finally:
        process.kill()
        process.wait()
    (run,) = (p.name for p in (home / "runs").iterdir())
    # Opened once, everything is tidied after the crash; from here on only the tests change a byte.
    secret = Unlock.from_options(passphrase_file=root / "w" / "passphrase")
    with Home.open(home, secret, exclusive=True) as opened:
        opened.run_vault(run).verify()
    return home, run


def _sealed_files(home: Path) -> list[Path]:
    tops = ("vault", "runs", "keys")
    return sorted(p.relative_to(home) for t in tops for p in (home / t).rglob("*") if p.is_file())


def _copies(home: Path, tmp_path: Path) -> Iterator[tuple[Path, Path]]:
    """A fresh copy of the workspace for each of its sealed files, and that file in the copy."""
    files = _sealed_files(home)
    assert len(files) > 12
    for number, file in enumerate(files):
        root = tmp_path / str(number)
        shutil.copytree(home.parent, root)
        yield root / "home", root / "home" / file
        shutil.rmtree(root)


def _cut(raw: bytes) -> bytes:
    return raw[:-1]


def _flip(raw: bytes) -> bytes:
    at = len(raw) // 2
    return raw[:at] + bytes([raw[at] ^ 1]) + raw[at + 1 :]


@pytest.mark.parametrize("alter", [_flip, _cut])
def test_an_altered_byte_in_any_sealed_file_is_exit_6(
    alter: Callable[[bytes], bytes],
    killed: tuple[Path, str],
    tmp_path: Path,
) -> None:
    for home, file in _copies(killed[0], tmp_path):
        file.write_bytes(alter(file.read_bytes()))
        done = here("train", "--resume", killed[1], *unlock(home))
        assert done.code == 6, (file, done.err)
        assert str(file) in done.assert_two_lines(6).err


def test_a_removed_sealed_file_is_exit_6(killed: tuple[Path, str], tmp_path: Path) -> None:
    for home, file in _copies(killed[0], tmp_path):
        file.unlink()
        done = here("train", "--resume", killed[1], *unlock(home))
        assert done.code == 6, (file, done.err)
        assert str(file) in done.assert_two_lines(6).err


def test_an_unknown_run_is_not_resumed(workspace: Path) -> None:
    here("train", "--resume", MARKER[2:], *unlock(workspace)).assert_two_lines(2)


def _no_larger_files_than(limit_bytes: int) -> Callable[[], None]:
    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit_bytes, limit_bytes))

    return limit


def test_a_file_that_may_not_grow_is_exit_4(
    home: Path, policy: Callable[..., Path], tmp_path: Path
) -> None:
    data = tmp_path / "a.jsonl"
    data.write_text(lines(rows(2000)))
    words = ["train", "--policy", policy(), "--data", data, *unlock(home)]
    ran = subprocess.run(
        [sys.executable, "-m", "appliance.cli", *map(str, words)],
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        preexec_fn=_no_larger_files_than(24 * 1024),
        check=False,
    )
    done = Done(ran.returncode, ran.stdout, ran.stderr).assert_two_lines(4)
    assert "disk" in done.err
    _still_works(home)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of three megabytes."""
    place = tmp_path / "disk"
    place.mkdir()
    mounted = shutil.which("mount") is not None and os.geteuid() == 0
    if mounted:
        done = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", str(place)],
            capture_output=True,
            check=False,
        )
        mounted = done.returncode == 0
    if not mounted:
        pytest.skip("a small disk cannot be mounted here: needs root and a mount namespace")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


def test_a_full_disk_is_exit_4_and_the_workspace_survives(
    small_disk: Path, fresh_home: Path, policy: Callable[..., Path], tmp_path: Path
) -> None:
    shutil.copytree(fresh_home.parent, small_disk, dirs_exist_ok=True)
    home = small_disk / "home"
    data = tmp_path / "a.jsonl"
    data.write_text(
        "".join(
            line.replace("knee", os.urandom(400).hex()) + "\n"
            for line in lines(rows(3000)).splitlines()
        )
    )
    done = appliance("train", "--policy", policy(), "--data", data, *unlock(home))
    assert "disk is full" in done.assert_two_lines(4).err
    assert MARKER not in done.out + done.err
    _still_works(home)


def _still_works(home: Path) -> None:
    appliance("runs", "list", *unlock(home)).assert_code(0)
    appliance("log", "verify", *unlock(home)).assert_code(0)
