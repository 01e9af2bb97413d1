"""What an operator brings to open a workspace: a passphrase, a key file or a token.

Rules:
- A passphrase comes from a file, a descriptor, a systemd credential or a terminal; never from
  arguments or the environment, which other processes can read.
- Secrets are hidden in every repr.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from appliance.errors import UsageError
from appliance.files import machine_errors

_MAX_PASSPHRASE_BYTES = 64 * 1024


class Token(Protocol):
    """A key that never leaves its device (PKCS#11): it wraps and unwraps the root key there."""

    @property
    def uri(self) -> str:
        """How to find the key again, stored in the slot; never holds a PIN."""

    def wrap(self, key: bytes) -> bytes:
        """Wrap a key on the device."""

    def unwrap(self, wrapped: bytes) -> bytes | None:
        """Unwrap a key on the device; None when this device key did not wrap it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unlock:
    """One secret, or a way to ask for one.

    Attributes:
        passphrase: the passphrase's bytes, without a line end.
        key_file: a file of at least 32 random bytes.
        prompt: asks for a passphrase; called only when nothing else was given.
        token: a key on a device.
        device: finds the device key that a slot names, for opening whichever slot is its.
    """

    passphrase: bytearray | None = field(default=None, repr=False)
    key_file: Path | None = None
    prompt: Callable[[], bytearray] | None = field(default=None, repr=False)
    token: Token | None = field(default=None, repr=False)
    device: Callable[[str], Token] | None = field(default=None, repr=False)

    def asked(self) -> Unlock:
        """Return the same with the prompt answered, if nothing else was given.

        Raises:
            UsageError: nothing was given and nobody can be asked, or the passphrase is empty.
        """
        given = self
        ways = (self.passphrase, self.key_file, self.token, self.device)
        if all(way is None for way in ways):
            if self.prompt is None:
                raise UsageError(
                    "workspace",
                    "no passphrase or key file was given and no terminal can ask for one",
                    hint="repeat with --passphrase-file FILE or --key-file FILE",
                )
            given = Unlock(passphrase=self.prompt())
        if given.passphrase is not None and not given.passphrase:
            raise UsageError(
                "passphrase", "it is empty", hint="repeat with a passphrase of several words"
            )
        return given

    def for_slot(self, uri: str) -> Unlock:
        """Return the same as a new slot needs it: of a device, the one key at `uri`."""
        return self if self.device is None else Unlock(token=self.device(uri))

    @classmethod
    def from_options(
        cls,
        *,
        passphrase_file: Path | None = None,
        passphrase_fd: int | None = None,
        key_file: Path | None = None,
        prompt: Callable[[], bytearray] | None = None,
        environ: Mapping[str, str] | None = None,
    ) -> Unlock:
        """Read the secret that the command line points at.

        When no option is given, a systemd credential named `appliance-passphrase` or
        `appliance-key` is used.

        Args:
            passphrase_file: file holding the passphrase; one trailing line end is dropped.
            passphrase_fd: descriptor to read the passphrase from, to its end.
            key_file: key file.
            prompt: asks on a terminal.
            environ: where to look for `CREDENTIALS_DIRECTORY`; default the process's environment.

        Raises:
            MachineError: a file or descriptor cannot be read.
            UsageError: the passphrase is empty.
        """
        folder = (os.environ if environ is None else environ).get("CREDENTIALS_DIRECTORY")
        if passphrase_file is None and passphrase_fd is None and key_file is None and folder:
            passphrase_file = _existing(Path(folder) / "appliance-passphrase")
            key_file = None if passphrase_file else _existing(Path(folder) / "appliance-key")
        if passphrase_file is not None:
            with machine_errors(str(passphrase_file)), passphrase_file.open("rb") as source:
                return cls(passphrase=_without_line_end(source.read(_MAX_PASSPHRASE_BYTES)))
        if passphrase_fd is not None:
            with (
                machine_errors(f"descriptor {passphrase_fd}"),
                os.fdopen(passphrase_fd, "rb", closefd=False) as source,
            ):
                return cls(passphrase=_without_line_end(source.read(_MAX_PASSPHRASE_BYTES)))
        return cls(key_file=key_file, prompt=prompt)


def _existing(path: Path) -> Path | None:
    """Return the path if it is a file."""
    return path if path.is_file() else None


def _without_line_end(data: bytes) -> bytearray:
    """Drop one trailing line end: editors add it, terminals do not."""
    return bytearray(data.removesuffix(b"\n").removesuffix(b"\r"))
