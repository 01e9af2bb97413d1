"""Options that several commands share, each named once."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from appliance.errors import EXIT_DONE, EXIT_REFUSED, ApplianceError, UsageError

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
    pkcs11_module: Path | None = None

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
        if self.pkcs11_module is not None:
            return self._device(self.pkcs11_module)
        return Unlock.from_options(
            passphrase_file=self.passphrase_file,
            passphrase_fd=self.passphrase_fd,
            key_file=self.key_file,
            prompt=functools.partial(ask, new=new) if sys.stdin.isatty() else None,
        )

    def pin(self) -> bytearray:
        """Read the device's PIN: it comes the way a passphrase does."""
        from appliance.crypto.unlock import Unlock

        given = Unlock.from_options(
            passphrase_file=self.passphrase_file,
            passphrase_fd=self.passphrase_fd,
            prompt=functools.partial(ask, what="PIN") if sys.stdin.isatty() else None,
        ).asked()
        return given.passphrase or bytearray()

    def _device(self, module: Path) -> Unlock:
        """Unlock by the device key that a slot names."""
        from appliance.crypto.token import DeviceKey
        from appliance.crypto.unlock import Unlock

        if self.key_file is not None:
            raise UsageError(
                "unlocking",
                "a key file and a PKCS#11 module were both given",
                hint="appliance keys status --help",
            )
        pin = self.pin()
        return Unlock(device=lambda uri: DeviceKey.from_uri(uri, module=module, pin=pin))

    @contextmanager
    def open(self, *, exclusive: bool, secret: Unlock | None = None) -> Iterator[Home]:
        """Open the workspace for one command; the log's checkpoint is signed when it ends.

        Args:
            exclusive: the command changes the workspace.
            secret: what `unlock` returned, where the command needs it afterwards.
        """
        from appliance.workspace import Home

        home = Home.open(self.path, secret or self.unlock(), exclusive=exclusive)
        try:
            yield home
        except BaseException as e:
            # Who tried what, and how it ended; a full disk must not hide the error itself.
            with suppress(ApplianceError):
                _log_end(home, _exit_code(e))
            with suppress(ApplianceError):
                home.close()
            raise
        _log_end(home, EXIT_DONE)
        home.close()


def _log_end(home: Home, code: int) -> None:
    """Write into the log how a command ended, unless it destroyed the workspace."""
    from appliance.cli.failures import EXIT_INTERRUPTED

    outcomes = {EXIT_DONE: "done", EXIT_REFUSED: "refused", EXIT_INTERRUPTED: "interrupted"}
    context = click.get_current_context(silent=True)
    if not home.closed and context is not None:
        home.log.append(
            "command.ended",
            outcome=outcomes.get(code, "failed"),
            command=" ".join(context.command_path.split()[1:]),
            exit_code=code,
        )


def _exit_code(error: BaseException) -> int:
    from appliance.cli.failures import exit_code

    return exit_code(error)


def json_option(command: F) -> F:
    """Add --json, and the hidden --debug that the process boundary reads."""
    command = click.option("--debug", is_flag=True, hidden=True, expose_value=False)(command)
    return click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout.")(
        command
    )


def home_options(command: F) -> F:
    """Add --home and the four ways to unlock it; the command gets one `unlocking`."""

    @functools.wraps(command)
    def bound(
        *args: Any,  # noqa: ANN401  the command's own
        home: Path,
        passphrase_file: Path | None,
        passphrase_fd: int | None,
        key_file: Path | None,
        pkcs11_module: Path | None,
        **kwargs: Any,  # noqa: ANN401
    ) -> Any:  # noqa: ANN401
        unlocking = Unlocking(
            path=home,
            passphrase_file=passphrase_file,
            passphrase_fd=passphrase_fd,
            key_file=key_file,
            pkcs11_module=pkcs11_module,
        )
        return command(*args, unlocking=unlocking, **kwargs)

    options = (
        click.option(
            "--pkcs11-module",
            type=PATH,
            help="Library of the device whose key unlocks it; the PIN comes as a passphrase.",
        ),
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


def ask(*, new: bool = False, what: str = "Passphrase") -> bytearray:
    """Ask for a secret on the terminal, twice for a new one; what is typed is not shown."""
    typed = click.prompt(what, hide_input=True, confirmation_prompt=new, err=True)
    return bytearray(str(typed).encode())
