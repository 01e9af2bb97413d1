"""A run: stages are reused only while nothing before them changed; what ended stays ended."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from pydantic import Field

from appliance import run as module
from appliance.crypto.keys import make_key_file
from appliance.errors import DataError, IntegrityError, PolicyError, UsageError
from appliance.evidence import Section
from appliance.model.registry import BaseModel
from appliance.policy import LoadedPolicy, load_policy, policy_digest
from appliance.progress import SilentProgress
from appliance.run import Run, finish, run_ids, status
from appliance.workspace import Home, Unlock
from tests.unit.model.test_registry import SOUND

POLICY = load_policy(Path("hipaa"))


class Figures(Section):
    """What a test's stage measures."""

    number: float
    pairs: list[tuple[int, float]] = Field(default_factory=list)
    note: str | None = None


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    make_key_file(tmp_path / "key")
    with Home.init(tmp_path / "home", Unlock(key_file=tmp_path / "key")) as opened:
        yield opened


@pytest.fixture
def base(home: Home, tmp_path: Path) -> BaseModel:
    from appliance.model.registry import Registry

    source = tmp_path / "small"
    source.mkdir()
    (source / "config.json").write_text(json.dumps({"model_type": "llama"}))
    (source / "tokenizer.json").write_text("{}")
    (source / "model.safetensors").write_bytes(SOUND)
    added = Registry(home.path / "models").add(source)
    home.log.append("model.added", model=added.name, digest=added.digest)
    return added


@pytest.fixture
def run(home: Home, base: BaseModel, tmp_path: Path) -> Run:
    return Run.create(home, POLICY, base, tmp_path / "notes.jsonl", progress=SilentProgress())


