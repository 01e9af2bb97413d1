"""Full tuning without per-unit gradients in memory: norms and clipped sums from their factors."""

from __future__ import annotations

import pytest
import torch

from appliance.finetune.batching import group_units
from appliance.finetune.factored import Factored, Piece
from appliance.finetune.methods import engine_for, holding, row_engine
from appliance.finetune.optimizer import add_weighted, clip_factors, unit_norms
from appliance.finetune.per_sample import trainable
from appliance.finetune.sampling import UnitDraw
from appliance.finetune.selftest import check_model
from tests.unit.finetune.methods import zoo
from tests.unit.finetune.test_trainer import run, settings, weights

#: One method that trains large weights of the base; every family has its own use of them.
FAMILIES = tuple(zoo.BUILD)


@pytest.fixture(autouse=True)
def every_weight_is_large(monkeypatch):
    monkeypatch.setattr(row_engine, "_LARGE", 1)


def groups_of(units, held, tokens):
    draws = [UnitDraw(unit=i, records=tuple(range(len(r)))) for i, r in enumerate(units)]
    return group_units(
        draws, units, physical_batch_tokens=tokens, units_in_memory=held.units, one_pass=True
    )


def measured(model, family, units, *, tokens=64):
    """Each unit's norm, and the clipped sum with some units clipped and some not."""
    loss, truth_of = zoo.loss_and_truth("full", family)
    truth = truth_of(model, units)
    bound = float(truth.norm(dim=1).median())
    held = holding(model, unit_gradient_bytes=1 << 14)
    assert held.large
    engine, params = engine_for(model, loss, large=held.large), trainable(model)
    totals, norms = [torch.zeros(p.shape) for p in params], []
    for group in groups_of(units, held, tokens):
        engine.unit_gradients(group)
        samples = [p.grad_sample for p in params]
        assert any(isinstance(sample, Factored) for sample in samples)
        norms.append(unit_norms(samples))
        factors = clip_factors(norms[-1], max_grad_norm=bound, clipping="abadi")
        for total, sample in zip(totals, samples, strict=True):
            add_weighted(total, factors, sample)
    engine.close()
    expected = (truth / (truth.norm(dim=1, keepdim=True) / bound).clamp(min=1.0)).sum(dim=0)
    summed = torch.cat([total.flatten() for total in totals])
    return torch.cat(norms), truth.norm(dim=1), summed, expected


@pytest.mark.parametrize(
    ("family", "tokens"),
    [(family, 64) for family in FAMILIES] + [(f, t) for f in ("llama", "t5") for t in (1, 10_000)],
)
def test_norms_and_clipped_sums_are_those_of_units_taken_alone(family, tokens, monkeypatch):
    model, units = zoo.tuned("full", family), zoo.units_for(family)
    for gram in (False, True):  # The tiny weights have fewer entries than Gram matrices cost.
        if gram:
            monkeypatch.setattr(Factored, "_cheaper_whole", lambda _self, _tokens: False)
        norms, truth, summed, expected = measured(model, family, units, tokens=tokens)
        assert float(((norms - truth) / truth).abs().max()) < 1e-5
        assert float((summed - expected).norm() / expected.norm()) < 1e-5


def test_a_tied_embedding_counts_its_cross_term(monkeypatch):
    monkeypatch.setattr(Factored, "_cheaper_whole", lambda _self, _tokens: False)
    model, units = zoo.tuned("full", "llama"), zoo.units_for("llama")
    assert model.get_output_embeddings().weight is model.get_input_embeddings().weight
    held = holding(model, unit_gradient_bytes=1)
    loss, truth_of = zoo.loss_and_truth("full", "llama")
    truth = truth_of(model, units[:1])
    engine = engine_for(model, loss, large=held.large)
    (group,) = groups_of(units[:1], held, 10_000)
    engine.unit_gradients(group)
    sample = model.get_input_embeddings().weight.grad_sample
    assert {piece.sparse for piece in sample.pieces} == {False, True}
    alone = [Factored(model.get_input_embeddings().weight, 1) for _ in sample.pieces]
    for one, piece in zip(alone, sample.pieces, strict=True):
        one.pieces.append(piece)
    apart = sum(float(one.squares()[0]) for one in alone)
    start = next(i for i, p in enumerate(trainable(model)) if p.grad_sample is sample)
    first = sum(p.numel() for p in trainable(model)[:start])
    whole = float(truth[0, first : first + sample.shape.numel()].norm() ** 2)
    assert abs(float(sample.squares()[0]) - whole) / whole < 1e-5
    assert abs(apart - whole) / whole > 1e-3  # Or the cross term would be nothing.


