"""Run the command line inside this process: for commands that put no lock on it."""

from __future__ import annotations

import contextlib
import io
import logging
import warnings
from pathlib import Path

from appliance.cli.__main__ import main
from tests.support.command import Done as Said

__all__ = ["Said", "appliance"]


def appliance(*words: str | Path) -> Said:
    """Run `appliance WORDS` and return what it said."""
    out, err, code = io.StringIO(), io.StringIO(), 0
    with (
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
        warnings.catch_warnings(),
    ):
        try:
            main([str(word) for word in words])
        except SystemExit as stop:
            code = int(stop.code or 0)
        finally:
            logging.disable(logging.NOTSET)
    return Said(code, out.getvalue(), err.getvalue())
