"""What a person signs about a run, and the request that tells them what it is about.

    request   {"format":"appliance-approval-request/1","run","subject":[{"name","digest"}],
               "report","policy":{"name","version","digest"},"needed","waivable":[...]}
    vote      DSSE envelope of an in-toto Statement v1, predicate type "urn:appliance:approval:v1":
               {"run","decision","rule","reason","role","policy","report","signed","expires"}

Rules:
- A vote is about bytes: the adapter's files and the report its signer could read, by digest. A
  forged request can only yield a vote that fits no run.
- A vote holds exactly one signature, of a key in the list of roles, in a role of its holder.
- Reading a vote checks whose it is and what about; whether it counts is for `judge`.

Reference:
    in-toto Attestation Framework, Statement v1; DSSE v1.0.2.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, get_args

from appliance.crypto.canonical import DIGEST_PREFIX, canonical_json, digest_bytes
from appliance.crypto.signing import Signer, dsse_sign, dsse_verify
from appliance.errors import IntegrityError, UsageError
from appliance.evidence import Role, Signature, Vote
from appliance.people.judge import POWERS
from appliance.people.roles import Person, SignedRoles, keys_of

REQUEST_FORMAT = "appliance-approval-request/1"
PAYLOAD_TYPE = "application/vnd.in-toto+json"
STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
PREDICATE_TYPE = "urn:appliance:approval:v1"
#: The report as the signers read it, inside a release.
CANDIDATE_REPORT = "compliance/candidate-report.json"
MAX_BYTES = 1024 * 1024
MAX_REASON = 1000
_HINT = "ask the signer for a fresh one: appliance approve"
_FIELDS = ("run", "decision", "rule", "reason", "role", "policy", "report", "signed", "expires")


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What people are asked about.

    Attributes:
        run: the run's id.
        subject: file name -> "sha256:<hex>"; the adapter's files and the report.
        report: digest of the report they read.
        policy: name, version and digest.
        needed: approvals needed.
        waivable: rules that did not pass and may be waived.
    """

    run: str
    subject: Mapping[str, str]
    report: str
    policy: Mapping[str, str]
    needed: int
    waivable: tuple[str, ...]

    def to_bytes(self) -> bytes:
        """Return the request's file."""
        body = {
            "format": REQUEST_FORMAT,
            "run": self.run,
            "subject": [{"name": n, "digest": d} for n, d in sorted(self.subject.items())],
            "report": self.report,
            "policy": dict(self.policy),
            "needed": self.needed,
            "waivable": list(self.waivable),
        }
        return canonical_json(body) + b"\n"

    @classmethod
    def from_bytes(cls, raw: bytes, *, where: str) -> Request:
        """Read a request.

        Raises:
            IntegrityError: it is not one.
        """
        try:
            body = json.loads(raw)
            request = cls(
                run=str(body["run"]),
                subject={str(s["name"]): str(s["digest"]) for s in body["subject"]},
                report=str(body["report"]),
                policy={k: str(body["policy"][k]) for k in ("name", "version", "digest")},
                needed=int(body["needed"]),
                waivable=tuple(str(rule) for rule in body["waivable"]),
            )
            whole = body["format"] == REQUEST_FORMAT and request.to_bytes() == raw
        except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError):
            whole = False
        if not whole:
            raise IntegrityError(
                where, "is not a request for approval", hint="ask the operator for a fresh copy"
            )
        return request


@dataclass(frozen=True, slots=True, kw_only=True)
class Ballot:
    """What a person decides.

    Attributes:
        decision: approve, reject or waive.
        role: the role they sign in.
        reason: in their own words; printed on the report's first page.
        rule: for a waiver, the rule.
        signed: UTC.
        expires: UTC.
    """

    decision: Vote
    role: Role
    reason: str
    rule: str | None
    signed: datetime
    expires: datetime


def sign_vote(request: Request, ballot: Ballot, signer: Signer) -> bytes:
    """Return a person's signed word about a run.

    Raises:
        UsageError: the role may not decide so, the rule cannot be waived, no reason, or an end
            before its beginning.
        MachineError: the signer's device refused.
    """
    check_ballot(request, ballot)
    predicate = {
        "run": request.run,
        "decision": ballot.decision,
        "rule": ballot.rule,
        "reason": ballot.reason,
        "role": ballot.role,
        "policy": request.policy["digest"],
        "report": request.report,
        "signed": _iso(ballot.signed),
        "expires": _iso(ballot.expires),
    }
    payload = canonical_json(_statement(request, predicate))
    return canonical_json(dsse_sign(payload, PAYLOAD_TYPE, [signer])) + b"\n"


