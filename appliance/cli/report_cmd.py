"""`appliance report`: the evidence of a run, rendered."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from appliance.cli.console import emit
from appliance.cli.options import PATH, Unlocking, home_options, json_option
from appliance.errors import UsageError

if TYPE_CHECKING:
    from appliance.evidence import Report
    from appliance.report.words import Language

FORMATS = ("html", "pdf", "json", "oscal", "mlbom")
_MLBOM = "mlbom.cdx.json"


@click.command()
@click.argument("run_id", metavar="RUN", required=False)
@click.argument("out", type=PATH, required=False)
@click.option("--format", "form", type=click.Choice(FORMATS), default="html", show_default=True)
@click.option("--language", type=click.Choice(["en", "pt-BR"]), default="en", show_default=True)
@click.option("--schema", is_flag=True, help="Print the JSON Schema of report.json and stop.")
@home_options
@json_option
def report(
    run_id: str | None,
    out: Path | None,
    *,
    form: str,
    language: str,
    schema: bool,
    unlocking: Unlocking,
    as_json: bool,
) -> None:
    """Render the evidence of RUN into the file OUT."""
    from appliance.report.json import parse_report, report_schema

    if schema:
        emit(report_schema(), as_json=as_json, text=json.dumps(report_schema(), indent=2))
        return
    if run_id is None or out is None:
        raise UsageError(
            "appliance report", "expected RUN and OUT", hint="appliance report RUN report.html"
        )
    from appliance.files import machine_errors
    from appliance.run import run_ids

    with unlocking.open(exclusive=False) as home:
        if run_id not in run_ids(home):
            raise UsageError(f"run {run_id}", "there is no such run", hint="appliance runs list")
        source = home.path / "reports" / run_id / "report.json"
        if not source.is_file():
            raise UsageError(
                f"run {run_id}", "has not ended", hint=f"appliance train --resume {run_id}"
            )
        home.hold_public(source)
        loaded = parse_report(source.read_bytes(), where=str(source))
        if form == "mlbom":
            rendered = _bill(home.path / "releases" / run_id, loaded)
        else:
            rendered = _render(loaded, form, language)
        home.log.append("report.rendered", run=run_id, format=form)
    with machine_errors(str(out)):
        out.write_bytes(rendered)
    emit(
        {"run": run_id, "format": form, "out": str(out), "bytes": len(rendered)},
        as_json=as_json,
        text=f"{out}: {len(rendered):,} bytes",
    )


def _bill(bundle: Path, loaded: Report) -> bytes:
    """Return the bill of materials that was signed with the release."""
    from appliance.crypto.canonical import digest_bytes
    from appliance.errors import IntegrityError

    where = f"run {loaded.run.id}"
    if loaded.verdict != "released":
        raise UsageError(
            where,
            "was not released: a bill of materials lists a release",
            hint=f"appliance report {loaded.run.id} --format json report.json",
        )
    if not (bundle / _MLBOM).is_file():
        raise UsageError(
            where,
            f"its release is no longer in the workspace; {_MLBOM} lies inside it",
            hint=f"appliance runs show {loaded.run.id}",
        )
    raw = (bundle / _MLBOM).read_bytes()
    if digest_bytes(raw) not in {a.digest for a in loaded.artifacts if a.path == _MLBOM}:
        raise IntegrityError(
            str(bundle / _MLBOM),
            "is not the file that was released",
            hint=f"appliance verify {bundle} --key PUB",
        )
    return raw


def _render(loaded: Report, form: str, language: str) -> bytes:
    chosen: Language = "pt-BR" if language == "pt-BR" else "en"
    if form == "html":
        from appliance.report.html import render_html

        return render_html(loaded, language=chosen).encode()
    if form == "pdf":
        from appliance.report.pdf import render_pdf

        return render_pdf(loaded, language=chosen)
    if form == "oscal":
        from appliance.report.oscal import render_oscal

        return render_oscal(loaded)
    from appliance.report.json import report_bytes

    return report_bytes(loaded)
