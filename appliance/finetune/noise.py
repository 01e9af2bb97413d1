"""All randomness of private training: Gaussian noise and sampling masks from one secret key.

Owns the layout of the counter space. Every draw is a pure function of (key, purpose, step, index),
so a step that is redone after a crash repeats the same batch and the same noise: one mechanism,
one draw. Two different draws of one step would be two releases, with only one accounted.

Rules:
1. The key is 32 bytes of the operating system's entropy, never logged, sealed with checkpoints.
2. A key given from outside is `injected`: for tests, and never released.
3. Noise is Gaussian in float64, then rounded to whole multiples of a grid (see `grid_noise`).
"""

from __future__ import annotations

import math
import secrets
import struct
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Final, Literal

import numpy as np
import torch
from numpy.typing import NDArray

from appliance.crypto.stream import KEY_BYTES, keystream

NoiseOrigin = Literal["os-entropy-aes-256-ctr", "injected"]
OS_ENTROPY: Final[NoiseOrigin] = "os-entropy-aes-256-ctr"
INJECTED: Final[NoiseOrigin] = "injected"

_MAX_STEP: Final = 2**32
_MAX_INDEX: Final = 2**24
#: Values made at a time: what they need stays in the processor's cache.
_CHUNK_VALUES: Final = 2**15
#: Values of small tensors that are worked out together; more calls cost more than a larger cache.
_TOGETHER_VALUES: Final = 2**17


class Purpose(IntEnum):
    """What a stretch of the keystream is for; the first byte of its counter block."""

    GRADIENT_NOISE = 1
    UNIT_MASK = 2
    RECORD_CHOICE = 3
    CLIP_COUNT_NOISE = 4
    DROPOUT_SEED = 5
    SELF_TEST = 6
    RECORD_ADMISSION = 7


def fresh_key() -> bytes:
    """Draw a noise key from the operating system's entropy."""
    return secrets.token_bytes(KEY_BYTES)


