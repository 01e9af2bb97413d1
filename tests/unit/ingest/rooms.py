"""What the ingest tests share: a reading of an unnamed file, and a whole ingest."""

from __future__ import annotations

from pathlib import Path

from appliance.evidence import DataSection
from appliance.ingest.rows import BadRow, Reading, Row
from appliance.ingest.sources import Compression, Format, SourceFile
from appliance.ingest.stage import ingest
from appliance.policy.model import Data, Limits
from appliance.progress import SilentProgress
from appliance.vault import Vault

UNIT_KEY = b"u" * 32


def source(
    format_: Format = "jsonl", compression: Compression | None = None, size: int = 1
) -> SourceFile:
    """Name a file that does not exist."""
    return SourceFile(
        index=0,
        root=Path("notes.x"),
        parts=(),
        format=format_,
        compression=compression,
        stored_bytes=size,
    )


def reading(encoding: str = "utf-8", **limits: object) -> Reading:
    """Say that an unnamed file is being read."""
    return Reading(source=source(), limits=Limits.model_validate(limits), encoding=encoding)


def run_ingest(path: Path, vault: Vault, **policy: object) -> DataSection:
    """Ingest a file or folder under a policy given as keyword arguments."""
    return ingest(
        path,
        policy=Data.model_validate(policy),
        vault=vault,
        unit_key=UNIT_KEY,
        progress=SilentProgress(),
    )


def good(rows: list[Row | BadRow]) -> list[tuple[int, dict[str, object]]]:
    """Return (line, values) of the rows that were read."""
    return [(r.line, dict(r.values)) for r in rows if isinstance(r, Row)]


def bad(rows: list[Row | BadRow]) -> list[tuple[int, str]]:
    """Return (line, cause) of the rows that were not."""
    return [(r.line, r.cause) for r in rows if isinstance(r, BadRow)]
