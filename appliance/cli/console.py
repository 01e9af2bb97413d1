"""Owns rich: progress bars with time left, tables, and one place that prints results.

Results go to stdout; progress and remarks to stderr, and only where that is a terminal.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from rich.progress import Progress as RichProgress
    from rich.progress import TaskID

    from appliance.progress import Progress, Task

#: The reader of the output went away: 128 + SIGPIPE, as a shell says it.
EXIT_CLOSED = 141


class _Bar:
    def __init__(self, progress: RichProgress, task: TaskID) -> None:
        self._progress = progress
        self._task = task

    def advance(self, amount: float = 1.0) -> None:
        """Move the bar."""
        self._progress.advance(self._task, amount)

    def note(self, text: str) -> None:
        """Show a remark beside the bar."""
        self._progress.update(self._task, remark=text)


class TerminalProgress:
    """Bars on stderr with elapsed time and time left."""

    @contextmanager
    def task(self, what: str, total: float | None) -> Iterator[Task]:
        """Show one bar while the work lasts."""
        from rich.console import Console
        from rich.progress import (
            BarColumn,
            Progress,
            SpinnerColumn,
            TaskProgressColumn,
            TextColumn,
            TimeElapsedColumn,
            TimeRemainingColumn,
        )

        with Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(bar_width=28),
            TaskProgressColumn(),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            TextColumn("{task.fields[remark]}"),
            console=Console(stderr=True),
            transient=False,
        ) as bars:
            yield _Bar(bars, bars.add_task(what, total=total, remark=""))


def progress(*, quiet: bool) -> Progress:
    """Return bars where stderr is a terminal, silence elsewhere."""
    from appliance.progress import SilentProgress

    return SilentProgress() if quiet or not sys.stderr.isatty() else TerminalProgress()


def emit(result: dict[str, Any], *, as_json: bool, text: str) -> None:
    """Print a command's result: the object, or the text for people."""
    try:
        click.echo(json.dumps(result, ensure_ascii=False, allow_nan=False) if as_json else text)
    except BrokenPipeError:
        # The reader has gone, e.g. `| head -1`: no error, and no exit code that means a bug.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise click.exceptions.Exit(EXIT_CLOSED) from None


def table(rows: Sequence[Sequence[str]], header: Sequence[str]) -> str:
    """Lay rows out in columns."""
    cells = [list(header), *(list(row) for row in rows)]
    widths = [max(len(row[i]) for row in cells) for i in range(len(header))]
    lines = [
        "  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)).rstrip() for row in cells
    ]
    return "\n".join([lines[0], "  ".join("-" * w for w in widths), *lines[1:]])