def open_vote(raw: bytes, *, request: Request, roles: SignedRoles, where: str) -> Signature:
    """Return what a vote says, once it is known whose it is and that it is about this run.

    Raises:
        IntegrityError: malformed, altered, by an unknown key, about another run, report, policy or
            adapter, or in a role its signer does not hold.
    """
    envelope = _envelope(raw, where)
    key_id = str(envelope["signatures"][0]["keyid"])
    person = roles.holder(key_id)
    if person is None:
        raise IntegrityError(
            where, "was signed by a key that the list of roles does not hold", hint=_HINT
        )
    payload = dsse_verify(envelope, keys_of(person), payload_type=PAYLOAD_TYPE, where=where)
    predicate = _predicate(payload, request, where)
    if predicate["role"] not in person.roles:
        raise IntegrityError(where, "its signer does not hold the role it names", hint=_HINT)
    return _signature(raw, predicate, person, key_id, where)


def _envelope(raw: bytes, where: str) -> dict[str, Any]:
    try:
        if len(raw) > MAX_BYTES:
            raise ValueError("too large")
        envelope: dict[str, Any] = json.loads(raw)
        (only,) = envelope["signatures"]
        whole = canonical_json(envelope) + b"\n" == raw and isinstance(only["keyid"], str)
    except (ValueError, KeyError, TypeError, RecursionError):
        whole = False
    if not whole:
        raise IntegrityError(
            where, "is not a signed approval: one envelope, one signature", hint=_HINT
        )
    return envelope


def _predicate(payload: bytes, request: Request, where: str) -> dict[str, Any]:
    try:
        stated = json.loads(payload)
        predicate: dict[str, Any] = stated["predicate"]
        known = set(predicate) == set(_FIELDS)
    except (ValueError, KeyError, TypeError, RecursionError):
        known = False
    if not known:
        raise IntegrityError(where, "is not an approval's statement", hint=_HINT)
    about = (predicate["run"], predicate["policy"], predicate["report"])
    if about != (request.run, request.policy["digest"], request.report) or stated != _statement(
        request, predicate
    ):
        raise IntegrityError(
            where, "is about another run, report, policy or adapter than this", hint=_HINT
        )
    return predicate


def _signature(
    raw: bytes, predicate: Mapping[str, Any], person: Person, key_id: str, where: str
) -> Signature:
    try:
        signed, expires = (_time(predicate[name]) for name in ("signed", "expires"))
        ended = person.expires is not None and signed >= _time(person.expires)
        if predicate["decision"] not in get_args(Vote) or not isinstance(predicate["reason"], str):
            raise ValueError("decision")
        found = Signature(
            person=person.name,
            key_id=key_id,
            role=predicate["role"],
            decision=predicate["decision"],
            rule=predicate["rule"],
            reason=predicate["reason"],
            signed=_iso(signed),
            expires=_iso(expires),
            digest=digest_bytes(raw),
        )
    except (ValueError, TypeError):
        raise IntegrityError(where, "is not an approval's statement", hint=_HINT) from None
    if ended:
        raise IntegrityError(where, "its signer's roles had ended", hint=_HINT)
    return found


def _statement(request: Request, predicate: Mapping[str, Any]) -> dict[str, Any]:
    subject: Sequence[Mapping[str, Any]] = [
        {"name": name, "digest": {"sha256": digest.removeprefix(DIGEST_PREFIX)}}
        for name, digest in sorted(request.subject.items())
    ]
    return {
        "_type": STATEMENT_TYPE,
        "subject": list(subject),
        "predicateType": PREDICATE_TYPE,
        "predicate": dict(predicate),
    }


def check_ballot(request: Request, ballot: Ballot) -> None:
    """Refuse a ballot that could never count.

    Raises:
        UsageError: the role may not decide so, the rule cannot be waived, no reason, or an end
            before its beginning.
    """
    hint = "appliance approve --help"
    if ballot.role not in POWERS[ballot.decision]:
        who = ", ".join(sorted(POWERS[ballot.decision]))
        raise UsageError("role", f"may not {ballot.decision}; these may: {who}", hint=hint)
    if (ballot.decision == "waive") != (ballot.rule is not None):
        raise UsageError("rule", "a waiver names one rule, other decisions none", hint=hint)
    if ballot.rule is not None and ballot.rule not in request.waivable:
        may = ", ".join(request.waivable) or "none of this run"
        raise UsageError("rule", f"cannot be waived; these can: {may}", hint=hint)
    plain = ballot.reason.strip()
    if not plain or len(plain) > MAX_REASON or not ballot.reason.isprintable():
        raise UsageError("reason", f"expected one line of 1 to {MAX_REASON} characters", hint=hint)
    if ballot.expires <= ballot.signed:
        raise UsageError("expiry", "lies before the signature", hint=hint)


def _time(text: object) -> datetime:
    when = datetime.fromisoformat(str(text))
    if when.tzinfo is None:
        raise ValueError("expected an offset")
    return when.astimezone(UTC)


def _iso(when: datetime) -> str:
    return when.astimezone(UTC).isoformat(timespec="seconds")
