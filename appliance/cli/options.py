"""Options that several commands share, each named once."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from appliance.errors import UsageError

if TYPE_CHECKING:
    from appliance.crypto.unlock import Unlock
    from appliance.workspace import Home

F = TypeVar("F", bound=Callable[..., Any])
PATH = click.Path(path_type=Path)


@dataclass(frozen=True, slots=True, kw_only=True)
class Unlocking:
    """Where a workspace is and what unlocks it."""

    path: Path
    passphrase_file: Path | None
    passphrase_fd: int | None
    key_file: Path | None

    def unlock(self, *, new: bool = False) -> Unlock:
        """Read the secret, or a way to ask for it on the terminal.

        Args:
            new: a passphrase is being chosen; it is asked for twice.

        Raises:
            UsageError: more than one way was named.
        """
        from appliance.crypto.unlock import Unlock

        named = (self.passphrase_file, self.passphrase_fd, self.key_file)
        if sum(n is not None for n in named) > 1:
            raise UsageError(
                "unlocking",
                "more than one of passphrase file, descriptor and key file was given",
                hint="appliance init --help",
            )
        return Unlock.from_options(
            passphrase_file=self.passphrase_file,
            passphrase_fd=self.passphrase_fd,
            key_file=self.key_file,
            prompt=functools.partial(_ask, new=new) if sys.stdin.isatty() else None,
        )

    @contextmanager
    def open(self, *, exclusive: bool) -> Iterator[Home]:
        """Open the workspace for one command; the log's checkpoint is signed when it ends."""
        from appliance.workspace import Home

        home = Home.open(self.path, self.unlock(), exclusive=exclusive)
        try:
            yield home
        finally:
            home.close()


def json_option(command: F) -> F:
    """Add --json, and the hidden --debug that the process boundary reads."""
    command = click.option("--debug", is_flag=True, hidden=True, expose_value=False)(command)
    return click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout.")(
        command
    )


def home_options(command: F) -> F:
    """Add --home and the three ways to unlock it; the command gets one `unlocking`."""

    @functools.wraps(command)
    def bound(
        *args: Any,  # noqa: ANN401  the command's own
        home: Path,
        passphrase_file: Path | None,
        passphrase_fd: int | None,
        key_file: Path | None,
        **kwargs: Any,  # noqa: ANN401
    ) -> Any:  # noqa: ANN401
        unlocking = Unlocking(
            path=home,
            passphrase_file=passphrase_file,
            passphrase_fd=passphrase_fd,
            key_file=key_file,
        )
        return command(*args, unlocking=unlocking, **kwargs)

    options = (
        click.option("--key-file", type=PATH, help="Key file that unlocks the workspace."),
        click.option(
            "--passphrase-fd", type=click.IntRange(min=0), help="Descriptor of the passphrase."
        ),
        click.option("--passphrase-file", type=PATH, help="File that holds the passphrase."),
        click.option(
            "--home",
            type=PATH,
            default=Path("appliance-home"),
            show_default=True,
            help="The workspace.",
        ),
    )
    for option in options:
        bound = option(bound)
    return bound  # type: ignore[return-value]  # click keeps the callable's own type


def _ask(*, new: bool) -> bytearray:
    typed = click.prompt("Passphrase", hide_input=True, confirmation_prompt=new, err=True)
    return bytearray(str(typed).encode())
