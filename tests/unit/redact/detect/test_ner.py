"""The English model: found where it lies, pinned, never fetched."""

import shutil
import subprocess
import sys

import pytest

from appliance.errors import IntegrityError, MachineError, PolicyError
from appliance.records import Span
from appliance.redact.detect import Detector, DetectorSettings
from appliance.redact.detect.lexicon import Lexicon
from appliance.redact.detect.ner import EnglishNer, model_digest, model_directory, pinned_directory
from appliance.redact.detect.settings import DEFAULT_NER_MODEL

LEXICON = Lexicon(("en",))


@pytest.fixture(scope="module")
def own(tmp_path_factory):
    """A model directory of a customer's own."""
    path = tmp_path_factory.mktemp("models") / "own"
    shutil.copytree(model_directory(DEFAULT_NER_MODEL), path)
    return path


def test_a_directory_that_nobody_pinned_is_refused_and_says_what_to_pin(own):
    with pytest.raises(PolicyError, match=model_digest(own)) as caught:
        EnglishNer(str(own), LEXICON)
    assert "ner_model_digest" in str(caught.value)


def test_a_pinned_directory_is_used(own):
    detector = Detector.build(
        DetectorSettings(ner_model=str(own), ner_model_digest=model_digest(own))
    )
    assert any(s.source == "ner" for s in detector.detect("She met Zarathustra Quillfeather."))


def test_a_changed_model_is_refused(own, tmp_path):
    digest = model_digest(own)
    changed = tmp_path / "changed"
    shutil.copytree(own, changed)
    with (changed / "meta.json").open("a") as file:
        file.write(" ")
    with pytest.raises(IntegrityError):
        pinned_directory(str(changed), digest)


def test_a_pin_of_the_packaged_model_is_checked_too():
    packaged = model_directory(DEFAULT_NER_MODEL)
    assert pinned_directory(DEFAULT_NER_MODEL, model_digest(packaged)) == packaged
    with pytest.raises(IntegrityError):
        pinned_directory(DEFAULT_NER_MODEL, "sha256:" + "0" * 64)


def test_the_digest_knows_names_and_refuses_links(tmp_path):
    one, other = tmp_path / "one", tmp_path / "other"
    for path, name in ((one, "a"), (other, "b")):
        path.mkdir()
        (path / name).write_text("same")
    assert model_digest(one) != model_digest(other)
    (one / "link").symlink_to(one / "a")
    with pytest.raises(IntegrityError):
        model_digest(one)


def test_a_model_that_is_not_there_is_not_fetched():
    with pytest.raises(MachineError):
        model_directory("en_core_web_lg")


def test_the_model_loads_without_what_other_packages_offer_to_spacy():
    """One of Presidio's offers imports transformers, which asks for a temporary folder."""
    script = (
        "import sys, tempfile\n"
        "tempfile._candidate_tempdir_list = lambda: []\n"
        "from appliance.redact.detect import Detector, DetectorSettings\n"
        "Detector.build(DetectorSettings(languages=('en',)))\n"
        "assert 'presidio_analyzer' not in sys.modules and 'transformers' not in sys.modules\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-400:]


def test_words_that_are_surely_nothing_need_no_reading():
    ner = EnglishNer(DEFAULT_NER_MODEL, LEXICON)
    text = "Grzegorzowa came in. She was well."
    word = (0, len("Grzegorzowa"))
    assert ner._worth_reading(text, [], []) == [(0, 20)]
    assert ner._worth_reading(text, [], [word]) == []
    hit = Span(start=0, end=word[1], entity_type="PERSON", score=0.45, source="model:shipped-en")
    assert ner._worth_reading(text, [hit], []) == []
