"""What carries the appliance to a machine without a network refuses what was tampered with."""

from __future__ import annotations

import base64
import hashlib
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import click
import pytest

from appliance.cli.__main__ import COMMANDS, cli

DEPLOY = Path(__file__).parents[2] / "deploy"
UNIT = DEPLOY / "appliance-train@.service"


def wheel(folder: Path) -> None:
    """A wheel called appliance that can say its version and nothing else."""
    files = {
        "appliance_small.py": 'def main():\n    print("appliance, version 0.0.1")\n',
        "appliance-0.0.1.dist-info/METADATA": "Metadata-Version: 2.1\nName: appliance\nVersion: 0.0.1\n",
        "appliance-0.0.1.dist-info/WHEEL": (
            "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        ),
        "appliance-0.0.1.dist-info/entry_points.txt": (
            "[console_scripts]\nappliance = appliance_small:main\n"
        ),
    }
    rows = []
    with zipfile.ZipFile(folder / "appliance-0.0.1-py3-none-any.whl", "w") as file:
        for name, text in files.items():
            file.writestr(name, text)
            digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=")
            rows.append(f"{name},sha256={digest.decode()},{len(text)}")
        rows.append("appliance-0.0.1.dist-info/RECORD,,")
        file.writestr("appliance-0.0.1.dist-info/RECORD", "\n".join(rows) + "\n")


@pytest.fixture
def house(tmp_path: Path) -> tuple[Path, str]:
    """A small wheelhouse as wheelhouse.sh lays it, and the digest on paper."""
    house = tmp_path / "house with a space"
    (house / "wheels").mkdir(parents=True)
    wheel(house / "wheels")
    shutil.copy(DEPLOY / "install.sh", house)
    sums = "".join(
        f"{hashlib.sha256(p.read_bytes()).hexdigest()}  ./{p.relative_to(house)}\n"
        for p in sorted(house.rglob("*"))
        if p.is_file()
    )
    (house / "SHA256SUMS").write_text(sums)
    return house, hashlib.sha256(sums.encode()).hexdigest()


def install(house: Path, digest: str, venv: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [house / "install.sh", digest, venv, sys.executable],
        capture_output=True,
        text=True,
        check=False,
    )


def test_an_untouched_folder_is_installed(house: tuple[Path, str], tmp_path: Path) -> None:
    folder, digest = house
    done = install(folder, digest, tmp_path / "venv")
    assert done.returncode == 0, done.stderr
    assert "version 0.0.1" in done.stdout
    again = install(folder, digest, tmp_path / "venv")
    assert again.returncode == 2
    assert "the old one is the way back" in again.stderr


@pytest.mark.parametrize("change", ["alter", "add", "remove", "sums", "digest"])
def test_a_folder_that_was_tampered_with_is_refused(
    house: tuple[Path, str], tmp_path: Path, change: str
) -> None:
    folder, digest = house
    (one,) = (folder / "wheels").iterdir()
    match change:
        case "alter":
            one.write_bytes(one.read_bytes() + b"\0")
        case "add":
            (folder / "wheels" / "torch-9.0-py3-none-any.whl").write_bytes(b"")
        case "remove":
            one.unlink()
        case "sums":
            (folder / "SHA256SUMS").write_text("")
        case _:
            digest = "0" * 64
    done = install(folder, digest, tmp_path / "venv")
    assert done.returncode == 6
    assert not (tmp_path / "venv").exists()
    assert [line.split(": ")[1] for line in done.stderr.splitlines()[-2:]] == ["error", "hint"]


def test_the_unit_is_rated_safe() -> None:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not on this machine")
    command = ["systemd-analyze", "security", "--offline=true", "--threshold=10", str(UNIT)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    loose = subprocess.run(
        [*command[:3], "--threshold=1", str(UNIT)], capture_output=True, text=True, check=False
    )
    assert loose.returncode != 0


def test_the_unit_calls_what_the_command_line_has() -> None:
    text = UNIT.read_text()
    (line,) = re.findall(r"^ExecStart=\S+/appliance (.*)$", text, re.MULTILINE)
    words = line.split()
    command = cli.get_command(click.Context(cli), words[0])
    assert command is not None
    known = {word for p in command.params for word in p.opts}
    assert {word for word in words if word.startswith("--")} <= known
    assert "SuccessExitStatus=10" in text


def test_the_unit_leaves_the_process_its_own_locks() -> None:
    """A filter that refuses them would start a process that cannot lock itself."""
    filters = [x.split("=")[1] for x in UNIT.read_text().splitlines() if "CallFilter=" in x]
    allowed = {word for line in filters if not line.startswith("~") for word in line.split()}
    needed = {"seccomp", "landlock_create_ruleset", "landlock_add_rule", "landlock_restrict_self"}
    assert needed <= allowed
    assert not any(word.startswith("@") for word in allowed - {"@system-service"})


def test_the_pages_commands_exist() -> None:
    text = (DEPLOY / "README.md").read_text()
    named = re.findall(r"(?:`|/bin/)appliance ([a-z]+)", text)
    assert len(named) > 8
    assert set(named) <= set(COMMANDS)
