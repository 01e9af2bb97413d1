"""Run the command line inside this process: for commands that put no lock on it."""

from __future__ import annotations

import contextlib
import io
import logging
import sys
import warnings
from pathlib import Path

from appliance.cli.__main__ import main
from tests.support.command import Done as Said

__all__ = ["Said", "appliance"]


def appliance(*words: str | Path, stdin: str | None = None) -> Said:
    """Run `appliance WORDS` and return what it said."""
    out, err, code = io.StringIO(), io.StringIO(), 0
    with (
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
        warnings.catch_warnings(),
    ):
        before, sys.stdin = sys.stdin, io.StringIO(stdin or "")
        try:
            main([str(word) for word in words])
        except SystemExit as stop:
            code = int(stop.code or 0)
        finally:
            sys.stdin = before
            logging.disable(logging.NOTSET)
    return Said(code, out.getvalue(), err.getvalue())
