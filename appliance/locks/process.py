"""One call that locks the process before any data is opened, and proves each lock.

Every lock is tried after it was set: what the report calls in force has refused an attempt of this
very process. A lock the kernel lacks is reported with the reason; the policy decides what then.

Rules:
- No socket but AF_UNIX, and no other process by it (or, in a network of loopback alone, TCP).
- No path but those given, the interpreter's own and the system's libraries.
- No core dump, not dumpable, no new privileges, umask 077, no swap to write memory to.
- Libraries are told to stay offline and to keep caches in the private temporary folder.

NOTE: call it early. Landlock before version 8 does not confine threads that already run.
"""

from __future__ import annotations

import os
import resource
import socket
import sys
import tempfile
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from appliance.locks import kernel, landlock, netns, seccomp

Profile = Literal["strict", "loopback", "shared-loopback"]

_SYSTEM = tuple(
    Path(p) for p in ("/usr", "/lib", "/lib32", "/lib64", "/bin", "/sbin", "/etc/alternatives")
)
_SYSTEM_FACTS = tuple(
    Path(p)
    for p in (
        "/etc/ld.so.cache",
        "/etc/ld.so.conf",
        "/etc/ld.so.conf.d",
        "/etc/localtime",
        "/etc/timezone",
        "/etc/passwd",
        "/etc/group",
        "/etc/nsswitch.conf",
        "/etc/os-release",
        "/etc/mime.types",
        "/etc/fonts",
        "/etc/ssl/openssl.cnf",
        "/proc",
        "/sys/devices/system",
        "/sys/fs/cgroup",
        "/sys/kernel/mm/transparent_hugepage",
        "/sys/class/drm",
        "/sys/module/nvidia",
        "/sys/bus/pci",
        "/sys/devices/pci0000:00",
    )
)
_DEVICES = tuple(
    Path(p)
    for p in ("/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom", "/dev/kfd")
)
_DEVICE_PATTERNS = ("nvidia*", "dri")
_SHARED_MEMORY = Path("/dev/shm")  # noqa: S108 - memory, for worker processes; not a disk

