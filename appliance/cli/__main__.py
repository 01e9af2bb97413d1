"""The door: parse, call, print, exit.

Commands load their rooms only when called, so that `--help` is instant. Failures become two
lines on stderr, or one JSON object with `--json`; `except Exception` exists once, here.
"""

from __future__ import annotations

import importlib
import logging
import os
import sys
import warnings
from typing import TYPE_CHECKING

import click
from typing_extensions import override

from appliance import __version__
from appliance.cli.failures import report_failure

if TYPE_CHECKING:
    from collections.abc import Sequence

#: Command -> module that defines it under the same name (dashes as underscores).
COMMANDS = {
    "init": "init_cmd",
    "models": "models_cmd",
    "sample-data": "sample_cmd",
    "plan": "plan_cmd",
    "train": "train_cmd",
    "audit": "again_cmd",
    "evaluate": "again_cmd",
    "detect": "detect_cmd",
    "evaluate-detection": "evaluate_cmd",
    "detector": "detector_cmd",
    "deidentify": "deidentify_cmd",
    "approve": "approve_cmd",
    "release": "release_cmd",
    "compose": "compose_cmd",
    "roles": "roles_cmd",
    "subjects": "subjects_cmd",
    "report": "report_cmd",
    "verify": "verify_cmd",
    "runs": "runs_cmd",
    "ledger": "ledger_cmd",
    "check": "check_cmd",
    "log": "log_cmd",
    "keys": "keys_cmd",
    "policy": "policy_cmd",
    "doctor": "doctor_cmd",
}


class LazyGroup(click.Group):
    """Imports a command's module when the command is asked for."""

    @override
    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the commands in the order an operator meets them."""
        return list(COMMANDS)

    @override
    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Load one command."""
        module = COMMANDS.get(cmd_name)
        if module is None:
            return None
        loaded = importlib.import_module(f"appliance.cli.{module}")
        command = getattr(loaded, cmd_name.replace("-", "_"))
        return command if isinstance(command, click.Command) else None

    @override
    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl(list(SUMMARIES.items()))


SUMMARIES = {
    "init": "Make a workspace with its root key and signing key.",
    "models": "Add or list local base models.",
    "sample-data": "Write the synthetic clinic letters with their gold spans.",
    "plan": "Dry run: what would happen, what it costs, which epsilon is feasible.",
    "train": "The whole pipeline: raw file to released adapter.",
    "audit": "Attack a run's adapter again.",
    "evaluate": "Measure the use of a run's adapter again.",
    "detect": "Find personal data in a file, without training.",
    "evaluate-detection": "Measure detection against annotated documents.",
    "detector": "Train a detector on documents of your own, or pin one.",
    "deidentify": "Write a de-identified copy in the clear, where the policy allows it.",
    "approve": "Sign one person's word about a run: approve, reject or waive.",
    "release": "Release a run that waits for people's signatures.",
    "compose": "Put several released adapters together, and add up what they spent.",
    "roles": "Make people's keys; sign, adopt or show the list of roles.",
    "subjects": "Find or erase a person, by an identifier on stdin.",
    "report": "Render the evidence of a run.",
    "verify": "Check a released bundle, offline.",
    "runs": "List, show or purge runs.",
    "ledger": "Show the privacy spent over people's lifetime.",
    "check": "Compare every byte of the workspace with what is known of it.",
    "log": "Show, verify, export or anchor the audit log.",
    "keys": "Show, replace, add or burn the workspace's keys.",
    "policy": "Check or explain a policy; print its schema.",
    "doctor": "Examine this machine.",
}


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="appliance")
def cli() -> None:
    """Fine-tune a local model on private records; release it with evidence, or refuse."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one command and exit with its code."""
    # Libraries that draw their own bars or call home are silenced before any is imported.
    os.environ.update(
        TQDM_DISABLE="1",
        HF_HUB_OFFLINE="1",
        TRANSFORMERS_OFFLINE="1",
        HF_DATASETS_OFFLINE="1",
        HF_HUB_DISABLE_TELEMETRY="1",
        DO_NOT_TRACK="1",
        TRANSFORMERS_VERBOSITY="error",
        TOKENIZERS_PARALLELISM="false",
    )
    # A library's warning or log line may quote what it was given, and is no line of ours.
    warnings.simplefilter("ignore")
    logging.disable(logging.CRITICAL)
    words = list(sys.argv[1:] if arguments is None else arguments)
    try:
        code = cli.main(args=words, prog_name="appliance", standalone_mode=False)
    except BaseException as error:  # noqa: BLE001  the process boundary
        sys.exit(report_failure(error, as_json="--json" in words, debug="--debug" in words))
    sys.exit(code if isinstance(code, int) else 0)


if __name__ == "__main__":
    main()
