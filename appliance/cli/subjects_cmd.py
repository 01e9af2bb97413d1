"""`appliance subjects`: where a person is in this workspace, and erasing them."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from appliance.cli.console import emit, table
from appliance.cli.locking import lock_process
from appliance.cli.options import Unlocking, home_options, json_option
from appliance.errors import UsageError

if TYPE_CHECKING:
    from appliance.settlement.erasing import Choice, Kind, Trace

_KINDS = ("value", "source", "folder")
_CHOICES = ("retrain", "retire", "rely-on-dp")
_LONGEST = 10_000


@click.group()
def subjects() -> None:
    """Find or erase a person; their identifier comes from the terminal or stdin, never argv."""


@subjects.command()
@click.option("--kind", type=click.Choice(_KINDS), default="value", help="What the unit is.")
@home_options
@json_option
def find(*, kind: Kind, unlocking: Unlocking, as_json: bool) -> None:
    """Say which data sets, shards, runs and adapters hold a person.

    The person is named as in the data's unit column, on the terminal or on stdin: arguments can be
    read by other processes. Nothing is kept of the name; the log keeps that somebody asked.
    """
    named = _named()
    with unlocking.open(exclusive=False) as home:
        lock_process(None, home=home)
        from appliance.settlement.erasing import digest_of
        from appliance.settlement.erasing import find as look

        traces = look(home, digest_of(home, named, kind=kind))
        home.log.append("subject.asked", runs=len(traces))
    emit({"found": [_plain(t) for t in traces]}, as_json=as_json, text=_table(traces))


@subjects.command()
@click.option(
    "--choice",
    type=click.Choice(_CHOICES),
    required=True,
    help="Adapters trained on the person: train them again, retire them, or rely on the guarantee.",
)
@click.option("--kind", type=click.Choice(_KINDS), default="value", help="What the unit is.")
@click.option("--confirm", help="The word 'erase', instead of typing it.")
@home_options
@json_option
def erase(
    *, choice: Choice, kind: Kind, confirm: str | None, unlocking: Unlocking, as_json: bool
) -> None:
    """Erase a person from every sealed shard, mark the adapters, and sign a receipt.

    With `retrain` and `retire` a release leaves HOME/releases and a waiting run is dropped. The
    person's rows are skipped in every later run. An interrupted erasure goes on when repeated.
    """
    named = _named()
    with unlocking.open(exclusive=True) as home:
        lock_process(None, home=home)
        from appliance.run import utc_now
        from appliance.settlement.erasing import digest_of
        from appliance.settlement.erasing import erase as burn

        person = digest_of(home, named, kind=kind)
        click.echo("the person's rows will be lost, here and for good", err=True)
        typed = confirm or _typed()
        if typed != "erase":
            raise UsageError("confirmation", "is not the word erase", hint="--confirm erase")
        receipt, path = burn(home, person, choice, clock=utc_now)
    lines = [f"run {r['run']}: {r['action']}" for r in receipt["runs"]]
    lines += [f"adapter of run {a['run']} ({a['was']}): {a['choice']}" for a in receipt["adapters"]]
    lines += ["not reached:", *(f"  - {line}" for line in receipt["not_reached"])]
    lines.append(f"receipt {path}")
    emit({"receipt": receipt, "file": str(path)}, as_json=as_json, text="\n".join(lines))


def _named() -> str:
    """Read who is meant: from the terminal, unseen, or the first line of stdin."""
    if sys.stdin.isatty():
        return str(click.prompt("Identifier in the data's unit column", hide_input=True, err=True))
    lines = sys.stdin.read(_LONGEST).splitlines()
    if len(lines) != 1:
        raise UsageError(
            "subject", "expected one line on stdin", hint="appliance subjects find < FILE"
        )
    return lines[0]


def _typed() -> str:
    if not sys.stdin.isatty():
        raise UsageError("confirmation", "nobody can be asked", hint="--confirm erase")
    return str(click.prompt("Type the word erase to go on", err=True))


def _plain(trace: Trace) -> dict[str, Any]:
    return {
        "run": trace.run,
        "data_set": trace.source,
        "verdict": trace.verdict,
        "shards": [{"name": name, "rows": rows} for name, rows in trace.shards],
        "trained_on": trace.trained_on,
        "adapter": trace.adapter,
        "epsilon": trace.epsilon,
        "delta": trace.delta,
        "marks": list(trace.marks),
    }


def _table(traces: list[Trace]) -> str:
    if not traces:
        return "no run of this workspace holds this person"
    rows = [
        (
            t.run,
            t.source or "unknown",
            t.verdict or "unfinished",
            ", ".join(f"{name} ({n})" for name, n in t.shards) or "none",
            "yes" if t.trained_on else "no",
            t.adapter + "".join(f", {m}" for m in t.marks),
        )
        for t in traces
    ]
    return table(rows, ("run", "data set", "verdict", "shards (rows)", "trained on", "adapter"))
