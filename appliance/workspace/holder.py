"""Who holds the workspace: an advisory lock that names its holder.

The lock is the kernel's (flock) and dies with its process; what the file says about the holder is
a courtesy, and is never believed for anything but a message.
"""

from __future__ import annotations

import fcntl
import os
import sys
import time
from contextlib import suppress
from pathlib import Path

from appliance.errors import LockedError
from appliance.files import machine_errors, write_all

_MAX_TEXT = 4096
#: A reader that asks whether a command is running holds the lock for an instant.
_INSTANT_S = 0.2


class HomeLock:
    """An exclusive lock on a workspace, held until `release`."""

    def __init__(self, path: Path, *, wait_s: float = 0.0) -> None:
        """Take the lock.

        Args:
            path: the lock file, created if absent.
            wait_s: how long to try.

        Raises:
            LockedError: another process holds it; the message names the process and its command.
            MachineError: the file cannot be opened.
        """
        self._path = path
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        with machine_errors(str(path)):
            self._fd = os.open(path, flags, 0o600)
        try:
            self._take(time.monotonic() + max(wait_s, _INSTANT_S))
            with machine_errors(str(path)):
                os.ftruncate(self._fd, 0)
                write_all(self._fd, f"process {os.getpid()}: {_command()}".encode()[:_MAX_TEXT])
        except BaseException:
            os.close(self._fd)
            raise

    def release(self) -> None:
        """Give the lock up; the file stays, empty."""
        if self._fd >= 0:
            with suppress(OSError):  # a courtesy, see above
                os.ftruncate(self._fd, 0)
            os.close(self._fd)
            self._fd = -1

    def _take(self, deadline: float) -> None:
        """Try until the deadline."""
        while True:
            try:
                fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() >= deadline:
                    raise self._refusal() from None
                time.sleep(0.05)
            else:
                return

    def _refusal(self) -> LockedError:
        """Return the error that names the holder."""
        text = os.pread(self._fd, _MAX_TEXT, 0).decode(errors="replace")
        holder = "".join(c for c in text if c.isprintable()) or "another process"
        return LockedError(
            str(self._path.parent),
            f"the workspace is in use by {holder}",
            hint="wait for that command to end, then repeat",
        )


def held(home: Path) -> bool:
    """Whether a command that may change this workspace is running."""
    try:
        fd = os.open(home / "lock", os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(fd)
    return False


def _command() -> str:
    """Return the command and its subcommand, without the arguments, which may be private."""
    words = [Path(sys.argv[0]).name or "python"] if sys.argv else ["python"]
    words += [word for word in sys.argv[1:3] if word.isidentifier()][:1]
    return " ".join(words)