def test_a_norm_does_not_fall_short_however_many_entries_there_are():
    """One float32 sum over so many entries is 3e-4 short: more would pass than the bound."""
    big = torch.randn(1, 20_000, 500, generator=torch.Generator().manual_seed(0))
    exact = float(sum(part.double().square().sum() for part in big[0].split(1000)) ** 0.5)
    assert (
        abs(float(torch.linalg.vector_norm(big, dim=(1, 2))) / exact - 1.0) > 1e-4
    )  # What happens else.
    for sample in (big, big.mT.contiguous().mT):
        assert abs(float(unit_norms([sample])) / exact - 1.0) < 1e-6


def test_a_unit_that_overflows_adds_nothing():
    p = torch.zeros(3, 2)
    made = Factored(p, 2)
    left, right = torch.ones(2, 4, 3), torch.ones(2, 4, 2)
    right[1, 2, 1] = float("nan")
    made.pieces.append(Piece(left=left, right=right, unit=torch.tensor([0, 1])))
    norms = unit_norms([made])
    assert torch.isfinite(norms).tolist() == [True, False]
    factors = clip_factors(norms, max_grad_norm=1.0, clipping="abadi")
    total = torch.zeros(3, 2)
    made.add_weighted(total, factors)
    assert float((total.norm() - 1.0).abs()) < 1e-5


@pytest.mark.parametrize("family", ["llama", "t5"])
def test_a_run_ends_where_the_run_with_gradients_in_memory_ends(family):
    units, ended = zoo.units_for(family, 8), []
    for limit in (1 << 30, 1):
        model = zoo.tuned("full", family)
        loss, _ = zoo.loss_and_truth("full", family)
        how = settings(unit_gradient_bytes=limit)
        outcome = run(model, units=units, how=how, loss_fn=loss)
        ended.append(weights(model))
        factored = outcome.engine == "one-pass-by-row-and-factors"
        assert factored == (limit == 1)
    # Adam divides small gradients by small moments: rounding grows there.
    assert float((ended[0] - ended[1]).norm() / ended[0].norm()) < 1e-4


def test_the_self_test_sees_a_wrong_norm_and_a_wrong_sum(monkeypatch):
    model, units = zoo.tuned("full", "llama"), zoo.units_for("llama")
    found = check_model(model, units, unit_gradient_bytes=1 << 14)
    assert found.passed
    assert found.measured < 1e-5
    assert "factors" in found.detail
    squares, add = Factored.squares, Factored.add_weighted
    monkeypatch.setattr(Factored, "squares", lambda self: 0.9 * squares(self))
    assert not check_model(model, units, unit_gradient_bytes=1 << 14).passed
    monkeypatch.setattr(Factored, "squares", squares)
    monkeypatch.setattr(
        Factored, "add_weighted", lambda self, total, by: add(self, total, by.flip(0))
    )
    assert not check_model(model, units, unit_gradient_bytes=1 << 14).passed


def test_factors_are_kept_only_where_gradients_of_enough_units_do_not_fit():
    model = zoo.tuned("full", "llama")
    size = 4 * sum(p.numel() for p in trainable(model))
    assert not holding(model, unit_gradient_bytes=8 * size).large
    held = holding(model, unit_gradient_bytes=8 * size - 1)
    named = {id(p): name for name, p in model.named_parameters()}
    large = {named[i] for i in held.large}
    assert all("norm" not in name for name in large)
    assert any("embed_tokens" in name for name in large)
    assert held.units > 8
    assert not holding(zoo.tuned("prompt", "llama"), unit_gradient_bytes=1 << 20).large
    assert not holding(zoo.tuned("dora", "llama"), unit_gradient_bytes=1).large
