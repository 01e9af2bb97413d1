"""Run many patterns over a text quickly.

Owns `Pattern`, `PatternSet` and the builder for labelled values. Two kinds of pattern:

- anchored: has literal `anchors` (labels, month names, "@"); one Aho-Corasick pass over the text
  finds the anchors of all patterns at once, and a regular expression runs only there;
- scanned: has no anchor; its expression runs over the whole text. Few patterns are.

NOTE: patterns set their own flags. Those that rely on capitals are compiled without IGNORECASE.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import ahocorasick

from appliance.records import Span
from appliance.redact.detect.checksums import Check

#: How far a settled check digit raises the score of a hit.
CHECK_BONUS = 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class Pattern:
    """One way personal data is written.

    Attributes:
        name: unique; shown as the source of a span, "pattern:<name>".
        entity_type: what a hit is.
        regex: compiled; the group "v" (or else the whole match) is the value.
        score: confidence without check digit.
        anchors: lower-case literals, one of which is in every match; empty = scanned.
        before: how many characters a match may start before its anchor; 0 = at the anchor.
        check: check digit; satisfied raises the score by `CHECK_BONUS`.
        check_required: a shape so common that only the check digit makes it a hit.
    """

    name: str
    entity_type: str
    regex: re.Pattern[str]
    score: float
    anchors: tuple[str, ...] = ()
    before: int = 0
    check: Check | None = None
    check_required: bool = False

    def span(self, match: re.Match[str]) -> Span | None:
        """Turn a match into a span; None when a required check fails."""
        group = "v" if "v" in self.regex.groupindex else 0
        start, end = match.span(group)
        if start < 0 or start == end:
            return None
        score = self.score
        if self.check is not None:
            if self.check(match[group]):
                score = min(1.0, score + CHECK_BONUS)
            elif self.check_required:
                return None
        return Span(
            start=start,
            end=end,
            entity_type=self.entity_type,
            score=score,
            source=f"pattern:{self.name}",
        )


def lower(text: str) -> str:
    """Lower-case without changing the length."""
    lowered = text.lower()
    if len(lowered) == len(text):
        return lowered
    return "".join(low if len(low := c.lower()) == 1 else c for c in text)


@dataclass(slots=True)
class PatternSet:
    """Patterns that run together."""

    patterns: Sequence[Pattern]
    _scanned: list[Pattern] = field(init=False, repr=False)
    _automaton: ahocorasick.Automaton = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._scanned = [p for p in self.patterns if not p.anchors]
        by_anchor: dict[str, list[Pattern]] = {}
        for pattern in self.patterns:
            for anchor in pattern.anchors:
                by_anchor.setdefault(anchor, []).append(pattern)
        self._automaton = ahocorasick.Automaton()
        for anchor, patterns in by_anchor.items():
            self._automaton.add_word(anchor, (len(anchor), patterns))
        if by_anchor:
            self._automaton.make_automaton()

    def scan(self, text: str, lowered: str | None = None) -> list[Span]:
        """Find every hit of every pattern.

        Args:
            text: plain text.
            lowered: `lower(text)` when the caller has it.

        Returns:
            Spans in no particular order; they may overlap.
        """
        found: list[Span] = []
        if len(self._automaton):
            found.extend(self._anchored(text, lower(text) if lowered is None else lowered))
        for pattern in self._scanned:
            for match in pattern.regex.finditer(text):
                span = pattern.span(match)
                if span is not None:
                    found.append(span)
        return found

    def _anchored(self, text: str, lowered: str) -> Iterable[Span]:
        seen: set[tuple[str, int]] = set()
        for last, (length, patterns) in self._automaton.iter(lowered):
            start = last + 1 - length
            inside_word = start > 0 and lowered[start].isalpha() and lowered[start - 1].isalpha()
            for pattern in patterns:
                if pattern.before == 0:
                    if inside_word:
                        continue
                    match = pattern.regex.match(text, start)
                    matches = [] if match is None else [match]
                else:
                    matches = self._around(pattern, text, start, last + 1)
                for match in matches:
                    key = (pattern.name, match.start())
                    if key not in seen:
                        seen.add(key)
                        span = pattern.span(match)
                        if span is not None:
                            yield span

    @staticmethod
    def _around(pattern: Pattern, text: str, start: int, end: int) -> list[re.Match[str]]:
        """Return matches that contain the anchor at [start, end)."""
        position = max(0, start - pattern.before)
        # A scan that starts inside a word or number would see a cut-off value.
        while 0 < position < start and text[position - 1].isalnum() and text[position].isalnum():
            position += 1
        while match := pattern.regex.search(text, position):
            if match.start() > start:
                return []
            if match.end() >= end:
                return [match]
            position = max(match.end(), position + 1)
        return []


def words(text: str) -> tuple[str, ...]:
    """Split a comma-separated list of labels."""
    return tuple(part.strip() for part in text.replace("\n", " ").split(",") if part.strip())


#: What may stand between a label and its value.
SEPARATOR = (
    r"(?:[ \t_\-]*(?:identification|identifier|numbers?|num|nbr|n(?:os?|r|um)?\.|nos?|nr|id|code|card)\b\.?)*"
    r"[ \t]*(?:[#№]|[nN][º°])?[ \t]*(?:\([^()\n]{1,24}\)[ \t]*)?"
    r"(?:[:=#]|-{1,2}(?=[ \t])|\||,?[ \t]+(?:is|was|of|reads|(?:ends|ending)(?:[ \t](?:in|with))?|last[ \t](?:four|4)(?:[ \t]digits)?)\b)?[ \t]*\n?[ \t]*[#:\"'(\[]{0,2}[ \t]*"
)
#: A value with at least one digit and three characters.
STRONG_VALUE = (
    r"(?P<v>[A-Z]{0,3}\d{2,6}(?: \d{2,7}){1,4}(?![\w/.\-]*[\w])"
    r"|(?=[\w*./\-]{0,20}\d)[A-Za-z0-9*][\w*./\-]{1,38}[A-Za-z0-9*]"
    r"|(?-i:[A-Z]{1,4} )\d[\w\-]{3,30})"
)
#: A value with at least three digits and four characters, for labels that are also plain words.
WEAK_VALUE = (
    r"(?P<v>[A-Z]{0,3}\d{2,6}(?: \d{2,7}){1,4}(?![\w/.\-]*[\w])"
    r"|(?=(?:[A-Za-z*./_\-]*\d){3})[A-Za-z0-9*][\w*./\-]{2,38}[A-Za-z0-9*]"
    r"|(?-i:[A-Z]{1,4} )(?=(?:[A-Za-z\-]*\d){3})\d[\w\-]{3,30})"
    r"(?![/.,]\d)(?!\s?(?:%|(?:mg|mcg|ml|units?|cm|mm|kg|lbs?|days?|weeks?|months?|years?|hours?)\b))"
)


def labelled(
    name: str,
    entity_type: str,
    labels: str,
    *,
    value: str = STRONG_VALUE,
    score: float = 0.85,
    check: Check | None = None,
    separator: str = SEPARATOR,
    flags: int = re.IGNORECASE,
) -> Pattern:
    """Build a pattern for "LABEL: value".

    Args:
        name: the pattern's name.
        entity_type: what the value is.
        labels: comma-separated labels; a space matches any spaces, hyphens or underscores.
        value: expression with the group "v".
        score: confidence of a hit.
        check: check digit of the value.
        separator: what may stand between.
        flags: of the regular expression.
    """
    alternatives = sorted(words(labels), key=len, reverse=True)
    anchors = {lower(re.split(r"[ .']", label)[0]) for label in alternatives}
    body = "|".join(re.escape(a).replace(r"\ ", r"[ \t_\-]{0,3}") for a in alternatives)
    return Pattern(
        name=name,
        entity_type=entity_type,
        regex=re.compile(rf"(?:{body})(?![^\W\d_]){separator}{value}", flags),
        score=score,
        anchors=tuple(sorted(anchors)),
        check=check,
    )


def shaped(
    name: str,
    entity_type: str,
    regex: str,
    *,
    score: float,
    check: Check | None = None,
    check_required: bool = False,
    flags: int = 0,
) -> Pattern:
    """Build a scanned pattern."""
    return Pattern(
        name=name,
        entity_type=entity_type,
        regex=re.compile(regex, flags),
        score=score,
        check=check,
        check_required=check_required,
    )


def anchored(
    name: str,
    entity_type: str,
    anchors: str | tuple[str, ...],
    regex: str,
    *,
    score: float,
    before: int = 0,
    check: Check | None = None,
    check_required: bool = False,
    flags: int = re.IGNORECASE,
) -> Pattern:
    """Build an anchored pattern; `anchors` comma-separated or a tuple."""
    return Pattern(
        name=name,
        entity_type=entity_type,
        regex=re.compile(regex, flags),
        score=score,
        anchors=words(anchors) if isinstance(anchors, str) else anchors,
        before=before,
        check=check,
        check_required=check_required,
    )
