"""Turn any failure into two lines and an exit code; content never gets through.

The message of an unforeseen exception may hold a record, so only its type and place are shown.
"""

from __future__ import annotations

import errno
import json
import sys
import traceback
from typing import Any

import click

from appliance.errors import EXIT_BUG, ApplianceError

EXIT_USAGE = 2
EXIT_MACHINE = 4
EXIT_INTERRUPTED = 130
_LONGEST = 1000
_DENIED = ("access", "a file or folder may not be read or written", "appliance doctor")
_FULL = ("disk", "is full", "df -h")
#: What the machine cannot do, wherever it was met: where, what, hint.
_MACHINE = {
    errno.ENOSPC: _FULL,
    errno.EDQUOT: _FULL,
    errno.EFBIG: _FULL,
    errno.EACCES: _DENIED,
    errno.EPERM: _DENIED,
    errno.EROFS: _DENIED,
    errno.EIO: ("disk", "failed to read or write", "appliance doctor"),
    errno.EMFILE: ("open files", "are too many for this process", "ulimit -n"),
    errno.ENOMEM: ("memory", "is exhausted", "free -h"),
}


def exit_code(error: BaseException) -> int:
    """Return the exit code that a failure comes to."""
    if isinstance(error, click.exceptions.Exit):
        return error.exit_code
    if isinstance(error, SystemExit) and not isinstance(error.code, str):
        return int(error.code or 0)
    return _describe(error)[3]


def _is_plain_exit(error: BaseException) -> bool:
    """Whether it is an exit code and no message."""
    if isinstance(error, SystemExit):
        return not isinstance(error.code, str)
    return isinstance(error, click.exceptions.Exit)


def report_failure(error: BaseException, *, as_json: bool, debug: bool = False) -> int:
    """Print a failure and return the exit code.

    Args:
        error: what was raised.
        as_json: one JSON object on stdout instead of two lines on stderr.
        debug: also print the frames it came through, without values or messages.
    """
    if _is_plain_exit(error):
        return exit_code(error)
    where, what, hint, code = _describe(error)
    if debug:
        _frames(error)
    if as_json:
        row = {"where": where, "what": what, "hint": hint, "exit_code": code}
        click.echo(json.dumps({"error": row}))
    else:
        click.echo(f"appliance: error: {_one_line(where)}: {_one_line(what)}", err=True)
        click.echo(f"appliance: hint: {_one_line(hint)}", err=True)
    return code


def _describe(error: BaseException) -> tuple[str, str, str, int]:
    if isinstance(error, ApplianceError):
        return error.where, error.what, error.hint, error.exit_code
    if isinstance(error, click.UsageError):
        command = error.ctx.command_path if error.ctx is not None else "appliance"
        return command, _usage(error), f"{command} --help", EXIT_USAGE
    if isinstance(error, click.ClickException):
        return "appliance", "a file could not be opened", "appliance --help", EXIT_USAGE
    if isinstance(error, click.Abort | KeyboardInterrupt):
        return "interrupted", "stopped before it was done", "appliance runs list", EXIT_INTERRUPTED
    if isinstance(error, OSError) and error.errno in _MACHINE:
        return *_MACHINE[error.errno], EXIT_MACHINE
    if isinstance(error, MemoryError):
        return "memory", "is exhausted", "free -h", EXIT_MACHINE
    frames = traceback.extract_tb(error.__traceback__)
    place = f"{frames[-1].name}, line {frames[-1].lineno}" if frames else "unknown"
    return (
        "internal",
        f"unforeseen {type(error).__name__} in {place}",
        "repeat the command with --debug and report the frames it prints",
        EXIT_BUG,
    )


def _usage(error: click.UsageError) -> str:
    """Say what was wrong, never what was typed: a passphrase may have slipped into it."""
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        return "expected a command"
    if isinstance(error, click.exceptions.NoSuchOption | click.exceptions.NoSuchCommand):
        kind = "option" if isinstance(error, click.exceptions.NoSuchOption) else "command"
        near = ", ".join(sorted(error.possibilities or ()))
        return f"no such {kind}" + (f"; near ones: {near}" if near else "")
    if isinstance(error, click.MissingParameter | click.BadOptionUsage):
        what = error.format_message().rstrip(".")
        return what[:1].lower() + what[1:]
    if isinstance(error, click.BadParameter) and error.param is not None:
        expected = _expected(error.param.type)
        name = error.param.get_error_hint(error.ctx) if error.ctx else f"'{error.param.name}'"
        return f"invalid value for {name}: expected {expected}"
    return "unexpected arguments"


def _expected(kind: click.ParamType[Any]) -> str:
    if isinstance(kind, click.Choice):
        return f"one of {', '.join(map(str, kind.choices))}"
    if isinstance(kind, click.IntRange) and kind.min is not None:
        return f"an integer of at least {kind.min}"
    return kind.name


def _one_line(text: str) -> str:
    """Fold a message into one line of bounded length that cannot steer a terminal."""
    plain = "".join(c if c.isprintable() else " " for c in text)
    folded = " ".join(plain.split())
    return folded if len(folded) <= _LONGEST else f"{folded[:_LONGEST]}..."


def _frames(error: BaseException) -> None:
    for frame in traceback.extract_tb(error.__traceback__):
        sys.stderr.write(f"  {frame.filename}:{frame.lineno} in {frame.name}\n")
    sys.stderr.write(f"  {type(error).__name__}\n")
