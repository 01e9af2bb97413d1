"""Receipts: what each stage of a run read, wrote and claimed.

    RUN/manifest.jsonl    one canonical JSON line per receipt: seq, prev, receipt, mac
    "manifest/head.json"  in the run's vault: how many lines there are, and the last one's digest

Rules:
- Lines are chained by digest and MAC'd with a key of the run's vault.
- The file is replaced whole, so that no crash tears a line; a torn or shortened file is altered.
- The head in the vault lags at most one line behind (a crash between the two writes), so dropping
  lines, or putting an older manifest back, is seen.
- A receipt holds digests and figures, never content.
"""

from __future__ import annotations

import hmac
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

from appliance.crypto.canonical import canonical_json, digest_bytes, keyed_digest
from appliance.errors import IntegrityError
from appliance.files import read_regular, write_atomic

_HEAD = "manifest/head.json"
_START = digest_bytes(b"")
_MAX_BYTES = 256 * 1024 * 1024
_HINT = "the run cannot be trusted: appliance runs purge, then train again"


class Store(Protocol):
    """What the manifest needs of a vault."""

    def keyed(self, purpose: str) -> bytes:
        """Return a key of 32 bytes."""

    def exists(self, name: str) -> bool:
        """Say whether a file is there."""

    def read_json(self, name: str) -> Any:  # noqa: ANN401 - any JSON value
        """Read a JSON file."""

    def write_json(self, name: str, value: Any) -> None:  # noqa: ANN401 - any JSON value
        """Write a JSON file."""


class Manifest:
    """The receipts of one run, oldest first."""

    def __init__(self, path: Path, vault: Store) -> None:
        """Use the manifest at `path`, which need not exist, of the run that owns `vault`."""
        self.path = path
        self._vault = vault

    def append(self, receipt: dict[str, Any]) -> None:
        """Add one receipt.

        Args:
            receipt: a JSON object with "stage", "inputs", "policy_digest", "code_version",
                "outputs", "section", "started" and "finished".

        Raises:
            IntegrityError: the manifest was altered before.
            MachineError: it cannot be written; the manifest is as it was.

        Guarantees:
            After a crash the manifest holds all the receipts appended before, or also this one.
        """
        lines = self._lines()
        before = _last_digest(lines)
        body = {"seq": len(lines), "prev": before, "receipt": receipt}
        line = canonical_json({**body, "mac": self._mac(body)})
        write_atomic(self.path, b"".join(line + b"\n" for line in [*lines, line]))
        self._vault.write_json(_HEAD, {"count": len(lines) + 1, "last": digest_bytes(line)})

    def receipts(self) -> list[dict[str, Any]]:
        """Return all receipts.

        Raises:
            IntegrityError: the manifest was altered, shortened or put back.
        """
        receipts: list[dict[str, Any]] = [json.loads(line)["receipt"] for line in self._lines()]
        return receipts

    def find(self, stage: str) -> dict[str, Any] | None:
        """Return the last receipt of a stage, if there is one.

        Raises:
            IntegrityError: the manifest was altered, shortened or put back.
        """
        found = [receipt for receipt in self.receipts() if receipt["stage"] == stage]
        return found[-1] if found else None

    def verify(self) -> int:
        """Check every line and the head; return how many receipts there are.

        Raises:
            IntegrityError: the manifest was altered, shortened or put back.
        """
        return len(self._lines())

    def translate(self, path: Path, vault: Store, digests: Mapping[str, str]) -> None:
        """Write these receipts for a copy of the run whose files were sealed anew.

        Args:
            path: of the copy's manifest.
            vault: the copy's vault.
            digests: sealed digest before -> after.

        Guarantees:
            A receipt that described the run's files describes the copy's: an output is named by
            its new digest, an input by the new digest of what the stage before it wrote.
        """
        known = dict(digests)
        lines: list[bytes] = []
        for receipt in self.receipts():
            outputs = receipt.get("outputs", {})
            moved = {name: known.get(digest, digest) for name, digest in outputs.items()}
            known[digest_bytes(canonical_json(outputs))] = digest_bytes(canonical_json(moved))
            inputs = {name: known.get(d, d) for name, d in receipt.get("inputs", {}).items()}
            body = {
                "seq": len(lines),
                "prev": _last_digest(lines),
                "receipt": {**receipt, **_present(receipt, outputs=moved, inputs=inputs)},
            }
            lines.append(canonical_json({**body, "mac": _mac(vault, body)}))
        write_atomic(path, b"".join(line + b"\n" for line in lines))
        vault.write_json(_HEAD, {"count": len(lines), "last": _last_digest(lines)})

    def digest(self) -> str:
        """Return the last line's digest, which stands for the whole chain."""
        return _last_digest(self._lines())

    def _lines(self) -> list[bytes]:
        """Read the lines and check chain, MACs and head."""
        try:
            data = read_regular(self.path, limit_bytes=_MAX_BYTES)
        except FileNotFoundError:
            data = b""
        if data and not data.endswith(b"\n"):
            raise self._altered("the last line is cut off")
        lines = data.split(b"\n")[:-1]
        prev = _START
        for seq, line in enumerate(lines):
            self._check(line, seq, prev)
            prev = digest_bytes(line)
        self._check_head(lines)
        return lines

    def _check(self, line: bytes, seq: int, prev: str) -> None:
        """Check one line's place, form and MAC."""
        try:
            body = json.loads(line)
            mac = body.pop("mac")
            sound = (
                hmac.compare_digest(str(mac), self._mac(body))
                and body["seq"] == seq
                and body["prev"] == prev
                and canonical_json({**body, "mac": mac}) == line
            )
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            sound = False
        if not sound:
            raise self._altered(f"line {seq + 1} was altered or is out of place")

    def _check_head(self, lines: list[bytes]) -> None:
        """Compare the lines with the head the vault keeps."""
        if not self._vault.exists(_HEAD):
            if len(lines) > 1:
                raise self._altered("the vault knows nothing of its lines")
            return
        head = self._vault.read_json(_HEAD)
        count = head["count"]
        if not count <= len(lines) <= count + 1:
            raise self._altered(f"{len(lines)} lines, expected {count}")
        if count and digest_bytes(lines[count - 1]) != head["last"]:
            raise self._altered("not the lines the vault knows of")

    def _mac(self, body: dict[str, Any]) -> str:
        """Return a line's MAC."""
        return _mac(self._vault, body)

    def _altered(self, what: str) -> IntegrityError:
        """Return the refusal of this manifest."""
        return IntegrityError(str(self.path), what, hint=_HINT)


def _mac(vault: Store, body: dict[str, Any]) -> str:
    """Return a line's MAC under a vault's key."""
    return keyed_digest(vault.keyed("manifest"), canonical_json(body)).hex()


def _present(receipt: Mapping[str, Any], **values: Any) -> dict[str, Any]:  # noqa: ANN401
    """Return the values whose names the receipt has."""
    return {name: value for name, value in values.items() if name in receipt}


def _last_digest(lines: list[bytes]) -> str:
    """Return the digest the next line points back to."""
    return digest_bytes(lines[-1]) if lines else _START
