"""Every failure is two lines and an exit code, and never tells a secret."""

from __future__ import annotations

import errno
import json
import logging
import os
import subprocess
import sys
import warnings
from pathlib import Path

import click
import pytest

from appliance.cli.__main__ import cli, main
from appliance.cli.failures import report_failure
from appliance.errors import (
    ApplianceError,
    BudgetError,
    DataError,
    IntegrityError,
    LockedError,
    MachineError,
    PolicyError,
    UsageError,
)

#: Content of a record, a rejected value or a passphrase: no output may hold it.
MARKER = "Zq7xv-MARKER"


def shown(
    capsys: pytest.CaptureFixture[str], error: BaseException, **options: bool
) -> tuple[int, str, str]:
    code = report_failure(
        error, as_json=options.get("as_json", False), debug=options.get("debug", False)
    )
    out = capsys.readouterr()
    assert MARKER not in out.out + out.err
    return code, out.out, out.err


def raised(error: BaseException) -> BaseException:
    """The error as if it came out of a function whose values are secret."""
    secret = MARKER

    def work(value: str) -> None:
        raise error

    try:
        work(secret)
    except BaseException as caught:  # noqa: BLE001
        return caught
    raise AssertionError


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        (UsageError, 2),
        (PolicyError, 3),
        (MachineError, 4),
        (LockedError, 4),
        (DataError, 5),
        (IntegrityError, 6),
        (BudgetError, 7),
    ],
)
def test_each_kind_of_failure_is_two_lines_and_its_code(
    capsys: pytest.CaptureFixture[str], kind: type[ApplianceError], code: int
) -> None:
    error = kind("notes.jsonl: line 7", "is not JSON", hint="appliance plan")
    assert shown(capsys, error) == (
        code,
        "",
        "appliance: error: notes.jsonl: line 7: is not JSON\nappliance: hint: appliance plan\n",
    )


