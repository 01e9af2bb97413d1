"""Nothing of a record is ever on disk in clear, and no socket but AF_UNIX is opened.

Over success, refusal, a crash in the data and kill -9. Records are made of invented syllables, so
that every 12-character window of them is a marker: no report, log or model holds it by chance.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.support.command import appliance, unlock

Write = Callable[..., Path]
WINDOW = 12


@pytest.fixture(scope="module")
def marked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """60 records of 30 people in which every 12 characters are a marker."""
    generator = np.random.default_rng(11)
    syllables = [
        "".join(s)
        for s in zip(
            *[generator.choice(list("bdfgkmprtvz" if i != 1 else "aiou"), 400) for i in range(3)],
            strict=True,
        )
    ]

    def words(count: int) -> str:
        return " ".join("".join(generator.choice(syllables, 3)) for _ in range(count))

    rows = [
        {
            "note_id": f"{words(1)}{i:05d}{words(1)}",
            "patient_id": f"patient-{words(1)}-{i % 30:04d}",
            "name": words(2).title(),
            "text": f"{words(2).title()} MRN: {words(1).upper()}-{i:06d} {words(20)}. {words(15)}.",
        }
        for i in range(60)
    ]
    path = tmp_path_factory.mktemp("marked") / "records.jsonl"
    path.write_text("\n".join(json.dumps(r) for r in rows) + "\n")
    return path


def markers(data: Path) -> set[bytes]:
    found: set[bytes] = set()
    for line in data.read_text().splitlines():
        for value in json.loads(line).values():
            raw = value.encode()
            found.update(raw[i : i + WINDOW] for i in range(len(raw) - WINDOW + 1))
    return found


def places_with(marks: set[bytes], *roots: Path) -> list[str]:
    """Files below the roots that hold a marker, in clear or as UTF-16."""
    wide = {m.decode().encode("utf-16-le") for m in marks}
    hits = []
    for root in roots:
        for file in sorted(p for p in root.rglob("*") if p.is_file() and not p.is_symlink()):
            raw = file.read_bytes()
            if any(
                raw[i : i + WINDOW] in marks for i in range(max(0, len(raw) - WINDOW + 1))
            ) or any(
                raw[i : i + 2 * WINDOW] in wide for i in range(max(0, len(raw) - 2 * WINDOW + 1))
            ):
                hits.append(str(file))
    return hits


@pytest.fixture
def places(tmp_path: Path) -> dict[str, str]:
    """An environment whose home, caches and temporary files are the test's own."""
    for name in ("user", "tmp"):
        (tmp_path / name).mkdir()
    return {"HOME": str(tmp_path / "user"), "TMPDIR": str(tmp_path / "tmp"), "XDG_CACHE_HOME": ""}


def assert_clean(marks: set[bytes], home: Path, places: dict[str, str], *texts: str) -> None:
    assert places_with(marks, home, Path(places["HOME"]), Path(places["TMPDIR"])) == []
    for text in texts:
        raw = text.encode()
        assert not any(raw[i : i + WINDOW] in marks for i in range(len(raw) - WINDOW + 1))


def test_the_scan_sees_a_planted_leak(marked: Path, tmp_path: Path) -> None:
    line = json.loads(marked.read_text().splitlines()[3])["text"]
    (tmp_path / "leak").write_bytes(b"\0" * 100 + line[20:32].encode() + b"\0")
    assert places_with(markers(marked), tmp_path) == [str(tmp_path / "leak")]


def test_a_released_run_leaves_nothing(
    home: Path, marked: Path, policy: Write, places: dict[str, str]
) -> None:
    path = policy("release: {rules: {require_better_than_base: false}}\n")
    done = appliance("train", "--policy", path, "--data", marked, *unlock(home), env=places)
    assert_clean(markers(marked), home, places, done.out, done.err)
    done.assert_code(0)


def test_a_refused_run_leaves_nothing(
    home: Path, marked: Path, policy: Write, places: dict[str, str]
) -> None:
    path = policy("release: {rules: {max_auc: 0.0}}\n")
    done = appliance("train", "--policy", path, "--data", marked, *unlock(home), env=places)
    assert_clean(markers(marked), home, places, done.out, done.err)
    done.assert_code(10)


def test_bad_rows_leave_nothing(
    home: Path, marked: Path, policy: Write, places: dict[str, str], tmp_path: Path
) -> None:
    lines = marked.read_text().splitlines()
    bad = tmp_path / "bad.jsonl"
    bad.write_text("\n".join([line[:-9] if i % 3 else line for i, line in enumerate(lines)]))
    done = appliance("train", "--policy", policy(), "--data", bad, *unlock(home), env=places)
    assert_clean(markers(marked), home, places, done.out, done.err)
    done.assert_two_lines(5)


def test_kill_minus_nine_leaves_nothing_and_the_run_resumes(
    home: Path, marked: Path, policy: Write, places: dict[str, str]
) -> None:
    path = policy("release: {rules: {require_better_than_base: false}}\n")
    command = [sys.executable, "-m", "appliance.cli", "train"]
    words = ["--policy", path, "--data", marked, *unlock(home)]
    marks = markers(marked)
    for stage in ("ingest", "examples", "base_scores"):
        killed = _killed_after(stage, [*command, *map(str, words)], home, places)
        assert killed, f"the run ended before stage {stage} was done"
        assert_clean(marks, home, places)
        (run,) = appliance("runs", "list", "--json", *unlock(home)).assert_code(0).json["runs"]
        assert run["verdict"] is None
        words = ["--resume", run["id"], *unlock(home)]
    done = appliance("train", *words, "--json", env=places).assert_code(0)
    assert_clean(marks, home, places, done.out, done.err)
    report = json.loads(next((home / "reports").rglob("report.json")).read_text())
    assert report["privacy"]["steps"] == 12
    (entry,) = appliance("ledger", "--json", *unlock(home)).assert_code(0).json["entries"]
    assert entry["epsilon"] == pytest.approx(report["privacy"]["spent_epsilon"], abs=1e-6)


def _killed_after(stage: str, command: list[str], home: Path, places: dict[str, str]) -> bool:
    """Start a command and kill it once a stage's receipt is written."""
    process = subprocess.Popen(
        command,
        env={**os.environ, **places, "OMP_NUM_THREADS": "1"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    needle = f'"stage":"{stage}"'
    try:
        while process.poll() is None:
            if any(needle in m.read_text() for m in (home / "runs").glob("*/manifest.jsonl")):
                time.sleep(0.3)
                process.send_signal(signal.SIGKILL)
                process.wait()
                return True
            time.sleep(0.05)
    finally:
        process.kill()
        process.wait()
    return False


@pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed")
def test_no_socket_but_unix_is_asked_for(
    home: Path, marked: Path, policy: Write, tmp_path: Path
) -> None:
    trace = tmp_path / "trace"
    words = ["train", "--policy", policy(), "--data", marked, *unlock(home)]
    subprocess.run(
        [
            *("strace", "-f", "--seccomp-bpf", "-e", "trace=socket,connect,sendto,bind"),
            *("-o", str(trace), sys.executable, "-m", "appliance.cli", *map(str, words)),
        ],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
        timeout=900,
    )
    calls = [line for line in trace.read_text().splitlines() if "socket(" in line]
    # The lock itself is proven by failing attempts: those, and only those, name other families.
    others = [
        c
        for c in calls
        if "AF_UNIX" not in c
        and not c.rstrip().endswith("(Operation not permitted)")
        and "EACCES" not in c
    ]
    assert others == []
