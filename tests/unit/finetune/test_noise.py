"""The keyed source: disjoint draws, repeatable, and noise that lives on a grid."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
import torch
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.crypto.stream import keystream
from appliance.finetune.noise import (
    INJECTED,
    OS_ENTROPY,
    NoiseSource,
    Purpose,
    _minus_log_uniform,
    fresh_key,
    grid_noise,
    grid_step,
)

KEY = bytes(range(32))
SOURCE = NoiseSource(key=KEY, origin=INJECTED)


def test_words_are_the_published_keystream():
    """Slow twin: ECB of the counter blocks, one by one."""
    block = (2 << 120 | 5 << 96 | 7 << 64).to_bytes(16, "big")
    ecb = Cipher(algorithms.AES256(KEY), modes.ECB()).encryptor()  # slow twin
    stream = b"".join(
        ecb.update((int.from_bytes(block, "big") + i).to_bytes(16, "big")) for i in range(3)
    )
    words = SOURCE.words(Purpose.UNIT_MASK, step=7, index=5, n=6)
    assert words.tolist() == [int.from_bytes(stream[8 * i : 8 * i + 8], "little") for i in range(6)]


@pytest.mark.parametrize("n_bytes", [0, 1, 2**14, 2**14 + 1, 3 * 2**14 - 5, 100_000])
def test_a_long_keystream_is_one_stream(n_bytes):
    block = bytes(range(16))
    whole = Cipher(algorithms.AES256(KEY), modes.CTR(block)).encryptor().update(bytes(n_bytes))
    assert keystream(KEY, counter_block=block, n_bytes=n_bytes) == whole


def test_normals_are_box_muller_of_the_keystream():
    """Slow twin: one pair at a time, by the formula."""
    z = SOURCE.normal(Purpose.GRADIENT_NOISE, step=7, index=5, n=10).tolist()
    words = SOURCE.words(Purpose.GRADIENT_NOISE, step=7, index=5, n=15).tolist()
    for pair in range(5):
        high, low, turn = (words[pair + 5 * k] for k in range(3))
        signed = high - 2**64 if high >= 2**63 else high
        far = (signed if signed >= 0 else -signed - 1) + ((low + 2**63) % 2**64 + 0.5) / 2**64
        u = far / 2**64 if signed >= 0 else 1.0 - far / 2**64
        radius, angle = math.sqrt(-2.0 * math.log(u)), math.tau * turn / 2**64
        assert z[pair] == pytest.approx(radius * math.cos(angle), abs=1e-12)
        assert z[pair + 5] == pytest.approx(radius * math.sin(angle), abs=1e-12)


@pytest.mark.parametrize(
    "sizes",
    [
        [],
        [7],
        [1, 2, 0, 3, 64, 65, 1000],
        [9216, 12289, 9216, 30_000, 5, 70_001, 1, 32_767, 32_768, 131_073, 8],
    ],
)
def test_many_tensors_draw_what_each_would_alone(sizes):
    wanted = [(3 * i, n) for i, n in enumerate(sizes)]
    together = list(SOURCE.normals(Purpose.GRADIENT_NOISE, step=9, sizes=wanted))
    assert [len(z) for z in together] == sizes
    for (index, n), z in zip(wanted, together, strict=True):
        alone = SOURCE.normal(Purpose.GRADIENT_NOISE, step=9, index=index, n=n)
        assert torch.equal(z, alone)


def test_a_redone_step_draws_the_same_numbers():
    args = {"step": 3, "index": 4, "n": 1001}
    again = NoiseSource(key=KEY, origin=INJECTED)
    first = SOURCE.normal(Purpose.GRADIENT_NOISE, **args)
    assert torch.equal(first, again.normal(Purpose.GRADIENT_NOISE, **args))


@pytest.mark.parametrize(
    "other",
    [
        (Purpose.SELF_TEST, 3, 4, KEY),
        (Purpose.GRADIENT_NOISE, 2, 4, KEY),
        (Purpose.GRADIENT_NOISE, 3, 5, KEY),
        (Purpose.GRADIENT_NOISE, 3, 4, KEY[::-1]),
    ],
    ids=["purpose", "step", "index", "key"],
)
def test_another_address_draws_other_numbers(other):
    purpose, step, index, key = other
    source = NoiseSource(key=key, origin=INJECTED)
    a = SOURCE.words(Purpose.GRADIENT_NOISE, step=3, index=4, n=4000)
    b = source.words(purpose, step=step, index=index, n=4000)
    assert not set(a.tolist()) & set(b.tolist())


def test_long_draws_do_not_repeat_across_chunks():
    z = SOURCE.normal(Purpose.GRADIENT_NOISE, step=0, index=0, n=3 * 2**18 + 1)
    assert len(z) == 3 * 2**18 + 1
    assert len(torch.unique(z)) > len(z) - 3


def test_addresses_out_of_range_are_refused():
    for step, index in ((2**32, 0), (-1, 0), (0, 2**24)):
        with pytest.raises(ValueError, match="expected step"):
            SOURCE.words(Purpose.UNIT_MASK, step=step, index=index, n=1)


def test_fresh_keys_differ_and_hide_from_repr():
    key = fresh_key()
    assert key != fresh_key()
    assert len(key) == 32
    assert repr(key) not in repr(NoiseSource(key=key, origin=OS_ENTROPY))


def test_a_short_key_is_refused():
    with pytest.raises(ValueError, match="32 bytes"):
        NoiseSource(key=b"short", origin=INJECTED)


@given(st.floats(1e-6, 1e6), st.floats(1e-3, 50.0), st.integers(0, 2**20))
@settings(max_examples=40, deadline=None)
def test_grid_noise_is_whole_and_exact_to_add(bound, multiplier, step):
    grid = grid_step(bound)
    assert math.frexp(grid)[0] == 0.5  # a power of two
    assert grid <= bound * 2.0**-30
    z = SOURCE.normal(Purpose.SELF_TEST, step=step, index=0, n=64)
    whole = grid_noise(z.clone(), std=multiplier * bound, grid=grid)
    assert torch.equal(whole, whole.round())
    assert float(whole.abs().max()) < 2.0**53
    # Adding, then taking away, whole numbers loses nothing: no bit tells what was added.
    queries = torch.arange(-32, 32, dtype=torch.float64) * 12345.0
    assert torch.equal((whole + queries) - queries, whole)


def test_every_low_bit_is_taken_whatever_the_query_was():
    grid = grid_step(1.0)
    z = SOURCE.normal(Purpose.SELF_TEST, step=1, index=0, n=20_000)
    whole = grid_noise(z, std=1.0, grid=grid).numpy().astype(np.int64)
    counts = np.bincount(whole & 7, minlength=8)
    assert counts.min() > 2500 - 5 * 50
    assert counts.max() < 2500 + 5 * 50


def test_radii_keep_their_precision_at_both_ends():
    """Slow twin: rational arithmetic. Few bits there would show which sums were possible."""
    highs = [0, 1, 5, 2**20 + 3, 2**40 + 1, 2**62 + 12345, 2**63 - 1]
    for high in [*highs, *(-h - 1 for h in highs)]:
        for low in (-(2**63), -(2**62) + 7, 0, 5, 2**63 - 1):
            distance = Fraction(high if high >= 0 else -high - 1) + Fraction(low, 2**64)
            distance = max((distance + Fraction(1, 2)) / 2**64, Fraction(1, 2**129))
            # ln(1 - d) = -(d + d^2 / 2 + ...), where math.log would have lost a small d.
            near = high < 0 and distance < 2**-30
            wanted = float(distance + distance**2 / 2) if near else None
            if wanted is None:
                wanted = -math.log(float(distance if high >= 0 else 1 - distance))
            found = float(_minus_log_uniform(torch.tensor([high]), torch.tensor([low])))
            assert found == pytest.approx(wanted, rel=1e-15 if near else 1e-9), (high, low)


def test_the_far_tail_is_there_and_is_no_comb():
    """First words 0 and 1 lie further apart than the grid's steps: the second word fills in."""
    low = torch.arange(-(2**9), 2**9) * 2**54
    radii = _minus_log_uniform(torch.zeros_like(low), low).mul(2.0).sqrt()
    assert float(radii.max()) > 9.4
    assert len(torch.unique(radii)) == len(low)
