"""Digests of public files: reports, releases and models are read by others, and must not change.

They lie in clear by intent. Their digests lie in the workspace's vault, so that a file altered,
removed or added is seen.

    "custody/public.json"    {"files": {path: digest}, "expected": [path]}

Rules:
- Whoever writes public files says so before (`expect`) and after (`record`): what a crash leaves
  in between is no stranger's.
- Recording a folder replaces what was known of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from appliance.crypto.canonical import digest_file
from appliance.errors import IntegrityError
from appliance.files import machine_errors
from appliance.vault import Vault
from appliance.workspace.layout import PUBLIC_FOLDERS

_NAME = "custody/public.json"


def expect_public(vault: Vault, home: Path, paths: Sequence[Path]) -> None:
    """Announce files or folders that are about to be written."""
    known = _load(vault)
    names = {_relative(home, path) for path in paths}
    if not names <= set(known["expected"]):
        known["expected"] = sorted(names | set(known["expected"]))
        vault.write_json(_NAME, known)


def record_public(vault: Vault, home: Path, paths: Sequence[Path]) -> None:
    """Keep the digests of final files, or of all files of final folders, below the workspace."""
    known = _load(vault)
    for path in paths:
        name = _relative(home, path)
        files = {n: d for n, d in known["files"].items() if not _below(n, name)}
        with machine_errors(str(path)):
            files.update((_relative(home, file), digest_file(file)) for file in _files(path))
        known = {"files": files, "expected": [n for n in known["expected"] if n != name]}
    vault.write_json(_NAME, known)


def check_public(vault: Vault, home: Path) -> int:
    """Compare every public file with its digest; return how many there are.

    Raises:
        IntegrityError: naming the first that is altered, missing or added.
    """
    known = _load(vault)
    for name, digest in sorted(known["files"].items()):
        path = home / name
        if any(_below(name, e) for e in known["expected"]):
            continue
        if not path.is_file() or digest_file(path) != digest:
            raise IntegrityError(
                str(path), "altered or missing", hint="restore it from a backup or the release"
            )
    for folder in PUBLIC_FOLDERS:
        for path in _files(home / folder):
            name = _relative(home, path)
            if name not in known["files"] and not any(_below(name, e) for e in known["expected"]):
                raise IntegrityError(
                    str(path), "added: no command of this workspace wrote it", hint="remove it"
                )
    return len(known["files"])


def hold_public(vault: Vault, home: Path, path: Path) -> None:
    """Compare one public file with its digest, before a command believes what it says.

    Raises:
        IntegrityError: altered, missing or added.
    """
    known, name = _load(vault), _relative(home, path)
    if any(_below(name, expected) for expected in known["expected"]):
        return
    digest = known["files"].get(name)
    if (digest_file(path) if path.is_file() else None) != digest:
        what = "altered or missing" if digest else "added: no command of this workspace wrote it"
        raise IntegrityError(str(path), what, hint="appliance check")


def _load(vault: Vault) -> dict[str, Any]:
    """Read what is known."""
    return dict(vault.read_json(_NAME)) if vault.exists(_NAME) else {"files": {}, "expected": []}


def _files(path: Path) -> Iterator[Path]:
    """Yield a file, or the files below a folder; nothing where there is nothing."""
    if path.is_file():
        yield path
    elif path.is_dir():
        yield from (p for p in sorted(path.rglob("*")) if p.is_symlink() or not p.is_dir())


def _relative(home: Path, path: Path) -> str:
    """Return a path below the workspace as the record names it."""
    return path.absolute().relative_to(home.absolute()).as_posix()


def _below(name: str, folder: str) -> bool:
    """Whether a name is a folder's own or lies below it."""
    return name == folder or name.startswith(f"{folder}/")
