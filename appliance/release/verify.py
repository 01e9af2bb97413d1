"""Check a released bundle on another machine: no workspace, no private key, no torch, no network.

Steps, in this order; nothing is read as true before the step above it has passed:

1. The public key is a P-384 key.
2. The folder holds plain files only: no links, no special files, no empty folders.
3. `model.sig` is this key's signature.
4. The files are exactly the signed ones, and exactly those a release has.
5. Every file has its signed digest.
6. The statements are this key's, and speak of these files.
7. The report matches its schema, lists these files, and its verdict follows from its findings.
8. The statements say what the report says; the policy and decision digests hold.
9. The audit log's checkpoint, where there is one, is this key's, or of a key this one names.
10. What people signed is theirs, about this adapter and this report, and is enough.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

from pydantic import ValidationError

from appliance.crypto.canonical import canonical_json, digest_bytes, digest_file
from appliance.crypto.signing import VerifyingKey, dsse_verify, verify_note
from appliance.errors import IntegrityError
from appliance.evidence import Evidence, Finding, Report
from appliance.files import read_regular
from appliance.policy.model import Policy
from appliance.release import layout, statements
from appliance.release.folder import HINT, list_files
from appliance.release.model_sig import PAYLOAD_TYPE, SignedFiles, open_signature
from appliance.release.verify_people import hold_people
from appliance.report.json import (
    MAX_REPORT_BYTES,
    decision_digest,
    evidence_of,
    parse_report,
    report_bytes,
)

MAX_SIGNATURE_BYTES = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One step that passed."""

    name: str
    passed: bool
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """What was checked, what that proves, and what it does not.

    Attributes:
        checks: the steps, all passed: a failed one raises.
        proved: plain sentences.
        not_proved: plain sentences.
    """

    checks: tuple[Check, ...]
    proved: tuple[str, ...]
    not_proved: tuple[str, ...]


class Decision(Protocol):
    """What the gate answers."""

    @property
    def verdict(self) -> str:
        """The gate's verdict."""

    @property
    def findings(self) -> Sequence[Finding]:
        """The gate's findings."""


def verify(
    bundle: Path,
    *,
    public_key: Path,
    decide: Callable[[Evidence, Policy], Decision] | None = None,
    roles_key: Path | VerifyingKey | None = None,
    now: datetime | None = None,
) -> Verification:
    """Check a bundle against the release's public key.

    Args:
        bundle: the released folder.
        public_key: PEM file, got by another way than the bundle.
        decide: the gate; given, the decision is taken again and compared.
        roles_key: the root of roles or its PEM file, where it is not the release's key.
        now: the time, for waivers that run out; default: the clock's.

    Returns:
        The steps, all passed, and what they mean.

    Raises:
        IntegrityError: the first step that fails, naming the file.
        MachineError: a file cannot be read.

    Guarantees:
        Any changed byte, any missing or added file, folder or link, and any other key raises.
        Where the policy asks for people: too few signatures, two of one person or role, the
        operator's, one out of date or out of role, an altered one, and a waiver that ran out.
    """
    key = VerifyingKey.from_file(public_key)  # 1
    paths = list_files(bundle)  # 2
    signed = _open(bundle, paths, key)  # 3
    _hold_list(bundle, paths, signed)  # 4
    size = _hold_digests(bundle, signed)  # 5
    predicates = _open_statements(bundle, signed, key)  # 6
    report = _open_report(bundle, signed)  # 7
    policy, checkpoint, log_key = _hold_statements(bundle, report, predicates, signed)  # 8
    anchored = _hold_checkpoint(bundle, checkpoint, log_key or key, release_key=key)  # 9
    root = VerifyingKey.from_file(roles_key) if isinstance(roles_key, Path) else roles_key
    people = hold_people(
        bundle,
        report,
        policy,
        digests=signed.digests,
        root=root or key,
        apart=root is not None,
        now=now or datetime.now(UTC),
    )  # 10
    if decide is not None:
        _hold_decision(bundle, report, policy, decide)
    checks = [
        ("key", f"ECDSA P-384, key id {key.key_id[:16]}"),
        ("files", f"{len(signed.digests)} signed files, none missing, none added, no links"),
        ("signature", f"{layout.SIGNATURE} is this key's"),
        ("digests", f"{size} bytes match their SHA-256 digests"),
        ("statements", f"{len(predicates)} in-toto statements are this key's, about these files"),
        ("report", f"matches its schema; {len(report.findings)} findings, all passed"),
        ("agreement", "statements, policy and decision digests agree with the report"),
    ]
    if decide is not None:
        checks.append(("decision", "the gate, asked again, gives the same findings and verdict"))
    checks.append(("log", anchored or "no checkpoint of the audit log in this release"))
    checks.append(("people", people.detail))
    return Verification(
        checks=tuple(Check(name=n, passed=True, detail=d) for n, d in checks),
        proved=(*_proved(report, key, decided=decide is not None), *people.proved),
        not_proved=(*people.not_proved, *_not_proved(report, anchored=anchored is not None)),
    )


