"""Train under the mechanism that is accounted: self-test, ledger, steps, export."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np

from appliance.audit.scores import score_examples
from appliance.evidence import (
    AccountantFigures,
    Check,
    LedgerFigures,
    PrivacySection,
    Section,
    SelfTest,
    TrainingSection,
)
from appliance.finetune.accounting import ACCOUNTANT, cross_check
from appliance.finetune.mechanism import Mechanism
from appliance.finetune.methods import MethodSettings, attach, export, restore
from appliance.finetune.noise import OS_ENTROPY, fresh_key
from appliance.finetune.ranks import Ranks
from appliance.finetune.selftest import run_selftest
from appliance.finetune.settings import TrainOutcome
from appliance.finetune.sharding import sharded
from appliance.finetune.spent import compose
from appliance.finetune.task_loss import loss_of, truth_of
from appliance.finetune.trainer import train
from appliance.ledger import Budget, Event, Ledger
from appliance.model.examples import Example
from appliance.model.load import Loaded, load_base
from appliance.model.tasks import shape_of_model
from appliance.pipeline.course import (
    admission_of,
    continued_files,
    seal_losses,
    start_from,
    task_figures,
)
from appliance.pipeline.prepare import canaries_of, examples_of, train_units
from appliance.pipeline.recipe import plan_mechanism, private_units, train_settings
from appliance.policy.model import Policy
from appliance.progress import SilentProgress
from appliance.run import Run
from appliance.vault import Vault

_CHECKPOINT = "finetune/checkpoint.bin"
_ADAPTER = "finetune/adapter/"
#: Points of the validation curve, spread over the steps.
CURVE_POINTS = 5
#: Padded tokens of one scoring batch; memory only.
SCORING_TOKENS = 4096


class TuningReceipt(Section):
    """The two sections that training yields."""

    privacy: PrivacySection
    training: TrainingSection | None


@dataclass(slots=True)
class Workbench:
    """The base model with its adapter, loaded once per process and kept across stages."""

    run: Run
    loaded: Loaded | None = None
    model: Any = None

    def base(self) -> Loaded:
        """Load the base model, moved to its device before any adapter."""
        if self.loaded is None:
            training = self.run.policy.policy.training
            with self.run.progress.task("load the base model", None):
                self.loaded = load_base(
                    self.run.base_model.path, precision=training.precision, training=training
                )
        return self.loaded

    def adapted(self) -> Any:  # noqa: ANN401  peft is untyped
        """Return the model to be trained: fresh, or with what was trained where that exists."""
        if self.model is None:
            base = self.base()
            self.model = attach(
                base.model,
                MethodSettings.of(self.run.policy.policy.training),
                shape=base.shape,
                fresh=base.fresh,
                tokenizer=base.tokenizer,
            )
            files = adapter_files(self.run.vault)
            if files:
                restore(self.model, files)
            else:
                start_from(self.model, continued_files(self.run))
        return self.model

    def whole_again(self) -> Any:  # noqa: ANN401  peft is untyped
        """Load the base anew, whole, and put the trained parameters of the sharded one into it."""
        from appliance.finetune.sharding import trained_parameters

        trained = trained_parameters(self.model)
        self.loaded = self.model = None
        self.adapted().load_state_dict(trained, strict=False)
        return self.model


def ledger_of(run: Run) -> Ledger:
    """Open the workspace's ledger."""
    return Ledger(run.home.vault, compose)


def tune(run: Run, bench: Workbench) -> TuningReceipt:
    """Train the adapter, or stop at a self-test that failed."""
    policy = run.policy.policy
    units = training_units(run)
    mechanism = plan_mechanism(policy, n_units=len(units))
    model = bench.adapted()
    test = _self_test(run, bench, mechanism, units)
    if mechanism.kind == "dp-sgd" and (test is None or not test.passed):
        run.home.log.append("selftest.failed", run=run.id)
        return TuningReceipt(
            privacy=_privacy(policy, mechanism, len(units), test, None, None), training=None
        )
    seal_losses(run, model, units, max_tokens=SCORING_TOKENS)
    event = None
    if mechanism.kind == "dp-sgd":
        event = Event(**mechanism.event(mechanism.steps).as_dict())  # type: ignore[arg-type]  # typed there
    ledger = ledger_of(run)
    budget = ledger.reserve(
        train_units(run),
        run=run.id,
        event=event,
        delta=mechanism.target_delta,
        lifetime_epsilon=policy.privacy.lifetime_epsilon,
        policy=policy.name,
        started=run.clock().isoformat(timespec="seconds"),
    )
    run.home.log.append("ledger.reserved", run=run.id, head=ledger.head())
    curve: list[tuple[int, float]] = []
    ranks = Ranks.current()
    ranks.tell(json.dumps({"run": run.id, "mechanism": mechanism.as_dict()}).encode())
    outcome = train_together(run, model, units, mechanism, curve, ranks)
    ranks.leave()
    if sharded(train_settings(policy), ranks):
        model = bench.whole_again()
    for name, data in export(model, base_model_name=run.base_model.name).items():
        run.vault.write_bytes(f"{_ADAPTER}{name}", data)
    ledger.settle(run.id, "spent")
    return TuningReceipt(
        privacy=_privacy(policy, mechanism, len(units), test, outcome, budget),
        training=_training(policy, outcome, curve),
    )


