"""Build a release: adapter, card, statements, report and signature, in one folder, all or nothing.

Owns the folder's layout. Opens only for an approval whose decision is about this very report, and
puts nothing in the folder that the strict list of `layout` does not name.
"""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from appliance.crypto.canonical import digest_bytes
from appliance.crypto.signing import SigningKey
from appliance.errors import IntegrityError, UsageError
from appliance.evidence import Artifact, Report
from appliance.files import (
    TEMPORARY,
    create_private,
    machine_errors,
    make_private_folder,
    sync_folder,
    write_all,
)
from appliance.policy.load import LoadedPolicy
from appliance.release import layout, statements
from appliance.release.card import render_card
from appliance.release.lint import lint_adapter
from appliance.release.mlbom import render_mlbom
from appliance.release.model_sig import sign_files
from appliance.report.html import render_html
from appliance.report.json import decision_digest, report_bytes
from appliance.report.oscal import render_oscal


class Approval(Protocol):
    """The gate's word that one run may be released. Only the gate makes one."""

    @property
    def run_id(self) -> str:
        """The run it is about."""

    @property
    def decision_digest(self) -> str:
        """Digest of the evidence and findings that were approved."""


def release(
    approval: Approval,
    *,
    report: Report,
    adapter_files: Mapping[str, bytes],
    policy: LoadedPolicy,
    signing_key: SigningKey,
    log_checkpoint: str | None,
    out: Path,
) -> list[Artifact]:
    """Write the signed release of an approved run.

    Args:
        approval: the gate's, for exactly this report.
        report: the run's report; its `artifacts` are filled in here.
        adapter_files: "adapter_model.safetensors", "adapter_config.json" and, if the base model
            has them, tokenizer files.
        policy: the policy the gate decided under; stated whole in the provenance.
        signing_key: the release key.
        log_checkpoint: the audit log's signed checkpoint, or None when there is none.
        out: the folder to make; its parent is made if missing.

    Returns:
        Every file of the release, the signature included, by path.

    Raises:
        IntegrityError: the approval, the report, the policy and the adapter do not belong together,
            or the adapter is none that plain peft loads.
        UsageError: `out` exists already.
        MachineError: it cannot be written; `out` does not exist then.

    Guarantees:
        `out` appears whole, synced and signed, or not at all.
        Every file in `out` but the signature is covered by the signature.
    """
    _belong_together(approval, report, policy)
    rank = lint_adapter(adapter_files)
    digest = approval.decision_digest
    files = _contents(report, adapter_files, policy, rank=rank)
    files |= _statements(files, report, policy, digest, log_checkpoint, signing_key)
    digests = {name: digest_bytes(data) for name, data in files.items()}
    files[layout.SIGNATURE] = sign_files(digests, name=report.run.id, key=signing_key)
    _write_folder(out, files)
    return _artifacts(files)


def _belong_together(approval: Approval, report: Report, policy: LoadedPolicy) -> None:
    hint = f"appliance train --resume {report.run.id}"
    if report.verdict != "released":
        raise IntegrityError("report", "the verdict is not released", hint=hint)
    if approval.run_id != report.run.id:
        raise IntegrityError("approval", "is for another run", hint=hint)
    if approval.decision_digest != decision_digest(report):
        what = "the report's evidence or findings differ from what the gate approved"
        raise IntegrityError("report", what, hint=hint)
    if policy.digest != report.run.policy.digest:
        raise IntegrityError("policy", "is not the one the run was decided under", hint=hint)


def _contents(
    report: Report, adapter_files: Mapping[str, bytes], policy: LoadedPolicy, *, rank: int
) -> dict[str, bytes]:
    """Return adapter, card, bill of materials and report."""
    knobs = policy.policy
    files = dict(adapter_files)
    adapter = _artifacts(files)
    files[layout.CARD] = render_card(report, policy=knobs, adapter_files=files, rank=rank)
    files[layout.MLBOM] = render_mlbom(report, policy=knobs, artifacts=adapter)
    # The report cannot hold its own digest: it lists what it is about, the signature lists it.
    report = report.model_copy(update={"artifacts": _artifacts(files)})
    html = render_html(
        report, language=knobs.report.language, organisation=knobs.report.organisation
    )
    files[layout.REPORT] = report_bytes(report)
    files[layout.REPORT_HTML] = html.encode()
    files[layout.OSCAL] = render_oscal(report)
    return files


def _statements(
    files: Mapping[str, bytes],
    report: Report,
    policy: LoadedPolicy,
    approved: str,
    log_checkpoint: str | None,
    key: SigningKey,
) -> dict[str, bytes]:
    digests = {name: digest_bytes(data) for name, data in files.items()}
    predicates = {
        statements.PROVENANCE: statements.provenance(
            report,
            digests=digests,
            policy=policy.policy.model_dump(mode="json"),
            decision_digest=approved,
            log_checkpoint=log_checkpoint,
        ),
        statements.DP_GUARANTEE: statements.dp_guarantee(report, digests=digests),
        statements.LEAKAGE_AUDIT: statements.leakage_audit(report, digests=digests),
    }
    return {
        name: statements.sign_statement(
            statements.statement(name, predicate, digests=digests), key=key
        )
        for name, predicate in predicates.items()
    }


def _artifacts(files: Mapping[str, bytes]) -> list[Artifact]:
    return [
        Artifact(path=name, digest=digest_bytes(data), bytes=len(data))
        for name, data in sorted(files.items())
    ]


def _write_folder(out: Path, files: Mapping[str, bytes]) -> None:
    """Write all files beside `out`, sync them, then give the folder its name."""
    if os.path.lexists(out):
        raise UsageError(str(out), "exists already", hint=f"appliance verify {out} --key PUB")
    make_private_folder(out.parent)
    temporary = out.parent / f"{TEMPORARY}{secrets.token_hex(8)}"
    try:
        with machine_errors(str(out)):
            temporary.mkdir(mode=0o700)
            for name, data in files.items():
                _write_file(temporary / name, data)
            for folder in (*(temporary / f for f in layout.FOLDERS), temporary):
                sync_folder(folder)
            temporary.rename(out)
            sync_folder(out.parent)
    except BaseException:
        with suppress(OSError):
            shutil.rmtree(temporary)
        raise


def _write_file(path: Path, data: bytes) -> None:
    path.parent.mkdir(mode=0o700, exist_ok=True)
    fd = create_private(path)
    try:
        write_all(fd, data)
        os.fsync(fd)
    finally:
        os.close(fd)
