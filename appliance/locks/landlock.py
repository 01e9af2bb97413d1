"""Landlock: the process reaches the paths it was given and no others.

Rules:
- Everything the kernel's version can handle is handled; what is not allowed is refused.
- Programs may be started from system folders only, never from a folder that can be written.
- TCP is refused as well where the kernel can (version 4), abstract sockets and signals to the
  outside too (version 6). UDP and vsock are not Landlock's: seccomp refuses those sockets.

NOTE: before version 8 the kernel confines the calling thread and what it starts from then on, not
threads that already run: lock down before the numeric libraries are imported.

Reference:
    landlock(7), Linux Documentation/userspace-api/landlock.rst.
"""

from __future__ import annotations

import ctypes
import errno
import os
import stat
import struct
from collections.abc import Iterable
from pathlib import Path

from appliance.locks import kernel

_CREATE, _ADD_RULE, _RESTRICT = 444, 445, 446
_GET_VERSION = 1
_PATH_BENEATH = 1
_RESTRICT_ALL_THREADS = 1 << 3
_VERSION_ALL_THREADS = 8

_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR = 1 << 0, 1 << 1, 1 << 2, 1 << 3
_MAKE_CHAR, _MAKE_BLOCK = 1 << 6, 1 << 11
_REFER, _TRUNCATE, _IOCTL_DEVICE = 1 << 13, 1 << 14, 1 << 15
_FIRST_VERSION = (1 << 13) - 1
_FILE_RIGHTS = _EXECUTE | _WRITE_FILE | _READ_FILE | _TRUNCATE | _IOCTL_DEVICE
_TCP = 0b11
_SCOPES = 0b11
_VERSION_REFER, _VERSION_TRUNCATE, _VERSION_TCP, _VERSION_IOCTL, _VERSION_SCOPES = 2, 3, 4, 5, 6


def version() -> int:
    """Return the kernel's Landlock version; 0 where there is none."""
    try:
        return kernel.syscall(_CREATE, None, 0, _GET_VERSION)
    except OSError:
        return 0


def restrict(
    *,
    runnable: Iterable[Path],
    readable: Iterable[Path],
    writable: Iterable[Path],
    devices: Iterable[Path],
    allow_tcp: bool = False,
) -> bool:
    """Confine the process; paths that do not exist are left out.

    Args:
        runnable: system folders: read, and start programs from.
        readable: read.
        writable: read, write, create and remove, but not start programs from.
        devices: read, write and control.
        allow_tcp: leave TCP alone (a network namespace confines it).

    Returns:
        Whether threads that already ran are confined too.

    Raises:
        OSError: the kernel has no Landlock.
    """
    abi = version()
    if abi == 0:
        raise OSError(errno.ENOSYS, "the kernel has no Landlock")
    handled = _handled(abi)
    ruleset = _create(abi, handled, allow_tcp=allow_tcp)
    try:
        read = _READ_FILE | _READ_DIR
        write = handled & ~(_EXECUTE | _MAKE_CHAR | _MAKE_BLOCK | _IOCTL_DEVICE)
        control = read | _WRITE_FILE | _TRUNCATE | _IOCTL_DEVICE
        for paths, rights in (
            (runnable, read | _EXECUTE),
            (readable, read),
            (writable, write),
            (devices, control),
        ):
            for path in paths:
                _allow(ruleset, path, rights & handled)
        kernel.prctl(kernel.PR_SET_NO_NEW_PRIVS, 1)
        every = abi >= _VERSION_ALL_THREADS
        kernel.syscall(_RESTRICT, ruleset, _RESTRICT_ALL_THREADS if every else 0)
    finally:
        os.close(ruleset)
    return every


def _handled(abi: int) -> int:
    """Return every file right this version knows."""
    rights = _FIRST_VERSION
    for since, right in (
        (_VERSION_REFER, _REFER),
        (_VERSION_TRUNCATE, _TRUNCATE),
        (_VERSION_IOCTL, _IOCTL_DEVICE),
    ):
        rights |= right if abi >= since else 0
    return rights


def _create(abi: int, handled: int, *, allow_tcp: bool) -> int:
    """Create a rule set and return its descriptor."""
    words = [handled]
    if abi >= _VERSION_TCP:
        words.append(0 if allow_tcp else _TCP)
    if abi >= _VERSION_SCOPES:
        words.append(_SCOPES)
    packed = struct.pack(f"<{len(words)}Q", *words)
    return kernel.syscall(_CREATE, ctypes.create_string_buffer(packed, len(packed)), len(packed), 0)


def _allow(ruleset: int, path: Path, rights: int) -> None:
    """Allow rights on a path and what is below it."""
    try:
        fd = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError, PermissionError):
        # Absent, or out of this user's reach without Landlock already.
        return
    try:
        if not stat.S_ISDIR(os.fstat(fd).st_mode):
            rights &= _FILE_RIGHTS
        rule = struct.pack("<Qi", rights, fd)
        kernel.syscall(
            _ADD_RULE, ruleset, _PATH_BENEATH, ctypes.create_string_buffer(rule, len(rule)), 0
        )
    finally:
        os.close(fd)
