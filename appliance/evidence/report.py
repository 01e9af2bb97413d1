"""All sections together, the decision on them, and `report.json`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from pydantic import Field

from appliance.evidence.audit import AuditSection
from appliance.evidence.base import Section
from appliance.evidence.data import DataSection, DeidentificationSection
from appliance.evidence.people import PeopleSection
from appliance.evidence.training import PrivacySection, TrainingSection, UtilitySection


class EnvironmentSection(Section):
    """Locks in force, packages, hardware."""

    locks: dict[str, str | bool | int | float]
    packages: dict[str, str]
    hardware: dict[str, str | int | float]
    log_checkpoint: str | None = None


class ModelIdentity(Section):
    """A base model by name and digest."""

    name: str
    digest: str


class PolicyIdentity(Section):
    """A policy by name, version and digest."""

    name: str
    version: str
    digest: str
    regulation: str


class RunSection(Section):
    """Which run this is."""

    id: str
    started: str
    finished: str | None
    appliance_version: str
    policy: PolicyIdentity
    base_model: ModelIdentity


class Evidence(Section):
    """Everything the gate may look at. A missing section is `None`, and refuses.

    `people` alone may be missing: where the policy asks for no signature.
    """

    run: RunSection
    data: DataSection | None = None
    deidentification: DeidentificationSection | None = None
    privacy: PrivacySection | None = None
    training: TrainingSection | None = None
    utility: UtilitySection | None = None
    audit: AuditSection | None = None
    environment: EnvironmentSection | None = None
    people: PeopleSection | None = None


class Finding(Section):
    """One rule of the policy, held against the evidence."""

    rule: str
    passed: bool
    outcome: Literal["pass", "refuse", "inconclusive", "waived"]
    measured: float | int | str | bool | None
    threshold: float | int | str | bool | None
    detail: str


Outcome = Literal["pass", "refuse", "inconclusive"]


def overall(verdict: str, findings: Sequence[Finding]) -> Outcome:
    """Return what a decision comes to.

    "inconclusive" where a run was refused by nothing but findings that could not be judged: too
    few canaries, an attack that is blind. It may be sound; it was not shown to be.
    """
    if verdict == "released":
        return "pass"
    open_ones = [f for f in findings if not f.passed]
    blind = bool(open_ones) and all(f.outcome == "inconclusive" for f in open_ones)
    return "inconclusive" if blind else "refuse"


class Artifact(Section):
    """A file of the release."""

    path: str
    digest: str
    bytes: int


class Report(Section):
    """`report.json`: the evidence, the decision and the files it covers."""

    schema_version: Literal["1"] = "1"
    verdict: Literal["released", "refused"]
    outcome: Outcome = Field(
        description="What the verdict rests on: 'inconclusive' where nothing was found, and too "
        "little could have been."
    )
    findings: list[Finding]
    run: RunSection
    data: DataSection | None
    deidentification: DeidentificationSection | None
    privacy: PrivacySection | None
    training: TrainingSection | None
    utility: UtilitySection | None
    audit: AuditSection | None
    environment: EnvironmentSection | None
    people: PeopleSection | None = None
    artifacts: list[Artifact]
    not_tested: list[str]