@dataclass(frozen=True, slots=True, kw_only=True)
class NoiseSource:
    """A secret key read as independent uniform and normal numbers.

    Attributes:
        key: 32 secret bytes.
        origin: where the key came from; only `OS_ENTROPY` may be released.

    Guarantees:
        Draws at different (purpose, step, index) come from disjoint ranges of the keystream.
        The same (purpose, step, index, n) gives the same numbers on the same machine.
    """

    key: bytes = field(repr=False)
    origin: NoiseOrigin

    def __post_init__(self) -> None:
        if len(self.key) != KEY_BYTES:
            msg = f"expected a noise key of {KEY_BYTES} bytes"
            raise ValueError(msg)

    def words(self, purpose: Purpose, *, step: int, index: int, n: int) -> NDArray[np.uint64]:
        """Draw uniform 64-bit words.

        Args:
            purpose: domain of use.
            step: noisy update, [0, 2^32).
            index: tensor or stream within the step, [0, 2^24).
            n: how many.

        Returns:
            uint64 [n].

        Raises:
            ValueError: step or index out of range.
        """
        block = self._counter_block(purpose, step=step, index=index, first=0)
        stream = keystream(self.key, counter_block=block, n_bytes=8 * n)
        return np.frombuffer(stream, dtype="<u8")

    def normal(self, purpose: Purpose, *, step: int, index: int, n: int) -> torch.Tensor:
        """Draw standard normal numbers.

        Args:
            purpose: domain of use.
            step: noisy update, [0, 2^32).
            index: tensor within the step, [0, 2^24).
            n: how many.

        Returns:
            float64 [n], on the CPU.

        Raises:
            ValueError: step or index out of range.

        Guarantees:
            The radius comes from 128 uniform bits, the angle from 64. No value exceeds
            sqrt(2 * 129 ln 2) = 13.38; the missing tail weighs 2^-128 per pair. Radii are
            2^-51 or less apart relative to themselves, and points on a circle 2^-51 of its
            radius, but for the outermost 2^-63 per pair: n values over T steps lie within
            n * T * 2^-64 of the exact normal in total variation from this cause, at any
            resolution coarser than 2^-46 (5.4e-10 at n = 10^7, T = 1000: far below any delta in
            use). Values are floating-point: they are rounded to a far coarser grid before they
            meet data, see `grid_noise`.

        Reference:
            Box and Muller 1958, in polar form. With 64 bits of radius alone, the values beyond 7
            standard deviations (2^-37 per pair) would lie on circles that the grid can tell apart.
        """
        out = torch.empty(n + (n & 1), dtype=torch.float64)
        for start in range(0, len(out), _CHUNK_VALUES):
            size = min(_CHUNK_VALUES, len(out) - start)
            half = size // 2
            # Three words, so three halves of a counter block, make two values.
            stream = self._triples(purpose, step=step, index=index, first=start * 3 // 4, n=half)
            _polar(stream, out[start : start + half], out[start + half : start + size])
        return out[:n]

    def normals(
        self, purpose: Purpose, *, step: int, sizes: Iterable[tuple[int, int]]
    ) -> Iterator[torch.Tensor]:
        """Draw for many tensors: what `normal` gives each, small ones worked out together.

        Args:
            purpose: domain of use.
            step: noisy update, [0, 2^32).
            sizes: (index, n) of each tensor, as `normal` takes them.

        Yields:
            float64 [n] for each, in order, on the CPU.

        Raises:
            ValueError: step or index out of range.
        """
        held: list[tuple[int, int]] = []
        values = 0
        for index, n in sizes:
            alone = n == 0 or n > _CHUNK_VALUES  # Read in chunks, each with words of its own.
            if held and (alone or values + n + (n & 1) > _TOGETHER_VALUES):
                yield from self._together(purpose, step, held)
                held, values = [], 0
            if alone:
                yield self.normal(purpose, step=step, index=index, n=n)
                continue
            held.append((index, n))
            values += n + (n & 1)
        yield from self._together(purpose, step, held)

    def _together(
        self, purpose: Purpose, step: int, sizes: Sequence[tuple[int, int]]
    ) -> Iterator[torch.Tensor]:
        if len(sizes) < 2:
            yield from (self.normal(purpose, step=step, index=i, n=n) for i, n in sizes)
            return
        halves = [(n + 1) // 2 for _, n in sizes]
        triples = torch.empty((3, sum(halves)), dtype=torch.int64)
        at = 0
        for (index, _), half in zip(sizes, halves, strict=True):
            triples[:, at : at + half] = self._triples(
                purpose, step=step, index=index, first=0, n=half
            )
            at += half
        cosines, sines = torch.empty((2, at), dtype=torch.float64)
        _polar(triples, cosines, sines)
        pairs = zip(cosines.split(halves), sines.split(halves), strict=True)
        for (_, n), pair in zip(sizes, pairs, strict=True):
            yield torch.cat(pair)[:n]

    def _triples(
        self, purpose: Purpose, *, step: int, index: int, first: int, n: int
    ) -> torch.Tensor:
        """Return int64 [3, n]: two words of a radius and one of an angle for each pair."""
        block = self._counter_block(purpose, step=step, index=index, first=first)
        stream = keystream(self.key, counter_block=block, n_bytes=8 * 3 * n)
        return torch.frombuffer(stream, dtype=torch.int64).view(3, n)

    def _counter_block(self, purpose: Purpose, *, step: int, index: int, first: int) -> bytes:
        """Lay out purpose (1 byte), index (3), step (4), block counter (8)."""
        if not (0 <= step < _MAX_STEP and 0 <= index < _MAX_INDEX):
            msg = "expected step in [0, 2^32) and index in [0, 2^24)"
            raise ValueError(msg)
        return struct.pack(">IIQ", (int(purpose) << 24) | index, step, first)


def grid_step(max_grad_norm: float) -> float:
    """Choose the grid on which noisy sums live: the power of two near 2^-30 of the bound."""
    return 2.0 ** (math.floor(math.log2(max_grad_norm)) - 30)


def grid_noise(normal: torch.Tensor, *, std: float, grid: float) -> torch.Tensor:
    """Scale standard normals and round them to whole multiples of the grid, counted as integers.

    Args:
        normal: float64 [n], standard normal; changed in place.
        std: standard deviation wanted, in units of the gradient.
        grid: power of two, from `grid_step`.

    Returns:
        float64 [n] of whole numbers below 2^53: multiples of `grid`.

    Guarantees:
        Added to a sum that is itself a whole number of grid steps, in float64, the result is
        exact: every whole number is reachable whatever the sum was, so no result's low bits tell
        two data sets apart. Rounding noise that is independent of the data, on the grid of the
        query, is post-processing of the continuous Gaussian mechanism on the rounded query; the
        rounding of the query widens its sensitivity by at most `grid * sqrt(dimensions)`, which
        `Mechanism.sensitivity_slack` covers.

    Reference:
        Attack: Mironov 2012, "On significance of the least significant bits"; Jin et al. 2022,
        arXiv:2112.05307. Remedy: rounding to a grid chosen before the data is seen, Mironov 2012
        section 5 (snapping), here by powers of two so that the arithmetic is exact; compare the
        discrete Gaussian of Canonne, Kamath and Steinke 2020, arXiv:2004.00010.
    """
    return normal.mul_(std / grid).round_()


def _polar(triples: torch.Tensor, cosines: torch.Tensor, sines: torch.Tensor) -> None:
    """Turn int64 [3, n] into two float64 [n] of independent standard normals."""
    high, low, turn = triples
    radius = _minus_log_uniform(high, low).mul_(2.0).sqrt_()
    # Signed words are shifted by a half turn: a uniform angle either way.
    angle = turn.to(torch.float64).mul_(math.tau * 2.0**-64)
    torch.mul(radius, angle.cos(), out=cosines)
    torch.mul(radius, angle.sin_(), out=sines)


def _minus_log_uniform(high: torch.Tensor, low: torch.Tensor) -> torch.Tensor:
    """Turn 128 random bits into -ln(u), u uniform in (0, 1), to full precision at both ends.

    The sign of `high` says whether u lies below or above 1/2; the other 127 bits say how far it is
    from 0 or from 1. A small distance keeps its relative precision, which u near 1 would not.
    """
    near_one = high < 0
    whole = high.bitwise_right_shift(63).bitwise_xor_(high)  # Distance, [0, 2^63).
    part = low.to(torch.float64).mul_(2.0**-64).add_(0.5).clamp_(min=2.0**-65)
    distance = part.add_(whole.to(torch.float64)).mul_(2.0**-64)
    from_one = distance.neg().log1p_()
    return torch.where(near_one, from_one, distance.log_(), out=from_one).neg_()
