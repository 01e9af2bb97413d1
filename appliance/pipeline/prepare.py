"""Between de-identification and training: sides, tokens, canaries, and the base model's scores."""

from __future__ import annotations

import os
from collections.abc import Iterator
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from appliance.audit.canaries import canary_form, plant
from appliance.audit.canary_set import CanarySet
from appliance.corpus import Corpus
from appliance.errors import DataError
from appliance.evidence import Section, Splits
from appliance.ingest.split import Sides, read_sides, split
from appliance.ledger import as_units
from appliance.model.examples import Example
from appliance.model.load import check_family, load_tokenizer
from appliance.model.store import UnitExamples, read_examples, write_examples
from appliance.model.task_encode import TaskEncoder
from appliance.model.tasks import Shape, shape_of
from appliance.records import SIDES, Side
from appliance.run import Run

REDACTED = "redact/corpus.arrow"
_CANARIES = "canaries/set.json"


class SplitReceipt(Section):
    """Who went where."""

    records: Splits
    units: Splits


class ExamplesReceipt(Section):
    """How many examples each side has, and how many records held nothing to learn."""

    examples: dict[str, int]
    skipped: int


class CanariesReceipt(Section):
    """What was planted; the digest is fixed before training."""

    digest: str
    planted: int
    candidates: int
    reason: str | None


def split_people(run: Run) -> SplitReceipt:
    """Put every privacy unit on exactly one side."""
    result = split(
        Corpus(run.vault, REDACTED),
        shares=run.policy.policy.data.split,
        key=run.vault.keyed("split"),
        vault=run.vault,
    )
    return SplitReceipt(records=result.records, units=result.units)


def encode_sides(run: Run) -> ExamplesReceipt:
    """Tokenise the de-identified records, side by side, into sealed examples."""
    encoder = task_encoder(run, load_tokenizer(run.base_model.path))
    sides = read_sides(run.vault)
    counts: dict[str, int] = {}
    total = sum(len(sides.ids(side)) for side in SIDES)
    skipped = 0
    with run.progress.task("tokenise", total) as task:
        for side in SIDES:

            def rows(side: Side = side) -> Iterator[tuple[bytes, Example]]:
                nonlocal skipped
                for record in _side(run, sides, side):
                    task.advance()
                    examples = encoder.encode(record)
                    skipped += not examples
                    yield from ((record.unit, example) for example in examples)

            counts[side] = write_examples(run.vault, f"examples/{side}.arrow", rows())
    if counts["train"] == 0:
        raise DataError(
            "training data",
            f"no record on the train side holds anything to learn for "
            f"{run.policy.policy.training.task}",
            hint="appliance policy explain training.task",
        )
    return ExamplesReceipt(examples=counts, skipped=skipped)


def shape_of_run(run: Run) -> Shape:
    """Say what the run's model computes."""
    return shape_of(run.policy.policy.training, check_family(run.base_model.path))


def task_encoder(run: Run, tokenizer: Any) -> TaskEncoder:  # noqa: ANN401  transformers is untyped
    """Return the encoder of the run's task."""
    training = run.policy.policy.training
    return TaskEncoder(tokenizer, training=training, shape=shape_of_run(run))


def examples_of(run: Run, side: Side) -> UnitExamples:
    """Open one side's examples."""
    return read_examples(run.vault, f"examples/{side}.arrow")


def train_units(run: Run) -> NDArray[np.void]:
    """Return the keyed digests of the people on the train side, for the ledger."""
    return as_units(list(examples_of(run, "train").digests))


def plant_canaries(run: Run) -> CanariesReceipt:
    """Make candidates, toss their coins, seal both before training."""
    policy = run.policy.policy
    seen = chain.from_iterable([examples_of(run, side).tokens] for side in SIDES)
    planted = plant(
        policy=policy.audit,
        n_units=len(examples_of(run, "train")),
        tokenizer=load_tokenizer(run.base_model.path),
        corpus_token_ids=seen,
        entity_types=sorted(policy.deidentify.entities),
        entropy=os.urandom(64),
        language=policy.data.languages[0],
        form=canary_form(policy.training, shape_of_run(run)),
    )
    run.vault.write_bytes(_CANARIES, planted.to_bytes())
    run.home.log.append("canaries.planted", run=run.id, digest=planted.digest)
    return CanariesReceipt(
        digest=planted.digest,
        planted=sum(c.included for c in planted.canaries),
        candidates=len(planted.canaries),
        reason=planted.reason,
    )


def canaries_of(run: Run) -> CanarySet:
    """Open the sealed canaries."""
    return CanarySet.from_bytes(run.vault.read_bytes(_CANARIES))


def _side(run: Run, sides: Sides, side: Side) -> Iterator:  # type: ignore[type-arg]  # of Record
    wanted = frozenset(int(i) for i in sides.ids(side))
    return (r for r in Corpus(run.vault, REDACTED) if r.record_id in wanted)
