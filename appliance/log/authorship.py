"""Who wrote an event: a MAC under a key of the workspace's own vault.

The chain is of plain digests, and so anyone who may write the file can continue it. What the log
says decides: which state of a vault is the newest, which run was purged on purpose, which slots
are in force. So events written by someone without a key of the workspace decide nothing.

Rules:
- Each event of a command that opened the workspace carries "mac", over the event without it.
- Whoever opened nothing can say two things only: that a secret was refused, and that half an
  event was cut off. Nothing is decided by either.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
from typing import Any

from appliance.crypto.canonical import canonical_json
from appliance.log.chain import RECOVERED, UNLOCK_REFUSED

#: The events that need no key -> the fields they may have.
_KEYLESS: dict[str, set[str]] = {UNLOCK_REFUSED: set(), RECOVERED: {"dropped_bytes"}}


def mac_of(event: Mapping[str, Any], key: bytes) -> str:
    """Return the hex MAC of an event that has none."""
    return hmac.new(key, canonical_json(dict(event)), hashlib.sha256).hexdigest()


def first_forged(lines: Sequence[bytes], key: bytes) -> int | None:
    """Return the place of the first line that no holder of the key wrote."""
    return next((at for at, line in enumerate(lines) if not _is_ours(line, key)), None)


def _is_ours(line: bytes, key: bytes) -> bool:
    """Whether an event was written with the key, or is one that needs none."""
    try:
        event = json.loads(line)
        if canonical_json(event) != line:
            return False
        mac = event.pop("mac", None)
        if mac is None:
            allowed = _KEYLESS[event["event"]]
            return set(event["fields"]) == allowed and event["who"]["slot"] == ""
        return hmac.compare_digest(str(mac), mac_of(event, key))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return False
