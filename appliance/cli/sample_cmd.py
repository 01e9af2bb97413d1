"""`appliance sample-data`: the synthetic clinic letters."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from appliance.cli.console import emit
from appliance.cli.options import PATH, json_option

if TYPE_CHECKING:
    from appliance.sample_data import Shape


@click.command()
@click.argument("out", type=PATH)
@click.option("--records", type=click.IntRange(min=1), default=560, show_default=True)
@click.option("--patients", type=click.IntRange(min=1), default=200, show_default=True)
@click.option("--seed", type=int, default=20240901, show_default=True)
@click.option(
    "--shape",
    type=click.Choice(["text", "prompt_response", "classification"]),
    default="text",
    show_default=True,
    help="Letters; letters that ask for their plan; letters with their kind as label.",
)
@json_option
def sample_data(
    out: Path, *, records: int, patients: int, seed: int, shape: Shape, as_json: bool
) -> None:
    """Write synthetic clinic letters of invented patients, with their gold spans."""
    from appliance.sample_data import write_sample_data

    written = write_sample_data(out, seed=seed, records=records, patients=patients, shape=shape)
    emit(
        {
            "notes": str(written.notes),
            "gold": str(written.gold),
            "records": written.records,
            "patients": written.patients,
        },
        as_json=as_json,
        text=f"{written.records} letters of {written.patients} invented patients: {written.notes}\n"
        f"gold spans: {written.gold}",
    )
