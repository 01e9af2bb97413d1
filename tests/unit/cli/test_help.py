"""Help is instant, golden and whole; every command and exit code is documented."""

from __future__ import annotations

import os
import re
import resource
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from appliance import errors
from appliance.cli.__main__ import COMMANDS, SUMMARIES, cli
from appliance.cli.console import EXIT_CLOSED
from appliance.cli.failures import EXIT_INTERRUPTED

ROOT = Path(__file__).parents[3]
GOLDEN = ROOT / "tests" / "golden" / "help"
#: Seconds of CPU that help may take. Half a second is promised; it takes about an eighth.
CPU_LIMIT_S = 0.5


def help_of(words: str) -> str:
    done = CliRunner().invoke(
        cli, [*words.split(), "--help"], prog_name="appliance", terminal_width=100
    )
    assert done.exit_code == 0, done.output
    return done.output


def test_every_help_is_golden(commands: dict[str, click.Command]) -> None:
    """Rewrite with GOLDEN_REWRITE=1 and review the diff."""
    found = {"appliance": help_of("")} | {words: help_of(words) for words in commands}
    files = {GOLDEN / f"{words.replace(' ', '-')}.txt": text for words, text in found.items()}
    if os.environ.get("GOLDEN_REWRITE"):
        GOLDEN.mkdir(parents=True, exist_ok=True)
        for old in GOLDEN.glob("*.txt"):
            old.unlink()
        for path, text in files.items():
            path.write_text(text, encoding="utf-8")
    assert sorted(GOLDEN.glob("*.txt")) == sorted(files)
    for path, text in files.items():
        assert text == path.read_text(encoding="utf-8"), path.name


def test_the_overview_names_every_command_in_order() -> None:
    assert list(SUMMARIES) == list(COMMANDS)


def test_every_command_takes_json(commands: dict[str, click.Command]) -> None:
    for words, command in commands.items():
        if not isinstance(command, click.Group):
            names = {n for p in command.params for n in p.opts}
            assert "--json" in names, words


def test_every_option_and_command_explains_itself(commands: dict[str, click.Command]) -> None:
    for words, command in commands.items():
        assert command.help, words
        assert command.help.splitlines()[0].endswith("."), words


@pytest.mark.parametrize("words", [["--help"], ["--version"], *[[c, "--help"] for c in COMMANDS]])
def test_help_answers_in_under_half_a_second_without_torch(words: list[str]) -> None:
    script = (
        "import sys; from appliance.cli.__main__ import main\n"
        "try: main(sys.argv[1:])\n"
        "finally: print('LOADED', *sorted(m for m in ('torch', 'transformers', 'numpy', 'pyarrow',"
        " 'spacy', 'pydantic', 'cryptography') if m in sys.modules))"
    )
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(
        [sys.executable, "-c", script, *words], capture_output=True, text=True, check=False
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "LOADED"
    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    assert spent < CPU_LIMIT_S


DOCS = (ROOT / "docs" / "commands.md").read_text(encoding="utf-8")


def test_every_command_is_documented(commands: dict[str, click.Command]) -> None:
    for words, command in commands.items():
        if not isinstance(command, click.Group):
            assert re.search(rf"`appliance {words}\b", DOCS), words


def test_every_documented_command_exists(commands: dict[str, click.Command]) -> None:
    for words in re.findall(r"`appliance ([a-z-]+(?: [a-z]+)?)", DOCS):
        assert words in commands or words.split()[0] in commands, words


def test_every_exit_code_is_documented() -> None:
    codes = {
        errors.EXIT_DONE,
        errors.EXIT_BUG,
        errors.EXIT_REFUSED,
        EXIT_INTERRUPTED,
        EXIT_CLOSED,
        *(c.exit_code for c in errors.ApplianceError.__subclasses__()),
    }
    rows = re.findall(r"^\| ([0-9, ]+) \|", DOCS, flags=re.MULTILINE)
    assert {int(n) for row in rows for n in row.split(",")} == codes
