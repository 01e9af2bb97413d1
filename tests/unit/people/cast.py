"""Five people with keys, and a list of roles that names them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from appliance.crypto.signing import SigningKey
from appliance.evidence import Role, Vote
from appliance.people.roles import Person, Roles, SignedRoles, Thresholds, open_roles, sign_roles
from appliance.people.votes import Ballot, Request, sign_vote

NOW = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)
ROLE_OF: dict[str, Role] = {
    "ana": "privacy-officer",
    "bo": "approver",
    "cy": "steward",
    "dee": "auditor",
    "ops": "operator",
}


@dataclass
class Cast:
    root: SigningKey = field(default_factory=SigningKey.generate)
    keys: dict[str, SigningKey] = field(
        default_factory=lambda: {name: SigningKey.generate() for name in ROLE_OF}
    )

    def person(self, name: str, **changes: Any) -> Person:
        values: dict[str, Any] = {
            "name": name,
            "roles": (ROLE_OF[name],),
            "keys": (self.keys[name].public.pem().decode(),),
        }
        return Person(**(values | changes))

    def roles(self, *, people: tuple[Person, ...] | None = None, **changes: Any) -> Roles:
        values: dict[str, Any] = {
            "version": 1,
            "issued": "2026-01-01T00:00:00+00:00",
            "expires": "2027-01-01T00:00:00+00:00",
            "thresholds": Thresholds(release=2),
            "people": people or tuple(self.person(name) for name in ROLE_OF),
        }
        return Roles(**(values | changes))

    def signed(self, **changes: Any) -> SignedRoles:
        raw = sign_roles(self.roles(**changes), [self.root])
        return open_roles(raw, roots=[self.root.public], where="roles.json")

    def vote(
        self,
        request: Request,
        name: str,
        decision: Vote = "approve",
        *,
        role: Role | None = None,
        rule: str | None = None,
        signed: datetime = NOW,
        days: int = 30,
        reason: str = "read it",
    ) -> bytes:
        ballot = Ballot(
            decision=decision,
            role=role or ROLE_OF[name],
            reason=reason,
            rule=rule,
            signed=signed,
            expires=signed + timedelta(days=days),
        )
        return sign_vote(request, ballot, self.keys[name])


def request(**changes: Any) -> Request:
    values: dict[str, Any] = {
        "run": "run-1",
        "subject": {"adapter_model.safetensors": "sha256:" + "a" * 64},
        "report": "sha256:" + "b" * 64,
        "policy": {"name": "p", "version": "1", "digest": "sha256:" + "c" * 64},
        "needed": 2,
        "waivable": ("release.rules.max_auc",),
    }
    return Request(**(values | changes))
