"""Lists of names, places and common words, and questions about one word.

The lists are folded: lower case, no accents. Sources and licences: gazetteers/PROVENANCE.md.
"""

from __future__ import annotations

import lzma
import re
import unicodedata
from collections.abc import Iterable
from functools import cache, lru_cache
from importlib import resources

_PACKAGE = "appliance.redact.detect.gazetteers"

#: First names that are so often plain words, units or places that alone they are no evidence.
_AMBIGUOUS_EN = frozenset(
    ["ai", "al", "am", "amber", "an", "angel", "ani", "april", "ara", "aria", "art", "august", "austin", "autumn", "basil", "bay", "beau", "bin", "bing", "bong", "boy", "brook", "brooks", "buck", "bud", "buddy", "can", "candida", "candy", "carol", "chad", "chance", "chandler", "charity", "chase", "cherry", "chi", "chin", "christian", "clay", "cliff", "colt", "concepcion", "constance", "coral", "crystal", "curt", "da", "dale", "dan", "dane", "dat", "dawn", "de", "dean", "dell", "denver", "destiny", "dewey", "dexter", "diamond", "dick", "dirk", "dixie", "do", "dolly", "dominic", "domingo", "don", "dong", "drew", "duke", "dung", "dusty", "earl", "earnest", "ebony", "eden", "eve", "faith", "fan", "fang", "fanny", "fawn", "fe", "fen", "fern", "first", "flora", "florence", "ford", "forest", "frank", "gale", "galen", "gang", "garland", "garnet", "gay", "ge", "gene", "geneva", "georgia", "german", "ginger", "glen", "glory", "grace", "graham", "grant", "guy", "ha", "han", "hang", "harmony", "hazel", "heath", "heather", "hector", "ho", "holly", "homer", "hope", "hua", "hue", "hun", "hung", "hunter", "in", "india", "iris", "ivory", "ivy", "jack", "jade", "jasmine", "jay", "jean", "jewel", "ji", "jong", "joy", "jordan", "judge", "june", "jung", "junior", "ka", "kale", "karma", "ken", "ki", "kin", "king", "kip", "kit", "kitty", "la", "lacy", "lam", "lan", "lance", "lane", "laurel", "le", "lea", "lei", "li", "lily", "lin", "ling", "liv", "long", "louis", "ma", "mac", "madison", "madonna", "major", "man", "mao", "maria", "marina", "mark", "marlin", "marshall", "mason", "max", "maxim", "may", "mei", "melody", "mercy", "merlin", "merry", "mi", "mica", "min", "mina", "ming", "misty", "mona", "montgomery", "moon", "morris", "mu", "nada", "names", "nan", "nelson", "nga", "nick", "nina", "noel", "norm", "nova", "odessa", "ok", "ola", "olive", "opal", "ora", "other", "page", "paige", "paris", "pat", "patience", "pearl", "penny", "phi", "phoenix", "pi", "piper", "po", "prince", "prudence", "qi", "qing", "quincy", "ram", "rand", "randy", "raven", "ray", "reagan", "reed", "rex", "rich", "rob", "robin", "rock", "rocky", "rod", "roman", "rose", "rosemary", "royal", "ruby", "rusty", "sage", "said", "sally", "san", "sandy", "sang", "santa", "savannah", "see", "sen", "shad", "shan", "shin", "si", "sierra", "sky", "so", "sol", "song", "sonny", "soon", "sterling", "stone", "sue", "summer", "sun", "sung", "sunday", "sunny", "sunshine", "tad", "tai", "tam", "tan", "tanner", "tao", "tara", "tawny", "temple", "thai", "tin", "ting", "tito", "tor", "tori", "tory", "tram", "trey", "trinity", "troy", "truman", "tung", "ut", "ute", "van", "venus", "vi", "viola", "violet", "virginia", "ward", "warren", "washington", "wen", "west", "will", "win", "windy", "wing", "won", "woo", "wood", "xi", "yang", "yen", "yi", "yin", "young", "yuan", "yue", "precious", "princess", "blessing", "baby", "no", "van", "den", "das", "les", "dos", "des", "per", "sin", "pro", "med", "pain", "rest", "mer", "mar", "ann", "la", "el", "lo", "los", "las", "cat", "star", "lord", "my", "so", "true", "un", "us", "vera", "sia", "to", "tu", "ty", "mai", "may", "jan", "dr", "mr", "ms", "pt", "hx", "sob", "chau", "asia", "pine", "an", "ba", "bo", "cha", "co", "gia", "he", "her", "his", "it", "of", "on", "or", "at", "by", "be", "is", "as", "if", "me", "we", "up", "ms", "he", "she", "they", "them", "this", "that", "patient", "history", "male", "female", "day", "year", "left", "right", "note", "plan", "type", "lung", "liver", "heart", "normal", "acute", "grade", "stage", "upper", "lower", "alpha", "beta", "gamma", "delta", "sigma", "omega", "vitamin", "dose", "oral", "iv", "po", "bid", "tid", "prn", "dates", "date", "old", "new", "high", "low", "total", "chicago", "houston", "dallas", "cleveland", "carolina", "victoria", "lincoln", "jackson", "charlotte", "phoenix", "alexandria", "augusta", "orlando", "america", "ireland", "england", "france", "china", "israel", "kenya", "chad", "cuba", "milan", "sydney", "adelaide", "london", "berlin", "jersey", "york", "valium", "xanax", "allegra", "viagra", "rash", "fay", "elan", "novel", "ana", "care", "hand", "hip"]
)
_MONTHS_DAYS = frozenset(
    ["january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november", "december", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday", "jan", "feb", "mar", "apr", "jun", "jul", "aug", "sep", "sept", "oct", "nov", "dec", "mon", "tue", "wed", "thu", "fri", "sat", "sun"]
)


@lru_cache(maxsize=65536)
def fold(word: str) -> str:
    """Lower-case and strip accents."""
    if word.isascii():
        return word.lower()
    decomposed = unicodedata.normalize("NFD", word.lower())
    return "".join(c for c in decomposed if not unicodedata.combining(c))


@cache
def words_of(name: str) -> frozenset[str]:
    """Load one shipped list."""
    body = resources.files(_PACKAGE).joinpath(f"{name}.txt.xz").read_bytes()
    return frozenset(lzma.decompress(body).decode().split("\n"))


def _stems(word: str) -> Iterable[str]:
    """Return what an English word may be an inflection of."""
    yield word
    for suffix, replacements in (
        ("ies", ("y",)),
        ("es", ("", "e")),
        ("s", ("",)),
        ("ied", ("y",)),
        ("ed", ("", "e")),
        ("ing", ("", "e")),
        ("ly", ("", "le")),
        ("er", ("", "e")),
        ("est", ("", "e")),
        ("ion", ("e", "")),
        ("al", ("", "e")),
        ("ic", ("", "y")),
    ):
        if word.endswith(suffix) and len(word) > len(suffix) + 2:
            stem = word[: -len(suffix)]
            for replacement in replacements:
                yield stem + replacement
            if len(stem) > 3 and stem[-1] == stem[-2]:
                yield stem[:-1]


#: Words no dictionary of nouns, verbs and adjectives holds.
FUNCTION_WORDS = frozenset(
    ["a", "an", "the", "and", "or", "but", "nor", "so", "yet", "if", "then", "than", "that", "this", "these", "those", "there", "here", "he", "she", "it", "they", "we", "you", "i", "me", "him", "her", "them", "us", "his", "hers", "its", "their", "our", "your", "my", "mine", "who", "whom", "whose", "which", "what", "when", "where", "why", "how", "is", "are", "was", "were", "be", "been", "being", "am", "do", "does", "did", "done", "has", "have", "had", "having", "will", "would", "shall", "should", "can", "could", "may", "might", "must", "not", "no", "yes", "of", "in", "on", "at", "by", "for", "from", "to", "with", "without", "within", "into", "onto", "upon", "over", "under", "above", "below", "between", "among", "during", "before", "after", "since", "until", "till", "about", "against", "through", "across", "per", "via", "as", "because", "while", "although", "though", "unless", "whether", "both", "either", "neither", "each", "every", "all", "any", "some", "none", "few", "many", "much", "more", "most", "less", "least", "other", "another", "such", "same", "own", "very", "too", "also", "just", "only", "even", "still", "again", "ever", "never", "always", "often", "now", "today", "yesterday", "tomorrow", "tonight", "up", "down", "out", "off", "please", "thanks", "thank", "hi", "hello", "dear", "re", "fw", "fwd", "cc"]
)


class Lexicon:
    """Questions about single words, for the languages of a detector."""

    def __init__(self, languages: tuple[str, ...]) -> None:
        """Load the lists the languages need."""
        first = words_of("first_world")
        last = words_of("last_world")
        if "en" in languages:
            first |= words_of("first_en")
            last |= words_of("last_en")
        if "pt" in languages or "es" in languages:
            first |= words_of("first_pt")
        if set(languages) - {"en"}:
            last |= words_of("last_en")
        self._english = "en" in languages
        self._dictionary = words_of("words_en") if self._english else frozenset()
        self.first = frozenset(first)
        self.last = frozenset(last)
        self.places = words_of("places")
        known = words_of("first_en") | words_of("first_pt") if self._english else self.first
        self._strong = (known | words_of("first_world")) & self.first - _AMBIGUOUS_EN - _MONTHS_DAYS
        if self._english:
            rare = words_of("first_world") - words_of("first_en")
            self._strong -= rare & self._dictionary
        self._strong = frozenset(w for w in self._strong if len(w) > 2)

    @lru_cache(maxsize=65536)  # noqa: B019  detectors live as long as the process
    def common(self, word: str) -> bool:
        """Say whether a word is an ordinary word of the language in lower case."""
        folded = fold(word)
        if folded in FUNCTION_WORDS or folded in _MONTHS_DAYS:
            return True
        if len(folded) < 2:
            return False
        return any(stem in self._dictionary for stem in _stems(folded))

    def first_name(self, word: str) -> bool:
        """Say whether somebody may be called so."""
        return fold(word) in self.first

    def strong_first(self, word: str) -> bool:
        """Say whether a capitalised word is a first name and hardly anything else."""
        return fold(word) in self._strong

    def surname(self, word: str) -> bool:
        """Say whether a family may be called so."""
        folded = fold(word)
        return folded in self.last or any(
            part in self.last for part in re.split(r"['’\-]", folded) if len(part) > 2
        )

    def place(self, phrase: str) -> bool:
        """Say whether a town, state or country is called so."""
        return fold(phrase) in self.places
