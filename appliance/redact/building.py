"""From a policy to its detector: languages, models of the customer's own, what the report says.

Owns the identity of a detector: two detectors with one digest find the same in every text, so what
was measured of one holds for the other. Refuses a language nobody can read, and bytes of a
customer's model that the policy does not pin.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from appliance import __version__
from appliance.crypto.canonical import canonical_json, digest_bytes, digest_file
from appliance.errors import IntegrityError, PolicyError
from appliance.files import machine_errors
from appliance.policy.deidentify import DetectorModel
from appliance.policy.model import Policy
from appliance.redact.detect import Detector, DetectorSettings, recognizers
from appliance.redact.detect.crf import CARD_FILE, MODEL_FILE
from appliance.redact.detect.detector import Plugged
from appliance.redact.detect.languages import languages_of
from appliance.redact.tongues import Polyglot
from appliance.redact.treatment import Detecting

#: Loads a customer's transformers model; given by whoever may import torch.
Loader = Callable[[DetectorModel], Plugged]
_FIELD = "deidentify.detectors.models"
_HINT = "appliance policy explain deidentify.detectors.models"


def build_detector(
    policy: Policy, *, languages: tuple[str, ...] | None = None, load: Loader | None = None
) -> Detecting:
    """Build the policy's detector.

    Args:
        policy: its detectors and languages.
        languages: instead of the policy's own, e.g. one named on the command line.
        load: loads models that need torch; None refuses a policy that names one.

    Returns:
        A detector; of several languages, one that gives each unit to its own language's.

    Raises:
        PolicyError: a language has no recogniser and the policy refuses that, or a model of the
            customer's cannot be used.
        MachineError: a model is missing.
        IntegrityError: a model is not the one the policy pins.
    """
    chosen = languages or policy.data.languages
    knobs = policy.deidentify.detectors
    without = [
        pack.code
        for pack in languages_of(chosen)
        if not pack.model and not _served(policy, pack.code)
    ]
    if knobs.ner and without and knobs.missing_language == "refuse":
        raise PolicyError(
            "data.languages",
            f"no name recogniser for {', '.join(without)}",
            hint="appliance policy explain deidentify.detectors.missing_language",
        )
    for model in knobs.models:
        if is_sequence_model(Path(model.path)):
            _require_pinned(model)
    loaded = [(m, _loaded(m, load)) for m in knobs.models if not is_sequence_model(Path(m.path))]

    def build(language: str) -> Detector:
        plugged = [made for model, made in loaded if reads(model, language)]
        return Detector.build(_settings(policy, (language,)), plugged=plugged)

    return build(chosen[0]) if len(chosen) == 1 else Polyglot(chosen, build)


def _settings(policy: Policy, languages: tuple[str, ...]) -> DetectorSettings:
    knobs = policy.deidentify.detectors
    return DetectorSettings(
        languages=languages,
        ner=knobs.ner,
        ner_model=knobs.ner_model,
        ner_model_digest=knobs.ner_model_digest,
        score_threshold=knobs.score_threshold,
        keep_durations=knobs.keep_durations,
        propagate=knobs.propagate,
        recognizers=None if knobs.recognizers is None else Path(knobs.recognizers),
        model_dirs=tuple(
            (language, Path(model.path))
            for model in knobs.models
            for language in languages
            if reads(model, language) and is_sequence_model(Path(model.path))
        ),
    )


def processes_of(policy: Policy) -> int | None:
    """Return how many processes may read texts; None means one for each core.

    A forked child of a process that ran a torch model may hang in its threads: with one of the
    customer's there is one process.
    """
    knobs = policy.deidentify.detectors
    torch = any(not is_sequence_model(Path(m.path)) for m in knobs.models)
    return 1 if torch else knobs.processes


def reads(model: DetectorModel, language: str) -> bool:
    """Tell whether a model of the customer's is meant for a language."""
    return not model.languages or language in model.languages


def _served(policy: Policy, language: str) -> bool:
    return any(reads(model, language) for model in policy.deidentify.detectors.models)


def _loaded(model: DetectorModel, load: Loader | None) -> Plugged:
    if not Path(model.path).is_dir():
        raise PolicyError(_FIELD, "names a directory that is not there", hint=_HINT)
    if load is None:
        raise PolicyError(_FIELD, "cannot be used by this command", hint=_HINT)
    return load(model)


def is_sequence_model(path: Path) -> bool:
    """Tell whether a directory holds a detector made by `detector train`."""
    return (path / CARD_FILE).is_file() and (path / MODEL_FILE).is_file()


def _require_pinned(model: DetectorModel) -> None:
    if directory_digest(Path(model.path)) != model.digest:
        raise IntegrityError(
            model.path,
            "differs from the digest that the policy pins",
            hint=f"appliance detector digest {model.path}",
        )


def directory_digest(path: Path) -> str:
    """Return one digest for the files of a model's directory, names included.

    Raises:
        PolicyError: no directory, an empty one, or something in it is no regular file.
    """
    if not path.is_dir():
        raise PolicyError(str(path), "no such directory", hint="appliance detector train --help")
    with machine_errors(str(path)):
        files = sorted(path.iterdir())
        odd = next((f for f in files if f.is_symlink() or not f.is_file()), None)
        if odd is not None or not files:
            what = "holds no file" if odd is None else "holds something that is no regular file"
            raise PolicyError(str(path), what, hint="keep only the model's files there")
        return digest_bytes(canonical_json({f.name: digest_file(f) for f in files}))


def detector_digest(policy: Policy, *, languages: Sequence[str] | None = None) -> str:
    """Return what identifies a policy's detector: its knobs, languages, files and this version.

    Guarantees:
        Equal only where the same texts give the same spans: every file a detector reads is in
        it, by its pin or by its bytes.
    """
    knobs = policy.deidentify.detectors
    recognized = None if knobs.recognizers is None else Path(knobs.recognizers)
    return digest_bytes(
        canonical_json(
            {
                "version": __version__,
                "languages": list(languages or policy.data.languages),
                "detectors": knobs.model_dump(mode="json", exclude={"processes"}),
                "recognizers": None if recognized is None else recognizers.digest_of(recognized),
            }
        )
    )


def detectors_of(policy: Policy) -> list[str]:
    """Name the detectors a policy uses, for the report."""
    knobs = policy.deidentify.detectors
    packs = languages_of(policy.data.languages)
    names = [f"patterns ({', '.join(p.code for p in packs)})", "name and place lists"]
    with_model = [p.code for p in packs if p.model and knobs.ner]
    if with_model:
        names.append(f"name recognisers ({', '.join(with_model)})")
    without = [p.code for p in packs if p.code not in with_model and not _served(policy, p.code)]
    if without:
        names.append(f"no name recogniser: patterns and lists alone ({', '.join(without)})")
    if knobs.recognizers is not None:
        names.append("the customer's recognizers")
    names += [f"the customer's model {Path(m.path).name}, {m.digest[:19]}…" for m in knobs.models]
    if knobs.propagate:
        names.append("propagation over the privacy unit")
    return [*names, "column decisions", "second look"]
