"""Options of a person's own key, which is never the workspace's."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from appliance.cli.options import PATH, ask
from appliance.errors import UsageError

if TYPE_CHECKING:
    from appliance.crypto.device_signer import Device
    from appliance.crypto.signing import Signer
    from appliance.crypto.unlock import Unlock

F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True, kw_only=True)
class Signing:
    """A key file and what opens it: a passphrase, a key file, or a device and its PIN."""

    path: Path | None
    passphrase_file: Path | None
    passphrase_fd: int | None
    key_file: Path | None
    module: Path | None

    def signer(self) -> Signer | None:
        """Open the key that was named, if one was."""
        if self.path is None:
            return None
        from appliance.crypto.signer_file import read_signer

        found = read_signer(self.path)
        reach = None if self.module is None else self._device
        return found.open(self.unlock(), reach)

    def required(self) -> Signer:
        """Open the key.

        Raises:
            UsageError: none was named.
        """
        signer = self.signer()
        if signer is None:
            raise UsageError(
                "--signer", "expected your key file", hint="appliance roles keygen FILE"
            )
        return signer

    def unlock(self, *, new: bool = False) -> Unlock:
        """Return the secret, or a way to ask for it."""
        from appliance.crypto.unlock import Unlock

        what = "Passphrase of your key" if self.module is None else "PIN"
        prompt = functools.partial(ask, new=new, what=what) if sys.stdin.isatty() else None
        return Unlock.from_options(
            passphrase_file=self.passphrase_file,
            passphrase_fd=self.passphrase_fd,
            key_file=self.key_file,
            prompt=prompt,
            environ={},  # a service's credentials open its workspace, never a person's key
        )

    def device(self, token: str, key: str) -> Device:
        """Return the device of a token and key label."""
        return self._device(token, key)

    def _device(self, token: str, key: str) -> Device:
        from appliance.crypto.device_signer import Device

        if self.module is None:
            raise UsageError(
                "--signer-module", "expected the device's library", hint="--signer-module FILE.so"
            )
        pin = self.unlock().asked().passphrase
        if pin is None:
            raise UsageError(
                "PIN", "comes as a passphrase does", hint="--signer-passphrase-file FILE"
            )
        return Device(module=self.module, token_label=token, key_label=key, pin=pin)


def signer_options(command: F) -> F:
    """Add --signer and the ways to open it; the command gets one `signing`."""

    @functools.wraps(command)
    def bound(
        *args: Any,  # noqa: ANN401  the command's own
        signer: Path | None = None,
        signer_passphrase_file: Path | None,
        signer_passphrase_fd: int | None,
        signer_key_file: Path | None,
        signer_module: Path | None,
        **kwargs: Any,  # noqa: ANN401
    ) -> Any:  # noqa: ANN401
        signing = Signing(
            path=signer,
            passphrase_file=signer_passphrase_file,
            passphrase_fd=signer_passphrase_fd,
            key_file=signer_key_file,
            module=signer_module,
        )
        return command(*args, signing=signing, **kwargs)

    options = (
        click.option(
            "--signer-module",
            type=PATH,
            help="PKCS#11 library of the device your key lies on; the PIN as a passphrase.",
        ),
        click.option("--signer-key-file", type=PATH, help="Key file that opens your key."),
        click.option(
            "--signer-passphrase-fd",
            type=click.IntRange(min=0),
            help="Descriptor of your key's passphrase, or of the PIN.",
        ),
        click.option(
            "--signer-passphrase-file",
            type=PATH,
            help="File that holds your key's passphrase, or the PIN.",
        ),
    )
    for option in options:
        bound = option(bound)
    return bound  # type: ignore[return-value]  # click keeps the callable's own type


def signer_option(command: F) -> F:
    """Add --signer to a command with `signer_options`."""
    return click.option(
        "--signer", type=PATH, help="Your own key, as `appliance roles keygen` wrote it."
    )(command)
