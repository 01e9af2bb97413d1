"""The use of an adapter: against the base model, on test people, absent with a reason."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from appliance.evaluate.stage import Prompted, evaluate
from appliance.evidence import UtilitySection
from appliance.model.examples import Example
from appliance.policy.model import Evaluate
from appliance.progress import SilentProgress


@dataclass
class Scored:
    log_probabilities: Any
    greedy: Any


class Model:
    """Every target token costs `adapter` nats, or `base` with the adapter off."""

    def __init__(self, *, base: float, adapter: float) -> None:
        self.costs = {"base": base, "adapter": adapter}
        self.now = "adapter"
        self.scored: list[tuple[str, int]] = []

    def score(self, examples: Sequence[Example], what: str) -> list[Scored]:
        self.scored += [(self.now, e.record_id) for e in examples]
        return [
            Scored(
                np.full(e.targets, -self.costs[self.now], np.float32),
                np.full(e.targets, self.now == "adapter"),
            )
            for e in examples
        ]

    def generate(self, prompts: Sequence[Sequence[int]], most: int) -> list[str]:
        return ["left knee pain" if self.now == "adapter" else "nothing" for _ in prompts]

    @contextmanager
    def base_only(self) -> Iterator[None]:
        self.now = "base"
        yield
        self.now = "adapter"


def units(count: int, each: int = 2) -> list[list[Example]]:
    return [
        [
            Example(
                input_ids=np.arange(5, dtype=np.int32),
                loss_mask=np.array([False, True, True, True, True]),
                record_id=person * each + i,
            )
            for i in range(each)
        ]
        for person in range(count)
    ]


def measure(
    model: Model, people: Any, prompts: Any = (), *, general: Any = (), **knobs: Any
) -> UtilitySection:
    return evaluate(
        people,
        prompts,
        score=model.score,
        generate=model.generate,
        base_only=model.base_only,
        policy=Evaluate(**knobs),
        progress=SilentProgress(),
        general=general,
    )


def test_adapter_and_base_are_not_mixed_up() -> None:
    found = measure(Model(base=3.0, adapter=2.0), units(4)).metrics
    assert (found["loss"].base, found["loss"].adapter) == (3.0, 2.0)
    assert found["perplexity"].base == pytest.approx(math.exp(3.0))
    assert found["perplexity"].adapter == pytest.approx(math.exp(2.0))
    assert (found["token_accuracy"].base, found["token_accuracy"].adapter) == (0.0, 1.0)
    assert found["token_accuracy"].higher_is_better
    assert not found["loss"].higher_is_better


def test_both_models_score_the_same_records() -> None:
    model = Model(base=3.0, adapter=2.0)
    measure(model, units(30), max_records=7)
    seen = {side: {r for s, r in model.scored if s == side} for side in ("base", "adapter")}
    assert seen["base"] == seen["adapter"]
    assert len(seen["base"]) <= 7


def test_people_are_chosen_whole_and_always_the_same() -> None:
    one, two = Model(base=1.0, adapter=1.0), Model(base=1.0, adapter=1.0)
    found = measure(one, units(30, each=3), max_records=10)
    measure(two, units(30, each=3), max_records=10)
    assert one.scored == two.scored
    assert found.records == 3 * found.units == 9


def test_one_person_larger_than_the_bound_is_still_measured() -> None:
    assert measure(Model(base=1.0, adapter=1.0), units(3, each=9), max_records=4).records == 9


@pytest.mark.parametrize("people", [[], [[]], [[], []]])
def test_an_empty_test_side_has_no_metrics_and_says_why(people: Any) -> None:
    found = measure(Model(base=1.0, adapter=1.0), people)
    assert found.metrics == {}
    assert "metrics" in found.reasons


@pytest.mark.parametrize("cost", [math.nan, math.inf])
def test_a_diverged_model_has_no_loss_and_says_why(cost: float) -> None:
    found = measure(Model(base=3.0, adapter=cost), units(4)).metrics
    for name in ("loss", "perplexity"):
        assert found[name].adapter is None
        assert "diverged" in found[name].reasons["adapter"]


def test_a_loss_whose_perplexity_has_no_number_is_still_reported() -> None:
    found = measure(Model(base=3.0, adapter=5000.0), units(4)).metrics
    assert found["loss"].adapter == 5000.0
    assert found["perplexity"].adapter is None


def test_generations_are_compared_with_the_records_own_response() -> None:
    prompts = [Prompted(prompt=[1, 2], response="left knee pain", unit=i) for i in range(5)]
    found = measure(Model(base=1.0, adapter=1.0), units(3), prompts, generations=3).metrics
    assert (found["rouge_l"].base, found["rouge_l"].adapter) == (0.0, 1.0)
    assert (found["exact_match"].base, found["exact_match"].adapter) == (0.0, 1.0)


def test_no_generation_says_why() -> None:
    asked = [Prompted(prompt=[1], response="x", unit=0)]
    model = Model(base=1.0, adapter=1.0)
    assert measure(model, units(2), asked).reasons["rouge_l"] == "evaluate.generations is 0"
    assert measure(model, units(2), [], generations=3).reasons["rouge_l"] == (
        "no record has a prompt"
    )


def test_a_prompt_is_not_shown() -> None:
    assert "MARKER" not in repr(Prompted(prompt=[1], response="MARKER", unit=0))


def test_forgetting_is_the_change_on_general_text_and_not_on_the_data() -> None:
    class Forgets(Model):
        """The adapter costs nothing on people's records and two nats more on anything else."""

        def score(self, examples: Sequence[Example], what: str) -> list[Scored]:
            extra = 2.0 if self.now == "adapter" else 0.0
            found = super().score(examples, what)
            return [
                Scored(s.log_probabilities - extra * (e.record_id < 0), s.greedy)
                for s, e in zip(found, examples, strict=True)
            ]

    passages = [dataclasses.replace(e, record_id=-1 - i) for i, e in enumerate(units(1, 5)[0])]
    model = Forgets(base=3.0, adapter=3.0)
    found = measure(model, units(4), general=passages)
    assert found.metrics["loss"].adapter == 3.0
    assert found.forgetting == {
        "general_token_loss_base": 3.0,
        "general_token_loss_change": 2.0,
        "general_token_loss_change_low": 2.0,
        "general_token_loss_change_high": 2.0,
    }
    assert found.records == 8, "passages are no records"


def test_forgetting_is_absent_with_a_reason() -> None:
    assert measure(Model(base=3.0, adapter=3.0), units(4)).reasons["forgetting"] == (
        "no general text was read"
    )
    found = measure(Model(base=3.0, adapter=math.nan), units(4), general=units(1)[0])
    assert found.forgetting is None
    assert "diverged" in found.reasons["forgetting"]
