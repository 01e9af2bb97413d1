from __future__ import annotations

import os
from pathlib import Path

import pytest

from appliance.errors import DataError, MachineError
from appliance.ingest.sources import find_sources


def _write(path: Path, data: bytes = b"x") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def test_a_folder_is_read_in_the_order_of_relative_names(tmp_path: Path) -> None:
    for name in ("b.csv", "a/z.txt", "a.jsonl.gz", "c/d/e.parquet"):
        _write(tmp_path / name)
    found = find_sources(tmp_path)
    assert [s.relative for s in found] == ["a/z.txt", "a.jsonl.gz", "b.csv", "c/d/e.parquet"]
    assert [s.index for s in found] == [0, 1, 2, 3]
    assert [(s.format, s.compression) for s in found] == [
        ("text", None),
        ("jsonl", "gzip"),
        ("csv", None),
        ("parquet", None),
    ]


@pytest.mark.parametrize("inside", [True, False])
def test_a_symbolic_link_is_refused(tmp_path: Path, inside: bool) -> None:
    secret = _write(tmp_path / "secret.csv")
    folder = tmp_path / "in"
    _write(folder / "ok.csv")
    (folder / "link.csv").symlink_to(secret)
    with pytest.raises(DataError, match=r"link\.csv: a symbolic link"):
        find_sources(folder if inside else folder / "link.csv")


def test_a_link_to_a_folder_is_refused(tmp_path: Path) -> None:
    _write(tmp_path / "other" / "a.csv")
    folder = tmp_path / "in"
    _write(folder / "ok.csv")
    (folder / "sub").symlink_to(tmp_path / "other")
    with pytest.raises(DataError, match="a symbolic link"):
        find_sources(folder)


def test_a_second_hard_link_in_a_folder_is_refused(tmp_path: Path) -> None:
    secret = _write(tmp_path / "secret.csv")
    folder = tmp_path / "in"
    _write(folder / "ok.csv")
    os.link(secret, folder / "hard.csv")
    with pytest.raises(DataError, match="second hard link"):
        find_sources(folder)


def test_a_pipe_is_refused_without_waiting(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.csv")
    with pytest.raises(DataError, match="expected a plain file"):
        find_sources(tmp_path)
    with pytest.raises(DataError, match="neither a file nor a folder"):
        find_sources(tmp_path / "pipe.csv")


def test_a_file_swapped_for_a_link_after_listing_is_not_followed(tmp_path: Path) -> None:
    secret = _write(tmp_path / "secret.csv", b"private")
    path = _write(tmp_path / "in" / "a.csv")
    (source,) = find_sources(tmp_path / "in")
    path.unlink()
    path.symlink_to(secret)
    with pytest.raises(MachineError):
        source.open()


def test_a_file_swapped_for_a_pipe_after_listing_is_refused(tmp_path: Path) -> None:
    path = _write(tmp_path / "in" / "a.csv")
    (source,) = find_sources(tmp_path / "in")
    path.unlink()
    os.mkfifo(path)
    with pytest.raises(DataError, match="not a regular file"):
        source.open()


def test_markers_of_other_programs_are_passed_over(tmp_path: Path) -> None:
    _write(tmp_path / "part-0.parquet")
    _write(tmp_path / "_SUCCESS")
    _write(tmp_path / ".hidden" / "x.csv")
    assert [s.relative for s in find_sources(tmp_path)] == ["part-0.parquet"]


@pytest.mark.parametrize("name", ["a.pkl", "a.csv.bz2", "noending", "a.gz"])
def test_an_unknown_ending_is_refused(tmp_path: Path, name: str) -> None:
    _write(tmp_path / name)
    with pytest.raises(DataError, match="not a kind of file"):
        find_sources(tmp_path)


def test_an_empty_file_a_missing_one_and_an_empty_folder_are_refused(tmp_path: Path) -> None:
    _write(tmp_path / "in" / "a.csv", b"")
    with pytest.raises(DataError, match="is empty"):
        find_sources(tmp_path / "in")
    with pytest.raises(DataError, match="no such file"):
        find_sources(tmp_path / "absent.csv")
    (tmp_path / "none").mkdir()
    with pytest.raises(DataError, match="holds no data file"):
        find_sources(tmp_path / "none")


def test_a_file_this_user_may_not_read_is_the_machines_fault(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = _write(tmp_path / "a.csv")
    (source,) = find_sources(path)

    def denied(*args: object, **kwargs: object) -> int:
        raise PermissionError(13, "denied")

    monkeypatch.setattr("appliance.ingest.sources.os.open", denied)
    with pytest.raises(MachineError, match="access denied") as caught:
        source.open()
    assert caught.value.exit_code == 4


def test_a_name_with_control_characters_stays_on_one_line(tmp_path: Path) -> None:
    _write(tmp_path / "a\nb\x1b[31m.csv", b"")
    with pytest.raises(DataError) as caught:
        find_sources(tmp_path)
    assert "\n" not in caught.value.message
    assert "\x1b" not in caught.value.message
