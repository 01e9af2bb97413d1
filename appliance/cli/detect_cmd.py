"""`appliance detect`: documents, a table's columns, one document's page, or a review."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from appliance.cli.console import emit
from appliance.cli.detection import (
    check_language,
    find_in_documents,
    logged,
    require_file,
    write_lines,
)
from appliance.cli.locking import lock_process
from appliance.cli.options import PATH, Unlocking, home_options, json_option
from appliance.errors import UsageError

if TYPE_CHECKING:
    from appliance.policy import LoadedPolicy

_HINT = "appliance detect --help"


@click.command()
@click.option("--policy", "policy_path", type=PATH, help="The policy.")
@click.option("--language", help="ISO 639-1 of the text; absent: the policy's.")
@click.option("--table", "as_table", is_flag=True, help="Decide per column of a table.")
@click.option("--html", "as_html", is_flag=True, help="Seal one document as a page: spans, types.")
@click.option("--id", "document", help="With --html: which document of IN; absent: the first.")
@click.option("--open", "opened", is_flag=True, help="With --html: write the page in the clear.")
@click.option("--review", "count", type=click.IntRange(min=1), help="Judge N excerpts of IN.")
@click.argument("source", metavar="IN", type=PATH)
@click.argument("out", metavar="[OUT]", type=PATH, required=False)
@home_options
@json_option
def detect(
    *,
    policy_path: Path | None,
    language: str | None,
    as_table: bool,
    as_html: bool,
    document: str | None,
    opened: bool,
    count: int | None,
    source: Path,
    out: Path | None,
    unlocking: Unlocking,
    as_json: bool,
) -> None:
    """Find personal data in IN: JSONL of {"id","text"}, or with --table a table.

    OUT holds offsets and types, never the text. With --html OUT is a page for human eyes, sealed
    unless --open is given; a sealed page as IN is opened again by --html --open. With --review
    a steward judges excerpts of IN (any data `train` reads) in the terminal; there is no OUT.
    """
    if sum((as_table, as_html, count is not None)) > 1 or (opened and not as_html):
        raise UsageError("options", "do not go together", hint=_HINT)
    if (out is None) != (count is not None):
        raise UsageError("OUT", "is needed, but not with --review", hint=_HINT)
    check_language(language)
    if count is not None:
        from appliance.cli.reviewing import review

        review(_load(policy_path), source, count=count, unlocking=unlocking, as_json=as_json)
        return
    require_file(source)
    if out is None or str(out) == "-":
        raise UsageError("OUT", "is a file: standard output takes the summary", hint=_HINT)
    if as_html:
        from appliance.cli.paging import page

        shown = page(
            source,
            out,
            policy=None if policy_path is None else _load(policy_path),
            document=document,
            opened=opened,
            languages=None if language is None else (language,),
            unlocking=unlocking,
        )
        emit(shown, as_json=as_json, text=f"{out}: {'in the clear' if opened else 'sealed'}")
        return
    loaded = _load(policy_path)
    with logged(unlocking) as home:
        lock_process(loaded.policy, home=home, readable=[source], writable=[out.absolute().parent])
        if as_table:
            found = _table(source, loaded)
            write_lines(out, [json.dumps(found, ensure_ascii=False, indent=1)])
            result: dict[str, Any] = {"columns": len(found["columns"])}
        else:
            result = find_in_documents(source, out, loaded.policy, language, quiet=as_json)
        if home is not None:
            home.log.append("detect.done", policy=loaded.digest, **result)
    text = ", ".join(f"{number} {what}" for what, number in result.items())
    emit({"out": str(out), **result}, as_json=as_json, text=f"{out}: {text}")


def _load(path: Path | None) -> LoadedPolicy:
    from appliance.policy import load_policy

    if path is None:
        raise UsageError("--policy", "is needed", hint="appliance detect --policy P IN OUT")
    return load_policy(path)


def _table(source: Path, loaded: LoadedPolicy) -> dict[str, Any]:
    from appliance.ingest.tables import read_table
    from appliance.redact.columns import detect_table
    from appliance.steward.detector import detector_of

    rows = read_table(source, policy=loaded.policy.data)
    found = detect_table(rows, policy=loaded.policy, detector=detector_of(loaded.policy))
    for name in loaded.policy.deidentify.columns:
        if name not in found["columns"]:
            click.echo(f"the policy's rule for {name!r} meets no column of this table", err=True)
    return found
