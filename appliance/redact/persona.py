"""One person's replacements: consistent across records and columns, unlinkable across persons.

Owns the key of a person and the name book: every name token of a person has a role (given or
family) and one surrogate, so "DALTON, MARISOL D", "Marisol Dalton" and "Mrs. Dalton" stay one
fictitious person. Refuses surrogates that occur in the data as real values.
"""

from __future__ import annotations

import json
import lzma
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from typing import Literal

from typing_extensions import override

from appliance.crypto.canonical import keyed_digest
from appliance.redact.entities import words
from appliance.redact.keyed import Draws
from appliance.redact.real_values import RealValues

Role = Literal["given", "family"]
Gender = Literal["female", "male"]

_TOKEN = re.compile(r"[^\W\d_]+(?:['’\-][^\W\d_]+)*")
_TITLES_FEMALE = words("dona doña frau mevrouw miss mlle mme mrs ms señora signora sra srta")
_TITLES_MALE = words("don herr meneer mr señor signor sr")
_TITLES = (
    _TITLES_FEMALE
    | _TITLES_MALE
    | words("dr dra prof profa professor doctor doutor doutora rev hon sir lady judge")
)
_CREDENTIALS = words(
    "bsn cna dds dmd do dpm esq facp filho ii iii iv jr junior lcsw lpn mba md mph msn "
    "msw neto np pa pharmd phd rn sobrinho sr"
)
_PARTICLES = words(
    "al and bin da das de del della den der des di do dos du e el et i ibn la las le los "
    "of st ten ter und van von y zu zum zur"
)
_ONSETS = ("b", "br", "d", "dr", "f", "g", "k", "l", "m", "n", "p", "r", "s", "st", "t", "tr", "v")
_VOWELS = ("a", "e", "i", "o", "u", "ei", "ia")
_CODAS = ("l", "n", "r", "s", "nd", "rt", "m")
_TRIES = 48


@dataclass(frozen=True, slots=True, kw_only=True)
class NamePools:
    """Names to draw surrogates from, and the usual gender of given names."""

    female: dict[str, list[str]] = field(repr=False)
    male: dict[str, list[str]] = field(repr=False)
    last: dict[str, list[str]] = field(repr=False)
    usually_female: frozenset[str] = field(repr=False)
    usually_male: frozenset[str] = field(repr=False)


@cache
def name_pools() -> NamePools:
    """Load the shipped pools (see `bench/surrogate_names.py` for their sources)."""
    packed = resources.files("appliance.redact").joinpath("data/names.json.xz").read_bytes()
    table = json.loads(lzma.decompress(packed))
    pools = table["pools"]
    return NamePools(
        female={language: rows["female"] for language, rows in pools.items()},
        male={language: rows["male"] for language, rows in pools.items()},
        last={language: rows["last"] for language, rows in pools.items()},
        usually_female=frozenset(table["female"]),
        usually_male=frozenset(table["male"]),
    )


def fold(word: str) -> str:
    """Lower-case and strip accents."""
    parts = unicodedata.normalize("NFKD", word.casefold())
    return "".join(c for c in parts if not unicodedata.combining(c))


def name_tokens(value: str) -> list[str]:
    """Return the folded name tokens of a written name, without titles, credentials, initials."""
    return [
        folded
        for match in _TOKEN.finditer(value)
        if len(folded := fold(_stem(match[0]))) > 1 and not _is_fixed(folded)
    ]


def _stem(token: str) -> str:
    """Drop a genitive."""
    return token[:-2] if token.lower().endswith(("'s", "’s")) else token


def _is_fixed(folded: str) -> bool:
    return folded in _TITLES or folded in _CREDENTIALS or folded in _PARTICLES


def title_gender(value: str) -> Gender | None:
    """Tell the gender a title in a written name states."""
    tokens = [fold(m[0]) for m in _TOKEN.finditer(value)]
    if any(token in _TITLES_FEMALE for token in tokens):
        return "female"
    return "male" if any(token in _TITLES_MALE for token in tokens) else None


def usual_gender(given: str) -> Gender | None:
    """Tell the usual gender of a folded given name."""
    pools = name_pools()
    if given in pools.usually_female:
        return "female"
    return "male" if given in pools.usually_male else None


