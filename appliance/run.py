"""One run: its policy, base model, vault, manifest and clock; stages that resume.

`Run.stage` is the only clever part: same inputs, policy and code version as a stored receipt
means reuse; otherwise run, then append one receipt. No graph engine, no registry.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError

from appliance import __version__
from appliance.crypto.canonical import canonical_json, digest_bytes
from appliance.errors import DataError, IntegrityError, PolicyError, UsageError
from appliance.evidence import ModelIdentity, PolicyIdentity, RunSection, Section
from appliance.files import TEMPORARY
from appliance.manifest import Manifest
from appliance.model.registry import BaseModel, Registry
from appliance.model.targets import require_offered
from appliance.policy import LoadedPolicy, Policy, policy_digest
from appliance.progress import Progress, SilentProgress
from appliance.vault import Vault
from appliance.workspace import Home

Clock = Callable[[], datetime]
_SETTINGS = "run/settings.json"
_VERDICTS = "verdicts/"
S = TypeVar("S", bound=Section)


def utc_now() -> datetime:
    """Return the time, UTC; passed in wherever time is needed."""
    return datetime.now(UTC)


@dataclass(slots=True, kw_only=True)
class Run:
    """One run of the pipeline.

    Attributes:
        id: time and random part, e.g. "20260901T101500-3f9a".
        home: the workspace, opened exclusively.
        policy: what is allowed.
        base_model: what is tuned.
        source: the raw file or folder; only its place, never its content.
        vault: the only place for private bytes.
        manifest: one receipt per finished stage.
        started: UTC.
        resumed_times: how often this run was picked up again.
        done: stages this process has passed -> digest of what they wrote: the next one's inputs.
    """

    id: str
    home: Home
    policy: LoadedPolicy
    base_model: BaseModel
    source: Path = field(repr=False)
    vault: Vault
    manifest: Manifest
    started: datetime
    resumed_times: int = 0
    progress: Progress = field(default_factory=SilentProgress)
    clock: Clock = utc_now
    done: dict[str, str] = field(default_factory=dict, init=False, repr=False)

    @classmethod
    def create(
        cls,
        home: Home,
        policy: LoadedPolicy,
        base_model: BaseModel,
        source: Path,
        *,
        progress: Progress,
        clock: Clock = utc_now,
    ) -> Run:
        """Begin a run.

        Raises:
            IntegrityError: the base model is not the one whose registration the log tells of.
            PolicyError: the task, the method or its layers are not offered on this base model.
        """
        # What is not offered refuses before a byte of the data is read.
        require_offered(policy.policy.training, base_model.path)
        added = home.log.latest("model.added", "model").get(base_model.name)
        if added is None or added["fields"].get("digest") != base_model.digest:
            # The registry lies in clear: whoever can write there could pin another model.
            raise IntegrityError(
                f"base model {base_model.name}",
                "is not the one whose registration the audit log tells of",
                hint="appliance models add DIR, or: appliance log verify",
            )
        started = clock()
        run_id = f"{started:%Y%m%dT%H%M%S}-{secrets.token_hex(2)}"
        vault = home.run_vault(run_id)
        vault.write_json(
            _SETTINGS,
            {
                "policy": policy.policy.model_dump(mode="json"),
                "policy_path": str(policy.path),
                "base_model": base_model.name,
                "base_digest": base_model.digest,
                "source": str(source.absolute()),
                "started": started.isoformat(),
            },
        )
        run = cls(
            id=run_id,
            home=home,
            policy=policy,
            base_model=base_model,
            source=source,
            vault=vault,
            manifest=Manifest(_manifest_path(home, run_id), vault),
            started=started,
            progress=progress,
            clock=clock,
        )
        home.log.append("run.started", run=run_id, policy=policy.digest, base=base_model.digest)
        return run

    @classmethod
    def resume(cls, home: Home, run_id: str, *, progress: Progress, clock: Clock = utc_now) -> Run:
        """Pick a run up where it stopped.

        Raises:
            UsageError: there is no such run, or it ended.
            IntegrityError: a sealed byte of the run was altered.
            PolicyError: the run's policy does not read under this version.
        """
        if run_id not in run_ids(home):
            raise UsageError(f"run {run_id}", "there is no such run", hint="appliance runs list")
        if status(home, run_id).verdict is not None:
            raise UsageError(f"run {run_id}", "has ended", hint=f"appliance runs show {run_id}")
        vault = home.run_vault(run_id)
        if not vault.exists(_SETTINGS):
            raise UsageError(
                f"run {run_id}",
                "stopped before it began, or was a dry run",
                hint=f"appliance runs purge {run_id}",
            )
        # What is reused is not read again by its stage: every sealed byte is checked once, here.
        vault.verify()
        settings = vault.read_json(_SETTINGS)
        policy = _stored_policy(run_id, settings)
        base = Registry(home.path / "models").get(settings["base_model"])
        if base.digest != settings["base_digest"]:
            raise IntegrityError(
                f"base model {base.name}",
                "is not the one this run began with",
                hint="appliance models list",
            )
        resumed = int(settings.get("resumed_times", 0)) + 1
        vault.write_json(_SETTINGS, {**settings, "resumed_times": resumed})
        home.log.append("run.resumed", run=run_id, times=resumed)
        return cls(
            id=run_id,
            home=home,
            policy=policy,
            base_model=base,
            source=Path(settings["source"]),
            vault=vault,
            manifest=Manifest(_manifest_path(home, run_id), vault),
            started=datetime.fromisoformat(settings["started"]),
            resumed_times=resumed,
            progress=progress,
            clock=clock,
        )

    @classmethod
    def attach(cls, home: Home, run_id: str) -> Run:
        """Open a run that another process is doing, to read its sealed inputs.

        Raises:
            PolicyError: the run's policy does not read under this version.
        """
        vault = home.run_vault(run_id)
        settings = vault.read_json(_SETTINGS)
        policy = _stored_policy(run_id, settings)
        return cls(
            id=run_id,
            home=home,
            policy=policy,
            base_model=Registry(home.path / "models").get(settings["base_model"]),
            source=Path(settings["source"]),
            vault=vault,
            manifest=Manifest(_manifest_path(home, run_id), vault),
            started=datetime.fromisoformat(settings["started"]),
        )

    def stage(self, name: str, section: type[S], work: Callable[[], S]) -> S:
        """Do a stage, or reuse its receipt.

        Args:
            name: the stage; its sealed outputs lie under "<name>/" in the vault.
            section: the type of evidence it returns.
            work: does it; its inputs are the outputs of the stages before.

        Returns:
            The stage's evidence.

        Raises:
            DataError: a figure of the evidence is not a finite number.

        Guarantees:
            A receipt is reused only if the stages passed before it wrote the same bytes, its own
            outputs are still there, and policy and code version are the same.
            Without a receipt nothing of the stage counts as done: a crash repeats it.
        """
        inputs = dict(self.done)
        receipt = self.manifest.find(name)
        if receipt is not None and self._current(receipt, inputs):
            self.done[name] = digest_bytes(canonical_json(receipt["outputs"]))
            return section.model_validate_json(canonical_json(receipt["section"]))
        started = self.clock()
        result = work()
        outputs = {n: self.vault.digest(n) for n in self.vault.names(f"{name}/")}
        self.manifest.append(
            {
                "stage": name,
                "inputs": inputs,
                "policy_digest": self.policy.digest,
                "code_version": __version__,
                "outputs": outputs,
                "section": _plain(name, result),
                "started": started.isoformat(),
                "finished": self.clock().isoformat(),
            }
        )
        self.done[name] = digest_bytes(canonical_json(outputs))
        self.home.log.append("stage.done", run=self.id, stage=name)
        return result

    def identity(self, *, finished: datetime | None) -> RunSection:
        """Return the run's own section of the report."""
        policy = self.policy.policy
        return RunSection(
            id=self.id,
            started=self.started.isoformat(timespec="seconds"),
            finished=None if finished is None else finished.isoformat(timespec="seconds"),
            appliance_version=__version__,
            policy=PolicyIdentity(
                name=policy.name,
                version=policy.version,
                digest=self.policy.digest,
                regulation=policy.regulation,
            ),
            base_model=ModelIdentity(name=self.base_model.name, digest=self.base_model.digest),
        )

    def _current(self, receipt: dict[str, Any], inputs: dict[str, str]) -> bool:
        """Whether a receipt still describes what this run would do."""
        return (
            receipt["policy_digest"] == self.policy.digest
            and receipt["code_version"] == __version__
            and receipt["inputs"] == inputs
            and all(
                self.vault.exists(n) and self.vault.digest(n) == digest
                for n, digest in receipt["outputs"].items()
            )
        )


