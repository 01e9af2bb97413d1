"""`appliance policy`: check, explain, schema, diff."""

from __future__ import annotations

import json
from pathlib import Path

import click

from appliance.cli.console import emit
from appliance.cli.options import json_option


@click.group()
def policy() -> None:
    """Check or explain a policy; print its schema."""


@policy.command()
@click.argument("path", type=click.Path(path_type=Path))
@json_option
def check(path: Path, *, as_json: bool) -> None:
    """Read a policy and say what it resolves to."""
    from appliance.policy import load_policy

    loaded = load_policy(path)
    resolved = loaded.policy
    emit(
        {
            "name": resolved.name,
            "version": resolved.version,
            "regulation": resolved.regulation,
            "digest": loaded.digest,
            "policy": resolved.model_dump(mode="json"),
        },
        as_json=as_json,
        text=f"{loaded.path}: {resolved.name} {resolved.version} ({resolved.regulation})\n"
        f"digest {loaded.digest}\n"
        f"epsilon {resolved.privacy.target_epsilon:g} per {resolved.privacy.unit}, "
        f"lifetime {resolved.privacy.lifetime_epsilon:g}; "
        f"{len(resolved.deidentify.entities)} entity types; audit {resolved.audit.level}",
    )


@policy.command()
@click.argument("field", default="")
@json_option
def explain(field: str, *, as_json: bool) -> None:
    """Say what a knob does, e.g. `appliance policy explain privacy.target_epsilon`."""
    from appliance.policy import explain as explain_field

    rows = explain_field(field)
    emit(
        {
            "knobs": [
                {
                    "field": r.field,
                    "type": r.type,
                    "default": r.default,
                    "description": r.description,
                }
                for r in rows
            ]
        },
        as_json=as_json,
        text="\n".join(
            f"{r.field}\n    {r.description}\n    {r.type}"
            + (f"; default {r.default}" if r.default else "")
            for r in rows
        ),
    )


@policy.command()
@json_option
def schema(*, as_json: bool) -> None:
    """Print the JSON Schema of a policy file, for editors."""
    from appliance.policy import policy_schema

    emit(policy_schema(), as_json=as_json, text=json.dumps(policy_schema(), indent=2))


@policy.command()
@click.argument("old", type=click.Path(path_type=Path))
@click.argument("new", type=click.Path(path_type=Path))
@json_option
def diff(old: Path, new: Path, *, as_json: bool) -> None:
    """Show which knobs differ between two policies, resolved."""
    from appliance.policy import load_policy

    before = _flat(load_policy(old).policy.model_dump(mode="json"))
    after = _flat(load_policy(new).policy.model_dump(mode="json"))
    changed = [
        {"field": f, "old": before.get(f), "new": after.get(f)}
        for f in sorted(before.keys() | after.keys())
        if before.get(f) != after.get(f)
    ]
    lines = [f"{c['field']}: {json.dumps(c['old'])} -> {json.dumps(c['new'])}" for c in changed]
    emit({"changed": changed}, as_json=as_json, text="\n".join(lines) or "no knob differs")


def _flat(values: object, prefix: str = "") -> dict[str, object]:
    if not isinstance(values, dict):
        return {prefix: values}
    flat: dict[str, object] = {}
    for key, value in values.items():
        flat.update(_flat(value, f"{prefix}.{key}" if prefix else str(key)))
    return flat
