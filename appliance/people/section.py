"""The report's page on people, made from opened words: here for the release, there for `verify`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from appliance.evidence import PeopleSection, Signature
from appliance.people.roles import SignedRoles


def people_section(
    signatures: Sequence[Signature],
    *,
    roles: SignedRoles | None,
    needed: int,
    accounts: Sequence[int],
    judged: str,
    release_key: Literal["workspace", "apart"] = "workspace",
    at_hand: bool = True,
) -> PeopleSection:
    """Return what people signed, held against the list of roles.

    Args:
        signatures: opened words, in the order of their files.
        roles: the list in force; None: there is none, and no word counts.
        needed: the policy's number; the list may raise it, never lower it, and not from zero.
        accounts: Unix accounts that worked on the run.
        judged: UTC time, ISO 8601.
        release_key: where the release key lies.
        at_hand: whether this command can sign with it.
    """
    thresholds = None if roles is None else roles.roles.thresholds
    raised = max(needed, thresholds.release) if needed and thresholds else needed
    return PeopleSection(
        roles=None if roles is None else roles.identity,
        needed=raised,
        waivers_needed=1 if thresholds is None else thresholds.waiver,
        judged=judged,
        accounts=sorted(set(accounts)),
        operators=[] if roles is None else roles.operators(accounts),
        signatures=list(signatures),
        release_key=release_key,
        release_key_at_hand=at_hand,
    )
