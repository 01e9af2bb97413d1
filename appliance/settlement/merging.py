"""A second release of a released run, with the merged model: same evidence, same decision."""

from __future__ import annotations

import base64
import json
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from appliance.crypto.canonical import canonical_json
from appliance.crypto.signing import Signer
from appliance.errors import IntegrityError, UsageError
from appliance.evidence import Evidence, Report
from appliance.gate import decide
from appliance.model.registry import Registry
from appliance.people.release_key import verifying_path
from appliance.people.store import adopted
from appliance.policy import LoadedPolicy, Policy, policy_digest
from appliance.progress import Progress
from appliance.release import layout, statements
from appliance.release.bundle import PeoplesPapers, release
from appliance.release.verify import verify
from appliance.report.json import evidence_of, parse_report

if TYPE_CHECKING:
    from appliance.workspace import Home

#: What the second release is called: the run's id and this.
SUFFIX = "-merged"


def merger(
    home: Home, evidence: Evidence, adapter: Mapping[str, bytes], policy: LoadedPolicy
) -> Callable[[Path], None]:
    """Return what writes the merged model, once the base model is known to be the run's.

    Raises:
        IntegrityError: the registered base model is another one.
    """
    base = Registry(home.path / "models").get(evidence.run.base_model.name)
    if base.digest != evidence.run.base_model.digest:
        raise IntegrityError(
            f"base model {base.name}", "is not the one of this run", hint="appliance models list"
        )
    from appliance.model.merge import write_merged

    training = policy.policy.training
    return lambda folder: write_merged(base.path, adapter, folder, training=training)


def release_merged(
    home: Home, run_id: str, *, signer: Signer | None, progress: Progress
) -> tuple[Report, Path]:
    """Release a released run once more, beside its first release, with the merged model.

    Args:
        home: the workspace, opened exclusively.
        run_id: a released run.
        signer: the release key, where it lies apart; checked by the caller.
        progress: bars.

    Returns:
        The report and the new bundle.

    Raises:
        IntegrityError: the first release is not as it was signed.
        UsageError: it is gone, or the second one exists.

    Guarantees:
        The gate decides again over the same evidence; what people signed is carried over, and
        still is about the same adapter and report.
    """
    first, out = (home.path / "releases" / name for name in (run_id, run_id + SUFFIX))
    if not first.is_dir():
        raise UsageError(f"run {run_id}", "its release is gone", hint="appliance runs list")
    if out.exists():
        raise UsageError(str(out), "exists already", hint=f"appliance verify {out} --key PUB")
    known = adopted(home)
    root = None if known is None else known.root
    verify(first, public_key=verifying_path(home), decide=decide, roles_key=root)
    report = parse_report((first / layout.REPORT).read_bytes(), where=str(first / layout.REPORT))
    policy, evidence = _policy(first), evidence_of(report)
    decision = decide(evidence, policy.policy)
    if decision.approval is None:  # verified above; narrows the type
        raise IntegrityError(str(first), "the gate refuses it", hint="appliance verify")
    adapter = {
        name: (first / name).read_bytes()
        for name in (*statements.SUBJECTS, *layout.TOKENIZER)
        if (first / name).is_file()
    }
    own = home.signing_key()
    home.expect_public(out)
    with progress.task("merge and sign", None):
        artifacts = release(
            decision.approval,
            report=report,
            adapter_files=adapter,
            policy=policy,
            signing_key=signer or own,
            log_checkpoint=home.log.checkpoint(own).note,
            log_key=None if signer is None else own.public,
            out=out,
            papers=_papers(first),
            merge=merger(home, evidence, adapter, policy),
        )
    home.record_public(out)
    home.log.append("run.released", run=run_id, files=len(artifacts), merged=True)
    return report.model_copy(update={"artifacts": artifacts}), out


def remove_unfinished(home: Home, run_id: str) -> None:
    """Remove what a crash left of a release that never got its verdict."""
    shutil.rmtree(home.path / "releases" / run_id, ignore_errors=True)


def _policy(bundle: Path) -> LoadedPolicy:
    envelope = json.loads((bundle / statements.PROVENANCE).read_bytes())
    stated = json.loads(base64.b64decode(envelope["payload"]))
    values = stated["predicate"]["buildDefinition"]["externalParameters"]["policy"]
    policy = Policy.model_validate_json(canonical_json(values))
    return LoadedPolicy(policy=policy, digest=policy_digest(policy), path=bundle)


def _papers(bundle: Path) -> PeoplesPapers | None:
    if not (bundle / layout.ROLES).is_file():
        return None
    votes = sorted(
        p for p in (bundle / "attestations").iterdir() if layout.is_vote(f"attestations/{p.name}")
    )
    return PeoplesPapers(
        roles=(bundle / layout.ROLES).read_bytes(),
        votes=[path.read_bytes() for path in votes],
        report=(bundle / layout.CANDIDATE).read_bytes(),
    )
