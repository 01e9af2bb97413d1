"""Templates to text with spans: the little language the sample letters are written in.

`{n:5-9}` is a number in a range (as many decimals as its bounds have), `{a|b}` one of the
alternatives, `{name}` a value of the person (which becomes a span) or one phrase of a pool (which
may hold further braces). Nothing else is special.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np

T = TypeVar("T")
_SLOT = re.compile(r"\{([^{}]+)\}")


class Draw:
    """Uniform draws, taken from numpy in blocks because single ones are slow."""

    def __init__(self, seed: int) -> None:
        self._generator = np.random.Generator(np.random.PCG64(seed))
        self._block: list[float] = []

    def unit(self) -> float:
        """Return a number in [0, 1)."""
        if not self._block:
            self._block = self._generator.random(4096).tolist()
        return self._block.pop()

    def below(self, bound: int) -> int:
        """Return an integer in [0, bound)."""
        return int(self.unit() * bound)

    def between(self, low: int, high: int) -> int:
        """Return an integer in [low, high]."""
        return low + self.below(high - low + 1)

    def chance(self, probability: float) -> bool:
        """Return True that often."""
        return self.unit() < probability

    def pick(self, values: Sequence[T]) -> T:
        """Return one of the values."""
        return values[self.below(len(values))]


@dataclass(frozen=True, slots=True)
class Marked:
    """A text and where its identifiers lie: (start, end, entity_type), half-open, code points."""

    text: str
    spans: tuple[tuple[int, int, str], ...]


@dataclass(frozen=True, slots=True)
class Value:
    """An identifier as it is written in one place."""

    text: str
    entity_type: str


@dataclass(slots=True)
class Writer:
    """Renders templates for one letter."""

    draw: Draw
    values: Mapping[str, Callable[[Draw], Value]]
    pools: Mapping[str, Sequence[str]]
    _pieces: list[str] = field(default_factory=list)
    _spans: list[tuple[int, int, str]] = field(default_factory=list)
    _length: int = 0

    def write(self, template: str) -> None:
        """Append a rendered template."""
        position = 0
        for match in _SLOT.finditer(template):
            self._append(template[position : match.start()])
            self._slot(match[1])
            position = match.end()
        self._append(template[position:])

    def marked(self) -> Marked:
        """Return what was written."""
        return Marked("".join(self._pieces), tuple(self._spans))

    def _slot(self, name: str) -> None:
        if name.startswith("n:"):
            self._append(_number(name[2:], self.draw))
        elif "|" in name:
            self.write(self.draw.pick(name.split("|")))
        elif name in self.values:
            value = self.values[name](self.draw)
            self._spans.append((self._length, self._length + len(value.text), value.entity_type))
            self._append(value.text)
        else:
            self.write(self.draw.pick(self.pools[name]))

    def _append(self, text: str) -> None:
        self._pieces.append(text)
        self._length += len(text)


def _number(bounds: str, draw: Draw) -> str:
    """Return a number between two bounds, written as they are."""
    low, _, high = bounds.partition("-")
    decimals = len(high.partition(".")[2])
    scale = 10**decimals
    steps = draw.between(round(float(low) * scale), round(float(high) * scale))
    return f"{steps / scale:.{decimals}f}"
