"""How a name looks: capitalised runs, initials, particles; and where a run stops being a name."""

from __future__ import annotations

import re

from appliance.redact.detect.lexicon import FUNCTION_WORDS, Lexicon, fold

UPPER = "A-ZÀ-ÖØ-ÞĀĂĄĆĈĊČĎĐĒĔĖĘĚĜĞĠĢĤĦĨĪĬĮİĴĶĹĻĽĿŁŃŅŇŊŌŎŐŒŔŖŘŚŜŞŠŢŤŦŨŪŬŮŰŲŴŶŸŹŻŽȘȚ"
LETTER = r"[^\W\d_]"
#: A capitalised word, with inner apostrophes and hyphens.
TOKEN = rf"[{UPPER}]{LETTER}*(?:['’\-]{LETTER}+)*"
INITIAL = rf"[{UPPER}]\.(?:[ ]?[{UPPER}]\.)*"
PARTICLES = (
    r"(?:de las|de los|de la|de|da|do|dos|das|del|della|di|du|des|van der|van den|van de|van"
    r"|von der|von|vom|zu|zum|zur|der|den|la|le|el|al|bin|ibn|ben|bint|abu|ter|ten|af|av|y|e"
    r"|St\.|Ste\.|san|mac|o’|O’|d’|d')"
)
#: A run of name words on one line: at least one token, then tokens, initials, particles.
RUN = (
    rf"(?:{INITIAL}[ ]?)?(?:{PARTICLES}[ ])?{TOKEN}"
    rf"(?:[ ](?:{PARTICLES}[ ]){{0,2}}{TOKEN}|[ ]{INITIAL}(?!{LETTER})|[ ][{UPPER}](?!\w)"
    rf"|[ ][\"“'(]{TOKEN}[\"”')](?=[ ]{TOKEN})){{0,5}}"
)
#: Particles inside a name, folded; some of them are plain words elsewhere.
JOINING = frozenset(
    "de la do da dos das del della di van der den von el al le bin e y".split()  # noqa: SIM905
)
_MONTHS_AS_NAMES = frozenset({"jan", "mar", "may", "april", "june", "august", "dec"})
_NAME_AFTER = re.compile(rf"[ ](?:{PARTICLES}[ ]){{0,2}}(?P<v>{TOKEN})")
#: A dash that hangs on no word begins a signature: `--Ana Ruiz, RN`.
RUNS = re.compile(rf"(?<![\w'’@/])(?<![\w.)\]]-)(?:{RUN})(?![\w@])")
WORDS = re.compile(rf"{INITIAL}|{TOKEN}|{LETTER}+")
PIECE = re.compile(rf"{LETTER}+(?:['’\-]{LETTER}+)*\.?")


def bare(piece: re.Match[str]) -> str:
    """Return a piece of a run without its full stop."""
    return piece.group().rstrip(".")


def end_of(piece: re.Match[str]) -> int:
    """Return where a piece ends: an initial keeps its full stop, a word does not."""
    word = piece.group()
    initial = len(word) == 2 and word.endswith(".")
    return piece.end() if initial else piece.start() + len(word.rstrip("."))


class Trimmer:
    """Cuts runs of capitalised words down to names."""

    def __init__(self, lexicon: Lexicon, stop: frozenset[str]) -> None:
        """Use word lists and the words that are never part of a name, folded."""
        self.lexicon = lexicon
        self.stop = stop
        self._english = lexicon.only_english

    def ordinary(self, word: str) -> bool:
        """Say whether a word is rather a word than a name."""
        return self.lexicon.common(word) and not self.lexicon.strong_first(word)

    def stopped(self, word: str) -> bool:
        """Say whether a word is never part of a name: `Sa` may be a company's form, `Sá` is not."""
        if word[-2:] in ("'s", "’s"):
            word = word[:-2]
        return fold(word) in self.stop and not (
            self._english and word[:1].isupper() and not word.isascii()
        )

    def trim(
        self, text: str, start: int, end: int, *, strict: bool = False
    ) -> tuple[int, int] | None:
        """Cut a run at the first word that is no name.

        Args:
            text: plain text.
            start: where the run begins.
            end: where it ends.
            strict: also cut at ordinary words that are neither first names nor surnames.

        Returns:
            The name's bounds; None when nothing is left.
        """
        first: int | None = None
        last = start
        for piece in PIECE.finditer(text, start, end):
            word = bare(piece)
            if first is not None and self._joins(text, piece, end):
                continue
            if self.stopped(word) and not self._month_as_name(text, piece, first is None, end):
                if first is None and not strict:
                    return None
                break
            if strict and len(word) > 1 and self._breaks(word, opening=first is None):
                break
            if first is None:
                first = piece.start()
            if piece.group().islower() and not piece.group().endswith("."):
                continue  # A particle counts only when a name follows.
            last = end_of(piece)
        return None if first is None or last <= first else (first, last)

    def _month_as_name(self, text: str, piece: re.Match[str], opening: bool, end: int) -> bool:
        """Say whether a month is part of a name: `Pieter Jan van der Velden`, `Jan Jílek`."""
        if fold(piece.group()) not in _MONTHS_AS_NAMES:
            return False
        after = _NAME_AFTER.match(text, piece.end(), end)
        return after is not None and not (opening and self.lexicon.common(after["v"]))

    def _joins(self, text: str, piece: re.Match[str], end: int) -> bool:
        """Say whether a word that ends names elsewhere joins two here: `Cruz de la Paz`."""
        after = PIECE.match(text, piece.end() + 1, end)
        if after is None or fold(piece.group()) not in JOINING:
            return False
        if fold(after.group()) in JOINING:
            return True
        return after.group()[0].isupper() and not self.stopped(bare(after))

    def _breaks(self, word: str, *, opening: bool) -> bool:
        if not self.ordinary(word):
            return False
        known = self.lexicon.first_name(word) if opening else self.lexicon.surname(word)
        return not known or fold(word) in FUNCTION_WORDS

    def skip_ordinary(self, text: str, start: int, end: int) -> int:
        """Return where the name begins in a run that may open with ordinary words."""
        for piece in PIECE.finditer(text, start, end):
            word = bare(piece)
            if not self.stopped(word) and (len(word) == 1 or not self.ordinary(word)):
                return piece.start()
        # All ordinary: a surname such as Baker is the last word.
        last = text[start:end].rsplit(" ", 1)[-1]
        return end - len(last) if self.lexicon.surname(last) and not self.stopped(last) else end