def roles_of(value: str) -> dict[str, Role]:
    """Assign each token of a written name its role, from the way the name is written."""
    tokens = name_tokens(value)
    if not tokens:
        return {}
    head, comma, tail = value.partition(",")
    given_part = name_tokens(tail) if comma else []
    if given_part and name_tokens(head):
        family = name_tokens(head)
        named: dict[str, Role] = dict.fromkeys(given_part, "given")
        for token in family:
            named[token] = "family"
        return named
    pools = name_pools()
    if len(tokens) == 1:
        usual = tokens[0] in pools.usually_female or tokens[0] in pools.usually_male
        titled = any(fold(m[0]) in _TITLES for m in _TOKEN.finditer(value))
        return {tokens[0]: "given" if usual and not titled else "family"}
    roles: dict[str, Role] = {tokens[0]: "given"}
    for index, token in enumerate(tokens[1:], start=1):
        middle = index < len(tokens) - 1 and (
            token in pools.usually_female or token in pools.usually_male
        )
        roles.setdefault(token, "given" if middle else "family")
    return roles


class Persona:
    """The replacements of one privacy unit."""

    def __init__(
        self,
        *,
        person_key: bytes,
        unit: bytes,
        language: str = "en",
        real: RealValues | None = None,
        keep_gender: bool = True,
        keep_initials: bool = False,
    ) -> None:
        """Start an empty name book.

        Args:
            person_key: 32 bytes: the workspace's key for replacements.
            unit: the privacy unit's digest.
            language: language whose names are drawn.
            real: real values of the data set; no surrogate is one of them.
            keep_gender: draw given names of the gender of the one they replace.
            keep_initials: draw names with the same first letter.
        """
        self.key = keyed_digest(person_key, b"persona", unit)
        self.language = language
        self._real = real
        self._keep_gender = keep_gender
        self._keep_initials = keep_initials
        self._roles: dict[str, Role] = {}
        self._genders: dict[str, Gender] = {}
        self._votes: dict[str, Counter[Gender]] = {}
        self._book: dict[str, str] = {}
        self._used: set[str] = set()

    @override
    def __repr__(self) -> str:
        """Show nothing: the name book is private."""
        return "Persona(...)"

    def draws(self, *parts: str) -> Draws:
        """Return this person's choices under a label."""
        return Draws(self.key, *parts)

    def is_real(self, *normalised: str) -> bool:
        """Tell whether one of these may be a real value of the data set."""
        return self._real is not None and any(value in self._real for value in normalised)

    def shift_days(self, limit: int) -> int:
        """Return how far this person's dates move: in [-limit, limit], never 0."""
        days = 1 + self.draws("date-shift").below(limit)
        return days if self.draws("date-shift-sign").below(2) else -days

    def learn(self, role: Role, names: Iterable[str]) -> None:
        """Learn names whose role a column states, before `meet`."""
        for name in sorted(names):
            for token in name_tokens(name):
                self._roles.setdefault(token, role)

    def declare(self, names: Iterable[str], gender: Gender) -> None:
        """Learn the gender that a column states of the person's own names, before `meet`."""
        for name in names:
            for token in self._given(name):
                self._genders.setdefault(token, gender)

    def hear(self, name: str, gender: Gender) -> None:
        """Count what a text says of a name's gender, before `meet`; a tie says nothing."""
        for token in self._given(name):
            self._votes.setdefault(token, Counter())[gender] += 1

    def _given(self, name: str) -> list[str]:
        """Return the given names among a name's tokens."""
        roles = roles_of(name)
        return [t for t, role in roles.items() if self._roles.get(t, role) == "given"]

    def _heard(self, token: str) -> Gender | None:
        ranked = self._votes.get(token, Counter()).most_common(2)
        if not ranked or (len(ranked) == 2 and ranked[0][1] == ranked[1][1]):
            return None
        return ranked[0][0]

    def meet(self, names: Iterable[str]) -> None:
        """Learn the person's written names before any is replaced.

        Guarantees:
            The surrogates depend on the set of names, not on their order.
        """
        by_length = sorted(set(names), key=lambda n: (-len(name_tokens(n)), n))
        roles = {name: roles_of(name) for name in by_length}
        for name in by_length:
            stated = title_gender(name)
            for token, role in roles[name].items():
                self._roles.setdefault(token, role)
                if stated is not None:
                    self._genders.setdefault(token, stated)
        for name in by_length:
            self._learn_genders(roles[name])
        for token in sorted(self._roles):
            self._surrogate(token)

    def _learn_genders(self, roles: dict[str, Role]) -> None:
        """Give given names their gender: the usual one, else a title's or what a text says."""
        family = [t for t, role in roles.items() if role == "family"]
        titled = next((self._genders[t] for t in family if t in self._genders), None)
        for token, role in roles.items():
            gender = usual_gender(token) or titled or self._heard(token)
            if role == "given" and gender is not None:
                self._genders.setdefault(token, gender)

    def rename(self, name: str) -> str:
        """Return a written name with every token replaced, its form kept.

        Guarantees:
            The same token of this person is always replaced by the same surrogate, whatever the
            case, order and punctuation it is written in. Titles, credentials and particles stay.
        """
        if any(token not in self._book for token in name_tokens(name)):
            self.meet([name])
        return _TOKEN.sub(self._renamed, name)

    def _renamed(self, match: re.Match[str]) -> str:
        written = match[0]
        stem = _stem(written)
        folded = fold(stem)
        if len(folded) == 1 and folded not in ("e", "y"):
            letter = self._initial(folded)
            return letter if stem.isupper() else letter.lower()
        if _is_fixed(folded) or len(folded) == 1:
            return written
        return _cased(self._surrogate(folded), stem) + written[len(stem) :]

    def _initial(self, letter: str) -> str:
        """Return the initial of the surrogate of the name this initial stands for."""
        if self._keep_initials:
            return letter.upper()
        for role in ("given", "family"):
            for token in sorted(self._roles):
                if token[0] == letter and self._roles[token] == role:
                    return self._surrogate(token)[0].upper()
        return self.draws("initial", letter).choice("ABCDEFGHJKLMNPRSTVW")

    def _surrogate(self, token: str) -> str:
        known = self._book.get(token)
        if known is not None:
            return known
        role = self._roles.get(token, "family")
        chosen = self._drawn(token, role)
        self._book[token] = chosen
        self._used.add(fold(chosen))
        return chosen

    def _drawn(self, token: str, role: Role) -> str:
        pool = self._pool(token, role)
        if self._keep_initials:
            pool = [name for name in pool if fold(name)[0] == token[0]] or pool
        draws = self.draws("name", role, token)
        for _ in range(_TRIES):
            name = draws.choice(pool)
            if self._is_free(name, token):
                return name
        while True:
            name = _made_up(draws, role, token[0] if self._keep_initials else "")
            if self._is_free(name, token):
                return name

    def _is_free(self, name: str, token: str) -> bool:
        folded = fold(name)
        return folded != token and folded not in self._used and not self.is_real(folded)

    def _pool(self, token: str, role: Role) -> list[str]:
        pools = name_pools()
        language = self.language if self.language in pools.last else "en"
        if role == "family":
            return pools.last[language]
        gender = self._genders.get(token) if self._keep_gender else None
        if gender is None:
            return pools.female[language] + pools.male[language]
        return (pools.female if gender == "female" else pools.male)[language]


def _made_up(draws: Draws, role: Role, first: str) -> str:
    """Build a name no list holds, for data sets that use up the lists."""
    parts = [draws.choice(_ONSETS) + draws.choice(_VOWELS) for _ in range(2 + draws.below(2))]
    name = "".join(parts) + (draws.choice(_CODAS) if role == "family" else "")
    if first and first in "abcdefghijklmnopqrstuvwxyz":
        name = first + name.lstrip("bdfgklmnprstv")
    return name.capitalize()


def _cased(name: str, like: str) -> str:
    """Return `name` in the letter case of `like`."""
    if len(like) > 1 and like.isupper():
        return name.upper()
    return name.lower() if like.islower() else name
