"""A seccomp filter: sockets of the AF_UNIX family only, and no way around that.

Rules:
- `socket` and `socketpair` fail with EPERM for every other family: IPv4, IPv6, netlink, packet,
  vsock. io_uring, which opens sockets without those calls, is refused whole.
- A Unix socket reaches nobody either: `connect` is refused, and so are datagram sockets, which
  could be sent from without it. What is left is pairs between the process and its children.
  Landlock does not know of either.
- In a network of loopback alone `connect` is needed for TCP; there no Unix socket is opened at
  all, only pairs.
- Calls that reach into other processes, load code into the kernel or change namespaces and mounts
  are refused too, namespaces made by `clone` among them; training needs none of them.
- Nothing is typed into the terminal the command was started from.
- Other architectures' entry points (32-bit, x32) are refused: their call numbers differ.
- The filter covers every thread and is inherited by every child; it cannot be taken off.

Reference:
    seccomp(2), seccomp_unotify(2) "pitfalls", Linux include/uapi/linux/{filter,seccomp,audit}.h.
"""

from __future__ import annotations

import ctypes
import errno
import os
import signal
import socket
import struct
from collections.abc import Mapping
from dataclasses import dataclass

from appliance.locks import kernel

_SET_MODE_FILTER = 1
_FLAG_TSYNC = 1

_LOAD, _AND, _RETURN = 0x20, 0x54, 0x06
_JUMP_EQUAL, _JUMP_AT_LEAST, _JUMP_ANY_BIT = 0x15, 0x35, 0x45
_JUMPS = (_JUMP_EQUAL, _JUMP_AT_LEAST, _JUMP_ANY_BIT)
_ALLOW, _ERRNO = 0x7FFF0000, 0x00050000
_AT_NUMBER, _AT_ARCH, _AT_ARGUMENT_0, _AT_ARGUMENT_1 = 0, 4, 16, 24
#: The kind of a socket is in the low bits of its type; flags are above.
_KIND_BITS = 0xF
_X32_BIT = 0x40000000
#: clone(2) flags that make a namespace: mount, cgroup, UTS, IPC, user, PID, network.
_NEW_NAMESPACES = 0x7E020000
#: clone3(2) keeps its flags where a filter cannot look; without it the C library takes clone(2).
_CLONE3 = 435
#: ioctl(2) that types into the operator's terminal: TIOCSTI, and TIOCLINUX, which can paste.
_TYPING = (0x5412, 0x541C)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Architecture:
    """The numbers of one architecture."""

    audit: int
    seccomp: int
    socket: int
    socketpair: int
    connect: int
    clone: int
    ioctl: int
    refused: Mapping[str, int]


#: Newer calls have one number on every architecture.
_REFUSED_EVERYWHERE = {
    "io_uring_setup": 425,
    "io_uring_enter": 426,
    "io_uring_register": 427,
    "open_tree": 428,
    "move_mount": 429,
    "fsopen": 430,
    "fsconfig": 431,
    "fsmount": 432,
    "fspick": 433,
    "pidfd_getfd": 438,
    "process_madvise": 440,
    "mount_setattr": 442,
}
_REFUSED_X86 = {
    "ptrace": 101,
    "syslog": 103,
    "pivot_root": 155,
    "chroot": 161,
    "acct": 163,
    "mount": 165,
    "umount2": 166,
    "swapon": 167,
    "swapoff": 168,
    "reboot": 169,
    "init_module": 175,
    "delete_module": 176,
    "kexec_load": 246,
    "add_key": 248,
    "request_key": 249,
    "keyctl": 250,
    "unshare": 272,
    "perf_event_open": 298,
    "open_by_handle_at": 304,
    "setns": 308,
    "process_vm_readv": 310,
    "process_vm_writev": 311,
    "kcmp": 312,
    "finit_module": 313,
    "kexec_file_load": 320,
    "bpf": 321,
    "userfaultfd": 323,
    **_REFUSED_EVERYWHERE,
}
_REFUSED_ARM = {
    "umount2": 39,
    "mount": 40,
    "pivot_root": 41,
    "chroot": 51,
    "acct": 89,
    "unshare": 97,
    "kexec_load": 104,
    "init_module": 105,
    "delete_module": 106,
    "syslog": 116,
    "ptrace": 117,
    "reboot": 142,
    "add_key": 217,
    "request_key": 218,
    "keyctl": 219,
    "swapon": 224,
    "swapoff": 225,
    "perf_event_open": 241,
    "open_by_handle_at": 265,
    "setns": 268,
    "process_vm_readv": 270,
    "process_vm_writev": 271,
    "kcmp": 272,
    "finit_module": 273,
    "bpf": 280,
    "userfaultfd": 282,
    "kexec_file_load": 294,
    **_REFUSED_EVERYWHERE,
}
_ARCHITECTURES = {
    "x86_64": _Architecture(
        audit=0xC000003E,
        seccomp=317,
        socket=41,
        socketpair=53,
        connect=42,
        clone=56,
        ioctl=16,
        refused=_REFUSED_X86,
    ),
    "aarch64": _Architecture(
        audit=0xC00000B7,
        seccomp=277,
        socket=198,
        socketpair=199,
        connect=203,
        clone=220,
        ioctl=29,
        refused=_REFUSED_ARM,
    ),
}


