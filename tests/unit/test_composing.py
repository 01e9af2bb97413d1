"""Composed adapters: an exact sum of changes, and what each person has spent in all of them."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from peft import LoraConfig, get_peft_model, set_peft_model_state_dict
from safetensors.torch import load as load_tensors

from appliance.crypto.keys import RootKey
from appliance.errors import UsageError
from appliance.finetune.adapter import attach_lora, export_adapter
from appliance.finetune.spent import compose as compose_events
from appliance.ledger import Event, Ledger, as_units
from appliance.pipeline import composing
from appliance.pipeline.composing import CONFIG, WEIGHTS, cells_of, merge_low_rank
from appliance.vault import Vault
from tests.unit.finetune.methods import zoo

IDS = torch.arange(2, 22).view(2, 10)


def ledger_at(path: Path) -> Ledger:
    return Ledger(Vault.create(path, scope="test/ledger", root=RootKey.generate()), compose_events)


def people(*names: int) -> Any:
    return as_units([bytes([n]) * 16 for n in names])


def run(ledger: Ledger, name: str, units: Any, noise: float, *, delta: float = 1e-4) -> None:
    ledger.reserve(
        units,
        run=name,
        event=Event(noise_multiplier=noise, sample_rate=0.1, steps=10),
        delta=delta,
        lifetime_epsilon=1e9,
        policy="p",
        started="2026-01-01T00:00:00+00:00",
    )


def cells(ledger: Ledger) -> dict[tuple[str, ...], Any]:
    return {cell.runs: cell for cell in cells_of(ledger, ledger.entries())}


def test_disjoint_people_pay_for_their_own_run_alone(tmp_path: Path) -> None:
    ledger = ledger_at(tmp_path / "v")
    run(ledger, "a", people(1, 2, 3), 1.0)
    run(ledger, "b", people(4, 5), 0.8)
    found = cells(ledger)
    alone = {e.run: ledger.epsilon_of(e) for e in ledger.entries()}
    assert {k: v.people for k, v in found.items()} == {("a",): 3, ("b",): 2}
    assert found[("a",)].epsilon == found[("a",)].epsilon_sum == alone["a"]
    assert max(c.epsilon for c in found.values()) == max(alone.values())  # type: ignore[type-var]


def test_shared_people_pay_for_all_their_runs(tmp_path: Path) -> None:
    ledger = ledger_at(tmp_path / "v")
    run(ledger, "a", people(1, 2, 3), 1.0)
    run(ledger, "b", people(3, 4), 0.8)
    run(ledger, "c", people(5), 1.2, delta=1e-5)
    found = cells(ledger)
    alone = {e.run: ledger.epsilon_of(e) or 0.0 for e in ledger.entries()}
    both = found[("a", "b")]
    assert both.people == 1
    assert both.epsilon_sum == pytest.approx(alone["a"] + alone["b"])
    assert max(alone["a"], alone["b"]) < both.epsilon <= both.epsilon_sum
    assert {k: v.people for k, v in found.items()} == {
        ("a",): 2,
        ("b",): 1,
        ("a", "b"): 1,
        ("c",): 1,
    }


def test_more_runs_never_show_a_smaller_epsilon_when_their_deltas_differ(tmp_path: Path) -> None:
    """Each set at its own delta would put a strict run alone above the same run and another."""
    ledger = ledger_at(tmp_path / "v")
    run(ledger, "strict", people(1, 2), 0.8, delta=1e-9)
    run(ledger, "loose", people(2, 3), 8.0, delta=1e-2)
    found = cells(ledger)
    both = found[("strict", "loose")]
    assert {cell.delta for cell in found.values()} == {1e-2}
    assert both.epsilon == max(cell.epsilon for cell in found.values())
    assert both.epsilon < (ledger.epsilon_of(ledger.entries()[0]) or 0.0)  # at its own delta


@settings(deadline=None, max_examples=25)
@given(st.lists(st.sets(st.integers(0, 9), min_size=1), min_size=1, max_size=4))
def test_every_person_is_in_one_cell_with_exactly_their_runs(
    tmp_path_factory: pytest.TempPathFactory, sets: list[set[int]]
) -> None:
    count = lambda events, _delta: float(len(events))  # noqa: E731  who is counted matters here
    vault = Vault.create(tmp_path_factory.mktemp("l") / "v", scope="t", root=RootKey.generate())
    ledger = Ledger(vault, count)
    for index, names in enumerate(sets):
        run(ledger, str(index), people(*names), 1.0)
    wanted: dict[tuple[str, ...], int] = {}
    for person in set().union(*sets):
        runs = tuple(str(i) for i, names in enumerate(sets) if person in names)
        wanted[runs] = wanted.get(runs, 0) + 1
    with mock.patch.object(composing, "compose_events", count):
        found = cells(ledger)
    assert {runs: cell.people for runs, cell in found.items()} == wanted
    assert all(cell.epsilon == len(runs) for runs, cell in found.items())


@pytest.mark.parametrize(
    ("runs", "how", "weights", "said"),
    [
        (("a",), "stacked", (), "two or more"),
        (("a", "a"), "stacked", (), "two or more"),
        (("a", "b"), "weighted", (), "one weight for each"),
        (("a", "b"), "weighted", (1.0,), "one weight for each"),
        (("a", "b"), "stacked", (1.0, 1.0), "one weight for each"),
        (("a", "b"), "routed", (1.0, 1.0), "one weight for each"),
        (("a", "b"), "weighted", (1.0, float("nan")), "finite"),
    ],
)
def test_wrong_words_are_refused_before_anything_is_read(
    runs: tuple[str, ...], how: Any, weights: tuple[float, ...], said: str, tmp_path: Path
) -> None:
    nobody: Any = None
    with pytest.raises(UsageError, match=said):
        composing.compose(nobody, runs, how=how, weights=weights, out=tmp_path / "out")
    with pytest.raises(UsageError, match="already"):
        composing.compose(nobody, ("a", "b"), how="routed", weights=(), out=tmp_path)


def adapter(seed: int, **settings: Any) -> tuple[Any, dict[str, bytes]]:
    model = attach_lora(copy.deepcopy(BASE), seed=seed, **settings)
    with torch.no_grad():
        for name, p in model.named_parameters():
            if "lora_B" in name:
                p.copy_(torch.randn(p.shape, generator=torch.Generator().manual_seed(seed)))
    return model, export_adapter(model, base_model_name="tiny")


torch.manual_seed(4)
BASE = zoo.BUILD["llama"]().eval()


def loaded(files: dict[str, bytes]) -> Any:
    fields = json.loads(files[CONFIG])
    fields.pop("peft_type")
    model = get_peft_model(copy.deepcopy(BASE), LoraConfig(**fields)).eval()
    found = set_peft_model_state_dict(model, load_tensors(files[WEIGHTS]))
    assert not found.unexpected_keys
    return model


def change(model: Any) -> dict[str, torch.Tensor]:
    """What an adapter adds to each layer's weight."""
    return {
        name.replace("base_model.model.", ""): module.get_delta_weight("default")
        for name, module in model.named_modules()
        if hasattr(module, "get_delta_weight")
    }


@pytest.mark.parametrize("weights", [(1.0, 1.0), (0.3, -0.7)])
def test_plain_peft_computes_the_weighted_sum_of_changes(weights: tuple[float, float]) -> None:
    kinds: tuple[dict[str, Any], dict[str, Any]] = (
        {"rank": 2, "alpha": 8.0},
        {
            "rank": 3,
            "alpha": 2.0,
            "rslora": True,
            "target_modules": ("q_proj", "up_proj"),
            "layers": [1],
        },
    )
    made = [adapter(seed, **kind) for seed, kind in enumerate(kinds)]
    merged = merge_low_rank([(json.loads(f[CONFIG]), f[WEIGHTS]) for _, f in made], weights)
    found = change(loaded(merged))
    parts = [change(model) for model, _ in made]
    for layer in set(parts[0]) | set(parts[1]):
        zero = torch.zeros_like(found[layer])
        wanted = sum(w * part.get(layer, zero) for w, part in zip(weights, parts, strict=True))
        assert torch.allclose(found[layer], wanted, atol=1e-5), layer
