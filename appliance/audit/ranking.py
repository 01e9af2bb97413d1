"""Candidate ranking: does the model prefer what was removed to decoys of the same format?

For a value that de-identification took out of a record, the true value and same-format decoys are
put back into its slot and scored. A model that learned nothing about the person gives the true
value a uniform rank. Preference is measured as the gain over the base model, which may like some
values (a common name) better for reasons of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from appliance.audit.scores import score_examples
from appliance.audit.statistics import rank_p_value
from appliance.model.examples import Example
from appliance.model.tasks import shape_of_model
from appliance.progress import Progress, SilentProgress

#: Tokens of the text before a slot that a candidate is scored behind.
CONTEXT_TOKENS = 24
#: Most tokens of a candidate.
VALUE_TOKENS = 24
#: Most decoys of a slot.
MOST_DECOYS = 99
#: Padded tokens of one batch of candidates; memory only.
_WRITTEN_TOKENS = 2048


@dataclass(frozen=True, slots=True, kw_only=True)
class RemovedSlot:
    """A place a value was removed from.

    Attributes:
        before: de-identified text that precedes the slot; private.
        value: the true value; private.
        decoys: made-up values of the same format, drawn without looking at the true one.
    """

    before: str = field(repr=False)
    value: str = field(repr=False)
    decoys: tuple[str, ...] = field(repr=False)


class Slot(Protocol):
    """The parts of a slot that are read; `RemovedSlot` says what they mean."""

    @property
    def before(self) -> str:
        """De-identified text that precedes the slot; private."""

    @property
    def value(self) -> str:
        """The true value; private."""

    @property
    def decoys(self) -> tuple[str, ...]:
        """Made-up values of the same format."""


class RemovedValues(Protocol):
    """What de-identification took out of the training side."""

    @property
    def slots(self) -> Sequence[Slot]:
        """Return slots to rank, already drawn at random; the audit takes the first ones."""

    def find(self, texts: Sequence[str]) -> list[int]:
        """Count, per text, the distinct removed values that the detector finds in it.

        Values are compared by keyed digests of their normalised form.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranking:
    """How the true values rank.

    Attributes:
        slots: values ranked.
        p_value: chance of ranks this good by luck.
    """

    slots: int
    p_value: float


def rank_values(
    adapter: Sequence[Sequence[float]], base: Sequence[Sequence[float]]
) -> Ranking | None:
    """Rank each true value by its gain over the base model; None without a slot.

    Args:
        adapter: for each slot the log-probability of each candidate, the true one first.
        base: the same on the base model.
    """
    ranks, sizes = [], []
    for ours, reference in zip(adapter, base, strict=True):
        gains = np.asarray(ours) - np.asarray(reference)
        better = float((gains[1:] > gains[0]).sum())
        ranks.append(1.0 + better + float((gains[1:] == gains[0]).sum()) / 2.0)
        sizes.append(float(len(gains)))
    if not ranks:
        return None
    return Ranking(slots=len(ranks), p_value=rank_p_value(ranks, sizes))


def score_slots(
    model: Any,  # noqa: ANN401 - peft is untyped
    tokenizer: Any,  # noqa: ANN401 - transformers is untyped
    removed: RemovedValues | None,
    most: int,
    progress: Progress,
) -> tuple[tuple[float, ...], ...]:
    """Score the candidates of the first slots.

    Args:
        model: scored as it stands (adapter on or off).
        tokenizer: the base model's.
        removed: the slots, or None.
        most: slots to score.
        progress: told one unit per slot.

    Returns:
        For each slot the log-probability of each candidate behind its context, the true value
        first. The context runs through the model once per slot.
    """
    slots = [] if removed is None else list(removed.slots[:most])
    if not slots or shape_of_model(model) == "classifier":  # It writes no value.
        return ()
    was_training = model.training
    model.eval()
    try:
        with progress.task("ranking removed values", len(slots)) as task:
            found = []
            for slot in slots:
                found.append(_score_slot(model, tokenizer, slot))
                task.advance()
    finally:
        model.train(was_training)
    return tuple(found)


def _score_slot(model: Any, tokenizer: Any, slot: Slot) -> tuple[float, ...]:  # noqa: ANN401
    import torch

    device = next(model.parameters()).device
    before = slot.before.rstrip()
    gap = slot.before[len(before) :][:1]
    values = [slot.value, *slot.decoys[:MOST_DECOYS]]
    every = _encode(tokenizer, [before, *(gap + value for value in values)])
    context = every[0][-CONTEXT_TOKENS:] or [tokenizer.eos_token_id]
    rows = [row[:VALUE_TOKENS] for row in every[1:]]
    if shape_of_model(model) == "seq2seq":
        return _written(model, [*context, tokenizer.eos_token_id], rows)
    length = max(len(row) for row in rows)
    ids = torch.zeros((len(rows), length), dtype=torch.long)
    mask = torch.zeros((len(rows), length), dtype=torch.long)
    for index, row in enumerate(rows):
        ids[index, : len(row)] = torch.tensor(row)
        mask[index, : len(row)] = 1
    ids, mask = ids.to(device), mask.to(device)
    with torch.inference_mode():
        opening = torch.tensor([context], device=device)
        first = model(input_ids=opening, use_cache=True)
        cache = first.past_key_values
        cache.batch_repeat_interleave(len(rows))
        seen = torch.ones((len(rows), len(context)), dtype=torch.long, device=device)
        rest = model(
            input_ids=ids,
            attention_mask=torch.cat([seen, mask], dim=1),
            past_key_values=cache,
            use_cache=True,
        ).logits
        # A hundred candidates have a thousand tokens: no copy of their logits is made.
        start = first.logits[0, -1].float()
        sums = start[ids[:, 0]] - start.logsumexp(dim=-1)
        later = rest[:, :-1].float()
        own = later.gather(2, ids[:, 1:, None])[:, :, 0] - later.logsumexp(dim=-1)
        sums = (sums + (own * mask[:, 1:]).sum(dim=1)).double().cpu()
    return tuple(float(value) for value in sums)


def _written(model: Any, given: list[int], rows: list[list[int]]) -> tuple[float, ...]:  # noqa: ANN401
    """Score what a decoder might write to one text."""
    examples = [
        Example(
            input_ids=np.asarray([*given, *row], np.int32),
            loss_mask=np.arange(len(given) + len(row)) >= len(given),
            record_id=0,
        )
        for row in rows
    ]
    scores = score_examples(
        model,
        examples,
        max_tokens=_WRITTEN_TOKENS,
        progress=SilentProgress(),
        places=False,
    )
    return tuple(float(one.log_probabilities.sum(dtype=np.float64)) for one in scores)


def _encode(tokenizer: Any, texts: list[str]) -> list[list[int]]:  # noqa: ANN401 - untyped
    """Tokenise a record's own words as training did: nothing in them is a control token."""
    found = tokenizer(texts, add_special_tokens=False, split_special_tokens=True)["input_ids"]
    return [[int(token) for token in row] for row in found]