def _open(bundle: Path, paths: Mapping[str, Path], key: VerifyingKey) -> SignedFiles:
    where = str(bundle / layout.SIGNATURE)
    if layout.SIGNATURE not in paths:
        raise IntegrityError(where, "is missing: the folder is not signed", hint=HINT)
    raw = read_regular(paths[layout.SIGNATURE], limit_bytes=MAX_SIGNATURE_BYTES)
    return open_signature(raw, key=key, where=where)


def _hold_list(bundle: Path, paths: Mapping[str, Path], signed: SignedFiles) -> None:
    found = set(paths) - {layout.SIGNATURE}
    for name in sorted(set(signed.digests) - found):
        raise IntegrityError(str(bundle / name), "is signed but missing", hint=HINT)
    for name in sorted(found - set(signed.digests)):
        raise IntegrityError(str(bundle / name), "was added: it is not signed", hint=HINT)
    for name in sorted(layout.REQUIRED - found):
        raise IntegrityError(str(bundle / name), "is missing from the release", hint=HINT)
    for name in sorted(n for n in found if not layout.has_place(n)):
        raise IntegrityError(str(bundle / name), "has no place in a release", hint=HINT)


def _hold_digests(bundle: Path, signed: SignedFiles) -> int:
    size = 0
    for name, digest in sorted(signed.digests.items()):
        path = bundle / name
        if digest_file(path) != digest:
            raise IntegrityError(str(path), "differs from what was signed", hint=HINT)
        size += path.stat().st_size
    return size


def _open_statements(
    bundle: Path, signed: SignedFiles, key: VerifyingKey
) -> dict[str, Mapping[str, Any]]:
    predicates: dict[str, Mapping[str, Any]] = {}
    for name in statements.NAMES:
        where = str(bundle / name)
        raw = read_regular(bundle / name, limit_bytes=MAX_SIGNATURE_BYTES)
        try:
            envelope = json.loads(raw)
        except (ValueError, RecursionError):
            raise IntegrityError(where, "is not a DSSE envelope", hint=HINT) from None
        stated = json.loads(dsse_verify(envelope, [key], payload_type=PAYLOAD_TYPE, where=where))
        predicate = stated.get("predicate") if isinstance(stated, dict) else None
        if not isinstance(predicate, dict):
            raise IntegrityError(where, "is not an in-toto statement", hint=HINT)
        if stated != statements.statement(name, predicate, digests=signed.digests):
            raise IntegrityError(where, "speaks of other files than these", hint=HINT)
        predicates[name] = predicate
    return predicates


def _open_report(bundle: Path, signed: SignedFiles) -> Report:
    path = bundle / layout.REPORT
    raw = read_regular(path, limit_bytes=MAX_REPORT_BYTES)
    report = parse_report(raw, where=str(path))
    if report_bytes(report) != raw:
        raise IntegrityError(str(path), "is not canonical JSON", hint=HINT)
    passed = bool(report.findings) and all(f.passed for f in report.findings)
    if report.verdict != "released" or not passed:
        raise IntegrityError(str(path), "verdict: does not follow from its findings", hint=HINT)
    for finding in report.findings:
        if (finding.outcome == "refuse") == finding.passed:
            what = f"findings: {finding.rule}: outcome and passed contradict each other"
            raise IntegrityError(str(path), what, hint=HINT)
    _hold_artifacts(path, report, signed)
    return report


def _hold_artifacts(path: Path, report: Report, signed: SignedFiles) -> None:
    listed = {a.path: a.digest for a in report.artifacts}
    if set(statements.SUBJECTS) - set(listed):
        raise IntegrityError(str(path), "artifacts: lacks the adapter's files", hint=HINT)
    for name, digest in sorted(listed.items()):
        if signed.digests.get(name) != digest:
            what = f"artifacts: {name}: another digest than the file's"
            raise IntegrityError(str(path), what, hint=HINT)


