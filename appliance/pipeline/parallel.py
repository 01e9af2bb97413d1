"""Several processes, one run: the first does everything, the others help to train.

A helper waits until the first process is about to train, opens the workspace for reading, builds
the same model and units, and joins the steps. It reserves nothing and seals nothing; the log alone
tells of its opening. Ledger, checkpoints and evidence are the first process's.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import AbstractContextManager

from appliance.finetune.mechanism import Mechanism
from appliance.finetune.ranks import Ranks
from appliance.pipeline.tuning import Workbench, train_together, training_units
from appliance.run import Run
from appliance.workspace import Home


def dismiss_helpers() -> None:
    """Let helpers that still wait go home: this run did not come to train."""
    ranks = Ranks.current()
    if ranks.world_size > 1:
        ranks.tell(b"")
        ranks.leave()


def help_train(ranks: Ranks, open_home: Callable[[], AbstractContextManager[Home]]) -> None:
    """Wait for the first process's call, and train with it.

    Args:
        ranks: this helper among the processes.
        open_home: opens the workspace for reading.
    """
    told = ranks.hear()
    if told:
        call = json.loads(told)
        with open_home() as home:
            run = Run.attach(home, call["run"])
            mechanism = Mechanism.from_dict(call["mechanism"])
            bench = Workbench(run)
            train_together(run, bench.adapted(), training_units(run), mechanism, [], ranks)
    ranks.leave()