_OFFLINE = {
    "HF_HUB_OFFLINE": "1",
    "TRANSFORMERS_OFFLINE": "1",
    "HF_DATASETS_OFFLINE": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "TOKENIZERS_PARALLELISM": "false",
    "DO_NOT_TRACK": "1",
}
_CACHES = {
    "HF_HOME": "huggingface",
    "XDG_CACHE_HOME": "cache",
    "MPLCONFIGDIR": "matplotlib",
    "TORCHINDUCTOR_CACHE_DIR": "inductor",
    "TRITON_CACHE_DIR": "triton",
    "NUMBA_CACHE_DIR": "numba",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Lock:
    """One lock.

    Attributes:
        name: e.g. "seccomp".
        in_force: it refused an attempt, or was read back.
        detail: how that was seen, or why it is not in force.
    """

    name: str
    in_force: bool
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LockReport:
    """What is in force in this process.

    Attributes:
        profile: "strict", "loopback" or "shared-loopback".
        locks: every lock that was tried, in order.
    """

    profile: Profile
    locks: tuple[Lock, ...]

    @property
    def complete(self) -> bool:
        """Whether every lock is in force."""
        return bool(self.locks) and all(lock.in_force for lock in self.locks)

    def missing(self) -> tuple[str, ...]:
        """Return the names of the locks that are not in force."""
        return tuple(lock.name for lock in self.locks if not lock.in_force)

    def as_dict(self) -> dict[str, Any]:
        """Return a JSON object for the log and the report."""
        return {
            "profile": self.profile,
            "complete": self.complete,
            "locks": {
                lock.name: {"in_force": lock.in_force, "detail": lock.detail} for lock in self.locks
            },
        }


def lockdown(
    profile: Profile = "strict",
    *,
    readable: Sequence[Path] = (),
    writable: Sequence[Path] = (),
    temp: Path | None = None,
) -> LockReport:
    """Lock this process for good and say what is in force.

    Args:
        profile: "strict" allows AF_UNIX sockets between its own processes only; "loopback" moves
            into a network namespace of its own and allows TCP there; "shared-loopback" allows TCP
            where the process was started in such a namespace with others of its run.
        readable: files and folders to read besides the interpreter's own: data, models, policies.
        writable: folders to write: the workspace and the output's.
        temp: an empty private folder for libraries' temporary files and caches; it is writable.

    Returns:
        Every lock with its proof. Nothing is raised for a kernel that lacks one.

    Guarantees:
        A lock reported in force cannot be taken off by this process or its children.
    """
    if temp is not None:
        use_private_temp(temp)
    os.environ.update(_OFFLINE)
    folders = [*writable, *([temp] if temp is not None else [])]
    locks = [
        _try("umask", _umask),
        _try("core_dumps", _core_dumps),
    ]
    own_network = False
    if profile == "loopback":
        locks.append(_try("network_namespace", _network_namespace))
        own_network = locks[-1].in_force
    if profile == "shared-loopback":
        locks.append(_try("network_namespace", _only_loopback))
        own_network = locks[-1].in_force
    locks += [
        _try("not_dumpable", _not_dumpable),
        _try("no_new_privileges", _no_new_privileges),
        _try("landlock", lambda: _landlock(readable, folders, allow_tcp=own_network)),
        # Without a network of its own the process gets none.
        _try("seccomp", lambda: _seccomp(loopback=own_network)),
        _try("no_swap", _no_swap),
    ]
    if temp is not None:
        locks.append(_try("private_temp", lambda: _private_temp(temp)))
    return LockReport(profile=profile, locks=tuple(locks))


def use_private_temp(temp: Path) -> None:
    """Point temporary files and libraries' caches into a private folder.

    Args:
        temp: an existing folder, 0700.
    """
    scratch = temp / "tmp"
    scratch.mkdir(mode=0o700, exist_ok=True)
    for name, folder in _CACHES.items():
        (temp / folder).mkdir(mode=0o700, exist_ok=True)
        os.environ[name] = str(temp / folder)
    for name in ("TMPDIR", "TEMP", "TMP"):
        os.environ[name] = str(scratch)
    tempfile.tempdir = str(scratch)


def left_behind(temp: Path) -> int:
    """Return how many files libraries left in the temporary folder (their caches aside)."""
    return sum(len(files) for _, _, files in os.walk(temp / "tmp"))


def _try(name: str, step: Callable[[], str]) -> Lock:
    """Set and prove one lock."""
    try:
        return Lock(name=name, in_force=True, detail=step())
    except OSError as e:
        return Lock(name=name, in_force=False, detail=e.strerror or "refused by the kernel")
    except _NotInForceError as e:
        return Lock(name=name, in_force=False, detail=str(e))


class _NotInForceError(Exception):
    """A lock did not refuse what it should refuse."""


def _umask() -> str:
    """Create files for the owner only."""
    os.umask(0o077)
    if os.umask(0o077) != 0o077:
        raise _NotInForceError("the umask did not stay")
    return "077"


def _core_dumps() -> str:
    """Forbid core dumps, also to a later, more lenient self."""
    try:
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    except ValueError:  # how Python says that a sandbox around us refused the call
        raise _NotInForceError("the limit may not be changed here") from None
    if resource.getrlimit(resource.RLIMIT_CORE) != (0, 0):
        raise _NotInForceError("the limit did not stay")
    return "limit 0"


def _not_dumpable() -> str:
    """Keep other processes of the same user out of this one's memory."""
    kernel.prctl(kernel.PR_SET_DUMPABLE, 0)
    if kernel.prctl(kernel.PR_GET_DUMPABLE) != 0:
        raise _NotInForceError("the flag did not stay")
    return "flag 0"


def _no_new_privileges() -> str:
    """Make set-user-id programs harmless."""
    kernel.prctl(kernel.PR_SET_NO_NEW_PRIVS, 1)
    if kernel.prctl(kernel.PR_GET_NO_NEW_PRIVS) != 1:
        raise _NotInForceError("the flag did not stay")
    return "flag 1"


def _network_namespace() -> str:
    """Leave the network behind."""
    netns.enter_loopback()
    return _only_loopback()


def _only_loopback() -> str:
    """See that no interface leads out."""
    seen = netns.interfaces()
    if seen != ("lo",):
        raise _NotInForceError(f"{len(seen)} interfaces are visible")
    return "only loopback is visible"


def _landlock(readable: Sequence[Path], writable: Sequence[Path], *, allow_tcp: bool) -> str:
    """Confine the process to its paths, then try the root folder."""
    threads = len(os.listdir("/proc/self/task"))  # noqa: PTH208
    devices = [p for pattern in _DEVICE_PATTERNS for p in Path("/dev").glob(pattern)]
    every = landlock.restrict(
        runnable=[*_SYSTEM, *_interpreter()],
        readable=[*_SYSTEM_FACTS, *_import_paths(), *readable],
        writable=[*writable, _SHARED_MEMORY],
        devices=[*_DEVICES, *devices],
        allow_tcp=allow_tcp,
    )
    for attempt in (_read_root, _write_root):
        with suppress(PermissionError):
            attempt()
            raise _NotInForceError("the root folder could still be used")
    if threads > 1 and not every:
        raise _NotInForceError(f"{threads - 1} threads were running before and are not confined")
    return f"version {landlock.version()}; reading and writing the root folder was refused"


def _seccomp(*, loopback: bool) -> str:
    """Filter sockets, then try every family that leads out, and every way to another process."""
    seccomp.install(loopback=loopback)
    ip = {} if loopback else {"inet": 2, "inet6": 10, "netlink": 16}
    families = {**ip, "packet": 17, "vsock": 40, "bluetooth": 31}
    refused = [_refused(name, family, socket.SOCK_DGRAM) for name, family in families.items()]
    if loopback:
        refused.append(_refused("unix", socket.AF_UNIX, socket.SOCK_STREAM))
    else:
        refused.append(_refused("unix datagram", socket.AF_UNIX, socket.SOCK_DGRAM))
        refused.append(_unix_connect())
    for end in socket.socketpair():
        end.close()
    with suppress(PermissionError):
        kernel.syscall(seccomp.refused_calls()["io_uring_setup"], 1, None)
        raise _NotInForceError("io_uring could be set up")
    with suppress(PermissionError):
        seccomp.new_namespace()
        raise _NotInForceError("a namespace could be made")
    return f"refused: {', '.join(refused)}, io_uring, namespaces"


def _refused(name: str, family: int, kind: int) -> str:
    """Try to open a socket; return the name of what was refused."""
    with suppress(PermissionError):
        os.close(kernel.socket(family, kind))
        raise _NotInForceError(f"a socket of family {name} could be opened")
    return name


def _unix_connect() -> str:
    """Try to reach a Unix socket of another process."""
    with socket.socket(socket.AF_UNIX) as probe, suppress(PermissionError):
        try:
            probe.connect("/nonexistent/appliance-probe")
        except FileNotFoundError:
            raise _NotInForceError("Unix sockets could be connected") from None
    return "unix connect"


def _no_swap() -> str:
    """Look for swap: memory written to it outlives the process."""
    lines = Path("/proc/swaps").read_text(encoding="utf-8").splitlines()[1:]
    if lines:
        raise _NotInForceError(f"{len(lines)} swap areas are on: swapoff -a, or encrypt them")
    return "no swap area is on"


def _private_temp(temp: Path) -> str:
    """Check that temporary files go where nobody else looks."""
    mode = temp.stat().st_mode & 0o777
    if mode & 0o077:
        raise _NotInForceError(f"the folder has mode {mode:03o}")
    with tempfile.NamedTemporaryFile() as probe:
        if not Path(probe.name).is_relative_to(temp):
            raise _NotInForceError("temporary files go elsewhere")
    return "mode 700, inside the workspace"


def _interpreter() -> list[Path]:
    """Return where the interpreter and its packages are."""
    prefixes = {sys.prefix, sys.base_prefix, sys.exec_prefix, sys.base_exec_prefix}
    return [Path(prefix) for prefix in sorted(prefixes)]


def _import_paths() -> list[Path]:
    """Return the absolute paths Python imports from, and this package's own."""
    own = Path(__file__).resolve().parents[1]
    return [own, *(Path(entry) for entry in sys.path if entry.startswith("/"))]


def _read_root() -> None:
    """Try to list the root folder."""
    os.listdir("/")  # noqa: PTH208


def _write_root() -> None:
    """Try to create a file in the root folder."""
    flags = os.O_CREAT | os.O_EXCL | os.O_WRONLY
    os.close(os.open("/.appliance-probe", flags, 0o600))
    os.unlink("/.appliance-probe")  # noqa: PTH108
