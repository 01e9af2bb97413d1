"""The training run: steps, checkpoints, a journal, and nothing that knows a sample rate.

    train(model, units, mechanism, settings, ...) -> TrainOutcome

The loop is plain: restore, then for each step that is left, run it, count it, save now and then.
What one step does is in `step.py`; what it costs in privacy is in the mechanism.
"""

from __future__ import annotations

import contextlib
import resource
import time
from collections.abc import Callable, Iterator, Sequence

import torch

from appliance.errors import UsageError
from appliance.finetune.admission import Admission
from appliance.finetune.batching import PhysicalBatch
from appliance.finetune.checkpoint import Bench, CheckpointStore, Progress
from appliance.finetune.loss import causal_lm_loss
from appliance.finetune.mechanism import Mechanism
from appliance.finetune.methods.choose import holding
from appliance.finetune.noise import NoiseOrigin, NoiseSource
from appliance.finetune.optimizer import DpAdam
from appliance.finetune.per_sample import LossFn, trainable
from appliance.finetune.ranks import Ranks, packed, unpacked
from appliance.finetune.settings import TrainOutcome, TrainSettings
from appliance.finetune.sharding import shard_base, sharded
from appliance.finetune.step import PrivateStep
from appliance.model.examples import Example

ProgressFn = Callable[[int, int, dict[str, float]], None]


def train(
    model: torch.nn.Module,
    units: Sequence[Sequence[Example]],
    mechanism: Mechanism,
    settings: TrainSettings,
    *,
    noise_key: bytes,
    noise_source: NoiseOrigin,
    checkpoint_store: CheckpointStore,
    progress: ProgressFn,
    stop: Callable[[], bool] | None = None,
    on_step: Callable[[int], None] | None = None,
    loss_fn: LossFn = causal_lm_loss,
    ranks: Ranks | None = None,
    admission: Admission | None = None,
) -> TrainOutcome:
    """Train the trainable parameters of a model under a mechanism.

    Args:
        model: a model with an adapter, on its device; changed in place.
        units: the records of every privacy unit, canaries included; drawn lazily.
        mechanism: what runs and what is accounted.
        settings: how to update.
        noise_key: 32 secret bytes; used only where no checkpoint exists, whose key wins.
        noise_source: where the key came from.
        checkpoint_store: holds the run's state, sealed.
        progress: called after each step with steps done, steps in all and public figures.
        stop: asked after each step; True saves a checkpoint and returns. One process only.
        on_step: called once a step's gradient exists, before noise and update: count the step as
            spent from here on. A step redone after a crash is announced again; count it once.
        loss_fn: the loss of a physical batch.
        admission: which records of a drawn unit take part at a step; all by default.
        ranks: the processes that train together, each in this call with the same arguments; key
            and checkpoint are the first one's. This process alone by default.

    Returns:
        What was done.

    Raises:
        UsageError: the checkpoint belongs to another run, or the settings contradict each other.
        IntegrityError: the checkpoint is damaged.

    Guarantees:
        Epsilon is that of the executed steps. A run that is killed and resumed, however often,
        ends with the parameters of a run that was not (same machine, same thread count), and
        with the same epsilon: redone steps repeat their batch and their noise.
    """
    noise = NoiseSource(key=noise_key, origin=noise_source)
    ranks = ranks or Ranks()
    bench = _bench(model, mechanism, settings, n_units=len(units))
    state, bound = Progress(), mechanism.max_grad_norm
    if ranks.first:
        stored = checkpoint_store.load()
        if stored is not None:
            state, noise, bound = bench.thaw(stored)
    if ranks.world_size > 1:
        state, noise, bound = _same_start(bench, ranks, state, noise, bound)

    def save() -> None:
        if ranks.first:
            frozen = bench.freeze(state, noise, max_grad_norm=logical.optimizer.max_grad_norm)
            checkpoint_store.save(frozen)

    with _prepared(model, settings, ranks):
        logical = PrivateStep(
            model,
            bench.optimizer,
            mechanism=mechanism,
            noise=noise,
            loss_fn=_with_precision(loss_fn, settings),
            physical_batch_tokens=settings.physical_batch_tokens,
            held=holding(model, unit_gradient_bytes=settings.unit_gradient_bytes),
            ranks=ranks,
            in_step=sharded(settings, ranks),
            admission=admission,
        )
        logical.optimizer.max_grad_norm = bound
        try:
            save()  # Before the first draw: see the module's note in checkpoint.py.
            _loop(logical, bench, state, units, progress, save, stop, on_step)
        finally:
            logical.close()
    if state.averaged and state.step == mechanism.steps:
        _use_average(bench)
    return _outcome(model, mechanism, state, noise, logical)


def _same_start(
    bench: Bench, ranks: Ranks, state: Progress, noise: NoiseSource, bound: float
) -> tuple[Progress, NoiseSource, float]:
    """Give every process the first one's parameters, key and place in the run."""
    if ranks.first:
        ranks.tell(packed(bench.freeze(state, noise, max_grad_norm=bound)))
        return state, noise, bound
    heard, noise, bound = bench.thaw(unpacked(ranks.hear()))
    heard.resumed_times -= 1  # Hearing a state is no resume.
    return heard, noise, bound


