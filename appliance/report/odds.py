"""Epsilon as an attacker's odds: the two sums a privacy officer can check by hand."""

from __future__ import annotations

import math


def posterior(epsilon: float, *, prior: float = 0.5) -> float:
    """Return how sure an attacker can become that a person's data were used.

    Args:
        epsilon: the guarantee, in nats, at least 0.
        prior: how sure the attacker was before, in (0, 1).

    Returns:
        The largest posterior probability, in [prior, 1).

    Guarantees:
        Rises with `epsilon`; equals `prior` at 0. Leaves delta aside.

    Reference:
        Bayes' rule with a likelihood ratio of at most e^epsilon; Wood et al. 2018, section IV.C.
    """
    odds = math.exp(-epsilon) * (1.0 - prior) / prior
    return 1.0 / (1.0 + odds)


def tpr_ceiling(epsilon: float, delta: float, *, fpr: float) -> float:
    """Return the largest true-positive rate any attack can have at a false-positive rate.

    Args:
        epsilon: the guarantee, in nats, at least 0.
        delta: probability left outside it, in [0, 1].
        fpr: share of outsiders wrongly named, in [0, 1].

    Returns:
        A rate in [fpr, 1].

    Reference:
        Kairouz, Oh and Viswanath 2015, arXiv:1311.0776, Theorem 2.1, solved for the true positives.
    """
    steep = math.exp(min(epsilon, 700.0)) * fpr + delta
    flat = 1.0 - math.exp(-epsilon) * max(0.0, 1.0 - delta - fpr)
    return max(fpr, min(1.0, steep, flat))