class _Program(ctypes.Structure):
    """struct sock_fprog."""

    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_void_p))


def install(*, loopback: bool = False) -> None:
    """Put the filter on every thread of the process, for good.

    Args:
        loopback: the process is in a network of loopback alone: leave IP to it.

    Raises:
        OSError: the kernel or the architecture has no such filter.
    """
    architecture = _ARCHITECTURES.get(kernel.machine())
    if architecture is None:
        raise OSError(errno.ENOSYS, f"no filter for {kernel.machine()}")
    code = program(architecture.audit, loopback=loopback)
    buffer = ctypes.create_string_buffer(code, len(code))
    bpf = _Program(len(code) // 8, ctypes.addressof(buffer))
    kernel.prctl(kernel.PR_SET_NO_NEW_PRIVS, 1)
    late = kernel.syscall(architecture.seccomp, _SET_MODE_FILTER, _FLAG_TSYNC, ctypes.byref(bpf))
    if late:
        raise OSError(errno.EBUSY, f"thread {late} has a filter of its own")


def program(audit: int, *, loopback: bool = False) -> bytes:
    """Return the filter for one architecture, 8 bytes per instruction."""
    (architecture,) = (a for a in _ARCHITECTURES.values() if a.audit == audit)
    refused = sorted(architecture.refused.values())
    x32 = [(_JUMP_AT_LEAST, _X32_BIT, "refuse")] if audit == 0xC000003E else []
    # Each entry: operation, value, and where a jump goes, or the label the line itself bears.
    opened: list[tuple[int, int, str]] = [(_JUMP_EQUAL, socket.AF_UNIX, "kind")]
    connect = [(_JUMP_EQUAL, architecture.connect, "refuse")]
    if loopback:
        families = (socket.AF_INET, socket.AF_INET6, socket.AF_NETLINK)
        opened = [(_JUMP_EQUAL, family, "allow") for family in families]
        connect = []
    lines: list[tuple[int, int, str]] = [
        (_LOAD, _AT_ARCH, ""),
        (_JUMP_EQUAL, audit, "skip"),
        (_RETURN, _ERRNO | errno.EPERM, ""),
        (_LOAD, _AT_NUMBER, ""),
        *x32,
        *((_JUMP_EQUAL, number, "refuse") for number in refused),
        *connect,
        (_JUMP_EQUAL, architecture.clone, "clone"),
        (_JUMP_EQUAL, _CLONE3, "absent"),
        (_JUMP_EQUAL, architecture.ioctl, "ioctl"),
        (_JUMP_EQUAL, architecture.socket, "open"),
        (_JUMP_EQUAL, architecture.socketpair, "pair"),
        (_RETURN, _ALLOW, ""),
        (_LOAD, _AT_ARGUMENT_0, "open:"),
        *opened,
        (_RETURN, _ERRNO | errno.EPERM, ""),
        (_LOAD, _AT_ARGUMENT_0, "pair:"),
        (_JUMP_EQUAL, socket.AF_UNIX, "kind"),
        (_RETURN, _ERRNO | errno.EPERM, ""),
        (_LOAD, _AT_ARGUMENT_1, "kind:"),
        (_AND, _KIND_BITS, ""),
        (_JUMP_EQUAL, socket.SOCK_STREAM, "allow"),
        (_JUMP_EQUAL, socket.SOCK_SEQPACKET, "allow"),
        (_RETURN, _ERRNO | errno.EPERM, ""),
        (_LOAD, _AT_ARGUMENT_0, "clone:"),
        (_JUMP_ANY_BIT, _NEW_NAMESPACES, "refuse"),
        (_RETURN, _ALLOW, ""),
        (_LOAD, _AT_ARGUMENT_1, "ioctl:"),
        *((_JUMP_EQUAL, request, "refuse") for request in _TYPING),
        (_RETURN, _ALLOW, ""),
        (_RETURN, _ERRNO | errno.ENOSYS, "absent:"),
        (_RETURN, _ERRNO | errno.EPERM, "refuse:"),
        (_RETURN, _ALLOW, "allow:"),
    ]
    places = {label[:-1]: at for at, (_, _, label) in enumerate(lines) if label.endswith(":")}
    code = b""
    for at, (operation, value, label) in enumerate(lines):
        jump = 0
        if operation in _JUMPS:
            jump = 1 if label == "skip" else places[label] - at - 1
        code += struct.pack("<HBBI", operation, jump, 0, value)
    return code


def new_namespace() -> None:
    """Try to start a child in a user namespace of its own.

    Raises:
        PermissionError: it was refused.
    """
    architecture = _ARCHITECTURES[kernel.machine()]
    child = kernel.syscall(architecture.clone, 0x10000000 | signal.SIGCHLD, 0, 0, 0, 0)
    if child == 0:
        os._exit(0)
    os.waitpid(child, 0)


def refused_calls() -> Mapping[str, int]:
    """Return the calls refused on this architecture, by name."""
    architecture = _ARCHITECTURES.get(kernel.machine())
    return architecture.refused if architecture else {}
