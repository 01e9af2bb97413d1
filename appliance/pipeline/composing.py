"""Several released adapters as one, and what a person in several of them has spent.

    weighted   one LoRA adapter that adds w_i times each adapter's change
    stacked    the same with every weight 1: all changes at once
    routed     the adapters side by side, one for each task, and a table that says which

Composing reads released bytes alone, so it costs no privacy beyond what its parts have spent
(post-processing). What they spent together differs from person to person: whoever is in several
runs pays for all of them, whoever is in one pays for that one. The rule, computed person by
person from the ledger's keyed digests:

    epsilon = max over sets of runs that some person is in together of (sum over that set)

Two sums are given: the plain one, and the tighter one of the accountant of record, which
composes the mechanisms themselves at one delta.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load as load_tensors
from safetensors.numpy import save as save_tensors

from appliance.crypto.canonical import canonical_json, digest_bytes
from appliance.errors import BudgetError, PolicyError, UsageError
from appliance.evidence import Report
from appliance.files import machine_errors, write_atomic
from appliance.finetune.spent import compose as compose_events
from appliance.ledger import Entry, Ledger
from appliance.people.release_key import verifying_path
from appliance.release.layout import CONFIG, SIGNATURE, WEIGHTS
from appliance.release.model_sig import sign_files
from appliance.release.verify import verify
from appliance.report.json import parse_report
from appliance.workspace import Home

How = Literal["weighted", "stacked", "routed"]

COMPOSITION = "composition.json"
RULE = (
    "epsilon is the largest, over sets of runs that some person is in together, of what those runs "
    "spent together: sums over shared people, the maximum over disjoint ones"
)
_FACTORS = (".lora_A.weight", ".lora_B.weight")


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """People who are in exactly these runs.

    Attributes:
        runs: their ids.
        people: how many.
        epsilon_sum: the runs' epsilons, added; holds at the sum of their deltas.
        epsilon: of their mechanisms composed, at `delta`.
        delta: the largest of all the composition's runs, the same for every set of people.
    """

    runs: tuple[str, ...]
    people: int
    epsilon_sum: float
    epsilon: float
    delta: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Composition:
    """What a composition is made of and what it has spent.

    Attributes:
        how: how the adapters act together.
        runs: their ids, in the order given.
        weights: of their changes; all 1 where they are stacked or routed.
        cells: every set of runs that some person is in together.
        epsilon: the largest of the cells'.
        epsilon_sum: the largest of the cells' plain sums.
        folder: where it was written.
    """

    how: How
    runs: tuple[str, ...]
    weights: tuple[float, ...]
    cells: tuple[Cell, ...]
    epsilon: float
    epsilon_sum: float
    folder: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class _Released:
    """One part, its signature checked."""

    entry: Entry
    report: Report
    files: Mapping[str, bytes]

    @property
    def config(self) -> dict[str, Any]:
        values: dict[str, Any] = json.loads(self.files[CONFIG])
        return values


def compose(
    home: Home, runs: Sequence[str], *, how: How, weights: Sequence[float], out: Path
) -> Composition:
    """Compose released adapters of this workspace.

    Args:
        home: the workspace, open.
        runs: at least two released runs over one base model.
        how: how they act together.
        weights: one for each run where `how` is "weighted"; else none.
        out: a folder that does not exist yet.

    Raises:
        UsageError: fewer than two runs, an unknown one, weights that do not fit, or `out` exists.
        PolicyError: adapters of these methods or tasks cannot be composed so; the hint says how.
        IntegrityError: a byte of a release was altered.
        BudgetError: people who are in several runs would exceed a run's lifetime budget.
    """
    _check_words(runs, how, weights, out)
    ledger = Ledger(home.vault, compose_events)
    parts = [_open(home, ledger, run) for run in runs]
    _check_parts(parts, how)
    cells = cells_of(ledger, [part.entry for part in parts])
    worst = max(cell.epsilon for cell in cells)
    limits = [p.report.privacy.ledger for p in parts if p.report.privacy is not None]
    limit = min((one.lifetime_epsilon for one in limits if one is not None), default=0.0)
    if not worst <= limit:
        raise BudgetError(
            "privacy.lifetime_epsilon",
            f"people in several of these runs spent {worst:.3f} together, where {limit:g} is "
            "allowed",
            hint="appliance ledger show",
        )
    shares = tuple(float(w) for w in weights) or (1.0,) * len(parts)
    found = Composition(
        how=how,
        runs=tuple(runs),
        weights=shares,
        cells=cells,
        epsilon=worst,
        epsilon_sum=max(cell.epsilon_sum for cell in cells),
        folder=out,
    )
    files = (
        _routed(parts)
        if how == "routed"
        else merge_low_rank([(part.config, part.files[WEIGHTS]) for part in parts], shares)
    )
    _write(home, found, parts, files)
    home.log.append("adapters.composed", runs=list(runs), how=how, epsilon=worst)
    return found


def cells_of(ledger: Ledger, entries: Sequence[Entry]) -> tuple[Cell, ...]:
    """Part the people of several runs by the runs they are in, and account each part.

    Args:
        ledger: knows each run's people by their keyed digests.
        entries: the runs' lines, all with differential privacy.

    Guarantees:
        Every person of every run is in exactly one cell, and the cell's epsilon composes exactly
        the runs that person is in. All cells speak at one delta, so the largest of their epsilons
        holds for everyone, and more runs never show a smaller one.
    """
    delta = max(entry.delta for entry in entries)
    masks: dict[bytes, int] = {}
    for bit, entry in enumerate(entries):
        for unit in _digests(ledger.units(entry.run)):
            masks[unit] = masks.get(unit, 0) | 1 << bit
    counts: dict[int, int] = {}
    for mask in masks.values():
        counts[mask] = counts.get(mask, 0) + 1
    return tuple(
        _cell(ledger, [e for bit, e in enumerate(entries) if mask >> bit & 1], people, delta)
        for mask, people in sorted(counts.items())
    )


def _cell(ledger: Ledger, entries: Sequence[Entry], people: int, delta: float) -> Cell:
    events = [entry.event for entry in entries if entry.event is not None]
    return Cell(
        runs=tuple(entry.run for entry in entries),
        people=people,
        epsilon_sum=sum(ledger.epsilon_of(entry) or 0.0 for entry in entries),
        epsilon=compose_events(events, delta),
        delta=delta,
    )


def merge_low_rank(
    parts: Sequence[tuple[Mapping[str, Any], bytes]], weights: Sequence[float]
) -> dict[str, bytes]:
    """Write one LoRA adapter whose change is the weighted sum of several.

    Args:
        parts: each one's configuration and weights.
        weights: of their changes.

    Returns:
        The two files of one adapter. Its factors are those of the parts side by side, so the sum
        is exact and its rank the sum of their ranks.

    Reference:
        sum_i w_i s_i B_i A_i = [w_1 s_1 B_1, ...] [A_1; ...], s_i each one's own scaling.
    """
    ranks = [int(config["r"]) for config, _ in parts]
    tensors = [load_tensors(raw) for _, raw in parts]
    layers = sorted(
        {
            name.removesuffix(end)
            for t in tensors
            for name in t
            for end in _FACTORS
            if name.endswith(end)
        }
    )
    merged: dict[str, NDArray[np.float32]] = {}
    for layer in layers:
        known = next(t for t in tensors if layer + _FACTORS[0] in t)
        width, height = known[layer + _FACTORS[0]].shape[1], known[layer + _FACTORS[1]].shape[0]
        down, up = [], []
        for (config, _), held, rank, weight in zip(parts, tensors, ranks, weights, strict=True):
            # A part that leaves a layer alone adds nothing there.
            a = held.get(layer + _FACTORS[0], np.zeros((rank, width), np.float32))
            b = held.get(layer + _FACTORS[1], np.zeros((height, rank), np.float32))
            down.append(a)
            up.append(b * np.float32(weight * scaling(config)))
        merged[layer + _FACTORS[0]] = np.concatenate(down, axis=0)
        merged[layer + _FACTORS[1]] = np.ascontiguousarray(np.concatenate(up, axis=1))
    config = dict(parts[0][0])
    config |= {
        "r": sum(ranks),
        "lora_alpha": float(sum(ranks)),  # The scaling is inside the factors.
        "use_rslora": False,
        "lora_dropout": 0.0,
        "target_modules": sorted({layer.rpartition(".")[2] for layer in layers}),
        "layers_to_transform": _blocks(layers),
    }
    text = json.dumps(config, indent=2, sort_keys=True)
    return {
        WEIGHTS: save_tensors(merged, metadata={"format": "pt"}),
        CONFIG: f"{text}\n".encode(),
    }


def scaling(config: Mapping[str, Any]) -> float:
    """Return what a LoRA adapter multiplies the product of its factors by."""
    rank = int(config["r"])
    root = rank**0.5 if config.get("use_rslora") else rank
    return float(config["lora_alpha"]) / root


def _blocks(layers: Sequence[str]) -> list[int] | None:
    """Return the indices of the blocks that have factors; None where a layer is in none."""
    found: set[int] = set()
    for layer in layers:
        numbers = [int(part) for part in layer.split(".") if part.isdigit()]
        if not numbers:
            return None
        found.add(numbers[0])
    return sorted(found)


def _check_words(runs: Sequence[str], how: How, weights: Sequence[float], out: Path) -> None:
    hint = "appliance compose --help"
    if len(runs) < 2 or len(set(runs)) != len(runs):
        raise UsageError("appliance compose", "expected two or more different runs", hint=hint)
    if (how == "weighted") != bool(weights) or len(weights) not in (0, len(runs)):
        raise UsageError(
            "appliance compose --weights",
            "expected one weight for each run, with --how weighted alone",
            hint=hint,
        )
    if not all(np.isfinite(weights)):
        raise UsageError("appliance compose --weights", "expected finite numbers", hint=hint)
    if out.exists():
        raise UsageError(str(out), "is there already", hint=hint)


def _open(home: Home, ledger: Ledger, run: str) -> _Released:
    """Check a release and find its line in the ledger."""
    entry = next((e for e in ledger.entries() if e.run == run), None)
    folder = home.path / "releases" / Path(run).name
    if entry is None or not folder.is_dir():
        raise UsageError(f"run {run}", "has no release", hint="appliance runs list")
    if entry.event is None:
        raise PolicyError(
            f"run {run}",
            "was trained without differential privacy: no epsilon holds for a composition",
            hint="appliance ledger show",
        )
    verify(folder, public_key=verifying_path(home))
    file = folder / "compliance" / "report.json"
    report = parse_report(file.read_bytes(), where=str(file))
    files = {name: (folder / name).read_bytes() for name in (WEIGHTS, CONFIG)}
    return _Released(entry=entry, report=report, files=files)


def _check_parts(parts: Sequence[_Released], how: How) -> None:
    """Refuse what cannot act together."""
    if len({part.report.run.base_model.digest for part in parts}) > 1:
        raise PolicyError(
            "base model", "differs between these runs", hint="appliance runs show RUN"
        )
    tasks = [part.report.training.task for part in parts if part.report.training is not None]
    if how == "routed":
        return
    plain = all(
        part.config.get("peft_type") == "LORA"
        and not part.config.get("use_dora")
        and not part.config.get("modules_to_save")
        for part in parts
    )
    if not plain or (len(set(tasks)) > 1 and "classification" in tasks):
        raise PolicyError(
            f"compose {how}",
            "is offered for plain LoRA adapters without a head of their own; nearest: routed",
            hint="appliance compose RUN RUN --how routed OUT",
        )


def _routed(parts: Sequence[_Released]) -> dict[str, bytes]:
    """Lay the adapters side by side, with a table from task to folder."""
    files: dict[str, bytes] = {}
    routes: dict[str, list[str]] = {}
    for part in parts:
        run = part.report.run.id
        task = "unknown" if part.report.training is None else part.report.training.task
        routes.setdefault(task, []).append(run)
        files |= {f"{run}/{name}": data for name, data in part.files.items()}
    return {**files, "routes.json": canonical_json(routes) + b"\n"}


def _write(
    home: Home, found: Composition, parts: Sequence[_Released], files: Mapping[str, bytes]
) -> None:
    """Write and sign the folder."""
    paper = {
        "format": "appliance-composition/1",
        "how": found.how,
        "base_model": parts[0].report.run.base_model.model_dump(mode="json", exclude={"reasons"}),
        "parts": [
            {
                "run": run,
                "weight": weight,
                "task": None if part.report.training is None else part.report.training.task,
                "adapter": digest_bytes(part.files[WEIGHTS]),
                "people": part.entry.n_units,
            }
            for run, weight, part in zip(found.runs, found.weights, parts, strict=True)
        ],
        "privacy": {
            "rule": RULE,
            "epsilon": found.epsilon,
            "epsilon_sum": found.epsilon_sum,
            "cells": [asdict(cell) for cell in found.cells],
        },
        "not_tested": [
            "The composed adapter was not attacked itself; each part was, when it was released.",
            "What one person's data in other workspaces has spent is not known here.",
        ],
    }
    everything = {**files, COMPOSITION: canonical_json(paper) + b"\n"}
    digests = {name: digest_bytes(data) for name, data in everything.items()}
    key = home.signing_key()
    everything[SIGNATURE] = sign_files(digests, name=found.folder.name, key=key)
    with machine_errors(str(found.folder)):
        for name, data in everything.items():
            target = found.folder / name
            target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            write_atomic(target, data)


def _digests(units: NDArray[np.void]) -> list[bytes]:
    return [unit.tobytes() for unit in units]
