"""`appliance detect --review`: a steward judges excerpts in the terminal.

Excerpts go to stderr, never to stdout, where a result may be kept. What a terminal could take for
a command, or hide, is shown as a box.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from appliance.cli.console import emit, progress
from appliance.cli.locking import lock_process
from appliance.cli.options import Unlocking
from appliance.errors import DataError

if TYPE_CHECKING:
    from appliance.policy import LoadedPolicy
    from appliance.redact.review import Answer, ReviewItem
    from appliance.steward.reviews import Review

_ASKED = """For each excerpt: what was found is marked «TYPE: ...». Say how many personal pieces are
not marked, and how many marked ones are not personal. q stops; the same command goes on later."""


def review(
    loaded: LoadedPolicy, source: Path, *, count: int, unlocking: Unlocking, as_json: bool
) -> None:
    """Draw a queue, or go on with one that waits, and take answers until all are given."""
    if not source.exists():
        raise DataError(str(source), "no such file or folder", hint=f"ls -l {source.parent}")
    with unlocking.open(exclusive=True) as home:
        lock_process(loaded.policy, home=home, readable=[source])
        from appliance.steward import reviews

        found = reviews.unfinished(home, loaded.policy, source) or reviews.begin(
            home, loaded.policy, source, count=count, progress=progress(quiet=as_json)
        )
        click.echo(_ASKED, err=True)
        total = len(found.waiting) + len(found.answers)
        while found.waiting:
            given = _ask(found.waiting[0], f"{len(found.answers) + 1} of {total}")
            if given is None:
                break
            found = reviews.answer(home, found, (*found.answers, given))
    _say(found, as_json=as_json)


def _say(found: Review, *, as_json: bool) -> None:
    recall = found.recall
    result = {
        "review": found.id,
        "answered": len(found.answers),
        "waiting": len(found.waiting),
        "recall": None if recall is None else recall.recall,
        "recall_interval": None if recall is None else list(recall.recall_interval),
        "precision": None if recall is None else recall.precision,
        "precision_interval": None if recall is None else list(recall.precision_interval),
    }
    lines = [f"{len(found.answers)} excerpts judged, {len(found.waiting)} wait"]
    if recall is None:
        lines.append("nothing personal was judged yet: no estimate")
    else:
        for name in ("recall", "precision"):
            low, high = getattr(recall, f"{name}_interval")
            lines.append(f"{name:9} {getattr(recall, name):.4f} [{low:.4f}, {high:.4f}]")
    if found.waiting:
        lines.append("next: the same command, on a terminal")
    emit(result, as_json=as_json, text="\n".join(lines))


def _ask(item: ReviewItem, place: str) -> Answer | None:
    """Show one excerpt and take its two numbers; None stops."""
    from appliance.redact.review import Answer, shown

    click.echo(f"\n--- {place} ---\n{harmless(shown(item))}\n", err=True)
    missed = _number("personal pieces not marked", None)
    if missed is None:
        return None
    wrong = _number("marked but not personal", len(item.spans)) if item.spans else 0
    if wrong is None:
        return None
    return Answer(number=item.number, found=len(item.spans), missed=missed, wrong=wrong)


def _number(question: str, most: int | None) -> int | None:
    """Ask for a number until one is given; None for q, or where nobody answers any more."""
    while True:
        try:
            said = click.prompt(question, default="0", err=True).strip()
        except click.Abort:
            return None
        if said.casefold() == "q":
            return None
        if said.isascii() and said.isdigit() and (most is None or int(said) <= most):
            return int(said)
        click.echo(f"expected a number{'' if most is None else f' up to {most}'}, or q", err=True)


def harmless(text: str) -> str:
    """Return a text that can neither steer a terminal nor hide in it."""
    return "".join(c if c.isprintable() or c == "\n" else "\u25a1" for c in text)