class Stages:
    """A pipeline of three stages that counts how often each worked."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self.worked: list[str] = []
        self.content = {"one": b"1", "two": b"2", "three": b"3"}

    def stage(self, name: str) -> Figures:
        def work() -> Figures:
            self.worked.append(name)
            self.run.vault.write_bytes(f"{name}/out.bin", self.content[name])
            return Figures(number=1.5, pairs=[(1, 0.25)], note=name)

        return self.run.stage(name, Figures, work)

    def all(self) -> list[str]:
        """Run the three, as a process of its own would; return which worked."""
        self.worked = []
        self.run.done.clear()
        for name in self.content:
            self.stage(name)
        return self.worked


def test_a_finished_stage_is_reused_with_the_same_evidence(run: Run) -> None:
    stages = Stages(run)
    first = stages.stage("one")
    run.done.clear()
    assert stages.stage("one") == first
    assert stages.worked == ["one"]


def test_a_second_pass_works_nothing(run: Run) -> None:
    stages = Stages(run)
    assert stages.all() == ["one", "two", "three"]
    assert stages.all() == []


def test_a_stage_that_failed_is_done_again(run: Run) -> None:
    def fail() -> Figures:
        run.vault.write_bytes("one/half.bin", b"x")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run.stage("one", Figures, fail)
    assert Stages(run).all() == ["one", "two", "three"]


def test_a_changed_output_redoes_its_stage_and_all_after_it_once(run: Run) -> None:
    stages = Stages(run)
    stages.all()
    run.vault.write_bytes("two/out.bin", b"changed")
    stages.content["two"] = b"2, again"
    assert stages.all() == ["two", "three"]
    assert stages.all() == [], "what was redone is done"


def test_a_removed_output_redoes_its_stage(run: Run) -> None:
    stages = Stages(run)
    stages.all()
    run.vault.delete("one/out.bin")
    assert stages.all() == ["one", "two", "three"]
    assert stages.all() == []


def test_another_code_version_redoes_everything(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    stages = Stages(run)
    stages.all()
    monkeypatch.setattr(module, "__version__", "9.9.9")
    assert stages.all() == ["one", "two", "three"]
    assert stages.all() == []


def test_another_policy_redoes_everything(run: Run) -> None:
    stages = Stages(run)
    stages.all()
    other = POLICY.policy.model_copy(update={"version": "2"})
    run.policy = LoadedPolicy(policy=other, digest=policy_digest(other), path=POLICY.path)
    assert stages.all() == ["one", "two", "three"]


def test_a_stage_left_out_before_changes_the_inputs(run: Run) -> None:
    stages = Stages(run)
    stages.all()
    run.done.clear()
    stages.worked = []
    stages.stage("one")
    stages.stage("three")
    assert stages.worked == ["three"]


@pytest.mark.parametrize("odd", [math.nan, math.inf, -math.inf])
def test_a_figure_that_is_not_finite_ends_the_stage_as_data(run: Run, odd: float) -> None:
    with pytest.raises(DataError) as caught:
        run.stage("one", Figures, lambda: Figures(number=1.0, pairs=[(1, odd)]))
    assert caught.value.exit_code == 5
    assert run.manifest.find("one") is None


def test_a_receipt_names_what_it_read_and_wrote(run: Run) -> None:
    Stages(run).all()
    receipt = run.manifest.find("three")
    assert receipt is not None
    assert set(receipt["inputs"]) == {"one", "two"}
    assert receipt["outputs"] == {"three/out.bin": run.vault.digest("three/out.bin")}
    assert receipt["policy_digest"] == POLICY.digest


def again(run: Run) -> Run:
    return Run.resume(run.home, run.id, progress=SilentProgress())


def test_a_resumed_run_is_the_same_run(run: Run) -> None:
    Stages(run).all()
    resumed = again(run)
    assert (resumed.id, resumed.policy.digest, resumed.base_model) == (
        run.id,
        POLICY.digest,
        run.base_model,
    )
    assert resumed.started == run.started
    assert resumed.source == run.source.absolute()
    assert resumed.resumed_times == 1
    assert again(run).resumed_times == 2
    assert Stages(resumed).all() == []


def test_a_run_that_ended_is_not_resumed(run: Run) -> None:
    Stages(run).all()
    finish(run.home, run.id, "refused")
    with pytest.raises(UsageError, match="has ended"):
        again(run)
    found = status(run.home, run.id)
    assert (found.verdict, found.stages) == ("refused", ("one", "two", "three"))


def test_a_verdict_outlives_the_runs_data(run: Run) -> None:
    Stages(run).all()
    finish(run.home, run.id, "released")
    run.home.purge_run(run.id)
    assert run_ids(run.home) == [run.id]
    assert status(run.home, run.id).verdict == "released"


@pytest.mark.parametrize("run_id", ["nobody", "..", "../../etc", "", "vault"])
def test_an_unknown_run_is_not_resumed(home: Home, run_id: str) -> None:
    with pytest.raises(UsageError, match="no such run"):
        Run.resume(home, run_id, progress=SilentProgress())


def test_a_run_that_never_began_says_so(home: Home) -> None:
    home.run_vault("plan-1234")
    with pytest.raises(UsageError, match="before it began"):
        Run.resume(home, "plan-1234", progress=SilentProgress())


def test_a_run_under_an_unreadable_policy_is_refused_unquoted(run: Run) -> None:
    settings = run.vault.read_json("run/settings.json")
    settings["policy"]["privacy"]["unit"] = "MARKER"
    run.vault.write_json("run/settings.json", settings)
    with pytest.raises(PolicyError) as caught:
        again(run)
    assert "MARKER" not in caught.value.message


def test_a_run_whose_base_model_was_replaced_is_refused(run: Run, tmp_path: Path) -> None:
    from appliance.model.registry import Registry

    (tmp_path / "small" / "README.md").write_text("other")
    Registry(run.home.path / "models").add(tmp_path / "small")
    with pytest.raises(IntegrityError, match="not the one this run began with"):
        again(run)


def test_a_base_model_the_log_does_not_know_is_refused(
    home: Home, base: BaseModel, tmp_path: Path
) -> None:
    """Whoever writes to HOME/models could pin weights of his own; the log is signed."""
    for other in (replace(base, digest="sha256:" + "0" * 64), replace(base, name="other")):
        with pytest.raises(IntegrityError, match="audit log"):
            Run.create(home, POLICY, other, tmp_path / "n", progress=SilentProgress())
    assert run_ids(home) == []


def test_an_altered_byte_of_any_output_stops_the_resumption(run: Run) -> None:
    Stages(run).all()
    for name in ("one/out.bin", "three/out.bin", "run/settings.json"):
        file = run.vault.file_of(name)
        sound = file.read_bytes()
        file.write_bytes(sound[:-1] + bytes([sound[-1] ^ 1]))
        with pytest.raises(IntegrityError):
            again(run)
        file.write_bytes(sound)
    again(run)


def test_the_identity_holds_policy_and_model_by_digest(run: Run) -> None:
    fixed = datetime(2026, 1, 2, 3, 4, 5, 678, tzinfo=UTC)
    identity = run.identity(finished=fixed)
    assert identity.finished == "2026-01-02T03:04:05+00:00"
    assert identity.policy.digest == POLICY.digest
    assert identity.base_model.digest == run.base_model.digest
    assert run.identity(finished=None).finished is None


def test_nothing_of_the_sources_place_is_shown(run: Run) -> None:
    assert "notes.jsonl" not in repr(run)


def test_evidence_survives_the_manifest_unchanged(run: Run) -> None:
    """Canonical JSON writes 1.0 as 1; a resumed run must still read the same evidence."""
    asked: Callable[[], Any] = lambda: Figures(number=2.0, pairs=[(3, 4.0)], note="é")  # noqa: E731
    first = run.stage("one", Figures, asked)
    run.done.clear()
    second = run.stage("one", Figures, asked)
    assert first == second
    assert isinstance(second.number, float)
