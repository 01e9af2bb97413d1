"""`appliance models`: add or list base models."""

from __future__ import annotations

from pathlib import Path

import click

from appliance.cli.console import emit, progress, table
from appliance.cli.options import Unlocking, home_options, json_option


@click.group()
def models() -> None:
    """Add or list local base models."""


@models.command()
@click.argument("source", metavar="DIR|demo|minilm")
@click.option("--name", help="Name in policies and reports; absent: the directory's.")
@home_options
@json_option
def add(source: str, *, name: str | None, unlocking: Unlocking, as_json: bool) -> None:
    """Check a base model (safetensors and JSON only), pin its digest, register it.

    `demo` is SmolLM2-135M-Instruct, `minilm` the all-MiniLM-L6-v2 encoder for classification, each
    out of an installed package.
    """
    from appliance.model.registry import Registry, describe

    with unlocking.open(exclusive=True) as home:
        registry = Registry(home.path / "models")
        home.expect_public(home.path / "models")
        if source == "demo":
            model = registry.add_demo(progress(quiet=as_json))
        elif source == "minilm":
            model = registry.add_minilm()
        else:
            model = registry.add(Path(source), name=name)
        home.record_public(home.path / "models")
        home.log.append("model.added", model=model.name, digest=model.digest)
    emit(
        {"model": describe(model)},
        as_json=as_json,
        text=f"{model.name}: {model.digest}\n{model.origin}, {model.bytes:,} bytes",
    )


@models.command(name="list")
@home_options
@json_option
def list_(*, unlocking: Unlocking, as_json: bool) -> None:
    """List registered base models."""
    from appliance.model.registry import Registry, describe

    with unlocking.open(exclusive=False) as home:
        registry = Registry(home.path / "models")
        home.hold_public(registry.index)
        found = registry.models()
    text = table(
        [(m.name, f"{m.bytes:,}", m.digest, m.origin) for m in found],
        ("name", "bytes", "digest", "origin"),
    )
    emit(
        {"models": [describe(m) for m in found]},
        as_json=as_json,
        text=text if found else "no base model is registered; next: appliance models add demo",
    )
