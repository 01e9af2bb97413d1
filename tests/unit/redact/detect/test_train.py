import json
import shutil
from dataclasses import replace

import pycrfsuite
import pytest

from appliance.errors import DataError, IntegrityError, MachineError
from appliance.records import Span
from appliance.redact.detect import Detector, DetectorSettings
from appliance.redact.detect.crf import CARD_FILE, MODEL_FILE, SequenceModel, read_card, runs
from appliance.redact.detect.features import sentences
from appliance.redact.detect.lexicon import Lexicon
from appliance.redact.detect.train import GoldDocument, read_gold, train_detector

_CODES = ["zulu", "tango", "kilo", "lima", "oscar", "papa", "romeo", "victor"]


def _documents(count):
    """Letters in which the word after "dossier" is an identifier no rule knows."""
    made = []
    for i in range(count):
        code = _CODES[i % len(_CODES)] + _CODES[(i * 3 + 1) % len(_CODES)]
        text = f"Bonjour, le dossier {code} est clos.\nArticle {i} de la loi. Merci."
        start = text.index(code)
        spans = (
            Span(start=start, end=start + len(code), entity_type="ID", score=1.0),
            Span(
                start=text.index("Article"),
                end=text.index(" de la"),
                entity_type="LEGAL",
                score=1.0,
            ),
        )
        made.append(GoldDocument(text=text, spans=spans))
    return made


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    out = tmp_path_factory.mktemp("model")
    card = train_detector(_documents(40), out, language="fr", provenance="synthetic")
    return out, card


def test_a_trained_detector_finds_what_it_was_shown(trained):
    out, _ = trained
    settings = DetectorSettings(languages=("fr",), model_dirs=(("fr", out),))
    text = "Le dossier whiskeybravo est clos."
    found = Detector.build(settings).detect(text)
    assert [(text[s.start : s.end], s.entity_type, s.source) for s in found] == [
        ("whiskeybravo", "ID_NUMBER", "model:fr")
    ]


def test_context_types_are_learned_and_not_reported(trained):
    out, card = trained
    assert card.labels == ("ID_NUMBER",)
    assert card.context_labels == ("LEGAL",)
    settings = DetectorSettings(languages=("fr",), model_dirs=(("fr", out),))
    assert Detector.build(settings).detect("Article 7 de la loi. Merci.") == []


def test_training_twice_gives_the_same_file(trained, tmp_path):
    _, card = trained
    again = train_detector(_documents(40), tmp_path / "b", language="fr", provenance="synthetic")
    assert again.digest == card.digest


def test_words_of_the_documents_reach_no_file_while_it_trains(tmp_path, monkeypatch):
    left = []

    class Watched(pycrfsuite.Trainer):
        def train(self, model):
            super().train(model)
            left.extend(tmp_path.rglob("*"))

    monkeypatch.setattr(pycrfsuite, "Trainer", Watched)
    train_detector(_documents(40), tmp_path, language="fr", provenance="synthetic")
    assert left == []


def _ruled(count):
    """Letters with a date that the rules always know."""
    made = []
    for i in range(count):
        date = f"{1 + i % 28:02d}/03/2{i % 10}"
        text = f"Vu au dispensaire {date} avec sa famille. Merci de rappeler."
        start = text.index(date)
        span = Span(start=start, end=start + len(date), entity_type="DATE", score=1.0)
        made.append(GoldDocument(text=text, spans=(span,)))
    return made


def test_learned_without_the_rules_it_is_surer_where_they_are_silent(tmp_path):
    text, score = _ruled(4)[3].text, {}
    for twice in (False, True):
        out = tmp_path / str(twice)
        train_detector(_ruled(40), out, language="fr", provenance="synthetic", without_rules=twice)
        (span,) = SequenceModel(out, Lexicon(("fr",))).find(text, [])
        score[twice] = span.score
    assert score[True] > score[False] + 0.01


def test_learned_in_lower_case_it_finds_what_has_no_capital(tmp_path):
    """The code is told by its capitals alone, until the same letters are shown without them."""
    made = []
    for i in range(40):
        code = _CODES[i % len(_CODES)].title() + _CODES[(i * 3 + 1) % len(_CODES)].title()
        text = f"Reference {code} est {_CODES[(i * 5) % len(_CODES)]} ici."
        start = text.index(code)
        span = Span(start=start, end=start + len(code), entity_type="ID", score=1.0)
        made.append(GoldDocument(text=text, spans=(span,)))
    found = []
    for lowered in (False, True):
        out = tmp_path / str(lowered)
        documents = [replace(d, lowered=lowered) for d in made]
        train_detector(documents, out, language="fr", provenance="synthetic")
        model = SequenceModel(out, Lexicon(("fr",)))
        hits = model.find("reference whiskeyecho est kilo ici.", ())
        found.append([s.entity_type for s in hits])
    assert found == [[], ["ID_NUMBER"]]


