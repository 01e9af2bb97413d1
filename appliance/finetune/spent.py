"""Compose the ledger's events by the accountant of record. Needs no torch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

from appliance.finetune.accounting import EventSpec, compose_epsilon
from appliance.ledger import Event


def compose(events: Sequence[Event], delta: float) -> float:
    """Return the epsilon of all events together, at a delta.

    Args:
        events: what earlier runs and a planned one executed, on shared people.
        delta: of the composition.
    """
    return compose_epsilon([EventSpec.from_dict(asdict(e)) for e in events], delta)
