"""Plain words and numbers in the report's languages, from one catalog each.

A sentence lives in `catalog/<language>.json` under a key; code names keys, never sentences. A key
that is missing is a bug, not an empty string.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Literal, Self, get_args

Language = Literal["en", "pt-BR"]
LANGUAGES: tuple[Language, ...] = get_args(Language)

_CATALOGS = Path(__file__).parent / "catalog"
_SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
_UNITS = ("B", "kB", "MB", "GB", "TB")


@dataclass(frozen=True, slots=True)
class Words:
    """Says sentences and numbers in one language.

    Attributes:
        language: BCP 47 tag, also the page's `lang`.
    """

    language: Language
    _catalog: Mapping[str, str] = field(repr=False)

    @classmethod
    def load(cls, language: str) -> Self:
        """Return the words of a language.

        Raises:
            ValueError: the language has no catalog.
        """
        for known in LANGUAGES:
            if known == language:
                return cls(known, _read(known))
        raise ValueError(f"expected language={language!r} in {LANGUAGES}")

    def say(self, key: str, **values: object) -> str:
        """Return the sentence `key` with its places filled.

        Raises:
            KeyError: the catalog lacks the key, or a place is not filled.
        """
        return self._catalog[key].format(**values)

    def knows(self, key: str) -> bool:
        """Say whether the catalog has the key."""
        return key in self._catalog

    def label(self, group: str, name: str) -> str:
        """Return the label of a name within a group, or the name itself if it has none."""
        return self._catalog.get(f"{group}.{name}", name)

    def phrase(self, group: str, said: str) -> str:
        """Return a sentence of the pipeline's in this language; unknown ones as they are.

        A key of the group may hold places, `{0}` and on: what stands there is carried over, or
        said likewise.
        """
        exact = self._catalog.get(f"{group}.{said}")
        if exact is not None:
            return exact
        for pattern, translation in _patterns(self.language, group):
            found = pattern.fullmatch(said)
            if found is not None:
                return translation.format(*(self.phrase(group, part) for part in found.groups()))
        return said

    def number(self, value: float, digits: int = 3) -> str:
        """Return a number with so many significant digits."""
        if value == 0:
            return "0"
        if not math.isfinite(value):
            return "∞" if value > 0 else "−∞"
        if isinstance(value, int) or (float(value).is_integer() and abs(value) < 1e6):
            return self.integer(int(value))
        size = math.floor(math.log10(abs(value)))
        if size < -4 or size > 8:
            mantissa = self._decimal(f"{value / 10**size:.{max(digits - 2, 0)}f}")
            return f"{mantissa} × 10{str(size).translate(_SUPERSCRIPTS)}"
        places = max(digits - 1 - size, 0)
        text = f"{value:,.{places}f}"
        return self._decimal(text.rstrip("0").rstrip(".") if "." in text else text)

    def fixed(self, value: float, places: int) -> str:
        """Return a number with so many decimal places."""
        return self._decimal(f"{value:,.{places}f}")

    def integer(self, value: int) -> str:
        """Return a whole number with its thousands marked."""
        return self._decimal(f"{value:,}")

    def percent(self, share: float, places: int = 1) -> str:
        """Return a share in [0, 1] as per cent; never rounded up to certainty."""
        text = f"{share * 100:.{places}f}"
        while places < 6 and share < 1.0 and float(text) >= 100.0:
            places += 1
            text = f"{share * 100:.{places}f}"
        while places < 4 and share > 0.0 and float(text) == 0.0:
            places += 1
            text = f"{share * 100:.{places}f}"
        text = text.rstrip("0").rstrip(".") if "." in text else text
        return f"{self._decimal(text)} %"

    def interval(self, bounds: tuple[float, float], places: int = 3) -> str:
        """Return a closed interval."""
        low, high = (self.fixed(bound, places) for bound in bounds)
        return self.say("interval", low=low, high=high)

    def size(self, count: float) -> str:
        """Return a number of bytes with a decimal unit."""
        for unit in _UNITS:
            if count < 1000 or unit == _UNITS[-1]:
                return f"{self.number(float(count))} {unit}"
            count /= 1000
        raise AssertionError  # pragma: no cover - the loop always returns

    def duration(self, seconds: float) -> str:
        """Return a duration in the unit a reader would use."""
        if seconds < 90:
            return f"{self.number(seconds)} s"
        if seconds < 5400:
            return f"{self.number(seconds / 60, 2 if seconds < 600 else 3)} min"
        return f"{self.number(seconds / 3600)} h"

    def value(self, value: float | str | bool | None) -> str:
        """Return a public value of any kind, as a table shows it."""
        if value is None:
            return self.say("absent")
        if isinstance(value, bool):
            return self.say("yes" if value else "no")
        if isinstance(value, str):
            return value
        return self.number(value)

    def _decimal(self, text: str) -> str:
        text = text.replace("-", "−")
        if self.language == "pt-BR":
            return text.translate(str.maketrans(",.", ".,"))
        return text


@cache
def _patterns(language: str, group: str) -> tuple[tuple[re.Pattern[str], str], ...]:
    """Return the group's sentences with places, as what to match and what to say instead."""
    prefix = f"{group}."
    found = []
    for key, said in _read(language).items():
        if key.startswith(prefix) and "{0}" in key:
            literal = re.split(r"\{\d\}", key.removeprefix(prefix))
            found.append((re.compile("(.+?)".join(map(re.escape, literal))), said))
    return tuple(found)


@cache
def _read(language: str) -> Mapping[str, str]:
    catalog: dict[str, str] = json.loads(
        (_CATALOGS / f"{language}.json").read_text(encoding="utf-8")
    )
    return catalog