def _stored_policy(run_id: str, settings: dict[str, Any]) -> LoadedPolicy:
    """Read the policy a run was begun under."""
    try:
        policy = Policy.model_validate_json(canonical_json(settings["policy"]))
    except ValidationError:
        raise PolicyError(
            f"run {run_id}",
            "was begun under a policy this version cannot read",
            hint="appliance train --policy P --data D",
        ) from None
    return LoadedPolicy(
        policy=policy, digest=policy_digest(policy), path=Path(settings["policy_path"])
    )


def _plain(name: str, section: Section) -> Any:  # noqa: ANN401  a JSON object
    """Return a section as JSON, which knows neither NaN nor infinities."""
    values = section.model_dump(mode="json")
    try:
        canonical_json(values)
    except ValueError:
        raise DataError(
            f"stage {name}",
            "measured a figure that is not a finite number: training diverged, or the data "
            "holds almost nothing",
            hint="appliance policy explain training.learning_rate",
        ) from None
    return values


@dataclass(frozen=True, slots=True, kw_only=True)
class RunStatus:
    """How far a run is; its verdict once the decision is final."""

    id: str
    stages: tuple[str, ...]
    verdict: str | None


def run_ids(home: Home) -> list[str]:
    """List the workspace's runs, ended ones included, oldest first."""
    folder = home.path / "runs"
    found = folder.iterdir() if folder.is_dir() else ()
    present = {p.name for p in found if p.is_dir() and not p.name.startswith(TEMPORARY)}
    ended = {n.removeprefix(_VERDICTS).removesuffix(".json") for n in home.vault.names(_VERDICTS)}
    return sorted(present | ended)


