"""What the adapter costs on text that has nothing to do with the data: a first look at forgetting.

Twelve short passages in plain English, written for the appliance and in no data set. They are read
in the same passes as the test side. A change near zero says little; a large one says that the
adapter has become worse at everything else.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from appliance.evaluate.metrics import paired_ratio
from appliance.model.examples import Example

#: On subjects that a language model of any use has read about.
PASSAGES = (
    "Rivers begin as small streams in the hills. They join, grow wider and slower, and carry sand "
    "and clay down to the sea, where the heavier grains settle first.",
    "To make bread, mix flour, water, salt and yeast, knead the dough until it is smooth, and let "
    "it rise in a warm place. Bake it in a hot oven until the crust is brown.",
    "If a train travels sixty kilometres in one hour, then at the same speed it travels thirty "
    "kilometres in half an hour and one hundred and twenty kilometres in two hours.",
    "The moon goes around the earth in about four weeks. Half of it is always lit by the sun, and "
    "we see more or less of that half as it moves.",
    "The old house stood at the end of the road. Nobody had lived there for years, yet every "
    "evening, as soon as it was dark, a light went on behind the upper window.",
    "A sentence has a subject and a verb. The subject says who or what the sentence is about, and "
    "the verb says what the subject does or is.",
    "Plants take in light, water and carbon dioxide. With these they make sugar, and they give off "
    "oxygen, which animals and people breathe.",
    "In a market, prices rise when many people want a thing and few have it to sell. When there is "
    "plenty of it, sellers must ask for less.",
    "A library lends books to its readers for some weeks. Whoever brings a book back late pays a "
    "small fine, and whoever loses one must replace it.",
    "To sort a list of numbers, compare each number with the next one and exchange them if they "
    "are in the wrong order. Repeat this until nothing is exchanged any more.",
    "Winter days are short because the northern half of the earth leans away from the sun. In "
    "summer it leans towards the sun, and the days are long.",
    "Thank you for your letter. I was glad to hear that you arrived safely and that the weather "
    "has been kind to you. Please write again when you have found a place to live.",
)
DIVERGED = "not a finite number: the model diverged"
NO_TEXT = "no general text was read"


def forgetting(
    examples: Sequence[Example], base: NDArray[np.float64], adapter: NDArray[np.float64]
) -> dict[str, float] | None:
    """Compare the losses on general text, per token.

    Args:
        examples: the passages as the model read them; at least one.
        base: each passage's summed loss with the adapter off, nats.
        adapter: the same with the adapter on.

    Returns:
        The base model's loss, the change, and the change's 95 % interval over passages; None where
        a model diverged.
    """
    weights = np.asarray([example.targets for example in examples], np.float64)
    found = paired_ratio(base, adapter, weights, np.arange(len(examples)))
    low, high = found.difference_interval
    figures = {
        "general_token_loss_base": found.base,
        "general_token_loss_change": found.adapter - found.base,
        "general_token_loss_change_low": low,
        "general_token_loss_change_high": high,
    }
    return figures if all(map(math.isfinite, figures.values())) else None
