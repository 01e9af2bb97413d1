"""One document as a page for human eyes, sealed unless its reader asks for it in the clear.

Owns the sealed page: one line that says what it is, then a container under the workspace's key.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson

from appliance.crypto.container import open_, seal
from appliance.errors import DataError, IntegrityError
from appliance.files import read_regular
from appliance.policy.model import Policy
from appliance.redact.render import render_html
from appliance.steward.detector import detector_of
from appliance.workspace import Home

_MAGIC = b"appliance sealed page 1\n"
_CONTEXT = b"appliance/page/1"
_LIMIT_BYTES = 256 * 1024 * 1024


def seal_page(home: Home, page: str) -> bytes:
    """Seal a page for its workspace."""
    return _MAGIC + seal(home.vault.keyed("pages"), _CONTEXT, page.encode())


def open_page(home: Home, path: Path) -> str:
    """Open a sealed page.

    Raises:
        IntegrityError: altered, or sealed by another workspace.
    """
    sealed = read_regular(path, limit_bytes=_LIMIT_BYTES)
    if not sealed.startswith(_MAGIC):
        raise IntegrityError(str(path), "is not a sealed page", hint="appliance detect --help")
    body = sealed[len(_MAGIC) :]
    return open_(home.vault.keyed("pages"), _CONTEXT, body, where=str(path)).decode()


def page_of(
    source: Path, policy: Policy, *, document: str | None, languages: tuple[str, ...] | None
) -> str:
    """Render one document with what is found in it.

    Args:
        source: JSONL of {"id", "text"}, or one plain text.
        policy: whose detector looks.
        document: the id of a JSONL's document; None takes the first.
        languages: instead of the policy's own.

    Raises:
        DataError: there is no such document, or it is not text.
    """
    text = _text(source, document)
    (spans,) = detector_of(policy, languages=languages).detect_batch([text])
    return render_html(text, spans)


def _text(source: Path, document: str | None) -> str:
    if source.suffix not in (".jsonl", ".ndjson"):
        raw = read_regular(source, limit_bytes=_LIMIT_BYTES)
        try:
            return raw.decode()
        except UnicodeDecodeError:
            raise DataError(str(source), "is not UTF-8 text", hint=f"file {source}") from None
    with source.open("rb") as handle:
        for line in handle:
            row = _row(line)
            if row and (document is None or str(row.get("id")) == document):
                return str(row["text"])
    raise DataError(
        str(source),
        'holds no such document: expected lines of {"id", "text"}',
        hint=f"head {source}",
    )


def _row(line: bytes) -> dict[str, Any] | None:
    try:
        row = orjson.loads(line)
    except orjson.JSONDecodeError:
        return None
    return row if isinstance(row, dict) and isinstance(row.get("text"), str) else None
