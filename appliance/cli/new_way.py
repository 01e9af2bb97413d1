"""The options that name a new way into a workspace, for the commands that make or change slots."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from appliance.cli.options import PATH, Unlocking, ask
from appliance.errors import UsageError

if TYPE_CHECKING:
    from appliance.crypto.slots import Slot
    from appliance.crypto.unlock import Unlock

F = TypeVar("F", bound=Callable[..., Any])
PROFILES = click.Choice(["default", "fips"])
DEVICE_HELP = "URI of a device key, pkcs11:token=LABEL;object=LABEL, that wraps the root key."


@dataclass(frozen=True, slots=True, kw_only=True)
class NewWay:
    """The secret that shall open the workspace from now on."""

    passphrase_file: Path | None
    passphrase_fd: int | None
    key_file: Path | None
    device_key: str | None
    pkcs11_module: Path | None

    @property
    def given(self) -> bool:
        """Whether any was named."""
        ways = (self.passphrase_file, self.passphrase_fd, self.key_file, self.device_key)
        return any(way is not None for way in ways)

    def unlock(self) -> Unlock:
        """Read it, or ask for a new passphrase, twice.

        Raises:
            UsageError: more than one was named, or none and no terminal can ask.
        """
        from appliance.crypto.unlock import Unlock

        several = (self.passphrase_file, self.passphrase_fd, self.key_file)
        if sum(way is not None for way in several) > 1:
            raise UsageError("new way in", "more than one was given", hint="give one of them")
        if self.device_key is not None:
            return device_unlock(
                self.device_key,
                Unlocking(
                    path=Path(),
                    passphrase_file=self.passphrase_file,
                    passphrase_fd=self.passphrase_fd,
                    key_file=self.key_file,
                    pkcs11_module=self.pkcs11_module,
                ),
                option="--new-pkcs11-module",
            )
        prompt = functools.partial(ask, new=True, what="New passphrase")
        return Unlock.from_options(
            passphrase_file=self.passphrase_file,
            passphrase_fd=self.passphrase_fd,
            key_file=self.key_file,
            prompt=prompt if sys.stdin.isatty() else None,
            environ={},  # a service's credential is the present secret, not the new one
        ).asked()


def device_unlock(uri: str, unlocking: Unlocking, *, option: str) -> Unlock:
    """Return the way in that is a device key.

    Args:
        uri: the key.
        unlocking: names the module and brings the PIN.
        option: named in the error when the module is missing.

    Raises:
        UsageError: no module was named, or the URI is none.
    """
    from appliance.crypto.token import DeviceKey
    from appliance.crypto.unlock import Unlock

    if unlocking.pkcs11_module is None:
        raise UsageError(
            "device key", "its library was not named", hint=f"repeat with {option} FILE.so"
        )
    module = unlocking.pkcs11_module
    return Unlock(token=DeviceKey.from_uri(uri, module=module, pin=unlocking.pin()))


def new_way_options(command: F) -> F:
    """Add the options that name a new way in; the command gets one `new`."""

    @functools.wraps(command)
    def bound(
        *args: Any,  # noqa: ANN401  the command's own
        new_passphrase_file: Path | None,
        new_passphrase_fd: int | None,
        new_key_file: Path | None,
        new_device_key: str | None,
        new_pkcs11_module: Path | None,
        **kwargs: Any,  # noqa: ANN401
    ) -> Any:  # noqa: ANN401
        new = NewWay(
            passphrase_file=new_passphrase_file,
            passphrase_fd=new_passphrase_fd,
            key_file=new_key_file,
            device_key=new_device_key,
            pkcs11_module=new_pkcs11_module,
        )
        return command(*args, new=new, **kwargs)

    options = (
        click.option("--new-pkcs11-module", type=PATH, help="Library of the new device."),
        click.option("--new-device-key", metavar="URI", help=DEVICE_HELP),
        click.option("--new-key-file", type=PATH, help="The new key file."),
        click.option(
            "--new-passphrase-fd",
            type=click.IntRange(min=0),
            help="Descriptor of the new passphrase or PIN.",
        ),
        click.option("--new-passphrase-file", type=PATH, help="File of the new passphrase or PIN."),
    )
    for option in options:
        bound = option(bound)
    return bound  # type: ignore[return-value]  # click keeps the callable's own type


def public_slot(slot: Slot) -> dict[str, Any]:
    """Return what may be shown of a slot: never salt or wrapped key."""
    kept = slot.as_json()
    return {
        "id": kept["id"],
        "label": kept["label"],
        "kind": kept["kind"],
        "created": kept["created"],
        "kdf": ", ".join(f"{k} {v}" if k != "name" else str(v) for k, v in kept["kdf"].items()),
    }
