"""Several processes for one run: started by `--processes`, or by `torchrun`.

    appliance train --processes 2 ...

The launcher moves into a network of loopback alone, starts the processes with torchrun's
environment, waits, and ends with the first process's code. The first process does the whole run;
the others help to train: they hold no lock on the workspace, write to its log alone, and print
nothing but their own failures.

Under `torchrun` itself the processes need such a network around them (a container without one, or
`unshare --net` with loopback up); torchrun replaces exit codes by its own.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from appliance.errors import EXIT_BUG, MachineError, UsageError

if TYPE_CHECKING:
    from appliance.cli.options import Unlocking

#: Seconds that a process gets to end by itself once another has failed.
_GRACE_S = 20.0
_POLL_S = 0.2
_SET_PARENT_DEATH_SIGNAL = 1
_PORT = "29500"  # Nobody else is in this network.


def world_size() -> int:
    """Return how many processes this one was started among; 1 outside torchrun's environment."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def rank() -> int:
    """Return this process's number, from 0."""
    return int(os.environ.get("RANK", "0"))


def launch(count: int, words: Sequence[str], *, unlocks_itself: bool) -> int:
    """Start the processes of one run and wait for them.

    Args:
        count: how many, at least 2.
        words: the command line that each gets.
        unlocks_itself: each process can read the workspace's secret by itself.

    Returns:
        The first process's exit code; another's where the first ended well and it did not.

    Raises:
        UsageError: several processes cannot share one prompt or descriptor.
        MachineError: the kernel gives no network of its own.
    """
    from appliance.locks import netns

    if not unlocks_itself:
        raise UsageError(
            "--processes",
            "expected --passphrase-file or --key-file: every process unlocks by itself",
            hint="appliance train --help",
        )
    try:
        netns.enter_loopback()
    except OSError:
        raise MachineError(
            "--processes",
            "the kernel refuses a network of loopback alone, in which processes may meet",
            hint="appliance train without --processes",
        ) from None
    threads = str(max(1, (os.cpu_count() or 1) // count))
    shared = {
        "OMP_NUM_THREADS": threads,
        "TORCH_CPP_LOG_LEVEL": "ERROR",  # It would name the host on stderr.
        **os.environ,
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": _PORT,
        "WORLD_SIZE": str(count),
    }
    started = [
        subprocess.Popen(  # noqa: S603  our own interpreter and command line
            [sys.executable, "-m", "appliance.cli", *words],
            env={**shared, "RANK": str(number), "LOCAL_RANK": str(number)},
            stdout=None if number == 0 else subprocess.DEVNULL,
            preexec_fn=_end_with_launcher,
        )
        for number in range(count)
    ]
    try:
        _wait(started)
    finally:
        for process in started:
            if process.poll() is None:
                process.terminate()
        codes = [process.wait() for process in started]
    return next((c if c > 0 else EXIT_BUG for c in codes if c), 0)


def _end_with_launcher() -> None:
    """Ask the kernel to end this process when its launcher ends, however that was ended."""
    from appliance.locks import kernel

    kernel.prctl(_SET_PARENT_DEATH_SIGNAL, signal.SIGKILL)


def _wait(started: Sequence[subprocess.Popen[bytes]]) -> None:
    """Wait until all have ended, or the grace after a failure is over."""
    until = None
    while any(process.poll() is None for process in started):
        ended = [process.returncode for process in started if process.poll() is not None]
        if until is None and (any(ended) or started[0].poll() is not None):
            until = time.monotonic() + _GRACE_S
        if until is not None and time.monotonic() > until:
            return
        time.sleep(_POLL_S)


def helper_temp(home: Path) -> Path:
    """Make a private folder for a helper; the workspace removes it once the helper has ended.

    Raises:
        MachineError: there is no workspace.
    """
    from appliance.files import make_private_folder

    if not (home / "tmp").is_dir():
        raise MachineError(
            str(home), "there is no workspace here", hint=f"appliance init --home {home}"
        )
    folder = home / "tmp" / f"{os.getpid()}-helper"
    make_private_folder(folder)
    return folder


def meet_helpers() -> None:
    """Meet the other processes, as the first of them; call it once the locks are on."""
    from appliance.finetune.ranks import Ranks

    Ranks.join()


def dismiss_helpers() -> None:
    """Let helpers that still wait end: this run did not come to train."""
    from appliance.pipeline.parallel import dismiss_helpers

    dismiss_helpers()


def help_first_process(unlocking: Unlocking) -> None:
    """Lock this process, then wait for the first one and train with it.

    Raises:
        MachineError: there is no workspace, or the processes cannot meet.
    """
    from appliance.locks import lockdown

    home = unlocking.path.absolute()
    temp = helper_temp(home)
    secrets = [p.absolute() for p in (unlocking.passphrase_file, unlocking.key_file) if p]
    # Closing a workspace signs its log, even one that was only read.
    lockdown("shared-loopback", readable=[home, *secrets], writable=[home / "log"], temp=temp)
    from appliance.finetune.ranks import Ranks
    from appliance.pipeline.parallel import help_train

    help_train(Ranks.join(), lambda: unlocking.open(exclusive=False))
