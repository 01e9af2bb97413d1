"""The ZIP code rule of Safe Harbor, with the census table that decides it.

The table is data (`data/zip3_2020.json`, which states its edition): an allow-list, since a prefix
nobody was counted in holds no 20,000 people.
"""

from __future__ import annotations

import json
import re
from functools import cache
from importlib import resources

_ZIP = re.compile(r"(?<![\d-])(\d{5})(?:[-\s]?\d{4})?(?!\d|-\d)")
_PREFIX = re.compile(r"\d{3}")


@cache
def kept_prefixes() -> frozenset[str]:
    """Return the three-digit prefixes that hold more than 20,000 people."""
    table = json.loads(
        resources.files("appliance.redact").joinpath("data/zip3_2020.json").read_text("utf-8")
    )
    kept: set[str] = set()
    for entry in table["kept"]:
        first, _, last = entry.partition("-")
        kept.update(f"{n:03d}" for n in range(int(first), int(last or first) + 1))
    return frozenset(kept)


def first_three(value: str) -> str | None:
    """Generalise a ZIP code to what Safe Harbor lets it keep.

    Args:
        value: a five-digit ZIP or ZIP+4, with or without words around it; or already three digits.

    Returns:
        The value with the code replaced by its first three digits, or by 000 where 20,000 people
        or fewer live; None when there is no US ZIP code in it.

    Guarantees:
        Idempotent: what it returns is returned unchanged.

    Reference:
        45 CFR 164.514(b)(2)(i)(B); population by 3-digit ZCTA, 2020 census.
    """
    bare = value.strip()
    if _PREFIX.fullmatch(bare):
        return bare if bare in kept_prefixes() else "000"
    if re.fullmatch(r"\d{3,4}", bare):
        # A table column of integers loses leading zeros: 5639 is 05639.
        bare = bare.zfill(5)
        return bare[:3] if bare[:3] in kept_prefixes() else "000"
    replaced, count = _ZIP.subn(lambda m: m[1][:3] if m[1][:3] in kept_prefixes() else "000", value)
    return replaced if count else None
