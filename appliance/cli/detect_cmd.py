"""`appliance detect` and `appliance evaluate-detection`: detection without training."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from appliance.cli.console import emit, progress
from appliance.cli.options import PATH, Unlocking, home_options, json_option
from appliance.errors import DataError, UsageError

if TYPE_CHECKING:
    from appliance.policy import Policy
    from appliance.workspace import Home

#: Documents detected at a time; bounds memory, changes no result.
BATCH = 64


@click.command()
@click.option("--policy", "policy_path", type=PATH, required=True, help="The policy.")
@click.option("--language", help="ISO 639-1 of the text; absent: the policy's.")
@click.option("--table", "as_table", is_flag=True, help="Decide per column of a table.")
@click.argument("source", metavar="IN", type=PATH)
@click.argument("out", metavar="OUT", type=PATH)
@home_options
@json_option
def detect(
    *,
    policy_path: Path,
    language: str | None,
    as_table: bool,
    source: Path,
    out: Path,
    unlocking: Unlocking,
    as_json: bool,
) -> None:
    """Find personal data in IN: JSONL of {"id","text"}, or with --table a table.

    OUT holds offsets and types, never the text.
    """
    from appliance.policy import load_policy

    loaded = load_policy(policy_path)
    _require_file(source)
    with _logged(unlocking) as home:
        if as_table:
            found = _table(source, loaded.policy)
            _write(out, [json.dumps(found, ensure_ascii=False, indent=1)])
            result: dict[str, Any] = {"columns": len(found["columns"])}
        else:
            result = _documents(source, out, loaded.policy, language, quiet=as_json)
        if home is not None:
            home.log.append("detect.done", policy=loaded.digest, **result)
    text = ", ".join(f"{count} {what}" for what, count in result.items())
    emit({"out": str(out), **result}, as_json=as_json, text=f"{out}: {text}")


@click.command(name="evaluate-detection")
@click.option("--policy", "policy_path", type=PATH, required=True, help="The policy.")
@click.option("--language", help="ISO 639-1 of the text; absent: the policy's.")
@click.argument("gold", metavar="GOLD", type=PATH)
@home_options
@json_option
def evaluate_detection(
    *, policy_path: Path, language: str | None, gold: Path, unlocking: Unlocking, as_json: bool
) -> None:
    """Measure recall, precision and F2 per type, with 95 % intervals, against annotated documents.

    GOLD: JSONL of {"id","text","spans":[{"start","end","entity_type"}]}.
    """
    from appliance.policy import load_policy
    from appliance.redact.measure import evaluate_detection as measure
    from appliance.steward.detector import detector_of

    loaded = load_policy(policy_path)
    _require_file(gold)
    with _logged(unlocking) as home:
        detector = detector_of(loaded.policy, languages=_languages(language))
        found = measure(_rows(gold, ("id", "text", "spans")), detector)
        if home is not None:
            home.log.append("detect.evaluated", policy=loaded.digest, documents=found.documents)
    result = found.model_dump(mode="json")
    low, high = found.recall_interval
    lines = [
        f"{found.documents} documents",
        f"recall    {found.recall:.4f} [{low:.4f}, {high:.4f}]",
        f"precision {found.precision:.4f} "
        f"[{found.precision_interval[0]:.4f}, {found.precision_interval[1]:.4f}]",
        *(f"  {name:24} {value:.4f}" for name, value in sorted(found.by_type.items())),
    ]
    emit(result, as_json=as_json, text="\n".join(lines))


@contextmanager
def _logged(unlocking: Unlocking) -> Iterator[Home | None]:
    """Open the workspace where there is one: what leaves here is offsets, never content."""
    if not unlocking.path.exists():
        click.echo(f"no workspace {unlocking.path}: this command is not logged", err=True)
        yield None
        return
    with unlocking.open(exclusive=False) as home:
        yield home


def _documents(
    source: Path,
    out: Path,
    policy: Policy,
    language: str | None,
    *,
    quiet: bool,
) -> dict[str, int]:
    from appliance.steward.detector import detector_of

    detector = detector_of(policy, languages=_languages(language))
    documents = spans = 0

    def lines() -> Iterator[str]:
        nonlocal documents, spans
        with progress(quiet=quiet).task("detect", source.stat().st_size) as task:
            rows = _rows(source, ("id", "text"))
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

    _write(out, lines())
    return {"documents": documents, "spans": spans}


def _table(source: Path, policy: Policy) -> dict[str, Any]:
    from appliance.ingest.tables import read_table
    from appliance.redact.columns import detect_table
    from appliance.steward.detector import detector_of

    rows = read_table(source, policy=policy.data)
    return detect_table(rows, policy=policy, detector=detector_of(policy))


def _rows(source: Path, fields: tuple[str, ...]) -> Iterator[dict[str, Any]]:
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
            if not isinstance(row, dict) or any(f not in row for f in fields):
                need = ", ".join(fields)
                raise DataError(where, f"expected an object with {need}", hint=f"head {source}")
            if not isinstance(row["text"], str):
                raise DataError(where, "text is not a string", hint=f"head {source}")
            yield row


def _write(out: Path, lines: Iterable[str]) -> None:
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


def _require_file(path: Path) -> None:
    if path.is_dir():
        raise UsageError(str(path), "is a directory, expected a file", hint="ls -l")
    if not path.is_file():
        raise DataError(str(path), "no such file", hint=f"ls -l {path.parent}")


def _languages(language: str | None) -> tuple[str, ...] | None:
    return None if language is None else (language,)
