"""Detect with several processes: the same spans, sooner.

Owns `Pool`, a detector in front of another. Rules:

1. Workers are forked from the process that loaded the models: nothing is loaded twice.
2. Texts and spans go through pipes, as JSON; nothing is written down, nothing is unpickled.
3. A privacy unit goes to one worker whole, so the spans do not depend on how many there are.
4. A worker ends with its parent, and whatever it fails to answer the parent does itself.
"""

from __future__ import annotations

import ctypes
import json
import os
import signal
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from types import TracebackType
from typing import Any, Protocol, Self

from appliance.records import Span
from appliance.redact.detect.settings import Hint

#: More workers than this gain little: one process still sorts and writes the records.
MOST_WORKERS = 16
_PR_SET_PDEATHSIG = 1
#: A share smaller than this is done faster than it is sent.
_LEAST_CHARS = 4_000


class Detecting(Protocol):
    """What a pool is put in front of."""

    def detect_batch(
        self,
        texts: Sequence[str],
        *,
        hints: Sequence[Sequence[Hint]] | None = None,
        groups: Sequence[str] | None = None,
    ) -> list[list[Span]]:
        """Return the spans of each text."""

    def collect_seeds(self, texts: Sequence[str]) -> list[list[Hint]]:
        """Return the values of each text worth finding again."""


@dataclass(frozen=True, slots=True)
class _Worker:
    """A forked process and the pipe to it."""

    pid: int
    pipe: Connection = field(repr=False)


def cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0))


class Pool:
    """A detector that shares its work among processes; use as a context."""

    def __init__(self, detector: Detecting, processes: int | None = None) -> None:
        """Prepare; workers are forked at the first batch that is worth it.

        Args:
            detector: does the work, in every process.
            processes: how many, this one included; None means one for each core. 1 forks nothing.
        """
        self._detector = detector
        self._processes = min(cores() if processes is None else processes, MOST_WORKERS)
        self._workers: list[_Worker] | None = None

    def __enter__(self) -> Self:
        """Return the pool."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End the workers."""
        self.close()

    def close(self) -> None:
        """End the workers; the pool can be used again and forks anew."""
        for worker in self._workers or ():
            worker.pipe.close()
            os.kill(worker.pid, signal.SIGKILL)
            os.waitpid(worker.pid, 0)
        self._workers = None

    def detect_batch(
        self,
        texts: Sequence[str],
        *,
        hints: Sequence[Sequence[Hint]] | None = None,
        groups: Sequence[str] | None = None,
    ) -> list[list[Span]]:
        """Find personal data in texts; see `Detector.detect_batch`.

        Guarantees:
            The result is that of the detector alone, whatever the number of processes.
        """
        results: list[list[Span]] = [[] for _ in texts]

        def here(share: Sequence[int]) -> list[list[Span]]:
            return self._detector.detect_batch(
                [texts[i] for i in share],
                hints=None if hints is None else [hints[i] for i in share],
                groups=None if groups is None else [groups[i] for i in share],
            )

        def asked(share: Sequence[int]) -> object:
            known = None if hints is None else _packed([hints[i] for i in share])
            return {
                "texts": [texts[i] for i in share],
                "hints": known,
                "groups": None if groups is None else [groups[i] for i in share],
            }

        for share, answer in self._shared(texts, groups, asked):
            spans = here(share) if answer is None else [_spans(row) for row in answer]
            for i, found in zip(share, spans, strict=True):
                results[i] = found
        return results

    def collect_seeds(self, texts: Sequence[str]) -> list[list[Hint]]:
        """Return the values of each text worth finding again; see `Detector.collect_seeds`."""
        results: list[list[Hint]] = [[] for _ in texts]

        def asked(share: Sequence[int]) -> object:
            return {"seeds": [texts[i] for i in share]}

        for share, answer in self._shared(texts, None, asked):
            found = (
                self._detector.collect_seeds([texts[i] for i in share])
                if answer is None
                else [[Hint(value=v, entity_type=t) for v, t in row] for row in answer]
            )
            for i, seeds in zip(share, found, strict=True):
                results[i] = seeds
        return results

    def _shared(
        self,
        texts: Sequence[str],
        groups: Sequence[str] | None,
        asked: Callable[[Sequence[int]], object],
    ) -> Iterator[tuple[list[int], list[Any] | None]]:
        """Yield each share with its worker's answer; None where it is for us to find."""
        parts = shares(texts, groups, self._processes)
        if len(parts) < 2:
            yield from ((part, None) for part in parts)
            return
        given = [
            (worker, part, _send(worker.pipe, asked(part)))
            for worker, part in zip(self._started(), parts[1:], strict=False)
        ]
        complete = False
        try:
            # NOTE: our own share comes first, while the workers do theirs.
            yield parts[0], None
            for worker, part, sent in given:
                yield part, _receive(worker.pipe) if sent else None
            complete = True
        finally:
            if not complete:
                self.close()  # An answer nobody took would be taken for the next one.

    def _started(self) -> list[_Worker]:
        if self._workers is None:
            self._workers = []
            for _ in range(self._processes - 1):
                self._workers.append(self._fork())
        return self._workers

    def _fork(self) -> _Worker:
        ours, theirs = Pipe()
        parent = os.getpid()
        pid = os.fork()
        if pid:
            theirs.close()
            return _Worker(pid, ours)
        try:
            # A copy of our end of any pipe would keep its worker waiting when we are gone.
            ours.close()
            for worker in self._workers or ():
                worker.pipe.close()
            _die_with(parent)
            _serve(self._detector, theirs)
        finally:
            # No handlers, no flushing, no clean-up of the parent's: they are not ours to run.
            os._exit(0)