def begun(home: Home, run_id: str) -> bool:
    """Say whether a run was begun and has not ended, so that it can be resumed."""
    return (
        run_id in run_ids(home)
        and status(home, run_id).verdict is None
        and home.run_vault(run_id).exists(_SETTINGS)
    )


def status(home: Home, run_id: str) -> RunStatus:
    """Say how far a run is.

    A run whose decision is final has a sealed verdict in the workspace's own vault, which
    outlives the run's data.
    """
    name = f"{_VERDICTS}{run_id}.json"
    if home.vault.exists(name):
        row = home.vault.read_json(name)
        return RunStatus(id=run_id, stages=tuple(row["stages"]), verdict=str(row["verdict"]))
    manifest = Manifest(_manifest_path(home, run_id), home.run_vault(run_id))
    stages = tuple(r["stage"] for r in manifest.receipts())
    return RunStatus(id=run_id, stages=stages, verdict=None)


def finish(home: Home, run_id: str, verdict: str) -> None:
    """Write the verdict where it outlives the run's data."""
    home.vault.write_json(
        f"{_VERDICTS}{run_id}.json",
        {"verdict": verdict, "stages": list(status(home, run_id).stages)},
    )


def _manifest_path(home: Home, run_id: str) -> Path:
    return home.path / "runs" / run_id / "manifest.jsonl"
