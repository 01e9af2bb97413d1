"""A network of one: a namespace whose only interface is loopback, for torchrun and Spark.

Those need TCP between their own processes. In a namespace of its own a process reaches nobody
else, whatever it opens.

Reference:
    network_namespaces(7), user_namespaces(7), netdevice(7).
"""

from __future__ import annotations

import fcntl
import os
import socket
import struct
from pathlib import Path

from appliance.locks import kernel

_NEW_USER, _NEW_NETWORK = 0x10000000, 0x40000000
_GET_FLAGS, _SET_FLAGS, _UP = 0x8913, 0x8914, 0x1


def enter_loopback() -> None:
    """Move this process into a network namespace with only loopback, up.

    NOTE: an ordinary user needs a user namespace, which the kernel gives to a process of one
    thread only: call this first thing.

    Raises:
        OSError: the kernel refuses.
    """
    uid, gid = os.getuid(), os.getgid()
    if os.geteuid() == 0:
        kernel.unshare(_NEW_NETWORK)
    else:
        kernel.unshare(_NEW_USER | _NEW_NETWORK)
        own = Path("/proc/self")
        (own / "setgroups").write_bytes(b"deny")
        (own / "uid_map").write_bytes(b"%d %d 1" % (uid, uid))
        (own / "gid_map").write_bytes(b"%d %d 1" % (gid, gid))
    fd = kernel.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        request = struct.pack("16sH14x", b"lo", 0)
        flags = struct.unpack_from("H", fcntl.ioctl(fd, _GET_FLAGS, request), 16)[0]
        fcntl.ioctl(fd, _SET_FLAGS, struct.pack("16sH14x", b"lo", flags | _UP))
    finally:
        os.close(fd)


def interfaces() -> tuple[str, ...]:
    """Return the names of the network interfaces this process can see."""
    lines = Path("/proc/self/net/dev").read_text(encoding="utf-8").splitlines()[2:]
    return tuple(sorted(line.partition(":")[0].strip() for line in lines))
