"""Run the real command line in a process of its own: locks on a process cannot be taken off."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Done:
    code: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, Any]:
        return json.loads(self.out)

    def assert_code(self, code: int) -> Done:
        assert self.code == code, f"exit {self.code}\n{self.out}\n{self.err}"
        return self

    def assert_two_lines(self, code: int) -> Done:
        """An operator's error: exit code, one error line, one hint line, no traceback."""
        self.assert_code(code)
        lines = [line for line in self.err.splitlines() if not line.startswith("run ")]
        assert len(lines) == 2, self.err
        assert lines[0].startswith("appliance: error: "), self.err
        assert lines[1].startswith("appliance: hint: "), self.err
        assert "Traceback" not in self.err + self.out
        return self


def appliance(
    *words: str | Path,
    env: dict[str, str] | None = None,
    timeout: float = 900,
    stdin: str | None = None,
) -> Done:
    """Run `appliance WORDS`."""
    done = subprocess.run(
        [sys.executable, "-m", "appliance.cli", *map(str, words)],
        capture_output=True,
        text=True,
        timeout=timeout,
        env={**os.environ, "OMP_NUM_THREADS": "1", **(env or {})},
        **({"stdin": subprocess.DEVNULL} if stdin is None else {"input": stdin}),
        check=False,
    )
    return Done(done.returncode, done.stdout, done.stderr)


def unlock(home: Path) -> list[str | Path]:
    """The options that open a test's workspace."""
    return ["--home", home, "--passphrase-file", home.parent / "passphrase"]
