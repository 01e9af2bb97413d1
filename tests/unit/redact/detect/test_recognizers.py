import socket

import pytest

from appliance.errors import PolicyError
from appliance.redact.detect import Detector, DetectorSettings, second_look
from appliance.redact.detect import recognizers as presidio_side

YAML = """
recognizers:
  - name: badge
    supported_language: en
    supported_entity: CLINIC_BADGE
    patterns:
      - name: badge
        regex: "ZZ-[0-9]{3}"
        score: 0.6
  - name: weak
    supported_language: en
    supported_entity: WEAK_CODE
    context: [locker]
    patterns:
      - name: weak
        regex: "QQ[0-9]"
        score: 0.1
"""
PYTHON = """
from presidio_analyzer import EntityRecognizer, RecognizerResult

class Rune(EntityRecognizer):
    def __init__(self):
        super().__init__(supported_entities=["RUNE"], name="rune")
    def load(self):
        pass
    def analyze(self, text, entities, nlp_artifacts=None):
        at = text.find("rune")
        return [RecognizerResult("RUNE", at, at + 4, 0.9)] if at >= 0 else []
"""


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "a.yaml").write_text(YAML)
    (tmp_path / "b.py").write_text(PYTHON)
    return tmp_path


def _build(path):
    return Detector.build(DetectorSettings(ner=False, recognizers=path))


def test_customers_recognizers_plug_in(folder):
    found = _build(folder).detect("badge ZZ-123 and a rune")
    assert {(s.entity_type, s.source) for s in found} == {
        ("CLINIC_BADGE", "recognizer:badge"),
        ("RUNE", "recognizer:rune"),
    }


def test_context_raises_a_weak_score(folder):
    detector = _build(folder / "a.yaml")
    assert [s.entity_type for s in detector.detect("the locker is QQ7")] == ["WEAK_CODE"]
    assert detector.detect("the thing is QQ7") == []


def test_a_broken_file_is_named_and_not_shown(tmp_path):
    (tmp_path / "bad.py").write_text("secret = 1/0")
    with pytest.raises(PolicyError, match=r"bad\.py.*ZeroDivisionError") as caught:
        _build(tmp_path)
    assert caught.value.__cause__ is None


@pytest.mark.parametrize("name", ["missing", "empty"])
def test_a_path_without_recognizers_is_refused(tmp_path, name):
    (tmp_path / "empty").mkdir()
    with pytest.raises(PolicyError, match="no YAML file"):
        _build(tmp_path / name)


def test_the_digest_of_recognizers_changes_with_them(folder):
    before = presidio_side.digest_of(folder)
    assert presidio_side.digest_of(folder) == before
    (folder / "b.py").write_text(PYTHON + "\n")
    assert presidio_side.digest_of(folder) != before


def test_the_detector_plugs_into_presidio(rules):
    registry = presidio_side.registry(rules.detect, ["US_SSN"], ["en"])
    [recognizer] = registry.get_recognizers(language="en", entities=["US_SSN"])
    [result] = recognizer.analyze("SSN 123-45-6789", ["US_SSN"], None)
    assert (result.start, result.end, result.entity_type) == (4, 15, "US_SSN")


def test_the_second_look_finds_plain_leaks():
    text = "mail a@b.example.org, 123-45-6789, on 12/03/2020, card 4111 1111 1111 1111"
    [spans] = second_look([text])
    found = {text[s.start : s.end] for s in spans}
    assert {"a@b.example.org", "123-45-6789", "12/03/2020", "4111 1111 1111 1111"} <= found


def test_the_second_look_leaves_placeholders_and_prose():
    assert second_look(["[PERSON_1] came on [DATE_TIME] with BP 120/80 and glucose 212."]) == [[]]


def test_nothing_reaches_for_the_network(monkeypatch, english):
    def refuse(*args, **kwargs):
        raise AssertionError("a connection was attempted")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    second_look(["see https://sub.example.co.uk/x or mail jane@clinic.example.com"])
    english.detect("see https://sub.example.co.uk/x or mail jane@clinic.example.com")


def test_a_recognizer_that_raises_is_named_without_the_text(tmp_path):
    (tmp_path / "c.py").write_text(PYTHON.replace("at = text.find", "raise ValueError(text)  #"))
    found = _build(tmp_path)
    with pytest.raises(PolicyError) as caught:
        found.detect("Mr. Secretname came")
    assert caught.value.where == "deidentify.detectors.recognizers: rune"
    assert caught.value.what == "failed on a text (ValueError)"
    assert "Secretname" not in repr(caught.value)


def test_presidio_writes_no_line_of_its_own(tmp_path, capfd):
    (tmp_path / "a.yaml").write_text("recognizers:\n  - name: x\n   secret: [")
    with pytest.raises(PolicyError, match=r"a\.yaml: cannot be loaded"):
        _build(tmp_path)
    assert capfd.readouterr() == ("", "")
