"""What was measured of a detector, kept in the workspace until a run asks for it.

Owns the sealed folder "detection/": one measurement per detector, the newest one. A measurement
speaks for a detector whose digest is the same, and for no other.
"""

from __future__ import annotations

from pathlib import Path

from appliance.corpus import Corpus
from appliance.evidence import DeidentificationSection, Recall
from appliance.policy.model import Policy
from appliance.progress import Progress
from appliance.redact.building import detector_digest, processes_of
from appliance.redact.detect.pool import Pool
from appliance.redact.measure import Scores, as_recall, read_gold, score_detection
from appliance.redact.stage import Known, redact
from appliance.steward.detector import detector_of
from appliance.steward.reviews import reviewed_recall
from appliance.vault import Vault
from appliance.workspace import Home

_FOLDER = "detection/"


def measure(
    policy: Policy, gold: Path, *, home: Home | None, languages: tuple[str, ...] | None = None
) -> Scores:
    """Measure a policy's detector on annotated documents; keep the result in the workspace.

    Args:
        policy: whose detector.
        gold: JSONL, see `read_gold`.
        home: takes the result, open for changes; None keeps nothing.
        languages: instead of the policy's own.
    """
    with Pool(detector_of(policy, languages=languages), processes_of(policy)) as detector:
        scores = score_detection(read_gold(gold), detector)
    if home is not None:
        digest = detector_digest(policy, languages=languages)
        home.vault.write_json(_name(digest), as_recall(scores).model_dump(mode="json"))
    return scores


def measured_before(home: Home, policy: Policy) -> Recall | None:
    """Return what was measured of a policy's detector in this workspace."""
    name = _name(detector_digest(policy))
    if not home.vault.exists(name):
        return None
    return Recall.model_validate_json(home.vault.read_bytes(name))


def floor_warnings(home: Home, policy: Policy) -> tuple[str, ...]:
    """Say before a run why its recall floor would refuse it, as far as that is known."""
    floor = policy.deidentify.recall_floor
    if floor is None or policy.deidentify.gold is not None:
        return ()
    found = measured_before(home, policy)
    if found is not None and found.recall_interval[0] >= floor:
        return ()
    said = "was never measured here" if found is None else "did not reach it"
    return (f"deidentify.recall_floor: this detector {said} (appliance evaluate-detection)",)


def deidentify(
    corpus: Corpus,
    *,
    home: Home,
    policy: Policy,
    vault: Vault,
    person_key: bytes,
    progress: Progress,
) -> DeidentificationSection:
    """De-identify a corpus with the policy's detector and all that is known of it; see `redact`."""
    known = Known(
        measured=measured_before(home, policy), reviewed=reviewed_recall(home, policy, corpus)
    )
    return redact(
        corpus,
        policy=policy,
        vault=vault,
        person_key=person_key,
        progress=progress,
        detector=detector_of(policy),
        known=known,
    )


def _name(digest: str) -> str:
    return f"{_FOLDER}{digest.removeprefix('sha256:')}.json"
