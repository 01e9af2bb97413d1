"""The sealed set of canaries: what was planted, by which coins, under which design.

Owns the values and their bytes; `canaries` makes them. The bytes are private: the caller seals
them and publishes their digest before training.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np

from appliance.audit.bounds import guess_counts
from appliance.crypto.canonical import canonical_json, digest_bytes
from appliance.errors import IntegrityError
from appliance.model.examples import Example

Family = Literal["newtok", "secret", "repeat"]

#: Fixed before training and part of the digest.
PRIMARY_SCORE = "minus the loss on the secret span of newtok canaries"
_VERSION = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Canary:
    """One candidate, planted or held out.

    Attributes:
        id: position in the set, 0-based; fixed before the coins.
        family: newtok, secret or repeat.
        entity_type: of the identifier; "" for newtok.
        repeats: how many units hold it when it is planted.
        example: what the trainer sees; its targets are those of the records trained on.
        secret_span: [start, end) token positions of the secret.
        included: the coin.
    """

    id: int
    family: Family
    entity_type: str
    repeats: int
    example: Example = field(repr=False)
    secret_span: tuple[int, int]
    included: bool = field(repr=False)

    @property
    def probe(self) -> Example:
        """Return the example as it is attacked: its targets are the secret span alone."""
        start, end = self.secret_span
        places = np.arange(len(self.example))
        return replace(self.example, loss_mask=(places >= start) & (places < end))


@dataclass(frozen=True, slots=True, kw_only=True)
class CanarySet:
    """All candidates with their coins, and the design fixed with them.

    Attributes:
        canaries: in order of their ids.
        salt: 32 secret bytes: hides the digest's content and seeds later choices of the audit.
        reason: plain words where the policy's counts were cut, or None.
    """

    canaries: tuple[Canary, ...] = field(repr=False)
    salt: bytes = field(repr=False)
    reason: str | None = None

    def family(self, name: Family) -> list[Canary]:
        """Return one family's candidates in order."""
        return [canary for canary in self.canaries if canary.family == name]

    def included_units(self) -> list[list[Example]]:
        """Return the planted privacy units: one example each, `repeats` units per canary.

        Every example has a negative record id of its own.
        """
        units: list[list[Example]] = []
        record_id = 0
        for canary in self.canaries:
            for _ in range(canary.repeats):
                record_id -= 1
                if canary.included:
                    units.append([replace(canary.example, record_id=record_id)])
        return units

    @property
    def digest(self) -> str:
        """Return "sha256:<hex>" over content, coins, design and salt."""
        return digest_bytes(self.to_bytes())

    def generator(self, purpose: str) -> np.random.Generator:
        """Return the generator for one later choice, fixed by the salt before training."""
        return seeded_generator(self.salt, purpose)

    def to_bytes(self) -> bytes:
        """Return the set as canonical JSON. Private: the caller seals it."""
        guesses = guess_counts(len(self.family("newtok")))
        return canonical_json(
            {
                "version": _VERSION,
                "primary_score": PRIMARY_SCORE,
                "guesses": [guesses.included, guesses.excluded],
                "salt": self.salt.hex(),
                "reason": self.reason,
                "canaries": [_as_json(canary) for canary in self.canaries],
            }
        )

    @classmethod
    def from_bytes(cls, data: bytes) -> CanarySet:
        """Read a set back.

        Raises:
            IntegrityError: the bytes are not a canary set of this version.
        """
        try:
            value = json.loads(data)
            if value["version"] != _VERSION:
                raise ValueError("version")
            found = cls(
                canaries=tuple(_from_json(item) for item in value["canaries"]),
                salt=bytes.fromhex(value["salt"]),
                reason=value["reason"],
            )
            if found.to_bytes() != data:
                raise ValueError("not canonical")
        except (ValueError, KeyError, TypeError, OverflowError):
            raise IntegrityError(
                "canaries",
                "expected a sealed canary set of version 1",
                hint="start a new run: appliance train",
            ) from None
        return found


def _as_json(canary: Canary) -> dict[str, Any]:
    return {
        "id": canary.id,
        "family": canary.family,
        "entity_type": canary.entity_type,
        "repeats": canary.repeats,
        "input_ids": canary.example.input_ids.tolist(),
        "loss_mask": canary.example.loss_mask.astype(int).tolist(),
        "secret_span": list(canary.secret_span),
        "included": canary.included,
    }


def _from_json(item: dict[str, Any]) -> Canary:
    start, end = item["secret_span"]
    return Canary(
        id=item["id"],
        family=item["family"],
        entity_type=item["entity_type"],
        repeats=item["repeats"],
        example=Example(
            input_ids=np.asarray(item["input_ids"], dtype=np.int32),
            loss_mask=np.asarray(item["loss_mask"], dtype=bool),
            record_id=-1 - int(item["id"]),
        ),
        secret_span=(start, end),
        included=item["included"],
    )


def expand_entropy(entropy: bytes, purpose: str, length: int) -> bytes:
    """Expand entropy into bytes that differ for every purpose (SHAKE-256)."""
    return hashlib.shake_256(b"appliance/canaries/" + purpose.encode() + b"\0" + entropy).digest(
        length
    )


def seeded_generator(entropy: bytes, purpose: str) -> np.random.Generator:
    """Return a generator that differs for every purpose."""
    return np.random.default_rng(int.from_bytes(expand_entropy(entropy, purpose, 32), "big"))