def training_units(run: Run) -> list[Sequence[Example]]:
    """List what is trained on: people (or records, by the policy) and the planted canaries."""
    real = private_units(run.policy.policy, examples_of(run, "train"))
    return [*real, *canaries_of(run).included_units()]


def validation_loss(model: Any, examples: Sequence[Example]) -> float:  # noqa: ANN401
    """Return the mean loss per target token, in nats, over examples never trained on."""
    scores = score_examples(
        model, examples, max_tokens=SCORING_TOKENS, progress=SilentProgress(), what=""
    )
    logs = np.concatenate([s.log_probabilities for s in scores])
    return -float(logs.mean(dtype=np.float64))


def adapter_files(vault: Vault) -> dict[str, bytes]:
    """Open the trained adapter's files; empty before training ended."""
    return {n.removeprefix(_ADAPTER): vault.read_bytes(n) for n in vault.names(_ADAPTER)}


class SealedCheckpoints:
    """The trainer's checkpoint as one sealed file: it is replaced whole or not at all."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault

    def save(self, state: Mapping[str, bytes]) -> None:
        """Replace the checkpoint."""
        head = json.dumps({name: len(data) for name, data in state.items()}).encode()
        with self._vault.writer(_CHECKPOINT) as sink:
            for part in chain([len(head).to_bytes(8, "big"), head], state.values()):
                sink.write(part)

    def load(self) -> dict[str, bytes] | None:
        """Return the last complete checkpoint."""
        if not self._vault.exists(_CHECKPOINT):
            return None
        with self._vault.reader(_CHECKPOINT) as source:
            size = int.from_bytes(source.read(8), "big")
            lengths: dict[str, int] = json.loads(source.read(size))
            return {name: source.read(length) for name, length in lengths.items()}


def train_together(
    run: Run,
    model: Any,  # noqa: ANN401  peft is untyped
    units: Sequence[Sequence[Example]],
    mechanism: Mechanism,
    curve: list[tuple[int, float]],
    ranks: Ranks,
) -> TrainOutcome:
    """Train, as one of the run's processes, which are in this call together.

    Args:
        run: whose policy and sealed examples are read; only the first process seals anything.
        model: adapter attached.
        units: what is trained on.
        mechanism: what runs and what is accounted.
        curve: gets (step, validation loss).
        ranks: the processes.
    """
    validation: list[Example] = []
    # A sharded base computes with all processes or not at all.
    if ranks.first or sharded(train_settings(run.policy.policy), ranks):
        validation = [e for unit in examples_of(run, "validation") for e in unit]
    every = max(1, mechanism.steps // CURVE_POINTS)
    with run.progress.task("fine-tune", mechanism.steps) as task:

        def watch(done: int, total: int, figures: Mapping[str, float]) -> None:
            task.advance(done - watch.seen)  # type: ignore[attr-defined]  # a counter on the closure
            watch.seen = done  # type: ignore[attr-defined]
            task.note(f"{figures['tokens_per_second']:.0f} tokens/s")
            if validation and (done % every == 0 or done == total):
                curve.append((done, validation_loss(model, validation)))

        watch.seen = 0  # type: ignore[attr-defined]
        return train(
            model,
            units,
            mechanism,
            train_settings(run.policy.policy),
            noise_key=fresh_key(),
            noise_source=OS_ENTROPY,
            checkpoint_store=SealedCheckpoints(run.vault),
            progress=watch,
            loss_fn=loss_of(run.policy.policy.training, shape_of_model(model)),
            ranks=ranks,
            admission=admission_of(run, units, mechanism),
        )


def _self_test(
    run: Run, bench: Workbench, mechanism: Mechanism, units: Sequence[Sequence[Example]]
) -> SelfTest | None:
    if mechanism.kind != "dp-sgd":
        return None
    with run.progress.task("DP self-test", None):
        training, shape = run.policy.policy.training, bench.base().shape
        report = run_selftest(
            mechanism=mechanism,
            model=bench.adapted(),
            units=units,
            model_loss=loss_of(training, shape),
            truth=truth_of(training, shape),
        )
    return SelfTest(
        passed=report.passed,
        seconds=report.seconds,
        checks=[
            Check(
                name=c.name,
                passed=c.passed,
                measured=c.measured,
                expected=c.expected,
                detail=c.detail,
            )
            for c in report.checks
        ],
    )


def _privacy(
    policy: Policy,
    mechanism: Mechanism,
    n_units: int,
    test: SelfTest | None,
    outcome: TrainOutcome | None,
    budget: Budget | None,
) -> PrivacySection:
    private = mechanism.kind == "dp-sgd"
    reasons: dict[str, str] = {}
    if not private:
        why = "training had no differential privacy: no finite epsilon holds"
        reasons = {"spent_epsilon": why, "accountants": why, "self_test": why}
    elif outcome is None:
        reasons = {"spent_epsilon": "training did not start", "ledger": "nothing was spent"}
    if budget is not None and budget.unaccounted_runs:
        reasons["ledger"] = (
            f"{budget.unaccounted_runs} earlier run(s) over these people had no differential "
            "privacy; they were never released and are not in the total"
        )
    check = cross_check(mechanism) if private else None
    return PrivacySection(
        reasons=reasons,
        mechanism=mechanism.kind,
        unit=policy.data.unit or "record" if policy.privacy.unit == "person" else "record",
        neighboring_relation=mechanism.neighboring_relation,
        target_epsilon=policy.privacy.target_epsilon,
        target_delta=mechanism.target_delta,
        spent_epsilon=outcome.spent_epsilon if private and outcome is not None else None,
        noise_multiplier=mechanism.noise_multiplier,
        sample_rate=mechanism.sample_rate,
        steps=0 if outcome is None else outcome.steps,
        expected_batch_size=mechanism.expected_batch_size,
        max_grad_norm=mechanism.max_grad_norm,
        clipping=mechanism.clipping,
        max_records_per_unit=mechanism.max_records_per_unit,
        n_units=n_units,
        accountant=ACCOUNTANT,
        accountants=None
        if check is None
        else AccountantFigures(pld=check.pld, prv=check.prv, rdp=check.rdp, agree=check.agree),
        sampling="poisson",
        noise_source="none"
        if not private
        else OS_ENTROPY
        if outcome is None
        else outcome.noise_source,
        self_test=test,
        ledger=None
        if budget is None
        else LedgerFigures(
            previous_epsilon=budget.previous_epsilon,
            total_epsilon=budget.total_epsilon,
            lifetime_epsilon=policy.privacy.lifetime_epsilon,
        ),
        epsilon_by_step=_epsilon_by_step(mechanism, 0 if outcome is None else outcome.steps),
    )


def _epsilon_by_step(mechanism: Mechanism, steps: int) -> list[tuple[int, float]]:
    """Account the executed steps at a few points, for drawing; nothing without privacy."""
    if mechanism.kind != "dp-sgd":
        return []
    points = sorted({round(steps * (i + 1) / CURVE_POINTS) for i in range(CURVE_POINTS)} - {0})
    return [(step, mechanism.spent_epsilon(step)) for step in points]


def _training(
    policy: Policy, outcome: TrainOutcome, curve: list[tuple[int, float]]
) -> TrainingSection:
    training = policy.training
    return TrainingSection(
        method=training.method,
        task=training.task,
        trainable_parameters=outcome.trainable_parameters,
        seconds=outcome.seconds,
        tokens_per_second=outcome.tokens_per_second,
        peak_memory_bytes=outcome.peak_memory_bytes,
        resumed_times=outcome.resumed_times,
        losses=curve,
        hyperparameters={
            **MethodSettings.of(training).shown(),
            **task_figures(training),
            "learning_rate": training.step_size,
            "optimizer": training.optimizer,
            "schedule": training.schedule,
            "warmup_steps": training.warmup_steps,
            "averaging": training.averaging,
            "engine": outcome.engine,
        },
    )
