"""Who signed for a release, in which role, and when: verified before it stands here."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from appliance.evidence.base import Section

Role = Literal["steward", "privacy-officer", "operator", "approver", "auditor"]
Vote = Literal["approve", "reject", "waive"]


class Signature(Section):
    """One person's signed word about one run."""

    person: str = Field(description="Name in the list of roles.")
    key_id: str = Field(description="Hex SHA-256 of the key that signed.")
    role: Role = Field(description="The role the person signed in.")
    decision: Vote
    rule: str | None = Field(description="For a waiver: the rule it excuses.")
    reason: str = Field(description="The person's own words.")
    signed: str = Field(description="UTC time the person signed.")
    expires: str = Field(description="UTC time from which the word no longer counts.")
    digest: str = Field(description="Digest of the signed statement's file.")


class RolesIdentity(Section):
    """The list of roles that was in force."""

    version: int
    digest: str
    issued: str
    expires: str


class PeopleSection(Section):
    """What people signed, beyond the gate."""

    roles: RolesIdentity | None = Field(description="The list of roles the keys were found in.")
    needed: int = Field(description="Signatures needed: the policy's number or the list's.")
    waivers_needed: int = Field(default=1, description="Signatures one waiver needs.")
    judged: str = Field(description="UTC time at which the signatures were held against the clock.")
    accounts: list[int] = Field(
        default_factory=list, description="Unix accounts that worked on this run."
    )
    operators: list[str] = Field(
        default_factory=list, description="People who operated this run: their word does not count."
    )
    signatures: list[Signature] = Field(default_factory=list)
    release_key: Literal["workspace", "apart"] = Field(
        default="workspace", description="Where the release key lies: 'apart' needs its holder."
    )
    release_key_at_hand: bool = Field(
        default=True, description="Whether the command that closed the run could sign with it."
    )