def test_the_ceiling_of_a_card_bounds_the_scores(trained, tmp_path):
    out, card = trained
    capped = tmp_path / "capped"
    shutil.copytree(out, capped)
    body = json.loads((capped / CARD_FILE).read_text())
    (capped / CARD_FILE).write_text(json.dumps({**body, "ceiling": 0.5}))
    text = "Le dossier zulutango est clos."
    scores = [SequenceModel(d, Lexicon(("fr",))).find(text, [])[0].score for d in (out, capped)]
    assert card.ceiling == 0.85
    assert 0.5 < scores[0] <= 0.85
    assert 0.4 <= scores[1] <= 0.5


def test_words_that_are_surely_nothing_are_told(trained):
    out, _ = trained
    text = "Bonjour, le dossier zulutango est clos."
    spans, nothing = SequenceModel(out, Lexicon(("fr",))).read(text, [])
    told = {text[start:end] for start, end in nothing}
    assert "clos" in told
    assert not told & {text[s.start : s.end] for s in spans}


def test_lists_do_not_doubt_what_a_customers_english_model_finds(tmp_path):
    """Our own general model is filtered by eponyms and organisms; a customer's is believed."""
    texts = [f"Ward {i} sent Candida albicans home to rest." for i in range(40)]
    spans = [
        (Span(start=t.index("Can"), end=t.index(" alb"), entity_type="PERSON", score=1.0),)
        for t in texts
    ]
    gold = [GoldDocument(text=t, spans=s) for t, s in zip(texts, spans, strict=True)]
    train_detector(gold, tmp_path / "own", language="en", provenance="synthetic")
    settings = DetectorSettings(languages=("en",), model_dirs=(("en", tmp_path / "own"),))
    found = Detector.build(settings).detect(texts[7])
    assert "model:en" in {s.source for s in found if s.entity_type == "PERSON"}


def test_marked_documents_are_gold_too(tmp_path):
    path = tmp_path / "gold.txt"
    path.write_text("=== 1\nSeen by [PERSON Ana Ruiz] on [DATE 3/4].\n=== 2\nNobody.\n")
    first, second = read_gold(path)
    assert first.text == "Seen by Ana Ruiz on 3/4.\n"
    assert [(first.text[s.start : s.end], s.entity_type) for s in first.spans] == [
        ("Ana Ruiz", "PERSON"),
        ("3/4", "DATE"),
    ]
    assert second.spans == ()


def test_too_few_documents_are_refused(tmp_path):
    with pytest.raises(DataError, match="at least 20"):
        train_detector(_documents(5), tmp_path, language="fr", provenance="x")


def test_an_altered_model_is_refused(trained, tmp_path):
    out, _ = trained
    body = bytearray((out / MODEL_FILE).read_bytes())
    body[len(body) // 2] ^= 1
    (tmp_path / MODEL_FILE).write_bytes(bytes(body))
    (tmp_path / CARD_FILE).write_bytes((out / CARD_FILE).read_bytes())
    with pytest.raises(IntegrityError, match="digest"):
        SequenceModel(tmp_path, Lexicon(("fr",)))


def test_a_directory_without_a_model_is_refused(tmp_path):
    with pytest.raises(MachineError, match="no detector model"):
        read_card(tmp_path)


def test_a_model_for_other_features_is_refused(trained, tmp_path):
    out, _ = trained
    card = json.loads((out / CARD_FILE).read_text())
    card["features_version"] = 0
    (tmp_path / CARD_FILE).write_text(json.dumps(card))
    with pytest.raises(MachineError, match="another version"):
        read_card(tmp_path)


@pytest.mark.parametrize("body", ["{", "[]", '{"language": "fr"}', '"x"'])
def test_a_broken_card_is_refused(tmp_path, body):
    (tmp_path / CARD_FILE).write_text(body)
    with pytest.raises(IntegrityError):
        read_card(tmp_path)


@pytest.mark.parametrize(
    "line", ["{", "[]", '{"text": "secret"}', '{"text": "secret", "spans": [1]}']
)
def test_bad_gold_names_the_line_and_not_the_text(tmp_path, line):
    path = tmp_path / "gold.jsonl"
    path.write_text('{"text": "a", "spans": []}\n' + line + "\n")
    with pytest.raises(DataError, match="line 2") as caught:
        read_gold(path)
    assert "secret" not in str(caught.value)
    assert caught.value.__cause__ is None


@pytest.mark.parametrize("language", ["en", "pt", "es", "de"])
def test_a_shipped_model_is_the_one_its_card_describes(language):
    detector = Detector.build(DetectorSettings(languages=(language,)))
    card = detector.models[0].card
    assert card.language == language
    assert card.provenance
    assert "PERSON" in card.labels


def test_labels_become_runs():
    assert runs(["B-A", "I-A", "O", "I-B", "B-B", "I-A"]) == [
        (0, 1, "A"),
        (3, 3, "B"),
        (4, 4, "B"),
        (5, 5, "A"),
    ]


def test_sentences_cover_every_word_of_a_text():
    text = "Uma linha.\n\n" + "Frase longa com palavras. " * 60 + "\nfim 12/3"
    covered = [text[t.start : t.end] for s in sentences(text) for t in s.tokens]
    assert "".join(covered) == "".join(text.split())
