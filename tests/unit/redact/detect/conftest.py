import pytest

from appliance.redact.detect import Detector, DetectorSettings


@pytest.fixture(scope="session")
def rules() -> Detector:
    """English by rule alone."""
    return Detector.build(DetectorSettings(languages=("en",), ner=False))


@pytest.fixture(scope="session")
def english() -> Detector:
    """English with the model."""
    return Detector.build(DetectorSettings(languages=("en",)))


@pytest.fixture(scope="session")
def by_language():
    """A detector for a language, built once."""
    built: dict[tuple[str, bool], Detector] = {}

    def get(language: str, *, ner: bool = False) -> Detector:
        if (language, ner) not in built:
            built[language, ner] = Detector.build(DetectorSettings(languages=(language,), ner=ner))
        return built[language, ner]

    return get
