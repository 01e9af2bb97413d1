"""A whole small run, killed and refused the disk at its writes: whole states, nothing in clear.

The pipeline runs once in this process, with every call of it that changes the disk watched. Before
such a call takes effect the workspace is

- copied, with half of what was to be written: what kill -9 leaves behind at this very moment;
- put under a forked copy of the process in which the call fails with "no space left on device".

Both are then opened and checked. Every 25th call is tried; APPLIANCE_FAULTS=1 tries every one, and
APPLIANCE_FAULTS_OFFSET=0 to 24 does so in 25 pieces. A copy that took the failure as harmless is
killed some calls later; one in five runs to the end.
"""

from __future__ import annotations

import errno
import json
import os
import shutil
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from appliance.crypto.keys import make_key_file
from appliance.errors import ApplianceError
from appliance.finetune.spent import compose
from appliance.ledger import Ledger
from appliance.manifest import Manifest
from appliance.model.registry import Registry
from appliance.pipeline import execute
from appliance.policy import load_policy
from appliance.progress import SilentProgress
from appliance.run import Run, run_ids, status
from appliance.workspace import Home, Unlock
from tests.support.tiny import build_tiny_model

EVERY = int(os.environ.get("APPLIANCE_FAULTS", "25"))
OFFSET = int(os.environ.get("APPLIANCE_FAULTS_OFFSET", "0")) % EVERY
#: Calls that a copy may still make after a failure it survived.
GRACE = 40
#: How many of the killed runs are picked up again, spread over the run; each costs a run.
RESUMED = 4 if EVERY <= 2 else 1
#: Calls between two killed runs that are kept for being picked up again.
KEEP_EVERY = 75
CALLS = ("write", "fsync", "replace", "rename", "unlink", "ftruncate", "mkdir", "open", "rmdir")
POLICY = """
name: whole
version: "1"
regulation: test
extends: {demo}
training:
  {{base_model: tiny, rank: 2, steps: 3, expected_batch_size: 12, max_length: 64,
   checkpoint_seconds: 0.001}}
audit:
  generations: 1
  generation_tokens: 4
  canaries: {{newtok: 8, secrets: 4, repeats: {{}}, max_share: 1.0}}
"""


@dataclass
class Watch:
    """Stands before every call that changes the disk."""

    home: Path
    at: Callable[[int, str, tuple], None]
    count: int = 0
    busy: bool = False
    #: Calls left before this process is killed; None: no end.
    grace: int | None = None
    real: dict[str, Callable] = field(default_factory=dict)

    def __enter__(self) -> Watch:
        for name in CALLS:
            self.real[name] = getattr(os, name)
            setattr(os, name, self._wrapped(name))
        return self

    def __exit__(self, *_: object) -> None:
        for name, real in self.real.items():
            setattr(os, name, real)

    def _wrapped(self, name: str) -> Callable:
        real = self.real[name]

        def call(*arguments, **options):
            changes = name != "open" or arguments[1] & os.O_CREAT
            if changes and not self.busy:
                self.count += 1
                self._age()
                if self.count % EVERY == OFFSET:
                    self.busy = True
                    try:
                        self.at(self.count, name, arguments)
                    finally:
                        self.busy = False
            return real(*arguments, **options)

        return call

    def _age(self) -> None:
        """End a copy that lived long enough, as kill -9 does."""
        if self.grace is not None:
            self.grace -= 1
            if self.grace < 0:
                os._exit(0)


@pytest.fixture(scope="module")
def base(tmp_path_factory) -> Path:
    """A workspace with a tiny model, some letters of invented people, and a policy."""
    from appliance.sample_data import write_sample_data

    folder = tmp_path_factory.mktemp("whole")
    write_sample_data(folder / "data", records=40, patients=15, seed=1)
    texts = needles_of(folder / "data" / "notes.jsonl")
    build_tiny_model(folder / "tiny", texts, vocabulary=1200)
    demo = Path(__file__).parents[2] / "policies" / "demo.yaml"
    (folder / "policy.yaml").write_text(POLICY.format(demo=demo))
    make_key_file(folder / "key")
    with Home.init(folder / "home", Unlock(key_file=folder / "key")) as home:
        home.expect_public(home.path / "models")
        model = Registry(home.path / "models").add(folder / "tiny", name="tiny")
        home.record_public(home.path / "models")
        home.log.append("model.added", model=model.name, digest=model.digest)
    return folder


