"""What a policy asks of training: the mechanism, its units and the trainer's settings."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from appliance.finetune.mechanism import Mechanism
from appliance.finetune.settings import TrainSettings
from appliance.model.store import UnitExamples
from appliance.policy.model import Policy

#: Expected units per step when the policy names none: this times the square root of all units.
BATCH_ROOT = 4.0


def plan_mechanism(policy: Policy, *, n_units: int) -> Mechanism:
    """Calibrate the mechanism that a policy asks for.

    Args:
        policy: privacy and training sections are read.
        n_units: units trained on, planted canaries included.
    """
    training, privacy = policy.training, policy.privacy
    batch = float(
        min(n_units, training.expected_batch_size or round(BATCH_ROOT * math.sqrt(n_units)))
    )
    steps = training.steps or math.ceil(training.epochs * n_units / batch)
    delta = privacy.target_delta or min(0.5, n_units**-1.1)
    per_unit = privacy.max_records_per_unit if privacy.unit == "person" else 1
    if privacy.mechanism == "none":
        return Mechanism.without_privacy(
            n_units=n_units,
            expected_batch_size=batch,
            steps=steps,
            target_delta=delta,
            max_records_per_unit=per_unit,
        )
    mechanism = Mechanism.calibrate(
        target_epsilon=privacy.target_epsilon,
        target_delta=delta,
        n_units=n_units,
        expected_batch_size=batch,
        steps=steps,
        max_grad_norm=privacy.max_grad_norm,
        clipping=privacy.clipping,
        max_records_per_unit=per_unit,
        noise_multiplier=privacy.noise_multiplier,
    )
    knobs = privacy.adaptive_clipping
    if knobs is None:
        return mechanism
    return mechanism.with_adaptive_bound(
        quantile=knobs.quantile, learning_rate=knobs.learning_rate, budget_share=knobs.budget_share
    )


def private_units(policy: Policy, people: UnitExamples) -> UnitExamples:
    """Regroup people's examples into what the policy protects: people, or single records.

    Guarantees:
        At the record level each record is drawn and clipped by itself. Drawing a person and one
        of its records would not do: taking a record away would change which one is drawn, and
        that moves the sum by up to twice the bound.
    """
    if policy.privacy.unit == "person":
        return people
    # A record's windows lie side by side and belong to it together.
    ids = people.record_ids
    starts = np.flatnonzero(np.append(True, ids[1:] != ids[:-1])) if len(ids) else ids
    return replace(people, first=np.append(starts, len(ids)), digests=(b"",) * len(starts))


def train_settings(policy: Policy) -> TrainSettings:
    """Translate the policy's knobs into the trainer's."""
    training = policy.training
    return TrainSettings(
        learning_rate=training.step_size,
        optimizer=training.optimizer,
        schedule=training.schedule,
        warmup_steps=training.warmup_steps,
        momentum=training.momentum,
        debias_second_moment=training.debias_second_moment,
        averaging=training.averaging,
        average_share=training.average_share,
        physical_batch_tokens=training.physical_batch_tokens,
        gradient_checkpointing=training.gradient_checkpointing,
        shard_base=training.shard_base,
        checkpoint_every_s=training.checkpoint_seconds,
    )
