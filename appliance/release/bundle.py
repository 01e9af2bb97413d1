"""Build a release: adapter, card, statements, report and signature, in one folder, all or nothing.

Owns the folder's layout. Opens only for an approval whose decision is about this very report, and
puts nothing in the folder that the strict list of `layout` does not name.
"""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from appliance.crypto.canonical import digest_bytes, digest_file
from appliance.crypto.signing import Signer, VerifyingKey
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


@dataclass(frozen=True, slots=True, kw_only=True)
class PeoplesPapers:
    """What people signed about a release, whole, so that anyone can check it again.

    Attributes:
        roles: the signed list of roles.
        votes: their signed words, in the order of the report.
        report: `report.json` as they read it.
    """

    roles: bytes
    votes: Sequence[bytes]
    report: bytes

    def files(self) -> dict[str, bytes]:
        """Return them by their names in a release."""
        votes = {layout.vote_name(n): v for n, v in enumerate(self.votes, start=1)}
        return {layout.ROLES: self.roles, layout.CANDIDATE: self.report, **votes}


def release(
    approval: Approval,
    *,
    report: Report,
    adapter_files: Mapping[str, bytes],
    policy: LoadedPolicy,
    signing_key: Signer,
    log_checkpoint: str | None,
    out: Path,
    log_key: VerifyingKey | None = None,
    papers: PeoplesPapers | None = None,
    merge: Callable[[Path], None] | None = None,
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
        log_key: what signed the checkpoint, when it is not `signing_key`.
        papers: what people signed, where the policy asks for it.
        merge: writes the merged model into a folder that it makes; called after the approval has
            been checked, inside the folder that is not yet `out`.

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
    with _staging(out) as folder:
        merged = _merged(folder, merge)
        signed_by_people = {} if papers is None else papers.files()
        files = _contents(report, adapter_files, policy, rank=rank, merged=merged)
        files |= signed_by_people
        digests = {a.path: a.digest for a in (*merged, *_artifacts(files))}
        files |= _statements(
            digests, report, policy, approval.decision_digest, log_checkpoint, log_key, signing_key
        )
        digests = {a.path: a.digest for a in (*merged, *_artifacts(files))}
        files[layout.SIGNATURE] = sign_files(digests, name=report.run.id, key=signing_key)
        for name, data in files.items():
            _write_file(folder / name, data)
    return sorted((*merged, *_artifacts(files)), key=lambda a: a.path)


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


def _merged(folder: Path, merge: Callable[[Path], None] | None) -> list[Artifact]:
    """Let the merged model be written, and refuse a file a release has no place for."""
    if merge is None:
        return []
    merge(folder / layout.MERGED)
    found = []
    for path in sorted((folder / layout.MERGED).rglob("*")):
        name = path.relative_to(folder).as_posix()
        if not path.is_file() or not layout.has_place(name):
            raise IntegrityError(name, "has no place in a release", hint="appliance models list")
        size = path.stat().st_size
        found.append(Artifact(path=name, digest=digest_file(path), bytes=size))
    return found


def _contents(
    report: Report,
    adapter_files: Mapping[str, bytes],
    policy: LoadedPolicy,
    *,
    rank: int,
    merged: Sequence[Artifact],
) -> dict[str, bytes]:
    """Return adapter, card, bill of materials and report."""
    knobs = policy.policy
    files = dict(adapter_files)
    adapter = [*_artifacts(files), *merged]
    files[layout.CARD] = render_card(
        report, policy=knobs, adapter_files=files, rank=rank, merged=bool(merged)
    )
    files[layout.MLBOM] = render_mlbom(report, policy=knobs, artifacts=adapter)
    # The report cannot hold its own digest: it lists what it is about, the signature lists it.
    report = report.model_copy(update={"artifacts": [*_artifacts(files), *merged]})
    html = render_html(
        report, language=knobs.report.language, organisation=knobs.report.organisation
    )
    files[layout.REPORT] = report_bytes(report)
    files[layout.REPORT_HTML] = html.encode()
    files[layout.OSCAL] = render_oscal(report)
    return files


def _statements(
    digests: Mapping[str, str],
    report: Report,
    policy: LoadedPolicy,
    approved: str,
    log_checkpoint: str | None,
    log_key: VerifyingKey | None,
    key: Signer,
) -> dict[str, bytes]:
    predicates = {
        statements.PROVENANCE: statements.provenance(
            report,
            digests=digests,
            policy=policy.policy.model_dump(mode="json"),
            decision_digest=approved,
            log_checkpoint=log_checkpoint,
            log_key=None if log_key is None else log_key.pem().decode(),
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


@contextmanager
def _staging(out: Path) -> Iterator[Path]:
    """Yield a folder beside `out`; at a clean end it is synced and gets its name."""
    if os.path.lexists(out):
        raise UsageError(str(out), "exists already", hint=f"appliance verify {out} --key PUB")
    make_private_folder(out.parent)
    temporary = out.parent / f"{TEMPORARY}{secrets.token_hex(8)}"
    try:
        with machine_errors(str(out)):
            temporary.mkdir(mode=0o700)
            yield temporary
            for folder in (*(p for p in temporary.iterdir() if p.is_dir()), temporary):
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
