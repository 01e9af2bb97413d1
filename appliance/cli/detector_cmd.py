"""`appliance detector`: train a small detector, or print the digest a policy pins."""

from __future__ import annotations

from pathlib import Path

import click

from appliance.cli.console import emit
from appliance.cli.detection import check_language, logged, require_file
from appliance.cli.locking import lock_process
from appliance.cli.options import PATH, Unlocking, home_options, json_option


@click.group()
def detector() -> None:
    """Train a detector on documents of your own, or pin one."""


@detector.command()
@click.option("--language", required=True, help="ISO 639-1 of the documents.")
@click.option("--gold", type=PATH, multiple=True, required=True, help="Annotated JSONL.")
@click.option("--provenance", required=True, help="Where the documents come from, for the report.")
@click.argument("out", metavar="OUT", type=PATH)
@home_options
@json_option
def train(
    *,
    language: str,
    gold: tuple[Path, ...],
    provenance: str,
    out: Path,
    unlocking: Unlocking,
    as_json: bool,
) -> None:
    """Train a small detector from 200 to 300 annotated documents into the directory OUT.

    A line: {"text","spans":[{"start","end","type"}]}. The model holds words of the documents: keep
    OUT as you keep them.
    """
    from appliance.files import machine_errors

    check_language(language)
    for path in gold:
        require_file(path)
    with machine_errors(str(out)):
        out.mkdir(parents=True, exist_ok=True)
    with logged(unlocking) as home:
        lock_process(None, home=home, readable=gold, writable=[out])
        from appliance.redact.building import directory_digest
        from appliance.redact.detect.train import read_gold, train_detector

        documents = [document for path in gold for document in read_gold(path)]
        card = train_detector(documents, out, language=language, provenance=provenance)
        digest = directory_digest(out)
        if home is not None:
            home.log.append("detector.trained", digest=digest, documents=card.documents)
    line = f'models: [{{path: {out.absolute()}, digest: "{digest}", languages: [{language}]}}]'
    text = (
        f"{out}: {card.documents} documents, {', '.join(card.labels)}\n"
        f"in the policy, under deidentify.detectors:\n  {line}\n"
        "next: appliance evaluate-detection --policy P GOLD, on documents it was not trained on"
    )
    emit(
        {
            "out": str(out),
            "digest": digest,
            "documents": card.documents,
            "labels": list(card.labels),
        },
        as_json=as_json,
        text=text,
    )


@detector.command(name="digest")
@click.argument("directory", metavar="DIR", type=PATH)
@json_option
def digest_(directory: Path, *, as_json: bool) -> None:
    """Print the digest of a model's directory, for deidentify.detectors.models."""
    from appliance.redact.building import directory_digest

    found = directory_digest(directory)
    emit({"digest": found}, as_json=as_json, text=found)
