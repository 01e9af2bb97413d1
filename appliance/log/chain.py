"""What a log's lines say of themselves: form, numbers, back pointers; and what is found there."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from appliance.crypto.canonical import canonical_json, digest_bytes

Fault = Literal["bad hash", "gap", "fork", "truncation", "unsigned tail", "forged"]

#: What the first event points back to.
START = digest_bytes(b"")
#: A secret that opened nothing: written by whoever tried, who can sign nothing.
UNLOCK_REFUSED = "unlock.refused"
#: Half an event, left by a crash, was cut off before the next one was written.
RECOVERED = "log.recovered"


COMPARE = "compare with a copy kept elsewhere: appliance log verify --since CHECKPOINT"
HINTS: dict[Fault, str] = {
    "bad hash": COMPARE,
    "gap": COMPARE,
    "fork": COMPARE,
    "truncation": "restore the log from a backup",
    "unsigned tail": "a command was killed: the next one signs what it left, then verify again",
    "forged": "keep a copy as evidence, then restore the workspace from a backup",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class LogReport:
    """The log as verified.

    Attributes:
        events: number of events.
        checkpoints: number of signed checkpoints.
        root: hex RFC 9162 root over all events.
    """

    events: int
    checkpoints: int
    root: str


class BrokenChainError(Exception):
    """The lines are not one chain; carries the kind of fault and what was found."""

    def __init__(self, fault: Fault, what: str) -> None:
        """Keep both for the error an operator sees."""
        super().__init__(what)
        self.fault: Fault = fault
        self.what = what


def check_chain(lines: Sequence[bytes]) -> None:
    """Check form, numbers and back pointers of the events.

    Raises:
        BrokenChainError: they are not one chain, and in which way.
    """
    prev = START
    for number, line in enumerate(lines):
        try:
            event = json.loads(line)
            seq, back = event["seq"], event["prev"]
            if canonical_json(event) != line or type(seq) is not int:
                raise ValueError("form")
        except (ValueError, KeyError, TypeError, RecursionError):
            raise BrokenChainError("bad hash", f"event {number} was altered") from None
        if seq > number:
            raise BrokenChainError("gap", f"events {number} to {seq - 1} are missing")
        if seq < number:
            raise BrokenChainError("fork", f"two events are numbered {seq}")
        if back != prev:
            raise BrokenChainError("bad hash", f"event {max(number - 1, 0)} was altered")
        prev = digest_bytes(line)


def left_unsigned(lines: Sequence[bytes]) -> int:
    """Count the events of a tail that some command should have signed."""
    return sum(not _is_refusal(line) for line in lines)


def _is_refusal(line: bytes) -> bool:
    """Whether a line says that a secret opened nothing; a line that is no event does not."""
    try:
        return bool(json.loads(line)["event"] == UNLOCK_REFUSED)
    except (ValueError, KeyError, TypeError, RecursionError):
        return False
