"""Write one_run.json: the one-run bound in exact rational arithmetic, by plain bisection.

Independent of the appliance: it imports nothing of it. Run: python tests/vectors/bounds/make_one_run.py
"""

import json
import math
from fractions import Fraction
from pathlib import Path


def p_value(m: int, r: int, v: int, epsilon: float, delta: float) -> Fraction:
    """arXiv:2305.08846, theorem 5.2, with e^epsilon as the exact rational of its float."""
    odds = Fraction(math.exp(epsilon)).limit_denominator(10**9)
    hit, miss = odds / (1 + odds), 1 / (1 + odds)
    pmf = [math.comb(r, k) * hit**k * miss ** (r - k) for k in range(r + 1)]
    beta = sum(pmf[v:], Fraction(0))
    best, mass = Fraction(0), Fraction(0)
    for i in range(1, v + 1):
        mass += pmf[v - i]
        best = max(best, mass / i)
    return beta + 2 * m * Fraction(delta) * best


def bound(m: int, r: int, v: int, delta: float, confidence: float) -> float:
    """Walk up from zero in steps of a hundredth, then bisect: the first epsilon not rejected."""
    level = 1 - Fraction(confidence)
    if p_value(m, r, v, 0.0, delta) > level:
        return 0.0
    high = 0.0
    while p_value(m, r, v, high, delta) <= level:
        high += 0.1
    low = high - 0.1
    for _ in range(22):
        middle = (low + high) / 2
        low, high = (low, middle) if p_value(m, r, v, middle, delta) > level else (middle, high)
    return low


CASES = [
    (40, 20, 20, 0.0, 0.95),
    (40, 20, 17, 1e-5, 0.95),
    (40, 20, 12, 1e-5, 0.95),
    (100, 50, 50, 1e-5, 0.95),
    (100, 50, 46, 1e-3, 0.95),
    (100, 50, 46, 1e-3, 0.99),
    (64, 64, 60, 1e-6, 0.9),
    (80, 40, 40, 2.5e-3, 0.95),
]

if __name__ == "__main__":
    names = ("canaries", "guesses", "correct", "delta", "confidence")
    cases = [{**dict(zip(names, case, strict=True)), "epsilon": bound(*case)} for case in CASES]
    target = Path(__file__).with_name("one_run.json")
    target.write_text(json.dumps({"cases": cases}, indent=1) + "\n")
