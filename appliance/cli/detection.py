"""What the commands about detection share: reading, writing, the log."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from appliance.cli.console import progress
from appliance.cli.options import Unlocking
from appliance.errors import DataError, UsageError

if TYPE_CHECKING:
    from appliance.policy import Policy
    from appliance.workspace import Home

#: Documents detected at a time; bounds memory, changes no result.
BATCH = 256


@contextmanager
def logged(unlocking: Unlocking, *, exclusive: bool = False) -> Iterator[Home | None]:
    """Open the workspace where there is one: what leaves here is offsets, never content."""
    if not unlocking.path.exists():
        click.echo(f"no workspace {unlocking.path}: this command is not logged", err=True)
        yield None
        return
    with unlocking.open(exclusive=exclusive) as home:
        yield home


def find_in_documents(
    source: Path, out: Path, policy: Policy, language: str | None, *, quiet: bool
) -> dict[str, int]:
    """Write the spans of each document of a JSONL."""
    from appliance.redact.building import processes_of
    from appliance.redact.detect.pool import Pool
    from appliance.steward.detector import detector_of

    found_by = detector_of(policy, languages=None if language is None else (language,))
    documents = spans = 0

    def lines() -> Iterator[str]:
        nonlocal documents, spans
        with (
            progress(quiet=quiet).task("detect", source.stat().st_size) as task,
            Pool(found_by, processes_of(policy)) as detector,
        ):
            rows = _rows(source)
            while batch := list(islice(rows, BATCH)):
                texts = [row["text"] for row in batch]
                for row, found in zip(batch, detector.detect_batch(texts), strict=True):
                    documents += 1
                    spans += len(found)
                    yield json.dumps(
                        {
                            "id": row["id"],
                            "spans": [
                                {
                                    "start": s.start,
                                    "end": s.end,
                                    "entity_type": s.entity_type,
                                    "score": round(s.score, 4),
                                }
                                for s in found
                            ],
                        },
                        ensure_ascii=False,
                    )
                task.advance(sum(len(t.encode()) for t in texts))

    write_lines(out, lines())
    return {"documents": documents, "spans": spans}


def _rows(source: Path) -> Iterator[dict[str, Any]]:
    """Read JSON Lines; a bad line is named by its number."""
    from appliance.files import machine_errors

    with machine_errors(str(source)), source.open("rb") as handle:
        for number, raw in enumerate(handle, start=1):
            if not raw.strip():
                continue
            where = f"{source}: line {number}"
            try:
                row = json.loads(raw)
            except (ValueError, RecursionError):
                raise DataError(where, "is not JSON", hint="expected one object a line") from None
            if not isinstance(row, dict) or any(f not in row for f in ("id", "text")):
                raise DataError(where, "expected an object with id, text", hint=f"head {source}")
            if not isinstance(row["text"], str):
                raise DataError(where, "text is not a string", hint=f"head {source}")
            yield row


def write_lines(out: Path, lines: Iterable[str]) -> None:
    """Write the result beside its place, then put it there whole."""
    from appliance.files import machine_errors

    building = out.with_name(f".{out.name}.building")
    try:
        with machine_errors(str(out)), building.open("w", encoding="utf-8") as handle:
            for line in lines:
                handle.write(line + "\n")
        building.replace(out)
    finally:
        building.unlink(missing_ok=True)


def require_file(path: Path) -> None:
    """Refuse what is no file."""
    if path.is_dir():
        raise UsageError(str(path), "is a directory, expected a file", hint="ls -l")
    if not path.is_file():
        raise DataError(str(path), "no such file", hint=f"ls -l {path.parent}")


def check_language(language: str | None) -> None:
    """Refuse a language nobody can read, without repeating it."""
    if language is None:
        return
    from appliance.redact.detect.languages import LANGUAGE_CODES

    if language not in LANGUAGE_CODES:
        known = ", ".join(sorted(LANGUAGE_CODES))
        raise UsageError("--language", f"expected one of {known}", hint="appliance detect --help")
