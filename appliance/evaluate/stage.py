"""Measure use: the adapter against its base model, on people it never saw.

Loss, perplexity and next-token accuracy from one forward pass per model; ROUGE-L and exact match
from greedy generations where a record has a prompt. The base model is the same one with the
adapter off. Intervals resample people, not records.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from appliance.evaluate.classes import macro_f1, paired_measure
from appliance.evaluate.general import DIVERGED, NO_TEXT, forgetting
from appliance.evaluate.metrics import Paired, exact_match, paired_ratio, rouge_l
from appliance.evidence import Metric, UtilitySection
from appliance.model.examples import Example
from appliance.policy.model import Evaluate
from appliance.progress import Progress

#: Seed of the choice of test people when there are more than the policy's bound; public.
_CHOICE_SEED = 20240901
NOT_MEASURED = dict.fromkeys(("bias", "factuality"), "not measured by this version")


class Scored(Protocol):
    """What one forward pass says of one example."""

    @property
    def log_probabilities(self) -> NDArray[np.float32]:
        """Natural logarithms, [targets]."""

    @property
    def greedy(self) -> NDArray[np.bool_]:
        """Whether each target is the model's first choice, [targets]."""


Score = Callable[[Sequence[Example], str], Sequence[Scored]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompted:
    """A test record to generate for.

    Attributes:
        prompt: its token ids, ready for generation; private.
        response: what the record holds; private.
        unit: index of its privacy unit.
        part: which of the run's tasks it belongs to.
    """

    prompt: Sequence[int] = field(repr=False)
    response: str = field(repr=False)
    unit: int
    part: int = 0


def evaluate(
    units: Sequence[Sequence[Example]],
    prompts: Sequence[Prompted],
    *,
    score: Score,
    generate: Callable[[Sequence[Sequence[int]], int], Sequence[str]],
    base_only: Callable[[], AbstractContextManager[Any]],
    policy: Evaluate,
    progress: Progress,
    parts: Sequence[str] = (),
    labels: Sequence[str] = (),
    general: Sequence[Example] = (),
) -> UtilitySection:
    """Compare adapter and base on the test side.

    Args:
        units: the test side's examples, one list per unit.
        prompts: test records with a prompt and a response; may be empty.
        score: scores examples with the model as it stands.
        generate: greedy continuations of prompts, at most so many tokens each.
        base_only: switches the adapter off while it is entered.
        policy: how much is measured.
        progress: told about generations.
        parts: names of the run's tasks, where there are several: each is measured by itself too.
        labels: the classes, where one of several tasks is a classification.
        general: passages that have nothing to do with the data, read in the same passes.
    """
    chosen = choose(units, policy.max_records)
    examples = [e for unit in chosen for e in unit]
    owner = np.repeat(np.arange(len(chosen)), [len(unit) for unit in chosen])
    if not examples:
        return UtilitySection(
            records=0, units=0, metrics={}, reasons={"metrics": "no record on the test side"}
        )
    after = score([*examples, *general], "evaluate the adapter")
    with base_only():
        before = score([*examples, *general], "evaluate the base model")
    adapter, base = after[: len(examples)], before[: len(examples)]
    metrics = _scored(examples, base, adapter, owner)
    for number, name in enumerate(parts):
        mine = [i for i, e in enumerate(examples) if e.part == number]
        if mine:
            found = _scored(
                [examples[i] for i in mine],
                [base[i] for i in mine],
                [adapter[i] for i in mine],
                owner[mine],
            )
            metrics |= {f"{name}.{measure}": metric for measure, metric in found.items()}
    reasons = dict(NOT_MEASURED)
    forgotten = None
    if general:
        sums = [loss_sums(found[len(examples) :]) for found in (before, after)]
        forgotten = forgetting(general, *sums)
    if forgotten is None:
        reasons["forgetting"] = DIVERGED if general else NO_TEXT
    if prompts and policy.generations:
        written = _generated(prompts, generate, base_only, policy, progress)
        metrics |= written.metrics(parts, labels)
    else:
        why = "no record has a prompt" if not prompts else "evaluate.generations is 0"
        reasons["rouge_l"] = reasons["exact_match"] = why
    return UtilitySection(
        records=len(examples),
        units=len(chosen),
        metrics=metrics,
        forgetting=forgotten,
        reasons=reasons,
    )


def _scored(
    examples: Sequence[Example],
    base: Sequence[Scored],
    adapter: Sequence[Scored],
    owner: NDArray[np.int64],
) -> dict[str, Metric]:
    """Compare losses and hits, per target token."""
    weights = np.asarray([e.targets for e in examples], np.float64)
    loss = paired_ratio(loss_sums(base), loss_sums(adapter), weights, owner)
    accuracy = paired_ratio(_hits(base), _hits(adapter), weights, owner)
    return {
        "loss": metric_of(loss, higher_is_better=False),
        "perplexity": _perplexity(loss),
        "token_accuracy": metric_of(accuracy, higher_is_better=True),
    }


def choose(units: Sequence[Sequence[Example]], most: int) -> list[Sequence[Example]]:
    """Draw units until the policy's number of records is reached; the same ones every time."""
    if sum(len(unit) for unit in units) <= most:
        return list(units)
    chosen: list[Sequence[Example]] = []
    count = 0
    for index in np.random.default_rng(_CHOICE_SEED).permutation(len(units)):
        unit = units[int(index)]
        if chosen and count + len(unit) > most:
            break
        chosen.append(unit)
        count += len(unit)
    return chosen


def loss_sums(scores: Sequence[Scored]) -> NDArray[np.float64]:
    """Return each record's summed loss, in nats."""
    return np.asarray([-s.log_probabilities.sum(dtype=np.float64) for s in scores])


def _hits(scores: Sequence[Scored]) -> NDArray[np.float64]:
    return np.asarray([float(s.greedy.sum()) for s in scores])


def metric_of(paired: Paired, *, higher_is_better: bool) -> Metric:
    """Return a comparison as evidence; a figure that is not finite is missing."""
    figures = (
        paired.base,
        paired.adapter,
        *paired.adapter_interval,
        *paired.difference_interval,
    )
    if not all(map(math.isfinite, figures)):
        return Metric(
            base=None,
            adapter=None,
            higher_is_better=higher_is_better,
            reasons={"base": DIVERGED, "adapter": DIVERGED},
        )
    return Metric(
        base=paired.base,
        adapter=paired.adapter,
        adapter_interval=paired.adapter_interval,
        difference_interval=paired.difference_interval,
        higher_is_better=higher_is_better,
    )


def _perplexity(loss: Paired) -> Metric:
    try:
        low, high = (math.exp(v) for v in loss.adapter_interval)
        found = Paired(
            base=math.exp(loss.base),
            adapter=math.exp(loss.adapter),
            adapter_interval=(low, high),
            difference_interval=(0.0, 0.0),
        )
    except OverflowError:
        found = Paired(
            base=math.nan,
            adapter=math.nan,
            adapter_interval=(math.nan, math.nan),
            difference_interval=(0.0, 0.0),
        )
    return metric_of(found, higher_is_better=False).model_copy(update={"difference_interval": None})


@dataclass(frozen=True, slots=True, kw_only=True)
class _Written:
    """What both models wrote to the same prompts."""

    prompts: Sequence[Prompted]
    base: Sequence[str] = field(repr=False)
    adapter: Sequence[str] = field(repr=False)

    def metrics(self, parts: Sequence[str], labels: Sequence[str]) -> dict[str, Metric]:
        """Measure what was written, each task by itself where there are several."""
        if not parts:
            return self._texts(range(len(self.prompts)))
        found: dict[str, Metric] = {}
        for number, name in enumerate(parts):
            mine = [i for i, p in enumerate(self.prompts) if p.part == number]
            if mine:
                classes = name == "classification"
                rows = self._classes(mine, labels) if classes else self._texts(mine)
                found |= {f"{name}.{key}": metric for key, metric in rows.items()}
        return found

    def _texts(self, rows: Sequence[int]) -> dict[str, Metric]:
        """Compare texts with the records' own."""
        ones = np.ones(len(rows))
        found = {}
        for name, measure in (("rouge_l", rouge_l), ("exact_match", exact_match)):
            before, after = (
                np.asarray([measure(self.prompts[i].response, texts[i]) for i in rows])
                for texts in (self.base, self.adapter)
            )
            paired = paired_ratio(before, after, ones, self._owners(rows))
            found[name] = metric_of(paired, higher_is_better=True)
        return found

    def _classes(self, rows: Sequence[int], labels: Sequence[str]) -> dict[str, Metric]:
        """Compare written class names with the records' own."""
        ones = np.ones(len(rows))
        truth = np.array([[self.prompts[i].response == name for name in labels] for i in rows])
        before, after = (
            np.array([[texts[i].strip() == name for name in labels] for i in rows])
            for texts in (self.base, self.adapter)
        )
        owner = self._owners(rows)
        hits, hits_after = ((truth & said).any(axis=1).astype(float) for said in (before, after))
        f1 = paired_measure(lambda said, w: macro_f1(truth, said, w), before, after, owner)
        return {
            "accuracy": metric_of(
                paired_ratio(hits, hits_after, ones, owner), higher_is_better=True
            ),
            "macro_f1": metric_of(f1, higher_is_better=True),
        }

    def _owners(self, rows: Sequence[int]) -> NDArray[np.int64]:
        return np.unique([self.prompts[i].unit for i in rows], return_inverse=True)[1]


def _generated(
    prompts: Sequence[Prompted],
    generate: Callable[[Sequence[Sequence[int]], int], Sequence[str]],
    base_only: Callable[[], AbstractContextManager[Any]],
    policy: Evaluate,
    progress: Progress,
) -> _Written:
    asked = prompts[: policy.generations]
    texts = [p.prompt for p in asked]
    with progress.task("generate", 2) as task:
        adapter = generate(texts, policy.max_new_tokens)
        task.advance()
        with base_only():
            base = generate(texts, policy.max_new_tokens)
        task.advance()
    return _Written(prompts=asked, base=base, adapter=adapter)
