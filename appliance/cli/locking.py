"""Lock the process before a command opens data; the policy says which locks it insists on.

Nothing of numpy, Arrow or torch is imported before: their threads would not be confined.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from appliance.errors import MachineError

if TYPE_CHECKING:
    from appliance.locks import LockReport, Profile
    from appliance.policy import Policy
    from appliance.workspace import Home


def lock_process(
    policy: Policy | None,
    *,
    home: Home | None,
    readable: Sequence[Path] = (),
    writable: Sequence[Path] = (),
    profile: Profile = "strict",
    **facts: str,
) -> LockReport:
    """Lock this process for good and write what is in force into the log.

    Args:
        policy: names the locks it insists on, and the customer's models and annotated documents,
            which stay readable; None where the command takes none.
        home: the workspace, writable from here on; None where the command has none.
        readable: the data and whatever else the command reads.
        writable: folders the command writes to, besides the workspace.
        profile: see `lockdown`.
        facts: for the event, e.g. the run.

    Raises:
        MachineError: a lock the policy insists on is not in force; no data was opened.
    """
    from appliance.locks import lockdown

    report = lockdown(
        profile,
        readable=[path.absolute() for path in (*readable, *named_paths(policy))],
        writable=[p.absolute() for p in (*writable, *([] if home is None else [home.path]))],
        temp=None if home is None else home.private_temp().absolute(),
    )
    missing = set(report.missing())
    refused = [] if policy is None else [n for n in policy.data.required_locks if n in missing]
    if home is not None:
        home.log.append(
            "process.locked",
            outcome="refused" if refused else "done",
            profile=report.profile,
            missing=list(report.missing()),
            **facts,
        )
    for lock in report.locks:
        if lock.name in refused:
            raise MachineError(
                f"lock {lock.name}",
                f"is not in force, and the policy insists on it: {lock.detail}",
                hint="appliance doctor, or appliance policy explain data.required_locks",
            )
    return report


def named_paths(policy: Policy | None) -> list[Path]:
    """Return what a policy names outside the workspace: detectors and annotated documents."""
    if policy is None:
        return []
    knobs = policy.deidentify.detectors
    named = [knobs.ner_model, knobs.recognizers, policy.deidentify.gold]
    paths = [*(m.path for m in knobs.models), *(name for name in named if name is not None)]
    return [path for path in map(Path, paths) if path.exists()]