def _loop(
    logical: PrivateStep,
    bench: Bench,
    state: Progress,
    units: Sequence[Sequence[Example]],
    progress: ProgressFn,
    save: Callable[[], None],
    stop: Callable[[], bool] | None,
    on_step: Callable[[int], None] | None,
) -> None:
    """Run the steps that are left."""
    mechanism, settings = bench.mechanism, bench.settings
    saved_at, saved_step = time.monotonic(), state.step
    while state.step < mechanism.steps:
        began = time.monotonic()
        for group in bench.optimizer.param_groups:
            group["lr"] = settings.learning_rate_at(state.step, mechanism.steps)
        facts = logical.run(state.step, units, on_step or (lambda _step: None))
        state.step += 1
        state.tokens += facts.tokens
        state.batch_sizes.append(facts.units)
        if facts.mean_loss is not None:
            state.losses.append((facts.step, facts.mean_loss))
        _average(bench, state)
        now = time.monotonic()
        state.seconds += now - began
        stopping = stop is not None and stop()
        due = (
            state.step - saved_step >= settings.checkpoint_every_steps
            or now - saved_at >= settings.checkpoint_every_s
        )
        if due or stopping or state.step == mechanism.steps:
            save()
            saved_at, saved_step = time.monotonic(), state.step
        progress(
            state.step,
            mechanism.steps,
            {"seconds": state.seconds, "tokens_per_second": state.tokens / state.seconds},
        )
        if stopping:
            return


def _bench(
    model: torch.nn.Module, mechanism: Mechanism, settings: TrainSettings, *, n_units: int
) -> Bench:
    """Collect what is trained and build its optimizer."""
    named = [(name, p) for name, p in model.named_parameters() if p.requires_grad]
    params = tuple(p for _, p in named)
    if not params or n_units < 1:
        raise UsageError(
            "training", "expected trainable parameters and at least one unit", hint="appliance plan"
        )
    tail = settings.averaging == "tail"
    return Bench(
        names=tuple(name for name, _ in named),
        params=params,
        optimizer=_optimizer(params, mechanism, settings),
        average=[torch.zeros_like(p, requires_grad=False) for p in params] if tail else [],
        n_units=n_units,
        mechanism=mechanism,
        settings=settings,
    )


def _optimizer(
    params: Sequence[torch.nn.Parameter], mechanism: Mechanism, settings: TrainSettings
) -> torch.optim.Optimizer:
    """Build the inner optimizer, which sees noisy means only."""
    if settings.optimizer == "sgd":
        return torch.optim.SGD(params, lr=settings.learning_rate, momentum=settings.momentum)
    variance = None
    if settings.debias_second_moment:
        if mechanism.adaptive is not None:
            raise UsageError(
                "training.debias_second_moment",
                "expected a fixed clipping bound: the noise's variance changes with it",
                hint="appliance policy explain training.optimizer",
            )
        std = mechanism.noise_std(mechanism.max_grad_norm) / mechanism.expected_batch_size
        variance = std**2
    return DpAdam(
        params,
        learning_rate=settings.learning_rate,
        betas=settings.betas,
        noise_variance=variance,
    )


@contextlib.contextmanager
def _prepared(model: torch.nn.Module, settings: TrainSettings, ranks: Ranks) -> Iterator[None]:
    """Put the model in training mode, and back; a sharded base stays sharded."""
    if sharded(settings, ranks):
        shard_base(model)
    was_training = model.training
    model.train()
    if settings.gradient_checkpointing:
        model.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
    try:
        yield
    finally:
        if settings.gradient_checkpointing:
            model.gradient_checkpointing_disable()
        model.train(was_training)


def _with_precision(loss_fn: LossFn, settings: TrainSettings) -> LossFn:
    """Run the forward pass under autocast where the settings ask for it."""
    if settings.precision == "fp32":
        return loss_fn

    def wrapped(model: torch.nn.Module, batch: PhysicalBatch) -> tuple[torch.Tensor, torch.Tensor]:
        with torch.autocast(batch.input_ids.device.type, dtype=torch.bfloat16):
            return loss_fn(model, batch)

    return wrapped


def _average(bench: Bench, state: Progress) -> None:
    """Add the present iterate to the running mean, over the last steps."""
    steps, share = bench.mechanism.steps, bench.settings.average_share
    if not bench.average or state.step <= steps * (1.0 - share):
        return
    state.averaged += 1
    with torch.no_grad():
        for held, p in zip(bench.average, bench.params, strict=True):
            held.lerp_(p, 1.0 / state.averaged)


def _use_average(bench: Bench) -> None:
    """Replace the last iterate by the mean: post-processing of what was already released."""
    with torch.no_grad():
        for held, p in zip(bench.average, bench.params, strict=True):
            p.copy_(held)


def _outcome(
    model: torch.nn.Module,
    mechanism: Mechanism,
    state: Progress,
    noise: NoiseSource,
    logical: PrivateStep,
) -> TrainOutcome:
    """Sum up."""
    params = trainable(model)
    if params[0].device.type == "cuda":
        peak = int(torch.cuda.max_memory_allocated(params[0].device))
    else:
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return TrainOutcome(
        steps=state.step,
        finished=state.step == mechanism.steps,
        spent_epsilon=mechanism.spent_epsilon(state.step),
        engine=logical.engine.name,
        noise_source=noise.origin,
        trainable_parameters=sum(p.numel() for p in params),
        resumed_times=state.resumed_times,
        seconds=state.seconds,
        tokens_per_second=state.tokens / state.seconds if state.seconds else 0.0,
        peak_memory_bytes=peak,
        max_grad_norm=logical.optimizer.max_grad_norm,
        losses=state.losses,
        batch_sizes=state.batch_sizes,
        empty_batches=sum(size == 0 for size in state.batch_sizes),
    )
