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

from appliance.evaluate.metrics import Paired, exact_match, paired_ratio, rouge_l
from appliance.evidence import Metric, UtilitySection
from appliance.model.examples import Example
from appliance.policy.model import Evaluate
from appliance.progress import Progress

#: Seed of the choice of test people when there are more than the policy's bound; public.
_CHOICE_SEED = 20240901


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
    """

    prompt: Sequence[int] = field(repr=False)
    response: str = field(repr=False)
    unit: int


def evaluate(
    units: Sequence[Sequence[Example]],
    prompts: Sequence[Prompted],
    *,
    score: Score,
    generate: Callable[[Sequence[Sequence[int]], int], Sequence[str]],
    base_only: Callable[[], AbstractContextManager[Any]],
    policy: Evaluate,
    progress: Progress,
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
    """
    chosen = _choose(units, policy.max_records)
    examples = [e for unit in chosen for e in unit]
    owner = np.repeat(np.arange(len(chosen)), [len(unit) for unit in chosen])
    if not examples:
        return UtilitySection(
            records=0, units=0, metrics={}, reasons={"metrics": "no record on the test side"}
        )
    adapter = score(examples, "evaluate the adapter")
    with base_only():
        base = score(examples, "evaluate the base model")
    weights = np.asarray([e.targets for e in examples], np.float64)
    loss = paired_ratio(_loss(base), _loss(adapter), weights, owner)
    accuracy = paired_ratio(_hits(base), _hits(adapter), weights, owner)
    metrics = {
        "loss": _metric(loss, higher_is_better=False),
        "perplexity": _perplexity(loss),
        "token_accuracy": _metric(accuracy, higher_is_better=True),
    }
    reasons = {
        "forgetting": "not measured by this version",
        "bias": "not measured by this version",
        "factuality": "not measured by this version",
    }
    if prompts and policy.generations:
        metrics |= _generated(prompts, generate, base_only, policy, progress)
    else:
        why = "no record has a prompt" if not prompts else "evaluate.generations is 0"
        reasons["rouge_l"] = reasons["exact_match"] = why
    return UtilitySection(
        records=len(examples), units=len(chosen), metrics=metrics, reasons=reasons
    )


def _choose(units: Sequence[Sequence[Example]], most: int) -> list[Sequence[Example]]:
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


def _loss(scores: Sequence[Scored]) -> NDArray[np.float64]:
    return np.asarray([-s.log_probabilities.sum(dtype=np.float64) for s in scores])


def _hits(scores: Sequence[Scored]) -> NDArray[np.float64]:
    return np.asarray([float(s.greedy.sum()) for s in scores])


def _metric(paired: Paired, *, higher_is_better: bool) -> Metric:
    figures = (
        paired.base,
        paired.adapter,
        *paired.adapter_interval,
        *paired.difference_interval,
    )
    if not all(map(math.isfinite, figures)):
        why = "not a finite number: the model diverged"
        return Metric(
            base=None,
            adapter=None,
            higher_is_better=higher_is_better,
            reasons={"base": why, "adapter": why},
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
    return _metric(found, higher_is_better=False).model_copy(update={"difference_interval": None})


def _generated(
    prompts: Sequence[Prompted],
    generate: Callable[[Sequence[Sequence[int]], int], Sequence[str]],
    base_only: Callable[[], AbstractContextManager[Any]],
    policy: Evaluate,
    progress: Progress,
) -> dict[str, Metric]:
    asked = prompts[: policy.generations]
    texts = [p.prompt for p in asked]
    with progress.task("generate", 2) as task:
        adapter = generate(texts, policy.max_new_tokens)
        task.advance()
        with base_only():
            base = generate(texts, policy.max_new_tokens)
        task.advance()
    _, owner = np.unique([p.unit for p in asked], return_inverse=True)
    ones = np.ones(len(asked))
    found = {}
    for name, measure in (("rouge_l", rouge_l), ("exact_match", exact_match)):
        before, after = (
            np.asarray([measure(p.response, t) for p, t in zip(asked, texts_, strict=True)])
            for texts_ in (base, adapter)
        )
        found[name] = _metric(paired_ratio(before, after, ones, owner), higher_is_better=True)
    return found
