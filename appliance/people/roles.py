"""`roles.json`: who may decide, by their public keys; signed, numbered, with an end.

    DSSE envelope, payload type "application/vnd.appliance.roles+json", payload:
    {"format":"appliance-roles/1","version","issued","expires",
     "thresholds":{"release","waiver"},
     "people":[{"name","roles":[...],"accounts":[uid...],"expires"|null,"keys":[PEM...]}]}

Rules:
- Signed by the root of roles: the release key, or a key of its own kept apart.
- `version` only rises. Whoever adopts a list remembers the highest one.
- A key belongs to one person. Who holds the role operator holds no other.

Reference:
    The Update Framework, root metadata: version, expiry, thresholds, signed by the previous root.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from appliance.crypto.canonical import canonical_json, digest_bytes
from appliance.crypto.signing import Signer, VerifyingKey, dsse_sign, dsse_verify
from appliance.errors import IntegrityError, PolicyError
from appliance.evidence import Role, RolesIdentity

PAYLOAD_TYPE = "application/vnd.appliance.roles+json"
MAX_BYTES = 1024 * 1024
_HINT = "ask whoever keeps the list of roles for a fresh copy"
_HINT_DRAFT = "appliance roles --help"
_NOT_A_TIME = ValueError("expected a time with its offset, e.g. 2026-09-01T00:00:00+00:00")


class _Strict(BaseModel):
    model_config = ConfigDict(
        frozen=True, extra="forbid", strict=True, hide_input_in_errors=True, validate_default=True
    )


def _utc(text: str) -> datetime:
    """Read a time that names its offset."""
    try:
        when = datetime.fromisoformat(text)
    except ValueError:  # its message quotes the text
        raise _NOT_A_TIME from None
    if when.tzinfo is None:
        raise _NOT_A_TIME
    return when.astimezone(UTC)


class Person(_Strict):
    """One person: a name, roles, keys, and the accounts they work under."""

    name: str = Field(min_length=1, max_length=200)
    roles: tuple[Role, ...] = Field(min_length=1)
    keys: tuple[str, ...] = Field(min_length=1, max_length=8)
    accounts: tuple[int, ...] = ()
    expires: str | None = None

    @model_validator(mode="after")
    def _sound(self) -> Self:
        if not self.name.isprintable():
            raise ValueError("a name holds a character that cannot be printed")
        if "operator" in self.roles and len(self.roles) > 1:
            raise ValueError("an operator holds another role too: give the roles to two people")
        if len(set(self.roles)) != len(self.roles):
            raise ValueError("a role stands twice")
        if self.expires is not None:
            _utc(self.expires)
        return self


class Thresholds(_Strict):
    """How many different people a decision needs, where the policy asks for any."""

    release: Annotated[int, Field(ge=1, le=5)] = 1
    waiver: Annotated[int, Field(ge=1, le=5)] = 1


class Roles(_Strict):
    """The list itself."""

    format: Literal["appliance-roles/1"] = "appliance-roles/1"
    version: int = Field(ge=1)
    issued: str
    expires: str
    thresholds: Thresholds = Thresholds()
    people: tuple[Person, ...] = Field(min_length=1, max_length=1000)

    @model_validator(mode="after")
    def _sound(self) -> Self:
        if _utc(self.issued) >= _utc(self.expires):
            raise ValueError("the list ends before it begins")
        if len({p.name for p in self.people}) != len(self.people):
            raise ValueError("a person stands twice")
        ids = [k.key_id for p in self.people for k in keys_of(p)]
        if len(set(ids)) != len(ids):
            raise ValueError("a key belongs to two people, or stands twice")
        return self

    @property
    def ends(self) -> datetime:
        """When the list ends, UTC."""
        return _utc(self.expires)


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedRoles:
    """A list whose signature held.

    Attributes:
        roles: the list.
        envelope: its file's bytes, to be handed on.
    """

    roles: Roles
    envelope: bytes

    @property
    def identity(self) -> RolesIdentity:
        """Which list this is, for the report."""
        return RolesIdentity(
            version=self.roles.version,
            digest=digest_bytes(self.envelope),
            issued=self.roles.issued,
            expires=self.roles.expires,
        )

    def holder(self, key_id: str) -> Person | None:
        """Return the person a key belongs to."""
        for person in self.roles.people:
            if any(k.key_id == key_id for k in keys_of(person)):
                return person
        return None

    def operators(self, accounts: Sequence[int]) -> list[str]:
        """Return the names of those who operate: by their role, or by an account that ran."""
        return sorted(
            p.name
            for p in self.roles.people
            if "operator" in p.roles or set(accounts) & set(p.accounts)
        )


def keys_of(person: Person) -> list[VerifyingKey]:
    """Return a person's keys.

    Raises:
        ValueError: one is not a P-384 public key.
    """
    try:
        return [VerifyingKey.from_pem(pem.encode()) for pem in person.keys]
    except IntegrityError:
        raise ValueError("a key is not a P-384 public key in PEM") from None


def parse_draft(raw: bytes, *, where: str) -> Roles:
    """Read a list before it is signed.

    Raises:
        PolicyError: it is not one; names the field, never its value.
    """
    try:
        return Roles.model_validate_json(raw)
    except ValidationError as error:
        raise PolicyError(where, _first(error), hint=_HINT_DRAFT) from None


def sign_roles(roles: Roles, signers: Sequence[Signer]) -> bytes:
    """Return the list's file: one envelope with one signature per signer."""
    payload = canonical_json(roles.model_dump(mode="json"))
    return canonical_json(dsse_sign(payload, PAYLOAD_TYPE, signers)) + b"\n"


def open_roles(raw: bytes, *, roots: Sequence[VerifyingKey], where: str) -> SignedRoles:
    """Return a list that every one of `roots` has signed.

    Raises:
        IntegrityError: malformed, altered, or signed by another key.
    """
    if len(raw) > MAX_BYTES:
        raise IntegrityError(where, f"is over {MAX_BYTES} bytes", hint=_HINT)
    try:
        envelope = json.loads(raw)
        whole = isinstance(envelope, dict) and canonical_json(envelope) + b"\n" == raw
    except (ValueError, RecursionError):
        whole = False
    if not whole:
        raise IntegrityError(where, "is not a signed list of roles", hint=_HINT)
    different = len({root.key_id for root in roots})
    payload = dsse_verify(envelope, roots, different, payload_type=PAYLOAD_TYPE, where=where)
    try:
        roles = Roles.model_validate_json(payload)
    except ValidationError as error:
        raise IntegrityError(where, _first(error), hint=_HINT) from None
    return SignedRoles(roles=roles, envelope=raw)


def _first(error: ValidationError) -> str:
    """Say what is wrong first: field and kind; a rule of ours in its own words."""
    first = error.errors(include_input=False, include_url=False)[0]
    field = ".".join(str(part) for part in first["loc"]) or "the list"
    if first["type"] == "value_error":
        return f"{field}: {first['ctx']['error']}"
    return f"{field}: does not match the format ({first['type']})"
