"""Check what people signed about a release: again, from their own words inside the bundle.

Nothing of the report's page on people is believed: the list of roles and every word are opened, the
section is made anew, and both must agree.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from appliance.crypto.signing import VerifyingKey
from appliance.errors import IntegrityError
from appliance.evidence import PeopleSection, Report
from appliance.files import read_regular
from appliance.people import judge
from appliance.people.roles import SignedRoles, open_roles
from appliance.people.section import people_section
from appliance.people.votes import MAX_BYTES, Request, open_vote
from appliance.policy.model import Policy
from appliance.release import layout, statements
from appliance.release.folder import HINT
from appliance.report.json import MAX_REPORT_BYTES, evidence_of, parse_report, report_bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class PeopleCheck:
    """What the signatures of people prove.

    Attributes:
        detail: one line for the list of checks.
        proved: plain sentences.
        not_proved: plain sentences.
    """

    detail: str
    proved: tuple[str, ...] = ()
    not_proved: tuple[str, ...] = ()


def hold_people(
    bundle: Path,
    report: Report,
    policy: Policy,
    *,
    digests: Mapping[str, str],
    root: VerifyingKey,
    apart: bool,
    now: datetime,
) -> PeopleCheck:
    """Check the people's part of a release.

    Args:
        bundle: the folder; its list and digests hold already.
        report: the bundle's report.
        policy: the policy the release was decided under.
        digests: the signed files.
        root: the key that signs lists of roles.
        apart: whether that key is another than the release's.
        now: for waivers that run out.

    Raises:
        IntegrityError: naming the file whose word does not hold, or the report when they are not
            enough.
    """
    votes = sorted(name for name in digests if layout.is_vote(name))
    papers = [n for n in (layout.ROLES, layout.CANDIDATE) if n in digests]
    section, where = report.people, str(bundle / layout.REPORT)
    if section is None or section.roles is None:
        return _without_people(bundle, policy, section, votes + papers)
    for name in (layout.ROLES, layout.CANDIDATE):
        if name not in digests:
            raise IntegrityError(str(bundle / name), "is missing from the release", hint=HINT)
    roles = _roles(bundle, root, apart=apart)
    _hold_candidate(bundle, report)
    _hold_votes(bundle, section, roles, policy, _request(report, digests), votes)
    _hold_enough(where, section, policy)
    waivers = judge.waived(section)
    for rule, word in waivers.items():
        if now >= datetime.fromisoformat(word.expires):
            what = f"people: the waiver of {rule} ran out on {word.expires[:10]}"
            raise IntegrityError(where, what, hint="ask for a release under a new waiver")
    return _said(section, waivers, apart=apart)


def _without_people(
    bundle: Path, policy: Policy, section: PeopleSection | None, files: list[str]
) -> PeopleCheck:
    if files:
        raise IntegrityError(
            str(bundle / files[0]), "belongs to a release that people signed", hint=HINT
        )
    if policy.release.approvals or (section is not None and section.signatures):
        raise IntegrityError(
            str(bundle / layout.REPORT),
            f"people: 0 signatures, expected {policy.release.approvals}",
            hint=HINT,
        )
    return PeopleCheck(detail="the policy asks for no signature of a person")


def _roles(bundle: Path, root: VerifyingKey, *, apart: bool) -> SignedRoles:
    path = bundle / layout.ROLES
    raw = read_regular(path, limit_bytes=MAX_BYTES)
    try:
        return open_roles(raw, roots=[root], where=str(path))
    except IntegrityError as error:
        if apart:
            raise
        what = "is not signed by the release's key"
        hint = "repeat with --roles-key, the key that signs lists of roles"
        raise IntegrityError(error.where, what, hint=hint) from None


def _hold_candidate(bundle: Path, report: Report) -> None:
    """The report that people read says what the release's report says, but for their own words."""
    path = bundle / layout.CANDIDATE
    raw = read_regular(path, limit_bytes=MAX_REPORT_BYTES)
    read = parse_report(raw, where=str(path))
    if report_bytes(read) != raw:
        raise IntegrityError(str(path), "is not canonical JSON", hint=HINT)
    ours, theirs = (evidence_of(r).model_copy(update={"people": None}) for r in (report, read))
    if ours != theirs:
        raise IntegrityError(str(path), "what people read is not what the report says", hint=HINT)


def _request(report: Report, digests: Mapping[str, str]) -> Request:
    """Return what the people were asked about, drawn from the bundle itself."""
    named = {*statements.SUBJECTS, *layout.TOKENIZER, layout.CANDIDATE}
    identity = report.run.policy
    return Request(
        run=report.run.id,
        subject={name: digests[name] for name in named if name in digests},
        report=digests[layout.CANDIDATE],
        policy={"name": identity.name, "version": identity.version, "digest": identity.digest},
        needed=0,
        waivable=(),
    )


def _hold_votes(
    bundle: Path,
    section: PeopleSection,
    roles: SignedRoles,
    policy: Policy,
    request: Request,
    names: list[str],
) -> None:
    found = [
        open_vote(
            read_regular(bundle / name, limit_bytes=MAX_BYTES),
            request=request,
            roles=roles,
            where=str(bundle / name),
        )
        for name in names
    ]
    again = people_section(
        found,
        roles=roles,
        needed=policy.release.approvals,
        accounts=section.accounts,
        judged=section.judged,
        release_key=section.release_key,
        at_hand=section.release_key_at_hand,
    )
    if again != section:
        raise IntegrityError(
            str(bundle / layout.REPORT),
            "people: says something else than what they signed",
            hint=HINT,
        )


def _hold_enough(where: str, section: PeopleSection, policy: Policy) -> None:
    if not judge.in_force(section):
        raise IntegrityError(where, "people: the list of roles was not in force", hint=HINT)
    # A rejection that ran out stays to be read; a word that lets the release pass must count.
    passing = [s for s in section.signatures if s.decision != "reject"]
    if said := judge.objections(section.model_copy(update={"signatures": passing})):
        raise IntegrityError(where, f"people: a signature does not count: {said[0]}", hint=HINT)
    if judge.rejections(section):
        raise IntegrityError(where, "people: a rejection stands", hint=HINT)
    needed = max(section.needed, policy.release.approvals) if policy.release.approvals else 0
    count = judge.approvals(section)
    if count < needed:
        what = f"people: {count} signatures of different people in different roles"
        raise IntegrityError(where, f"{what}, expected {needed}", hint=HINT)


def _said(section: PeopleSection, waivers: Mapping[str, object], *, apart: bool) -> PeopleCheck:
    words = [f"{s.person} ({s.role}, {s.decision})" for s in section.signatures]
    whose = "the root of roles given" if apart else "the release's key"
    detail = f"{judge.approvals(section)} of {section.needed} needed: {', '.join(words)}"
    roles = section.roles
    version = 0 if roles is None else roles.version
    return PeopleCheck(
        detail=detail,
        proved=(
            "the keys of these people, as the list of roles names them, signed for this adapter "
            f"and this report: {', '.join(words)}",
            f"the list of roles, version {version}, is signed by {whose}",
        ),
        not_proved=(
            "that each key was in its holder's hands alone, and that the list names the right "
            "people: compare its version and digest with the copy your organisation keeps",
            *(
                f"that the exception to {rule} is right: a person answers for it"
                for rule in sorted(waivers)
            ),
        ),
    )
