"""The vault: sealed, listed, atomic, destroyable."""

from __future__ import annotations

import io
import os
import shutil
import threading
from pathlib import Path

import pyarrow as pa
import pyarrow.ipc as ipc
import pyarrow.parquet as pq
import pytest

from appliance.crypto.keys import RootKey
from appliance.errors import IntegrityError, MachineError
from appliance.vault import Vault, destroy_vault

MARKER = b"the patient's marker 4711"


def reopened(vault: Vault, root: RootKey, **options) -> Vault:
    return Vault.open(vault.path, scope=vault.scope, root=root, **options)


def test_what_was_written_is_read_back_after_reopening(vault, root):
    vault.write_bytes("ingest/a.bin", b"one")
    vault.write_json("redact/b.json", {"ä": [1, None]})
    with vault.writer("ingest/c.bin") as sink:
        for _ in range(100):
            sink.write(b"x" * 1000)
    again = reopened(vault, root)
    assert again.names() == ("ingest/a.bin", "ingest/c.bin", "redact/b.json")
    assert again.names("ingest/") == ("ingest/a.bin", "ingest/c.bin")
    assert again.read_bytes("ingest/a.bin") == b"one"
    assert again.read_json("redact/b.json") == {"ä": [1, None]}
    assert again.size("ingest/c.bin") == 100_000
    assert again.digest("ingest/c.bin") == vault.digest("ingest/c.bin")
    assert again.head == vault.head
    assert again.verify() == 3


def test_nothing_in_clear_reaches_the_disk_not_even_names(vault):
    vault.write_bytes("ingest/secret-clinic-name.bin", MARKER * 5000)
    vault.write_json("ingest/small.json", {"v": MARKER.decode()})
    for path in vault.path.iterdir():
        data = path.read_bytes()
        assert MARKER[:12] not in data
        assert b"secret-clinic-name" not in data
        assert "secret" not in path.name
        assert path.stat().st_mode & 0o777 == 0o600


def test_the_marker_test_can_fail(vault):
    (vault.path / "leak").write_bytes(MARKER)
    assert any(MARKER in path.read_bytes() for path in vault.path.iterdir())


def test_a_block_that_raised_leaves_the_old_file_and_nothing_else(vault, root):
    vault.write_bytes("ingest/a", b"old")
    before = sorted(vault.path.iterdir())
    with pytest.raises(ZeroDivisionError), vault.writer("ingest/a") as sink:
        sink.write(b"new" * 100_000) / 0
    assert sorted(vault.path.iterdir()) == before
    assert reopened(vault, root).read_bytes("ingest/a") == b"old"


def test_a_replaced_and_a_deleted_file_leave_the_disk(vault, root):
    vault.write_bytes("ingest/a", b"1")
    first = vault.file_of("ingest/a")
    vault.write_bytes("ingest/a", b"2")
    vault.write_bytes("ingest/b", b"3")
    second = vault.file_of("ingest/b")
    vault.delete("ingest/b")
    assert not first.exists()
    assert not second.exists()
    assert not vault.exists("ingest/b")
    assert reopened(vault, root).names() == ("ingest/a",)


def test_arrow_and_parquet_live_inside(vault):
    table = pa.table({"id": list(range(5000)), "text": [f"note {i}" for i in range(5000)]})
    with vault.writer("ingest/t.arrow") as sink, ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table, max_chunksize=100)
    with vault.writer("ingest/t.parquet") as sink:
        pq.write_table(table, sink)
    with vault.reader("ingest/t.arrow") as source:
        assert ipc.open_file(source).get_batch(33).to_pydict()["id"][0] == 3300
    with vault.reader("ingest/t.parquet") as source:
        assert pq.read_table(source).equals(table)


def test_text_can_be_written_through_a_wrapper(vault):
    with vault.writer("ingest/lines.txt") as sink:
        text = io.TextIOWrapper(io.BufferedWriter(sink), encoding="utf-8")
        text.write("ü\n" * 10)
        text.flush()
        text.detach()
    assert vault.read_bytes("ingest/lines.txt") == "ü\n".encode() * 10


