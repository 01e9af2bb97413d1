"""What training starts from, and which records may be drawn when."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from appliance.audit.scores import score_examples
from appliance.errors import IntegrityError, PolicyError, UsageError
from appliance.finetune.admission import Admission
from appliance.finetune.mechanism import Mechanism
from appliance.finetune.methods import restore
from appliance.model.examples import Example
from appliance.people.release_key import verifying_path
from appliance.policy.model import Training
from appliance.release.layout import CONFIG, WEIGHTS
from appliance.release.verify import verify
from appliance.report.json import parse_report
from appliance.run import Run

_LOSSES = "finetune/base_losses.bin"
_HINT = "appliance policy explain training.continue_from"


def seal_losses(
    run: Run,
    model: Any,  # noqa: ANN401  peft is untyped
    units: Sequence[Sequence[Example]],
    *,
    max_tokens: int,
) -> None:
    """Score what is trained on with the base model, where the curriculum orders by it.

    The base model is public and was trained on none of it: a record's loss is a figure of that
    record alone. Done once, sealed, so that a resumed run draws the same batches.
    """
    curriculum = run.policy.policy.training.curriculum
    if curriculum is None or curriculum.by != "base-loss" or run.vault.exists(_LOSSES):
        return
    with model.disable_adapter():
        scores = score_examples(
            model,
            [example for unit in units for example in unit],
            max_tokens=max_tokens,
            progress=run.progress,
            what="curriculum, base model",
            places=False,
        )
    losses = np.array([score.loss for score in scores], "<f8")
    run.vault.write_bytes(_LOSSES, losses.tobytes())


def admission_of(
    run: Run, units: Sequence[Sequence[Example]], mechanism: Mechanism
) -> Admission | None:
    """Return who may take part when; None where everyone always may."""
    losses: list[list[float]] = []
    if run.vault.exists(_LOSSES):
        flat = iter(np.frombuffer(run.vault.read_bytes(_LOSSES), "<f8").tolist())
        losses = [[next(flat) for _ in unit] for unit in units]
    return Admission.of(run.policy.policy.training, steps=mechanism.steps, losses=losses)


def continued_files(run: Run) -> dict[str, bytes]:
    """Open the released adapter that training goes on from; empty where the policy names none.

    Raises:
        PolicyError: there is no such release, or it is of another base model, method or task.
        IntegrityError: a byte of it was altered.
    """
    earlier = run.policy.policy.training.continue_from
    if earlier is None:
        return {}
    folder = run.home.path / "releases" / Path(earlier).name
    if Path(earlier).name != earlier or not folder.is_dir():
        raise PolicyError(
            "training.continue_from",
            "names no released run of this workspace",
            hint="appliance runs list",
        )
    verify(folder, public_key=verifying_path(run.home))
    file = folder / "compliance" / "report.json"
    report = parse_report(file.read_bytes(), where=str(file))
    training = run.policy.policy.training
    before = report.training
    if report.run.base_model.digest != run.base_model.digest:
        raise _other("base model")
    if before is None or (before.method, before.task) != (training.method, training.task):
        raise _other("method or task")
    return {name: (folder / name).read_bytes() for name in (WEIGHTS, CONFIG)}


def start_from(model: Any, files: dict[str, bytes]) -> None:  # noqa: ANN401  peft is untyped
    """Put a released adapter's weights where training begins.

    Raises:
        PolicyError: they are of another shape than the policy's.
    """
    if not files:
        return
    try:
        restore(model, files)
    except (IntegrityError, UsageError):
        raise _other("rank, layers or classes") from None


def task_figures(training: Training) -> dict[str, float | int | str | bool]:
    """Return the task's public settings for the report."""
    found: dict[str, float | int | str | bool] = {}
    if training.classes.labels:
        found["classes"] = len(training.classes.labels)
        found["multi_label"] = training.classes.multi_label
    if training.parts:
        found["parts"] = ", ".join(f"{part.task} x {part.weight:g}" for part in training.parts)
    if training.curriculum is not None:
        limits = ", ".join(f"{limit:g}" for limit in training.curriculum.limits)
        found["curriculum"] = (
            f"{training.curriculum.by} up to {limits} over the first "
            f"{training.curriculum.share:.0%} of the steps"
        )
    if training.continue_from is not None:
        found["continued_from"] = training.continue_from
    return found


def _other(what: str) -> PolicyError:
    return PolicyError(
        "training.continue_from",
        f"the released adapter is of another {what} than this policy's",
        hint=_HINT,
    )