def test_with_json_a_failure_is_one_object_on_stdout(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = shown(capsys, DataError("a", "b\nc", hint="d"), as_json=True)
    assert json.loads(out) == {"error": {"where": "a", "what": "b\nc", "hint": "d", "exit_code": 5}}
    assert (code, err, out.count("\n")) == (5, "", 1)


UNFORESEEN = [
    ValueError(MARKER),
    KeyError(MARKER),
    RuntimeError(f"row: {MARKER}"),
    UnicodeDecodeError("utf-8", MARKER.encode(), 0, 1, MARKER),
    AssertionError(MARKER),
    RecursionError(MARKER),
    OSError(errno.ENOENT, "No such file", MARKER),
    ExceptionGroup(MARKER, [ValueError(MARKER)]),
    SystemExit(MARKER),
    StopIteration(MARKER),
]


@pytest.mark.parametrize("error", UNFORESEEN, ids=lambda e: type(e).__name__)
@pytest.mark.parametrize("as_json", [False, True])
@pytest.mark.parametrize("debug", [False, True])
def test_an_unforeseen_failure_never_shows_its_message(
    capsys: pytest.CaptureFixture[str], error: BaseException, as_json: bool, debug: bool
) -> None:
    code, out, err = shown(capsys, raised(error), as_json=as_json, debug=debug)
    assert code == 1
    assert type(error).__name__ in (out if as_json else err)
    assert "work" in out + err, "the place is told"
    if not debug:
        assert len(err.splitlines()) == (0 if as_json else 2)


def test_a_cause_never_shows_its_message_either(capsys: pytest.CaptureFixture[str]) -> None:
    error = RuntimeError("x")
    error.__cause__ = ValueError(MARKER)
    error.add_note(MARKER)
    assert shown(capsys, raised(error), debug=True)[0] == 1


def test_debug_shows_frames_only(capsys: pytest.CaptureFixture[str]) -> None:
    _, _, err = shown(capsys, raised(ValueError(MARKER)), debug=True)
    lines = err.splitlines()
    assert any(line.strip().endswith("in work") for line in lines)
    assert "secret" not in err
    assert lines[-2].startswith("appliance: error: internal: unforeseen ValueError in work")


@pytest.mark.parametrize(
    ("number", "where"),
    [
        (errno.ENOSPC, "disk"),
        (errno.EDQUOT, "disk"),
        (errno.EFBIG, "disk"),
        (errno.EACCES, "access"),
        (errno.EROFS, "access"),
        (errno.EIO, "disk"),
        (errno.EMFILE, "open files"),
        (errno.ENOMEM, "memory"),
    ],
)
def test_what_the_machine_cannot_do_is_exit_4(
    capsys: pytest.CaptureFixture[str], number: int, where: str
) -> None:
    code, _, err = shown(capsys, raised(OSError(number, "x", MARKER)))
    assert code == 4
    assert err.startswith(f"appliance: error: {where}: ")
    assert len(err.splitlines()) == 2


def test_memory_is_the_machines(capsys: pytest.CaptureFixture[str]) -> None:
    assert shown(capsys, MemoryError(MARKER))[0] == 4


@pytest.mark.parametrize("error", [KeyboardInterrupt(MARKER), click.Abort(MARKER)])
def test_an_interruption_is_130(capsys: pytest.CaptureFixture[str], error: BaseException) -> None:
    assert shown(capsys, error)[0] == 130


@pytest.mark.parametrize(("given", "code"), [(0, 0), (10, 10), (None, 0), (3, 3)])
def test_an_exit_stays_silent(
    capsys: pytest.CaptureFixture[str], given: int | None, code: int
) -> None:
    assert shown(capsys, SystemExit(given)) == (code, "", "")


def test_a_message_stays_one_line_and_cannot_steer_a_terminal(
    capsys: pytest.CaptureFixture[str],
) -> None:
    error = DataError("a\nb\x1b[31m\r\x07\u2028\u202e", "c" * 100_000, hint="d\ne")
    _, _, err = shown(capsys, error)
    assert len(err.splitlines()) == 2
    assert all(c.isprintable() or c == "\n" for c in err)
    assert len(err) < 3000


WRONG = [
    ["sample-data", "out", "--records", MARKER],
    ["sample-data", "out", "--records", "0"],
    ["init", "--passphrase-fd", MARKER],
    ["init", f"--passphrase={MARKER}"],
    ["init", MARKER],
    ["report", "--format", MARKER],
    [MARKER],
    [f"--{MARKER}"],
    ["policy", MARKER],
    ["ledger", MARKER],
    ["verify", "bundle"],
    ["train", "--policy"],
    ["train"],
    ["runs"],
    [],
    ["policy", "schema", f"--json={MARKER}"],
]


@pytest.mark.parametrize("words", WRONG, ids=" ".join)
def test_wrong_usage_is_two_lines_and_never_repeats_what_was_typed(
    capsys: pytest.CaptureFixture[str], words: list[str]
) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(words)
    out = capsys.readouterr()
    assert stopped.value.code == 2
    assert MARKER not in out.out + out.err
    assert len(out.err.splitlines()) == 2, out.err
    assert out.err.splitlines()[1].startswith("appliance: hint: appliance")


def test_a_wrong_choice_names_the_right_ones(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["report", "--format", "docx"])
    assert "expected one of html, pdf, json, oscal" in capsys.readouterr().err


def test_two_ways_to_unlock_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["init", "--key-file", "a", "--passphrase-file", "b"])
    assert stopped.value.code == 2


def test_an_unforeseen_failure_of_a_command_is_exit_1(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(**_kwargs: object) -> None:
        raise ZeroDivisionError(MARKER)

    command = cli.get_command(click.Context(cli), "doctor")
    monkeypatch.setattr(command, "callback", broken)
    with pytest.raises(SystemExit) as stopped:
        main(["doctor", "--debug"])
    out = capsys.readouterr()
    assert stopped.value.code == 1
    assert "ZeroDivisionError" in out.err
    assert MARKER not in out.out + out.err


def test_a_closed_pipe_is_quiet() -> None:
    """`appliance policy explain | head -1`, with a pipe that is closed before anything is read."""
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [sys.executable, "-m", "appliance.cli", "policy", "explain"],
        stdout=writer,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    os.close(writer)
    assert done.returncode == 141
    assert done.stderr == ""


def test_a_missing_policy_is_exit_3_with_json(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["policy", "check", str(tmp_path / "none.yaml"), "--json"])
    out = capsys.readouterr()
    assert stopped.value.code == 3
    assert json.loads(out.out)["error"]["exit_code"] == 3
    assert out.err == ""


def test_libraries_have_no_line_of_their_own(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def talkative(**_kwargs: object) -> None:
        logging.getLogger("library").error(MARKER)
        warnings.warn(MARKER, stacklevel=1)

    command = cli.get_command(click.Context(cli), "doctor")
    monkeypatch.setattr(command, "callback", talkative)
    handler = logging.StreamHandler(sys.stderr)
    logging.getLogger("library").addHandler(handler)
    try:
        with pytest.raises(SystemExit) as stopped:
            main(["doctor"])
    finally:
        logging.getLogger("library").removeHandler(handler)
    out = capsys.readouterr()
    assert stopped.value.code == 0
    assert (out.out, out.err) == ("", "")
