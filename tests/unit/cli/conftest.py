from __future__ import annotations

import logging
from collections.abc import Iterator

import click
import pytest

from appliance.cli.__main__ import COMMANDS, cli


@pytest.fixture(autouse=True)
def heard_again() -> Iterator[None]:
    """Undo what `main` silences in its process."""
    yield
    logging.disable(logging.NOTSET)


def all_commands() -> Iterator[tuple[str, click.Command]]:
    """Every command and subcommand, by its words."""
    context = click.Context(cli, info_name="appliance")
    for name in COMMANDS:
        command = cli.get_command(context, name)
        assert command is not None, name
        yield name, command
        if isinstance(command, click.Group):
            for sub, inner in sorted(command.commands.items()):
                yield f"{name} {sub}", inner


@pytest.fixture(scope="session")
def commands() -> dict[str, click.Command]:
    return dict(all_commands())
