"""The policy's detector with the customer's own models, which need torch, wired in."""

from __future__ import annotations

from pathlib import Path

from appliance.model.classify import TokenClassifier
from appliance.model.spans import SpanModel, is_gliner
from appliance.policy.deidentify import DetectorModel
from appliance.policy.model import Policy
from appliance.redact.building import build_detector
from appliance.redact.entities import canonical
from appliance.redact.treatment import Detecting


def detector_of(policy: Policy, *, languages: tuple[str, ...] | None = None) -> Detecting:
    """Build a policy's detector; see `build_detector`."""
    return build_detector(policy, languages=languages, load=load_model)


def load_model(model: DetectorModel) -> TokenClassifier | SpanModel:
    """Load one model that a policy names."""
    if is_gliner(Path(model.path)):
        return SpanModel.load(
            Path(model.path), digest=model.digest, labels=model.labels, threshold=model.threshold
        )

    def type_of(label: str) -> str | None:
        named = model.labels.get(label, canonical(label))
        return None if named == "O" else named

    return TokenClassifier.load(
        Path(model.path), digest=model.digest, type_of=type_of, threshold=model.threshold
    )
