"""One progress voice: stages say how far they are, the door decides how it looks."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol


class Task(Protocol):
    """A piece of work under way."""

    def advance(self, amount: float = 1.0) -> None:
        """Say that `amount` more of the total is done."""

    def note(self, text: str) -> None:
        """Show a short public remark beside the bar, e.g. "epsilon 3.1"."""


class Progress(Protocol):
    """Where stages report to."""

    def task(self, what: str, total: float | None) -> AbstractContextManager[Task]:
        """Open a piece of work; `total` None when its size is not known."""


class _Silent:
    def advance(self, amount: float = 1.0) -> None:
        """Say nothing."""

    def note(self, text: str) -> None:
        """Say nothing."""


class SilentProgress:
    """Says nothing: for tests, `--json` and library use."""

    @contextmanager
    def task(self, what: str, total: float | None) -> Iterator[Task]:  # noqa: ARG002  the protocol's names
        """Open a silent piece of work."""
        yield _Silent()
