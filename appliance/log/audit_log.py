"""The audit log: who did what, when, with what outcome; never content.

    HOME/log/events.jsonl        canonical JSON lines, chained by digest
    HOME/log/checkpoints.jsonl   signed notes over the RFC 9162 root, one per command

Rules:
- An event is appended under an exclusive lock on the file and synced before the call returns.
- Fields are ids, counts, digests and names of settings: short, of one line. Values of records
  never belong here, nor plain hashes of them.
- Who writes with the workspace's key adds a MAC; without one nothing of consequence is believed.
- A chain alone does not see truncation: checkpoints are signed with the release key, anchored in
  releases and reports, and `verify(since=...)` compares with one kept elsewhere.

Reference:
    RFC 8785 (canonical JSON), RFC 9162 section 2.1.1 (root), c2sp.org/tlog-checkpoint.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

from appliance.crypto.canonical import canonical_json, digest_bytes
from appliance.crypto.signing import SigningKey, VerifyingKey
from appliance.errors import IntegrityError
from appliance.files import machine_errors, read_at, read_or_empty, sync_folder, write_all
from appliance.log.authorship import first_forged, mac_of
from appliance.log.chain import (
    COMPARE,
    HINTS,
    RECOVERED,
    START,
    BrokenChainError,
    Fault,
    LogReport,
    check_chain,
    left_unsigned,
)
from appliance.log.checkpoint import Checkpoint
from appliance.log.fields import check_field, login_uid
from appliance.log.merkle import tree_root, tree_roots
from appliance.log.notes import read_notes, store_note

EVENTS_FILE = "events.jsonl"
CHECKPOINTS_FILE = "checkpoints.jsonl"

_EVENT = re.compile(r"[a-z][a-z0-9-]*(\.[a-z][a-z0-9-]*)*")


class AuditLog:
    """The log in one folder; safe for several processes at once."""

    def __init__(
        self,
        folder: Path,
        *,
        key: VerifyingKey,
        unlocked_by: str = "",
        mac_key: bytes | None = None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """Use the log in `folder`, which must exist.

        Args:
            folder: HOME/log.
            key: the release key's public half; checkpoints are checked against it.
            unlocked_by: the slot that opened the workspace, written into every event.
            mac_key: key of the events' MACs, of the workspace's vault; `believe` gives it later.
            clock: the time.
        """
        self._folder = folder
        self._events = folder / EVENTS_FILE
        self._checkpoints = folder / CHECKPOINTS_FILE
        self._key = key
        self._unlocked_by = unlocked_by
        self._clock = clock
        self._mac_key = mac_key
        #: How many events are known to be ours.
        self._ours = 0
        #: How far this process has read: bytes, events, digest of the last one.
        self._read = (0, 0, START)

    def append(self, event: str, *, outcome: str = "done", **fields: Any) -> int:  # noqa: ANN401
        """Add one event and sync it.

        Args:
            event: what happened, lower-case words joined by dots, e.g. "run.started".
            outcome: "done", "refused", "failed", ...
            fields: public facts: ids, counts, digests.

        Returns:
            The event's number, from 0.

        Raises:
            ValueError: a field that is not a short, one-line, public fact.
            IntegrityError: the log is shorter than it was.
            MachineError: it cannot be written; the log is as it was.
        """
        if not _EVENT.fullmatch(event):
            raise ValueError('expected an event name like "run.started"')
        check_field([outcome, fields])
        with self._locked() as fd:
            seq, prev = self._end(fd)
            return self._write(fd, seq, prev, event, outcome, fields)

    def checkpoint(self, key: SigningKey) -> Checkpoint:
        """Sign the root over all events, unless the last checkpoint covers them all.

        Raises:
            IntegrityError: the log contradicts its last checkpoint, or an event was forged.
            MachineError: it cannot be written.
        """
        with self._locked() as fd:
            self._end(fd)
            lines, _ = self._lines()
            self._check_ours(lines)
            last = self.last_checkpoint()
            if last is not None:
                self._compare([last], lines)
                if last.size == len(lines):
                    return last
            checkpoint = Checkpoint.sign(lines, key)
            store_note(self._checkpoints, checkpoint.note)
            return checkpoint

    def last_checkpoint(self) -> Checkpoint | None:
        """Return the last checkpoint: the anchor for reports and releases.

        Raises:
            IntegrityError: its signature does not verify.
        """
        notes = read_notes(self._checkpoints)
        return self._parse(notes[-1], len(notes)) if notes else None

    def check_signed(self) -> int:
        """Compare the events with the last checkpoint only; return how many it covers.

        Raises:
            IntegrityError: an event it covers was altered or removed.
        """
        last = self.last_checkpoint()
        if last is None:
            return 0
        self._compare([last], self._lines()[0])
        return last.size

    def believe(self, mac_key: bytes, *, known: int | None) -> None:
        """Check who wrote the events, and sign nothing that others wrote from here on.

        Args:
            mac_key: key of the events' MACs.
            known: how many events the vault vouches for; None: all there are.

        Raises:
            IntegrityError: an event was written without a key of the workspace.
        """
        lines, _ = self._lines()
        self._mac_key, self._ours = mac_key, len(lines) if known is None else known
        self._check_ours(lines)

    def head(self) -> tuple[int, str]:
        """Return the number of events and the hex root over them."""
        lines, _ = self._lines()
        return len(lines), tree_root(lines).hex()

    def size(self) -> int:
        """Return the number of events."""
        return len(self._lines()[0])

    def unsigned(self, signed: int) -> int:
        """Count the events after the first `signed` that some command should have signed."""
        return left_unsigned(self._lines()[0][signed:])

    def notes_head(self) -> tuple[int, str]:
        """Return the number of checkpoints and the digest over them."""
        notes = read_notes(self._checkpoints)
        return len(notes), digest_bytes(canonical_json(notes))

    def check_continues(
        self, size: int, root: str, *, signed: int, notes: tuple[int, str] = (0, "")
    ) -> None:
        """Compare with a head kept elsewhere.

        Raises:
            IntegrityError: the log is shorter, its first `size` events are others, fewer than
                `signed` of them have a checkpoint, or the first checkpoints are others.
        """
        kept = read_notes(self._checkpoints)[: notes[0]]
        if notes[0] and digest_bytes(canonical_json(kept)) != notes[1]:
            raise IntegrityError(
                str(self._checkpoints), "fork: not the checkpoints known", hint=COMPARE
            )
        last = self.last_checkpoint()
        if last is None or last.size < signed:
            raise IntegrityError(
                str(self._checkpoints), "truncation: signed checkpoints are gone", hint=COMPARE
            )
        lines, _ = self._lines()
        if size > len(lines):
            raise self._fault("truncation", f"{len(lines)} events, {size} were known")
        if tree_root(lines[:size]).hex() != root:
            raise self._fault("fork", f"the first {size} events are not the ones known")

    def verify(self, since: str | None = None, *, tail: bool = False) -> LogReport:
        """Check every event and every checkpoint.

        Args:
            since: a checkpoint's note kept elsewhere, which this log must continue.
            tail: allow events after the last checkpoint: a command still runs. Those of secrets
                that opened nothing are no fault: who tried could not sign.

        Raises:
            IntegrityError: its text begins with the fault: "bad hash", "gap", "fork",
                "truncation" or "unsigned tail".
        """
        lines, torn = self._lines()
        checkpoints = [
            self._parse(note, at + 1) for at, note in enumerate(read_notes(self._checkpoints))
        ]
        if any(other.size <= one.size for one, other in pairwise(checkpoints)):
            raise IntegrityError(
                str(self._checkpoints), "fork: checkpoints out of order", hint=COMPARE
            )
        known = list(checkpoints)
        if since is not None:
            known.append(Checkpoint.parse(since, self._key, where="checkpoint"))
        self._check_chain(lines)
        for one, other in pairwise(sorted(known, key=lambda c: c.size)):
            if one.size == other.size and one.root != other.root:
                raise self._fault("fork", f"two signed histories of {one.size} events")
        self._compare(known, lines)
        signed = max((c.size for c in checkpoints), default=0)
        unsigned = left_unsigned(lines[signed:])
        if not tail and (torn or unsigned):
            rest = ", the last one incomplete" if torn else ""
            what = f"{unsigned + bool(torn)} events after the last checkpoint{rest}"
            raise self._fault("unsigned tail", what)
        if not tail and read_or_empty(self._checkpoints).rpartition(b"\n")[2]:
            raise self._fault("unsigned tail", "the last checkpoint is incomplete")
        return LogReport(
            events=len(lines), checkpoints=len(checkpoints), root=tree_root(lines).hex()
        )

    def events(self) -> Iterator[dict[str, Any]]:
        """Yield the events as stored, oldest first; `verify` says whether to believe them.

        Raises:
            IntegrityError: a line is not JSON.
        """
        for number, line in enumerate(self._lines()[0]):
            try:
                event = json.loads(line)
            except ValueError:
                raise self._fault("bad hash", f"event {number} was altered") from None
            yield event

    def latest(
        self, event: str, field: str, *, first: int | None = None
    ) -> dict[str, dict[str, Any]]:
        """Return the last event of a kind, whole, for each value of one of its fields.

        Args:
            event: the kind.
            field: the field.
            first: look at so many events only.

        Raises:
            IntegrityError: a line is no event.
        """
        mark = canonical_json(event)
        found: dict[str, dict[str, Any]] = {}
        for number, line in enumerate(self._lines()[0][:first]):
            if mark not in line:
                continue
            try:
                item = json.loads(line)
                if item["event"] == event:
                    found[str(item["fields"].get(field))] = item
            except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
                raise self._fault("bad hash", f"event {number} was altered") from None
        return found

    @contextmanager
    def _locked(self) -> Iterator[int]:
        """Hold the log's lock; yields the events file, open for appending."""
        flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC
        with machine_errors(str(self._events)):
            fd = os.open(self._events, flags, 0o600)
            try:
                fcntl.flock(fd, fcntl.LOCK_EX)
            except BaseException:
                os.close(fd)
                raise
        try:
            yield fd
        finally:
            os.close(fd)

    def _end(self, fd: int) -> tuple[int, str]:
        """Return the next number and back pointer, dropping an event that was cut off."""
        at, count, last = self._read
        with machine_errors(str(self._events)):
            size = os.fstat(fd).st_size
            if size < at:
                raise self._fault("truncation", f"fewer than the {count} events seen before")
            fresh = read_at(fd, at, size - at)
        *lines, torn = fresh.split(b"\n")
        for line in lines:
            at, count, last = at + len(line) + 1, count + 1, digest_bytes(line)
        self._read = (at, count, last)
        if torn:
            signed = self.last_checkpoint()
            if signed is not None and signed.size > count:
                raise self._fault("truncation", f"{count} events, {signed.size} were signed")
            with machine_errors(str(self._events)):
                os.ftruncate(fd, at)
            # What is cut here was never acknowledged; that it happened is worth an event.
            facts = {"dropped_bytes": len(torn)}
            self._write(fd, count, last, RECOVERED, "done", facts)
            return self._end(fd)
        return count, last

    def _write(
        self, fd: int, seq: int, prev: str, event: str, outcome: str, fields: dict[str, Any]
    ) -> int:
        """Append one event to the locked file and sync it."""
        body: dict[str, Any] = {
            "seq": seq,
            "prev": prev,
            "when": self._clock().isoformat(),
            "who": {"uid": os.getuid(), "login_uid": login_uid(), "slot": self._unlocked_by},
            "event": event,
            "outcome": outcome,
            "fields": fields,
        }
        if self._mac_key is not None:
            body["mac"] = mac_of(body, self._mac_key)
        line = canonical_json(body)
        with machine_errors(str(self._events)):
            size = os.fstat(fd).st_size
            try:
                write_all(fd, line + b"\n")
                os.fsync(fd)
                if size == 0:
                    sync_folder(self._folder)
            except OSError:
                with suppress(OSError):
                    os.ftruncate(fd, size)
                raise
        return seq

    def _lines(self) -> tuple[list[bytes], bytes]:
        """Return the complete lines and what follows the last of them."""
        *lines, torn = read_or_empty(self._events).split(b"\n")
        return lines, torn

    def _parse(self, note: str, line: int) -> Checkpoint:
        """Read one stored checkpoint."""
        return Checkpoint.parse(note, self._key, where=f"{self._checkpoints}: line {line}")

    def _check_ours(self, lines: Sequence[bytes]) -> None:
        """Check who wrote the events not yet known to be ours."""
        if self._mac_key is None:
            return
        forged = first_forged(lines[self._ours :], self._mac_key)
        if forged is not None:
            what = f"event {self._ours + forged} was written without a key of this workspace"
            raise self._fault("forged", what)
        self._ours = len(lines)

    def _check_chain(self, lines: Sequence[bytes]) -> None:
        """Check the chain, naming the file."""
        try:
            check_chain(lines)
        except BrokenChainError as e:
            raise self._fault(e.fault, e.what) from None

    def _compare(self, known: Sequence[Checkpoint], lines: Sequence[bytes]) -> None:
        """Compare the events with checkpoints, hashing each event once."""
        wanted = {c.size: c.root for c in known}
        most = max(wanted, default=0)
        if most > len(lines):
            raise self._fault("truncation", f"{len(lines)} events, {most} were signed")
        for size, root in tree_roots(lines[:most], wanted):
            if root != wanted[size]:
                self._check_chain(lines)  # an altered line is told as such
                raise self._fault("fork", f"the first {size} events are not the ones signed")

    def _fault(self, fault: Fault, what: str) -> IntegrityError:
        """Return the error for one kind of fault."""
        return IntegrityError(str(self._events), f"{fault}: {what}", hint=HINTS[fault])