def _hold_statements(
    bundle: Path,
    report: Report,
    predicates: Mapping[str, Mapping[str, Any]],
    signed: SignedFiles,
) -> tuple[Policy, str | None, VerifyingKey | None]:
    """Derive every statement from the report again; return policy, log checkpoint and its key."""
    where = str(bundle / statements.PROVENANCE)
    stated = predicates[statements.PROVENANCE]
    try:
        values = stated["buildDefinition"]["externalParameters"]["policy"]
        byproducts = stated["runDetails"]["byproducts"]
        policy = Policy.model_validate_json(canonical_json(values))
        checkpoint = _content(byproducts, statements.CHECKPOINT_NAME)
        log_pem = _content(byproducts, statements.LOG_KEY_NAME)
    except (KeyError, TypeError, AttributeError, ValidationError, ValueError):
        raise IntegrityError(where, "is not a provenance of this kind", hint=HINT) from None
    if digest_bytes(canonical_json(values)) != report.run.policy.digest:
        raise IntegrityError(where, "policy: another digest than the report's", hint=HINT)
    digests = signed.digests
    expected = {
        statements.PROVENANCE: statements.provenance(
            report,
            digests=digests,
            policy=values,
            decision_digest=decision_digest(report),
            log_checkpoint=checkpoint,
            log_key=log_pem,
        ),
        statements.DP_GUARANTEE: statements.dp_guarantee(report, digests=digests),
        statements.LEAKAGE_AUDIT: statements.leakage_audit(report, digests=digests),
    }
    for name, predicate in expected.items():
        if canonical_json(predicate) != canonical_json(dict(predicates[name])):
            what = "says something else than the report"
            raise IntegrityError(str(bundle / name), what, hint=HINT)
    log_key = None if log_pem is None else VerifyingKey.from_pem(log_pem.encode(), where=where)
    return policy, checkpoint, log_key


def _content(byproducts: Sequence[Mapping[str, Any]], name: str) -> str | None:
    for item in byproducts:
        if item["name"] == name:
            try:
                return base64.b64decode(item["content"], validate=True).decode()
            except binascii.Error:
                raise ValueError("not base64") from None
    return None


def _hold_checkpoint(
    bundle: Path, note: str | None, key: VerifyingKey, *, release_key: VerifyingKey
) -> str | None:
    if note is None:
        return None
    where = f"{bundle / statements.PROVENANCE}: {statements.CHECKPOINT_NAME}"
    origin = note.partition("\n")[0]
    lines = verify_note(note, name=origin, key=key, where=where).splitlines()
    if len(lines) < 3 or not lines[1].isascii() or not lines[1].isdigit():
        raise IntegrityError(where, "is not a checkpoint", hint=HINT)
    whose = "this key" if key.key_id == release_key.key_id else "the log key this key names"
    return f"checkpoint over {lines[1]} events of {origin}, signed by {whose}"


def _hold_decision(
    bundle: Path,
    report: Report,
    policy: Policy,
    decide: Callable[[Evidence, Policy], Decision],
) -> None:
    decision = decide(evidence_of(report), policy)
    same = list(decision.findings) == list(report.findings)
    if decision.verdict != report.verdict or not same:
        what = "findings: the gate, asked again under the stated policy, answers otherwise"
        raise IntegrityError(str(bundle / layout.REPORT), what, hint=HINT)


def _proved(report: Report, key: VerifyingKey, *, decided: bool) -> list[str]:
    run = report.run
    said = [
        f"whoever holds the key {key.key_id[:16]} released exactly these files for run {run.id}",
        "no byte of adapter, card, report or statements has changed since",
        f"the report is about this adapter, base model {run.base_model.digest} and policy "
        f"{run.policy.name} {run.policy.version} ({run.policy.digest})",
    ]
    if decided:
        said.append("every finding follows from the figures in the report under that policy")
    return said


def _not_proved(report: Report, *, anchored: bool) -> list[str]:
    said = [
        "that the figures were measured as the report says: that rests on the machine that ran, "
        "its operator and the custody of the key",
        "that the public key is the releaser's: get it by another way than this bundle",
        "that the base model you load is the one named: compare it with "
        f"{report.run.base_model.digest}",
        "that the release has not been withdrawn since",
    ]
    if anchored:
        said.append(
            "that the audit log behind the checkpoint is whole: `appliance log verify --since`"
        )
    return said + list(report.not_tested)
