"""The manifest: chained, MAC'd, anchored, never torn."""

from __future__ import annotations

import json

import pytest

from appliance.errors import IntegrityError, MachineError
from appliance.manifest import Manifest


@pytest.fixture
def manifest(tmp_path, vault):
    manifest = Manifest(tmp_path / "manifest.jsonl", vault)
    for stage in ("ingest", "redact", "ingest"):
        manifest.append({"stage": stage, "outputs": {}, "section": {"n": len(stage)}})
    return manifest


def test_receipts_come_back_in_order_and_find_gives_the_last(manifest, vault):
    again = Manifest(manifest.path, vault)
    assert [r["stage"] for r in again.receipts()] == ["ingest", "redact", "ingest"]
    assert again.find("redact")["section"] == {"n": 6}
    assert again.find("audit") is None
    assert again.verify() == 3


def test_a_new_manifest_is_empty(tmp_path, vault):
    manifest = Manifest(tmp_path / "none.jsonl", vault)
    assert manifest.receipts() == []
    assert manifest.verify() == 0


def test_every_flipped_byte_is_refused(manifest):
    data = manifest.path.read_bytes()
    for at in range(len(data)):
        changed = bytearray(data)
        changed[at] ^= 1 << (at % 8)
        manifest.path.write_bytes(bytes(changed))
        with pytest.raises(IntegrityError) as caught:
            manifest.verify()
        assert caught.value.where == str(manifest.path)
    manifest.path.write_bytes(data)
    assert manifest.verify() == 3


@pytest.mark.parametrize("cut", [1, 20, 400])
def test_a_cut_end_is_refused(manifest, cut):
    manifest.path.write_bytes(manifest.path.read_bytes()[:-cut])
    with pytest.raises(IntegrityError):
        manifest.verify()


@pytest.mark.parametrize("change", ["drop last", "drop first", "swap", "repeat", "remove file"])
def test_missing_and_moved_lines_are_refused(manifest, change):
    one, two, three = manifest.path.read_bytes().splitlines(keepends=True)
    changed = {
        "drop last": [one, two],
        "drop first": [two, three],
        "swap": [one, three, two],
        "repeat": [one, two, three, three],
        "remove file": [],
    }[change]
    manifest.path.write_bytes(b"".join(changed))
    with pytest.raises(IntegrityError):
        manifest.receipts()


def test_a_manifest_of_another_run_is_refused(manifest, tmp_path, root):
    from appliance.vault import Vault

    other = Vault.create(tmp_path / "other", scope="other", root=root)
    with pytest.raises(IntegrityError):
        Manifest(manifest.path, other).receipts()


def test_a_crash_between_line_and_head_keeps_the_line(manifest, vault, monkeypatch):
    def full(*_):
        raise MachineError("disk", "the disk is full", hint="df")

    monkeypatch.setattr(vault, "write_json", full)
    with pytest.raises(MachineError):
        manifest.append({"stage": "audit"})
    monkeypatch.undo()
    assert len(Manifest(manifest.path, vault).receipts()) == 4
    manifest.append({"stage": "release"})
    assert manifest.verify() == 5


def test_lines_are_canonical_json(manifest):
    from appliance.crypto.canonical import canonical_json

    for line in manifest.path.read_bytes().splitlines():
        assert canonical_json(json.loads(line)) == line