@pytest.mark.parametrize(
    "name", ["plain", "/a", "a//b", "../a/b", "a/../b", ".index/x", "a/.b", "a/b\n", ""]
)
def test_a_name_that_is_no_stage_and_file_is_refused(vault, name):
    with pytest.raises(ValueError, match="expected a name"):
        vault.write_bytes(name, b"")


def test_a_reader_refuses_to_write(vault, root):
    reader = reopened(vault, root, writable=False)
    with pytest.raises(ValueError, match="reading"):
        reader.write_bytes("a/b", b"")


def test_a_missing_name_is_an_integrity_error(vault):
    with pytest.raises(IntegrityError):
        vault.read_bytes("ingest/none")


# Tampering: each is found, and the file is named.


def two_files(vault: Vault) -> tuple[Path, Path]:
    vault.write_bytes("ingest/a", b"a" * 100)
    vault.write_bytes("ingest/b", b"b" * 100)
    return vault.file_of("ingest/a"), vault.file_of("ingest/b")


def test_a_deleted_file_is_named(vault, root):
    a, _ = two_files(vault)
    a.unlink()
    with pytest.raises(IntegrityError, match="missing") as caught:
        reopened(vault, root)
    assert caught.value.where == str(a)


def test_an_added_file_is_named(vault, root):
    a, _ = two_files(vault)
    added = vault.path / "0000000099.sealed"
    shutil.copy(a, added)
    with pytest.raises(IntegrityError, match="does not list") as caught:
        reopened(vault, root)
    assert caught.value.where == str(added)


def test_a_renamed_file_is_named(vault, root):
    a, _ = two_files(vault)
    a.rename(vault.path / "0000000098.sealed")
    with pytest.raises(IntegrityError) as caught:
        reopened(vault, root)
    assert caught.value.where == str(a)


def test_swapped_files_of_one_size_are_named(vault, root):
    a, b = two_files(vault)
    one, other = a.read_bytes(), b.read_bytes()
    a.write_bytes(other)
    b.write_bytes(one)
    again = reopened(vault, root)
    with pytest.raises(IntegrityError) as caught:
        again.read_bytes("ingest/a")
    assert caught.value.where == str(a)


def test_an_older_version_of_a_file_is_refused(vault, root):
    a, _ = two_files(vault)
    old = a.read_bytes()
    vault.write_bytes("ingest/a", b"c" * 100)
    vault.file_of("ingest/a").write_bytes(old)
    with pytest.raises(IntegrityError):
        reopened(vault, root).read_bytes("ingest/a")


def test_an_older_index_is_refused(vault, root):
    two_files(vault)
    old = (vault.path / "index.sealed").read_bytes()
    vault.write_bytes("ingest/c", b"c")
    (vault.path / "index.sealed").write_bytes(old)
    with pytest.raises(IntegrityError, match="rolled back"):
        reopened(vault, root)


def test_a_whole_older_vault_has_an_older_head(vault, root, tmp_path):
    two_files(vault)
    shutil.copytree(vault.path, tmp_path / "copy")
    vault.write_bytes("ingest/c", b"c")
    shutil.rmtree(vault.path)
    (tmp_path / "copy").rename(vault.path)
    assert reopened(vault, root).head.epoch < vault.head.epoch


@pytest.mark.parametrize("make", ["symlink", "hardlink", "fifo"])
def test_a_link_or_special_file_in_place_of_a_file_is_refused(vault, root, make, tmp_path):
    a, _ = two_files(vault)
    aside = tmp_path / "aside"
    a.rename(aside)
    {
        "symlink": lambda: a.symlink_to(aside),
        "hardlink": lambda: os.link(aside, a),
        "fifo": lambda: os.mkfifo(a),
    }[make]()
    with pytest.raises(IntegrityError) as caught:
        reopened(vault, root)
    assert caught.value.where == str(a)


def test_a_file_of_another_vault_is_refused(vault, root, tmp_path):
    two_files(vault)
    other = Vault.create(tmp_path / "other", scope="other", root=root)
    two_files(other)
    shutil.copy(other.file_of("ingest/a"), vault.file_of("ingest/a"))
    with pytest.raises(IntegrityError):
        reopened(vault, root).read_bytes("ingest/a")
    with pytest.raises(IntegrityError):
        Vault.open(other.path, scope="test", root=root)


