"""A task's loss is each record's own: class weights come from the policy, never from a batch."""

from __future__ import annotations

import pytest
import torch

from appliance.finetune import batching
from appliance.finetune.sampling import UnitDraw
from appliance.finetune.selftest import check_model
from appliance.finetune.task_loss import TargetLoss, loss_of, truth_of
from appliance.policy.training import Training
from tests.unit.finetune.methods import zoo

WEIGHTED = Training(
    task="classification", classes={"labels": zoo.LABELS, "weights": {"b": 3.0, "c": 0.5}}
)


def batch_of(units):
    draws = [UnitDraw(unit=i, records=tuple(range(len(r)))) for i, r in enumerate(units)]
    (group,) = batching.group_units(
        draws, units, physical_batch_tokens=10_000, units_in_memory=len(units)
    )
    return group.batches[0]


def test_weights_multiply_a_records_own_loss():
    model, units = zoo.tuned("lora", "bert"), zoo.units_for("bert")
    batch = batch_of(units)
    _, plain = loss_of(
        Training(task="classification", classes={"labels": zoo.LABELS}), "classifier"
    )(model, batch)
    _, weighted = loss_of(WEIGHTED, "classifier")(model, batch)
    labels = batch.input_ids[batch.targets]
    wanted = torch.tensor([1.0, 3.0, 0.5])[labels]
    assert len(set(labels.tolist())) > 1
    assert torch.allclose(weighted / plain, wanted, rtol=1e-5)


@pytest.mark.parametrize("family", ["bert", "distilbert", "roberta"])
def test_weighted_gradients_are_those_of_records_taken_alone(family):
    model, units = zoo.tuned("lora", family), zoo.units_for(family)
    check = check_model(
        model,
        units,
        loss_fn=loss_of(WEIGHTED, "classifier"),
        truth=truth_of(WEIGHTED, "classifier"),
        tolerance=1e-5,
    )
    assert check.passed, check


def test_weights_taken_from_a_batch_are_caught_before_training():
    class Balanced(TargetLoss):
        """Weighs classes by how often the batch holds them, as many trainers do."""

        def __call__(self, model, batch):
            labels = batch.input_ids[batch.targets]
            counts = torch.bincount(labels, minlength=3).clamp(min=1)
            self._weights = len(labels) / (3.0 * counts)
            return super().__call__(model, batch)

    model, units = zoo.tuned("lora", "bert"), zoo.units_for("bert")
    truth = truth_of(Training(task="classification", classes={"labels": zoo.LABELS}), "classifier")
    assert check_model(model, units, loss_fn=TargetLoss([1.0] * 3), truth=truth).passed
    assert not check_model(model, units, loss_fn=Balanced([1.0] * 3), truth=truth).passed


def test_a_physical_row_is_one_record_of_one_unit():
    units = zoo.units_for("llama")
    batch = batch_of(units)
    records = [(i, e) for i, unit in enumerate(units) for e in unit if e.targets]
    assert len(batch.input_ids) == len(records)
    lengths = (
        torch.full((len(records),), batch.input_ids.shape[1])
        if batch.attention_mask is None
        else batch.attention_mask.sum(dim=1)
    )
    rows = sorted(
        (int(u), tuple(ids[: int(n)].tolist()))
        for u, ids, n in zip(batch.unit, batch.input_ids, lengths, strict=True)
    )
    assert rows == sorted((i, tuple(e.input_ids.tolist())) for i, e in records)
