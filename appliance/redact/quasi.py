"""Quasi-identifiers: kept values that few people share, and combinations that single people out.

Owns the counting, at de-identified values only. A rare diagnosis, a small place or an age is no
identifier by itself and may be kept by the policy; the report says how many people stand out.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping

from appliance.crypto.canonical import keyed_digest
from appliance.evidence import ColumnDecision
from appliance.records import Record
from appliance.redact.entities import PARTIAL, Family, family, words
from appliance.redact.headers import header_words
from appliance.redact.tree import cells

#: Fewer people than this stand out.
K = 5
#: A column with more different values than this is a measurement, not a category.
_MOST_VALUES = 20_000
#: Header words of columns that are commonly known about a person.
_KNOWN = words(
    "sex gender sexo genero geschlecht sexe age idade edad alter dob nascimento nacimiento"
    " geburtsdatum naissance birth zip cep plz postal state uf estado provincia bundesland race"
    " ethnicity raca raza religion marital civil occupation profession profissao ocupacion beruf"
    " nationality language county city birthdate yob"
)
#: Families whose pieces of text may single a person out where they are kept.
_TELLING: frozenset[Family] = frozenset({"age", "zip", "place", "organization", "date"})
_MEASURED = re.compile(r"[-+]?\d+[.,]\d+|[-+]?\d{4,}")


class QuasiCounter:
    """Counts, for kept columns, how many people share each value."""

    def __init__(self, columns: Mapping[str, ColumnDecision], *, key: bytes) -> None:
        """Choose the columns to watch.

        Args:
            columns: the decisions; columns kept or generalised are watched.
            key: 32 bytes; values are counted by keyed digest, never held.
        """
        self._key = key
        self._watched = [n for n, d in columns.items() if d.action in PARTIAL and not d.free_text]
        self._known = [n for n in self._watched if _KNOWN & set(header_words(n))]
        self._sharing: dict[str, dict[bytes, set[bytes]]] = {n: {} for n in self._watched}
        self._seen: set[str] = set()
        self._combined: dict[bytes, set[bytes]] = defaultdict(set)

    def observe(self, record: Record) -> None:
        """Count one de-identified record."""
        values: dict[str, str] = {}
        for cell in cells(record):
            if cell.column in self._sharing and cell.value not in (None, ""):
                values[cell.column] = str(cell.value)
        for name, value in values.items():
            if not _MEASURED.fullmatch(value) or name in self._known:
                self._count(name, value, record.unit)
        known = [values[n] for n in self._known if n in values]
        if len(known) > 1:
            combined = keyed_digest(self._key, *(v.encode() for v in known))[:8]
            if len(self._combined[combined]) < K:
                self._combined[combined].add(record.unit)

    def observe_text(self, unit: bytes, entity_type: str, value: str) -> None:
        """Count a piece of a text that the policy keeps or generalises: an age, a place, a year."""
        if family(entity_type) in _TELLING:
            name = f"{entity_type} in texts"
            if name not in self._seen:
                self._seen.add(name)
                self._sharing[name] = {}
            self._count(name, value, unit)

    def _count(self, name: str, value: str, unit: bytes) -> None:
        sharing = self._sharing.get(name)
        if sharing is None:
            return
        people = sharing.setdefault(keyed_digest(self._key, value.casefold().encode())[:8], set())
        if len(people) < K:
            people.add(unit)
        if len(sharing) > _MOST_VALUES:
            del self._sharing[name]

    def people(self) -> dict[str, int]:
        """Return how many people share a value, or a combination, with fewer than K people.

        Returns:
            Column name (or "AGE in texts") -> people, and "A + B + C" for the combination of
            commonly known columns.
        """
        found: dict[str, int] = {}
        for name, sharing in self._sharing.items():
            rare = set().union(*(p for p in sharing.values() if len(p) < K)) if sharing else set()
            if rare:
                found[name] = len(rare)
        if len(self._known) > 1:
            rare = set().union(*(p for p in self._combined.values() if len(p) < K))
            if rare:
                found[" + ".join(self._known)] = len(rare)
        return found
