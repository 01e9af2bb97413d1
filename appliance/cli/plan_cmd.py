"""`appliance plan`: the dry run."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from appliance.cli.console import emit, progress
from appliance.cli.locking import lock_process
from appliance.cli.options import PATH, Unlocking, home_options, json_option

if TYPE_CHECKING:
    from appliance.pipeline.planning import Plan


@click.command()
@click.option("--policy", "policy_path", type=PATH, required=True, help="The policy.")
@click.option("--data", type=PATH, required=True, help="The raw records.")
@click.option("--base-model", help="A registered base model; absent: the policy's.")
@home_options
@json_option
def plan(
    *,
    policy_path: Path,
    data: Path,
    base_model: str | None,
    unlocking: Unlocking,
    as_json: bool,
) -> None:
    """Say what a run would do and cost, without training or spending."""
    from appliance.errors import DataError
    from appliance.model.registry import Registry
    from appliance.policy import load_policy

    loaded = load_policy(policy_path)
    if not data.exists():
        raise DataError(str(data), "no such file or folder", hint=f"ls -l {data.parent}")
    with unlocking.open(exclusive=True) as home:
        base = Registry(home.path / "models").get(base_model or loaded.policy.training.base_model)
        lock_process(loaded.policy, home=home, readable=[data])
        from appliance.pipeline.planning import plan as make_plan

        made = make_plan(home, loaded, data, base, progress=progress(quiet=as_json))
    emit(_as_object(made), as_json=as_json, text=_as_text(made))


def _as_object(made: Plan) -> dict[str, object]:
    return {
        "data": made.data.model_dump(mode="json"),
        "train_units": made.train_units,
        "mechanism": made.mechanism.as_dict(),
        "feasible": None if made.feasible is None else asdict(made.feasible),
        "previous_epsilon": made.previous_epsilon,
        "total_epsilon": made.total_epsilon,
        "canaries": asdict(made.canaries),
        "power": made.power,
        "largest_detectable_epsilon": made.largest_detectable_epsilon,
        "tokens": made.tokens,
        "seconds": made.seconds,
        "memory_bytes": made.memory_bytes,
        "first_example": made.first_example,
        "warnings": list(made.warnings),
    }


def _trade(made: Plan) -> list[str]:
    """Say how noise trades against use, and which epsilon these units can carry."""
    found = made.feasible
    if found is None:
        return []
    points = "; ".join(
        f"epsilon {t.epsilon:g}: noise {t.noise_multiplier:.2f}, signal {t.signal_to_noise:.0f}"
        for t in found.trades
    )
    return [
        f"utility    {points} (signal over noise of the whole run; under 100 little is learned)",
        f"feasible   epsilon {found.epsilon:.2f} or more with these units; the policy's own with "
        f"{found.units} or more",
    ]


def _as_text(made: Plan) -> str:
    m, data = made.mechanism, made.data
    lines = [
        f"data       {data.records_used} records of {data.units} people; "
        f"{data.records_quarantined} quarantined, {data.duplicates_removed} copies removed",
        f"training   {m.steps} steps of {m.expected_batch_size:g} of "
        f"{made.train_units} people plus canaries (sample rate {m.sample_rate:.3f})",
    ]
    if m.kind == "dp-sgd":
        lines += [
            f"privacy    epsilon {m.target_epsilon:g} at delta {m.target_delta:.2e} needs noise "
            f"{m.noise_multiplier:.3f}",
            *_trade(made),
            f"lifetime   {made.previous_epsilon:.3f} spent, "
            f"{made.total_epsilon:.3f} after this run",
        ]
    lines += [
        f"audit      {made.canaries.newtok} canaries, {made.canaries.secrets} secrets; a leak of "
        + ", ".join(f"AUC {a} is refused with {p:.0%}" for a, p in made.power.items()),
        f"bound      can show epsilon up to {made.largest_detectable_epsilon:.2f}",
        f"cost       about {made.tokens:,} training tokens, {made.seconds / 60:.0f} minutes, "
        f"{made.memory_bytes / 2**30:.1f} GiB",
        "",
        "first example, personal data masked:",
        *(f"  {line}" for line in made.first_example.splitlines()),
    ]
    if made.warnings:
        lines += ["", *(f"warning: {w}" for w in made.warnings)]
    return "\n".join(lines)