def test_another_root_key_is_refused(vault):
    with pytest.raises(IntegrityError):
        Vault.open(vault.path, scope="test", root=RootKey.generate())


# Keys.


def test_keyed_keys_differ_by_purpose_and_vault_and_survive_rewrapping(vault, root, tmp_path):
    other = Vault.create(tmp_path / "other", scope="other", root=root)
    keys = {vault.keyed("a"), vault.keyed("b"), other.keyed("a")}
    assert len(keys) == 3
    before = vault.keyed("a")
    vault.write_bytes("ingest/a", b"x")
    new = RootKey.generate()
    vault.rewrap(new)
    with pytest.raises(IntegrityError):
        reopened(vault, root)
    again = reopened(vault, new)
    assert again.keyed("a") == before
    assert again.read_bytes("ingest/a") == b"x"


def test_destroying_burns_the_keys_before_the_files(vault, root, tmp_path, monkeypatch):
    vault.write_bytes("ingest/a", MARKER)
    keys_at = {}
    real = os.unlink

    def watched(path, **options):
        path = Path(path)
        keys_at.setdefault(path.name, path.read_bytes())
        real(path, **options)

    before = (vault.path / "keys.json").read_bytes()
    monkeypatch.setattr(os, "unlink", watched)
    vault.destroy()
    assert next(iter(keys_at)) == "keys.json"
    assert keys_at["keys.json"] != before
    assert not vault.path.exists()


def test_destroying_goes_on_after_a_crash_and_the_rest_does_not_open(vault, root):
    vault.write_bytes("ingest/a", MARKER)
    (vault.path / "keys.json").unlink()
    with pytest.raises(IntegrityError, match="destroyed"):
        reopened(vault, root)
    destroy_vault(vault.path)
    assert not vault.path.exists()


# Side by side.


def test_readers_beside_a_writer_see_whole_states(vault, root):
    vault.write_bytes("ingest/a", b"0" * 50_000)
    stop, errors = threading.Event(), []

    def read() -> None:
        while not stop.is_set():
            try:
                reader = Vault.open(vault.path, scope="test", root=root, writable=False)
                data = reader.read_bytes("ingest/a")
                assert data == data[:1] * 50_000
            except Exception as e:  # noqa: BLE001
                errors.append(e)

    threads = [threading.Thread(target=read) for _ in range(3)]
    for thread in threads:
        thread.start()
    for i in range(60):
        vault.write_bytes("ingest/a", bytes([i]) * 50_000)
    stop.set()
    for thread in threads:
        thread.join()
    assert errors == []


def test_two_writers_of_one_process_get_different_numbers(vault, root):
    with vault.writer("ingest/a") as one, vault.writer("ingest/b") as other:
        one.write(b"1")
        other.write(b"2")
    again = reopened(vault, root)
    assert (again.read_bytes("ingest/a"), again.read_bytes("ingest/b")) == (b"1", b"2")


def test_an_unwritable_folder_is_a_machine_error(tmp_path, root):
    with pytest.raises(MachineError):
        Vault.create(Path("/proc/none/vault"), scope="t", root=root)


def test_another_message_under_the_same_number_is_refused(vault, root, tmp_path):
    # As after a crash before the index was written: the number is given again.
    vault.write_bytes("ingest/other", b"so that the stage has its key")
    shutil.copytree(vault.path, tmp_path / "before")
    vault.write_bytes("ingest/a", b"v1")
    first = vault.file_of("ingest/a").read_bytes()
    shutil.rmtree(vault.path)
    (tmp_path / "before").rename(vault.path)
    again = reopened(vault, root)
    again.write_bytes("ingest/a", b"v2")
    assert again.file_of("ingest/a").name == vault.file_of("ingest/a").name
    again.file_of("ingest/a").write_bytes(first)
    with pytest.raises(IntegrityError, match="not the file that was listed"):
        reopened(vault, root).read_bytes("ingest/a")