def needles_of(data: Path) -> list[str]:
    """Pieces of records that no file may hold."""
    rows = [json.loads(line) for line in data.read_text().splitlines()]
    return [row["text"][at : at + 24] for row in rows for at in (40, 200) if len(row["text"]) > 240]


@dataclass
class Checks:
    """What holds of the workspace at any moment, and what was seen."""

    folder: Path
    needles: list[bytes]
    epsilon: list[float] = field(default_factory=list)
    kept: list[Path] = field(default_factory=list)
    killed: int = 0
    full: int = 0

    def whole(self, home_path: Path) -> None:
        """It opens, every byte is authentic, nothing is in clear, the ledger knows of training."""
        for path in home_path.rglob("*"):
            if path.is_file() and path.suffix != ".safetensors" and "models" not in path.parts:
                data = path.read_bytes()
                assert not any(needle in data for needle in self.needles), path
        with Home.open(home_path, Unlock(key_file=self.folder / "key"), exclusive=True) as home:
            home.verify()
            ledger = Ledger(home.vault, compose)
            spent = {e.run: ledger.epsilon_of(e) for e in ledger.entries()}
            for run in run_ids(home):
                if not (home.path / "runs" / run).is_dir():
                    continue
                vault = home.run_vault(run)
                Manifest(home.path / "runs" / run / "manifest.jsonl", vault).verify()
                if any("checkpoint" in n or "adapter" in n for n in vault.names("finetune/")):
                    assert spent.get(run) is not None, "trained, and the ledger does not know"
                    self.epsilon.append(spent[run])
        assert not list(home_path.rglob(".tmp-*"))

    def kill(self, home: Path, number: int, name: str, arguments: tuple) -> None:
        """Check what kill -9 would leave at this call, half of a write done."""
        copy = self.folder / f"killed-{number}"
        shutil.copytree(home, copy)
        if name == "write":
            written = Path(f"/proc/self/fd/{arguments[0]}").readlink()
            if written.is_relative_to(home):
                data = bytes(arguments[1])
                with (copy / written.relative_to(home)).open("ab") as sink:
                    sink.write(data[: len(data) // 2])
        spare = copy.with_name(f"spare-{number}")
        shutil.copytree(copy, spare)
        self.whole(copy)
        shutil.rmtree(copy)
        self.killed += 1
        if self.killed % max(1, KEEP_EVERY // EVERY) == 0:
            self.kept.append(spare)
        else:
            shutil.rmtree(spare)

    def fill(self, home: Path, number: int, name: str) -> bool:
        """Let the call fail in a copy of this process, over a copy of the workspace.

        Returns:
            Whether this is that copy, in which the call has to fail now.
        """
        aside, copy = home.with_name("aside"), home.with_name("copy")
        shutil.copytree(home, copy)
        home.rename(aside)
        copy.rename(home)
        child = os.fork()
        if child == 0:
            own_descriptors(aside, home)
            return True
        _, ended = os.waitpid(child, 0)
        try:
            code = os.waitstatus_to_exitcode(ended)
            assert code in (104, 0, 10), f"call {number} ({name}) ended with {code}"
            self.whole(home)
        finally:
            shutil.rmtree(home)
            aside.rename(home)
        self.full += 1
        return False


def own_descriptors(theirs: Path, ours: Path) -> None:
    """Point a forked copy's open files at its own folder: it would write into its parent's.

    A descriptor is shared across a fork with its place in the file; what the copy still holds in
    buffers when its write fails would land in the middle of what the parent is writing.
    """
    for entry in Path("/proc/self/fd").iterdir():
        try:
            target = entry.readlink()
        except FileNotFoundError:  # the listing's own
            continue
        if not target.is_relative_to(theirs) or target.name == "lock":
            continue
        facts = Path(f"/proc/self/fdinfo/{entry.name}").read_text().splitlines()
        flags = int(next(f.split()[1] for f in facts if f.startswith("flags:")), 8)
        number = int(entry.name)
        place = os.lseek(number, 0, os.SEEK_CUR)
        again = os.open(ours / target.relative_to(theirs), flags & ~(os.O_CREAT | os.O_EXCL))
        os.lseek(again, place, os.SEEK_SET)
        os.dup2(again, number, inheritable=False)
        os.close(again)


def run_to_the_end(folder: Path, home_path: Path, watch: Watch | None) -> str:
    """Take a new run to its verdict, or go on with the one there is."""
    with Home.open(home_path, Unlock(key_file=folder / "key"), exclusive=True) as home:
        base_model = Registry(home.path / "models").get("tiny")
        with watch or nullcontext():
            begun = [run for run in run_ids(home) if status(home, run).verdict is None]
            run = (
                Run.resume(home, begun[0], progress=SilentProgress())
                if begun
                else Run.create(
                    home,
                    load_policy(folder / "policy.yaml"),
                    base_model,
                    folder / "data" / "notes.jsonl",
                    progress=SilentProgress(),
                )
            )
            return execute(run, locks={}).decision.verdict


@pytest.fixture
def one_thread() -> Iterator[None]:
    """A forked process has no other threads: the library must not wait for them."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def test_the_checks_see_a_leak_and_a_torn_state(base, tmp_path):
    checks = Checks(base, [n.encode() for n in needles_of(base / "data" / "notes.jsonl")])
    for damage in (
        lambda home: (home / "tmp" / "x").write_bytes(b"\0" + checks.needles[3] + b"\0"),
        lambda home: (home / "log" / "events.jsonl").write_bytes(b"{}\n"),
        lambda home: (home / "vault" / "index.sealed").unlink(),
    ):
        home = tmp_path / "home"
        shutil.copytree(base / "home", home)
        checks.whole(home)
        damage(home)
        with pytest.raises((AssertionError, ApplianceError)):
            checks.whole(home)
        shutil.rmtree(home)


@pytest.mark.timeout(7200 if EVERY <= 2 else 900)
def test_a_run_killed_or_out_of_disk_at_any_write_leaves_a_whole_workspace(
    base, tmp_path, one_thread
):
    folder, home = base, tmp_path / "home"
    shutil.copytree(base / "home", home)
    checks = Checks(folder, [n.encode() for n in needles_of(base / "data" / "notes.jsonl")])
    parent = os.getpid()

    def at(number: int, name: str, arguments: tuple) -> None:
        checks.kill(home, number, name, arguments)
        if checks.fill(home, number, name):
            # One failure a copy: it tries no further call itself.
            watch.at = lambda *_: None
            watch.grace = None if checks.full % 5 == 0 else GRACE
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    watch = Watch(home, at)
    try:
        verdict = run_to_the_end(folder, home, watch)
    except BaseException as error:
        if os.getpid() == parent:
            raise
        os._exit(_exit_code(error))
    if os.getpid() != parent:
        os._exit(0)  # the failure was harmless, e.g. of a removal
    assert verdict == "refused"
    assert watch.count > 400
    assert checks.killed == checks.full == len(range(OFFSET or EVERY, watch.count + 1, EVERY))
    with Home.open(home, Unlock(key_file=folder / "key"), exclusive=False) as opened:
        ledger = Ledger(opened.vault, compose)
        (entry,) = ledger.entries()
        full = ledger.epsilon_of(entry)
    assert len(checks.epsilon) > 2 or EVERY > 50
    assert all(seen == pytest.approx(full, abs=1e-9) for seen in checks.epsilon)
    _resume_some(folder, checks.kept, full)


def _resume_some(folder: Path, kept: list[Path], full: float) -> None:
    """Pick killed runs up again; each is counted once, with the epsilon it had reserved if any.

    A run killed before it reserved draws its split and coins anew: its epsilon is its own.
    """
    step = len(kept) / (RESUMED + 1)
    for number in range(1, RESUMED + 1):
        home = kept[round(number * step)]
        before = _spent(folder, home)
        assert before in ([], [pytest.approx(full)])
        assert run_to_the_end(folder, home, None) == "refused"
        with Home.open(home, Unlock(key_file=folder / "key"), exclusive=False) as opened:
            opened.verify()
        (after,) = _spent(folder, home)
        assert after == pytest.approx(full, abs=1e-9 if before else 0.05)


def _spent(folder: Path, home: Path) -> list[float]:
    """Return the epsilon of every run in a ledger."""
    with Home.open(home, Unlock(key_file=folder / "key"), exclusive=False) as opened:
        ledger = Ledger(opened.vault, compose)
        return [ledger.epsilon_of(entry) for entry in ledger.entries()]


def _exit_code(error: BaseException) -> int:
    """Return 104 for a full disk, told as such; 99 for anything else."""
    if isinstance(error, ApplianceError):
        return 100 + error.exit_code
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        return 104
    traceback.print_exc(file=sys.stderr)
    return 99