def shares(texts: Sequence[str], groups: Sequence[str] | None, processes: int) -> list[list[int]]:
    """Divide texts among processes: units whole, longest first, each to the least loaded.

    Args:
        texts: the texts.
        groups: for each text its unit; None means that each is its own.
        processes: how many shares there are at most.

    Returns:
        Indices of the texts of each share, in order; no share is empty.
    """
    units: dict[object, list[int]] = {}
    for i in range(len(texts)):
        units.setdefault(i if groups is None else groups[i], []).append(i)
    sizes = [(sum(len(texts[i]) for i in members), members) for members in units.values()]
    wanted = min(processes, len(sizes), max(1, sum(s for s, _ in sizes) // _LEAST_CHARS))
    loads = [0] * wanted
    parts: list[list[int]] = [[] for _ in range(wanted)]
    for size, members in sorted(sizes, key=lambda entry: (-entry[0], entry[1][0])):
        least = loads.index(min(loads))
        loads[least] += size + 1
        parts[least].extend(members)
    return [sorted(part) for part in parts if part]


def _die_with(parent: int) -> None:
    """End this process when its parent ends, however that comes."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    if os.getppid() != parent:
        os._exit(0)


def _serve(detector: Detecting, pipe: Connection) -> None:
    """Answer until the pipe is closed; an empty answer says that the parent must do it."""
    while True:
        try:
            asked = json.loads(pipe.recv_bytes())
        except (EOFError, OSError):
            return
        try:
            answer = json.dumps(_answer(detector, asked)).encode()
        except Exception:  # noqa: BLE001  the parent repeats it, and raises what there is to raise
            answer = b""
        pipe.send_bytes(answer)


def _answer(detector: Detecting, asked: dict[str, Any]) -> object:
    if "seeds" in asked:
        return _packed(detector.collect_seeds(asked["seeds"]))
    hints = asked["hints"]
    if hints is not None:
        hints = [[Hint(value=v, entity_type=t) for v, t in row] for row in hints]
    found = detector.detect_batch(asked["texts"], hints=hints, groups=asked["groups"])
    return [[[s.start, s.end, s.entity_type, s.score, s.source] for s in row] for row in found]


def _packed(hints: Sequence[Sequence[Hint]]) -> list[list[tuple[str, str]]]:
    return [[(h.value, h.entity_type) for h in row] for row in hints]


def _spans(row: Sequence[Any]) -> list[Span]:
    return [
        Span(start=start, end=end, entity_type=entity_type, score=score, source=source)
        for start, end, entity_type, score, source in row
    ]


def _send(pipe: Connection, asked: object) -> bool:
    try:
        pipe.send_bytes(json.dumps(asked).encode())
    except OSError:
        return False
    return True


def _receive(pipe: Connection) -> list[Any] | None:
    try:
        answer = pipe.recv_bytes()
    except (EOFError, OSError):
        return None
    found: list[Any] | None = json.loads(answer) if answer else None
    return found
