"""The few kernel calls the locks need, through libc, with errno as an exception."""

from __future__ import annotations

import ctypes
import os
import platform

PR_SET_DUMPABLE = 4
PR_GET_DUMPABLE = 3
PR_SET_NO_NEW_PRIVS = 38
PR_GET_NO_NEW_PRIVS = 39

_LIBC = ctypes.CDLL(None, use_errno=True)
_LIBC.syscall.restype = ctypes.c_long


def machine() -> str:
    """Return the processor architecture as the kernel names it."""
    return platform.machine()


def syscall(number: int, *arguments: object) -> int:
    """Make a system call.

    Raises:
        OSError: as the kernel says.
    """
    passed = [a if not isinstance(a, int) else ctypes.c_long(a) for a in arguments]
    result = int(_LIBC.syscall(ctypes.c_long(number), *passed))
    if result < 0:
        raise _error()
    return result


def prctl(option: int, value: int = 0) -> int:
    """Call prctl with one argument.

    Raises:
        OSError: as the kernel says.
    """
    zero = ctypes.c_ulong(0)
    result = int(_LIBC.prctl(option, ctypes.c_ulong(value), zero, zero, zero))
    if result < 0:
        raise _error()
    return result


def socket(family: int, kind: int = 1) -> int:
    """Ask the kernel for a socket, past every wrapper in Python; return its descriptor.

    Raises:
        OSError: as the kernel says.
    """
    result = int(_LIBC.socket(family, kind, 0))
    if result < 0:
        raise _error()
    return result


def unshare(flags: int) -> None:
    """Leave namespaces.

    Raises:
        OSError: as the kernel says.
    """
    if int(_LIBC.unshare(flags)) < 0:
        raise _error()


def _error() -> OSError:
    """Return errno as an exception."""
    number = ctypes.get_errno()
    return OSError(number, os.strerror(number))
