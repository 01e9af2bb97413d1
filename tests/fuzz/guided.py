"""Fuzz targets with atheris, led by the branches they reach.

Run: python -m tests.fuzz.guided TARGET|all SECONDS. With `all` the seconds are shared evenly and each
target has a process of its own. Ends with 0 when nothing but refusals came out; otherwise the input
that did lies in `fuzz-TARGET-crash-*`. `make fuzz-led` installs atheris beside the environment.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path


def main() -> None:
    name, seconds = sys.argv[1], int(sys.argv[2])
    if name == "all":
        sys.exit(everything(seconds))
    one(name, seconds)


def everything(seconds: int) -> int:
    """Fuzz each target in turn; return 1 if one of them let something out."""
    from tests.fuzz.targets import TARGETS

    share, failed = max(1, seconds // len(TARGETS)), []
    for name in TARGETS:
        command = [sys.executable, "-m", "tests.fuzz.guided", name, str(share)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        lines = done.stderr.splitlines() + done.stdout.splitlines()
        runs = next((line.split()[1] for line in lines if line.startswith("Done ")), "0")
        print(
            f"{name:14} {runs:>9} inputs in {share} s: {'sound' if done.returncode == 0 else 'FAILED'}"
        )
        if done.returncode or runs == "0":
            failed.append(name)
            print("\n".join(lines[-40:]))
    return 1 if failed else 0


def one(name: str, seconds: int) -> None:
    """Fuzz one target; does not return."""
    import atheris

    with atheris.instrument_imports(include=["appliance"]):
        from tests.fuzz.targets import TARGETS, seeds

    with tempfile.TemporaryDirectory() as folder:
        for number, seed in enumerate(seeds(name)):
            (Path(folder) / str(number)).write_bytes(seed)
        options = [
            f"-max_total_time={seconds}",
            "-max_len=16384",
            "-timeout=20",
            "-rss_limit_mb=4096",
            "-print_final_stats=1",
            f"-artifact_prefix={Path.cwd()}/fuzz-{name}-",
        ]
        atheris.Setup([sys.argv[0], *options, folder], TARGETS[name])
        atheris.Fuzz()


if __name__ == "__main__":
    main()
