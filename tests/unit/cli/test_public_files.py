"""What lies in clear by intent is compared before a command believes or renders it."""

from __future__ import annotations

from pathlib import Path

import pytest

from appliance.crypto.keys import make_key_file
from appliance.model.registry import Registry
from appliance.report.json import report_bytes
from appliance.workspace import Home, Unlock
from tests.support.inside import Said, appliance
from tests.unit.report import sample_report


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A workspace with the report of a run and a list of models."""
    make_key_file(tmp_path / "key")
    path = tmp_path / "home"
    with Home.init(path, Unlock(key_file=tmp_path / "key")) as home:
        home.run_vault("r1")
        report = path / "reports" / "r1" / "report.json"
        home.expect_public(report.parent, path / "models")
        report.parent.mkdir()
        report.write_bytes(report_bytes(sample_report.released_report()))
        digest = "sha256:" + "a" * 64
        row = {"files": {}, "digest": digest, "origin": "local directory", "bytes": 1}
        Registry(path / "models")._write({"m": row})
        home.record_public(report.parent, path / "models")
    return path


def report(home: Path) -> Said:
    out = home.parent / "out.json"
    words = ("report", "r1", "--format", "json", out)
    return appliance(*words, "--home", home, "--key-file", home.parent / "key")


def models(home: Path) -> Said:
    return appliance("models", "list", "--home", home, "--key-file", home.parent / "key")


def test_a_report_whose_figures_were_changed_is_not_rendered(home: Path) -> None:
    report(home).assert_code(0)
    path = home / "reports" / "r1" / "report.json"
    raw = path.read_bytes()
    smaller = raw.replace(b'"spent_epsilon":', b'"spent_epsilon":0', 1)
    assert smaller != raw
    path.write_bytes(smaller)
    assert str(path) in report(home).assert_two_lines(6).err
    path.write_bytes(raw)
    report(home).assert_code(0)


def test_a_report_that_was_put_there_is_not_rendered(home: Path) -> None:
    with Home.open(home, Unlock(key_file=home.parent / "key"), exclusive=True) as opened:
        opened.run_vault("r2")
    planted = home / "reports" / "r2" / "report.json"
    planted.parent.mkdir()
    planted.write_bytes((home / "reports" / "r1" / "report.json").read_bytes())
    words = ("report", "r2", "--format", "json", home.parent / "out.json")
    done = appliance(*words, "--home", home, "--key-file", home.parent / "key")
    assert str(planted) in done.assert_two_lines(6).err


@pytest.mark.parametrize("damage", ["altered", "removed"])
def test_a_list_of_models_that_is_not_as_written_is_not_shown(damage: str, home: Path) -> None:
    assert "local directory" in models(home).assert_code(0).out
    path = home / "models" / "registry.json"
    if damage == "removed":
        path.unlink()
    else:
        path.write_bytes(path.read_bytes().replace(b"local", b"vocal"))
    assert str(path) in models(home).assert_two_lines(6).err
