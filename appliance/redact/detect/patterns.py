"""Run many patterns over a text quickly.

Owns `Pattern`, `PatternSet` and the builder for labelled values. Three kinds of pattern:

- anchored: has literal `anchors` (labels, month names, "@"); one Aho-Corasick pass over the text
  finds the anchors of all patterns at once, and a regular expression runs only there;
- led: has no anchor but says how its first word looks ("lead"); the text is searched once for
  such words, and the expression runs only there;
- scanned: neither; its expression runs over the whole text. Few patterns are.

NOTE: patterns set their own flags. Those that rely on capitals are compiled without IGNORECASE.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Literal

import ahocorasick

from appliance.records import Span
from appliance.redact.detect.checksums import Check

Lead = Literal["", "digit", "capital", "code", "long"]

#: Where a led match may begin. The second part of "digit" is the run its digits are counted in.
_LEADS: dict[Lead, re.Pattern[str]] = {
    "digit": re.compile(r"(?<![^\W_])[\d(+](?=([\d()+./\- :–]{0,120}))"),
    "capital": re.compile(r"(?<!\w)[^\W\d_a-zß-öø-ÿ]"),
    "code": re.compile(r"(?<!\w)[A-Z](?=[ \-#]?[A-Z\d])"),
    "long": re.compile(r"(?<![0-9A-Za-z:.\-])(?=[0-9A-Za-z:.\-]{12})[0-9A-Za-z:]"),
}
#: How far a settled check digit raises the score of a hit.
CHECK_BONUS = 0.2
#: How far behind its anchor a match may end.
_REACH = 400
#: How far behind an anchor a vain search speaks for the anchors there; they keep 300 of the reach.
_SHOWN = 100
#: How far before a match its context may begin.
_CONTEXT = 30


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
        lead: how the first word of a match looks: it begins with a digit, "(" or "+" that no
            letter or digit precedes; with a capital that no word character precedes; or with a
            run of 12 letters, digits, colons, points and hyphens.
        digits: for lead "digit", how many digits the first run of digits, spaces and number
            punctuation holds at least.
        context: what stands right before a match; an expression that ends in "$".
    """

    name: str
    entity_type: str
    regex: re.Pattern[str]
    score: float
    anchors: tuple[str, ...] = ()
    before: int = 0
    check: Check | None = None
    check_required: bool = False
    lead: Lead = ""
    digits: int = 0
    context: re.Pattern[str] | None = None

    def span(self, match: re.Match[str]) -> Span | None:
        """Turn a match into a span; None when a required check fails."""
        group = "v" if "v" in self.regex.groupindex else 0
        start, end = match.span(group)
        if start < 0 or start == end:
            return None
        if self.context is not None and not self.context.search(
            match.string, max(0, match.start() - _CONTEXT), match.start()
        ):
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
    _led: dict[Lead, list[Pattern]] = field(init=False, repr=False)
    _automaton: ahocorasick.Automaton = field(init=False, repr=False)

    def __post_init__(self) -> None:
        unanchored = [p for p in self.patterns if not p.anchors]
        self._scanned = [p for p in unanchored if not p.lead]
        self._led = {
            lead: sorted((p for p in unanchored if p.lead == lead), key=lambda p: p.digits)
            for lead in _LEADS
        }
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
        for lead, patterns in self._led.items():
            if patterns:
                found.extend(self._at_leads(text, lead, patterns))
        for pattern in self._scanned:
            for match in pattern.regex.finditer(text):
                span = pattern.span(match)
                if span is not None:
                    found.append(span)
        return found

    @staticmethod
    def _at_leads(text: str, lead: Lead, patterns: Sequence[Pattern]) -> Iterable[Span]:
        ends = [0] * len(patterns)
        counted = lead == "digit"
        for place in _LEADS[lead].finditer(text):
            position = place.start()
            digits = sum(map(str.isdigit, place[1])) + place[0].isdigit() if counted else 0
            for i, pattern in enumerate(patterns):
                if pattern.digits > digits:
                    break  # Patterns are in order of the digits they need.
                if position < ends[i]:
                    continue
                match = pattern.regex.match(text, position)
                if match is not None:
                    ends[i] = match.end()
                    span = pattern.span(match)
                    if span is not None:
                        yield span

    def _anchored(self, text: str, lowered: str) -> Iterable[Span]:
        seen: set[tuple[str, int]] = set()
        barren: dict[str, tuple[int, int]] = {}
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
                    first, until = barren.get(pattern.name, (0, 0))
                    if start < until and start - pattern.before >= first:
                        continue  # An anchor nearby has shown that no match begins here.
                    matches, barren[pattern.name] = self._around(pattern, text, start, last + 1)
                for match in matches:
                    key = (pattern.name, match.start())
                    if key not in seen:
                        seen.add(key)
                        span = pattern.span(match)
                        if span is not None:
                            yield span

    @staticmethod
    def _around(
        pattern: Pattern, text: str, start: int, end: int
    ) -> tuple[list[re.Match[str]], tuple[int, int]]:
        """Return matches that contain the anchor at [start, end), and where none begins."""
        position = max(0, start - pattern.before)
        # A scan that starts inside a word or number would see a cut-off value.
        while 0 < position < start and text[position - 1].isalnum() and text[position].isalnum():
            position += 1
        # No match is longer than the reach; without it each miss would read the rest of the text.
        limit = min(len(text), end + _REACH)
        while match := pattern.regex.search(text, position, limit):
            if match.start() > start:
                return [], (position, min(match.start(), end + _SHOWN))
            if match.end() >= end:
                return [match], (0, 0)
            position = max(match.end(), position + 1)
        return [], (position, end + _SHOWN)


def words(text: str) -> tuple[str, ...]:
    """Split a comma-separated list of labels."""
    return tuple(part.strip() for part in text.replace("\n", " ").split(",") if part.strip())


#: What may stand between a label and its value.
SEPARATOR = (
    r"(?:[ \t_\-]*(?:identification|identifier|numbers?|num|nbr|n(?:os?|r|um)?\.|nos?|nr|id|code"
    r"|card)\b\.?)*"
    r"[ \t]*(?:[#№]|[nN][º°])?[ \t]*(?:\([^()\n]{1,24}\)[ \t]*)?"
    r"(?:[:=#]|\.{3,}:?|_{3,}|-{1,2}(?=[ \t])|\||,?[ \t]+(?:is|was|of|reads|(?:ends|ending)"
    r"(?:[ \t](?:in|with))?"
    r"|last[ \t](?:four|4)(?:[ \t]digits)?)\b)?[ \t]*\n?[ \t]*[#:\"'(\[]{0,2}[ \t]*"
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
    r"(?![/.,]\d)(?!\w*[ ](?:at[ ]|for[ ]|@[ ]?)?[$€£])"
    r"(?!\s?(?:%|(?:mg|mcg|ml|units?|cm|mm|kg|lbs?|days?|weeks?|months?|years?"
    r"|hours?)\b))"
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
    lead: Lead = "",
    digits: int = 0,
    context: str | None = None,
) -> Pattern:
    """Build a led or scanned pattern."""
    return Pattern(
        name=name,
        entity_type=entity_type,
        regex=re.compile(regex, flags),
        score=score,
        check=check,
        check_required=check_required,
        lead=lead,
        digits=digits,
        context=None if context is None else re.compile(f"(?:{context})$"),
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
