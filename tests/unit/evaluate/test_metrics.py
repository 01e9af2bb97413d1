"""Measures of use agree with their slow twins and with what can be said by hand."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.evaluate.metrics import exact_match, paired_ratio, rouge_l

words = st.lists(st.sampled_from(["pain", "no", "left", "knee", "a"]), max_size=7)


def slow_common(a: list[str], b: list[str]) -> int:
    """Length of the longest common subsequence, by trying every subsequence of `a`."""
    for size in range(min(len(a), len(b)), 0, -1):
        for chosen in itertools.combinations(a, size):
            rest = iter(b)
            if all(word in rest for word in chosen):
                return size
    return 0


@settings(deadline=None)
@given(a=words, b=words)
def test_rouge_l_agrees_with_trying_every_subsequence(a: list[str], b: list[str]) -> None:
    common = slow_common(a, b)
    expected = 2 * common / (len(a) + len(b)) if a and b else 0.0
    assert rouge_l(" ".join(a), " ".join(b)) == pytest.approx(expected)


@given(a=words, b=words)
def test_rouge_l_is_symmetric_and_a_share(a: list[str], b: list[str]) -> None:
    one, two = " ".join(a), " ".join(b)
    assert rouge_l(one, two) == pytest.approx(rouge_l(two, one))
    assert 0.0 <= rouge_l(one, two) <= 1.0


def test_rouge_l_ignores_case_and_punctuation() -> None:
    assert rouge_l("Pain, left knee.", "pain LEFT knee") == 1.0
    assert rouge_l("", "pain") == 0.0
    assert rouge_l("---", "---") == 0.0


def test_exact_match_folds_white_space_only() -> None:
    assert exact_match("a  b\n", "a b") == 1.0
    assert exact_match("a b", "A b") == 0.0


def test_the_ratio_is_of_sums_not_a_mean_of_ratios() -> None:
    found = paired_ratio(
        np.array([10.0, 1.0]), np.array([20.0, 2.0]), np.array([10.0, 1.0]), np.array([0, 1])
    )
    assert (found.base, found.adapter) == (pytest.approx(1.0), pytest.approx(2.0))


def test_the_interval_is_the_same_every_time_and_holds_the_figure() -> None:
    rng = np.random.default_rng(1)
    base, weights = rng.normal(30.0, 5.0, 60), np.full(60, 10.0)
    units = np.repeat(np.arange(20), 3)
    one, two = (paired_ratio(base, base - 2.0, weights, units) for _ in range(2))
    assert one == two
    assert one.adapter_interval[0] < one.adapter < one.adapter_interval[1]
    low, high = one.difference_interval
    assert low == pytest.approx(-0.2)
    assert high == pytest.approx(-0.2)


def test_intervals_resample_people_not_records() -> None:
    """One person's fifty identical records are one voice: the interval must not shrink."""
    rng = np.random.default_rng(2)
    person = rng.normal(3.0, 1.0, 12)
    once = paired_ratio(person, person, np.ones(12), np.arange(12))
    many = paired_ratio(
        np.repeat(person, 50), np.repeat(person, 50), np.ones(600), np.repeat(np.arange(12), 50)
    )
    width = np.subtract(*reversed(once.adapter_interval))
    assert np.subtract(*reversed(many.adapter_interval)) == pytest.approx(width)
    wrong = paired_ratio(np.repeat(person, 50), np.repeat(person, 50), np.ones(600), np.arange(600))
    assert np.subtract(*reversed(wrong.adapter_interval)) < width / 3


def test_a_difference_of_nothing_has_an_interval_of_nothing() -> None:
    same = np.array([1.0, 2.0, 3.0])
    found = paired_ratio(same, same, np.ones(3), np.arange(3))
    assert found.difference_interval == (0.0, 0.0)


@pytest.mark.parametrize("weights", [[], [0.0, 0.0]])
def test_nothing_to_measure_is_an_error(weights: list[float]) -> None:
    zeros = np.zeros(len(weights))
    with pytest.raises(ValueError, match="more than 0"):
        paired_ratio(zeros, zeros, np.array(weights), np.arange(len(weights)))
