"""The DP self-test: the real step, on a toy, must behave as it is accounted.

    T1   sensitivity at noise 0: a unit more or less moves the sum by at most the bound
    T1b  a large unit contributes exactly the bound; the sum is that of clipped truths
    T2   noise: right variance per tensor, independent over steps, once per logical step
    T3   sampler: Poisson at the accounted rate; executed steps equal accounted steps
    T4   a white-box audit stays below the claim
    T5   and has the power to see that something happened
    T6   three accountants agree on the mechanism that will run
    T7   the model that will be trained: per-unit norms equal one-at-a-time truth

An empirical lower bound alone cannot see most bugs; these checks catch each bug of the test suite's
list. They run before every training run, in seconds. Keys here are injected: nothing is released.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from appliance.errors import MachineError
from appliance.finetune import batching, toy
from appliance.finetune.accounting import cross_check
from appliance.finetune.factored import row_squares
from appliance.finetune.loss import causal_lm_loss
from appliance.finetune.mechanism import Mechanism
from appliance.finetune.methods.choose import engine_for, holding
from appliance.finetune.optimizer import add_weighted, unit_norms
from appliance.finetune.per_sample import GradientEngine, LossFn, trainable
from appliance.finetune.sampling import UnitDraw
from appliance.finetune.selftest_bound import check_count
from appliance.finetune.selftest_checks import (
    Check,
    Rig,
    check_audit,
    check_noise,
    check_sampler,
    check_sensitivity,
    check_steps,
)
from appliance.finetune.settings import UNIT_GRADIENT_BYTES
from appliance.model.examples import Example

#: float32 [units, parameters]: each unit's gradient the obvious way.
Truth = Callable[[Any, Sequence[Sequence[Example]]], torch.Tensor]


@dataclass(frozen=True, slots=True, kw_only=True)
class SelfTestReport:
    """What the self-test found.

    Attributes:
        passed: every check passed, and there was at least one.
        checks: in the order of the module's list.
        seconds: how long it took.
    """

    passed: bool
    checks: tuple[Check, ...]
    seconds: float

    def require(self) -> None:
        """Refuse to go on after a failed check.

        Raises:
            MachineError: names the failed checks.
        """
        if not self.passed:
            failed = ", ".join(check.name for check in self.checks if not check.passed)
            raise MachineError(
                "privacy self-test",
                f"expected every check to pass, failed: {failed or 'no check ran'}",
                hint="appliance doctor --dp",
            )


def run_selftest(
    mechanism: Mechanism | None = None,
    *,
    model: torch.nn.Module | None = None,
    units: Sequence[Sequence[Example]] = (),
    loss_fn: LossFn = causal_lm_loss,
    model_loss: LossFn | None = None,
    truth: Truth = toy.one_at_a_time,
) -> SelfTestReport:
    """Run all checks: T1 to T5 on the toy, T6 and T7 where a mechanism and a model are given.

    Args:
        mechanism: what will run; its clipping rule is the one tested.
        model: what will be trained, adapter attached.
        units: a few units to compare norms on; the shortest of the first sixteen are taken.
        loss_fn: the loss of the toy.
        model_loss: the loss the run will use; absent: the toy's.
        truth: each unit's gradient, its records alone, under that loss.

    Returns:
        Every check with what was measured; call `require` to refuse.

    Guarantees:
        Deterministic but for time. A correct step passes; false-alarm rate of the statistical
        checks is fixed to nought by fixed keys, their thresholds are at 99.9 % or beyond.

    Reference:
        Checks T1 to T5 follow the audit design note; white-box Dirac audit: Nasr et al. 2021,
        arXiv:2101.04535.
    """
    began = time.monotonic()
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # Tiny tensors: a second thread only waits.
    try:
        # The toy takes the run's clipping rule; rate, noise and bound are its own.
        rig = Rig(
            model=toy.toy_model(),
            clipping="abadi" if mechanism is None else mechanism.clipping,
            loss_fn=loss_fn,
        )
        checks = [
            *check_sensitivity(rig),
            *check_noise(rig),
            *check_sampler(rig),
            check_steps(rig),
            *check_audit(rig),
        ]
        if mechanism is not None and mechanism.adaptive is not None:
            checks.append(check_count(rig))
    finally:
        torch.set_num_threads(threads)
    if mechanism is not None and mechanism.kind == "dp-sgd":
        checks.append(_check_accountants(mechanism))
    if model is not None:
        checks.append(check_model(model, units, loss_fn=model_loss or loss_fn, truth=truth))
    return SelfTestReport(
        passed=bool(checks) and all(check.passed for check in checks),
        checks=tuple(checks),
        seconds=time.monotonic() - began,
    )


def check_model(
    model: torch.nn.Module,
    units: Sequence[Sequence[Example]],
    *,
    loss_fn: LossFn = causal_lm_loss,
    truth: Truth = toy.one_at_a_time,
    tolerance: float = 1e-3,
    unit_gradient_bytes: int = UNIT_GRADIENT_BYTES,
) -> Check:
    """Compare the engine's per-unit norms with one-at-a-time truth on the model to be trained.

    Args:
        model: adapter attached, no engine.
        units: the shortest three of the first sixteen are compared.
        loss_fn: the loss the run will use.
        truth: each unit's gradient, its records alone, under that loss.
        tolerance: largest relative difference of a norm.
        unit_gradient_bytes: as the run will have it; decides how gradients are held.

    Returns:
        The check; it fails where there is nothing to compare.
    """
    name = "T7 norms on this model"
    expected = f"<= {tolerance:g} relative difference"
    nearby = [records for records in (units[i] for i in range(min(16, len(units)))) if records]
    nearby.sort(key=lambda records: sum(len(record) for record in records))
    few = [[record for record in records if record.targets][:2] for records in nearby[:3]]
    few = [records for records in few if records]
    if not few:
        return Check(name=name, passed=False, measured=None, expected=expected, detail="no unit")
    was_training = model.training
    model.eval()
    norms = torch.stack([_length(truth(model, [records])) for records in few])
    held = holding(model, unit_gradient_bytes=unit_gradient_bytes)
    engine = engine_for(model, loss_fn, large=held.large)
    draws = [UnitDraw(unit=i, records=tuple(range(len(r)))) for i, r in enumerate(few)]
    groups = batching.group_units(
        draws,
        few,
        physical_batch_tokens=1024,
        units_in_memory=held.units,
        one_pass=bool(held.large),
        device=norms.device,
    )
    try:
        found = torch.cat([_norms(engine, group, trainable(model)) for group in groups], dim=1)
    finally:
        engine.close()
        model.train(was_training)
        for p in trainable(model):
            p.grad_sample = None
    worst = float(((found - norms).abs() / norms.clamp(min=1e-12)).max())
    return Check(
        name=name,
        passed=bool(torch.isfinite(norms).all()) and worst <= tolerance,
        measured=worst,
        expected=expected,
        detail=f"{engine.name}, {len(few)} units",
    )


def _norms(
    engine: GradientEngine, group: batching.UnitGroup, params: Sequence[torch.nn.Parameter]
) -> torch.Tensor:
    """Measure each unit's gradient as it is clipped by, and as it would be added up.

    Returns:
        float32 [2, units]; the two differ only where gradients are held as factors.
    """
    engine.unit_gradients(group)
    samples = [p.grad_sample for p in params]
    for p in params:
        p.grad_sample = None
    measured, added = unit_norms(samples), []
    for one in torch.eye(group.units, device=measured.device):
        squares = torch.zeros((), dtype=torch.float64, device=measured.device)
        for p, sample in zip(params, samples, strict=True):
            total = torch.zeros(p.shape, device=p.device)
            add_weighted(total, one, sample)
            squares += row_squares(total).sum()
        added.append(squares.sqrt().float())
    return torch.stack([measured, torch.stack(added)])


def _length(gradient: torch.Tensor) -> torch.Tensor:
    """Return a vector's norm, float32; one sum in float32 over millions of entries falls short."""
    parts = [part.double().square().sum() for part in gradient.flatten().split(2**20)]
    return torch.stack(parts).sum().sqrt().float()


def _check_accountants(mechanism: Mechanism) -> Check:
    """T6: the figure of record against two other accountants."""
    found = cross_check(mechanism)
    return Check(
        name="T6 accountants agree",
        passed=found.agree,
        measured=found.pld,
        expected="PRV within 2 % and RDP not below",
        detail=f"pld {found.pld:.4f}, prv {found.prv or math.nan:.4f}, rdp {found.rdp:.4f}",
    )
