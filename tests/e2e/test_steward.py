"""The steward's commands in processes of their own, behind the real locks."""

from __future__ import annotations

import json
from pathlib import Path

from tests.support.command import appliance, unlock

POLICY = """
extends: hipaa.yaml
name: steward
version: "1"
deidentify:
  allow_export: true
  recall_floor: 0.2
  gold: {gold}
  detectors:
    ner: false
"""
TEXT = "Mrs. Dalton (MRN: BH-112233) came 3-5 May 2020. Write to m.dalton@clinic.test."


def test_a_copy_leaves_a_locked_process_and_nothing_else_does(tmp_path: Path) -> None:
    home, away = tmp_path / "home", tmp_path / "away"
    away.mkdir()
    (tmp_path / "passphrase").write_text("a passphrase that is long enough\n")
    appliance("init", *unlock(home)).assert_code(0)
    gold = away / "gold.jsonl"
    spans = [{"start": 5, "end": 11, "type": "PERSON"}]
    documents = [json.dumps({"id": str(n), "text": TEXT, "spans": spans}) for n in range(20)]
    gold.write_text("\n".join(documents))
    (tmp_path / "policy.yaml").write_text(POLICY.format(gold=gold))
    (tmp_path / "rows.jsonl").write_text(json.dumps({"patient_id": "P1", "text": TEXT}) + "\n")
    words = ["--policy", tmp_path / "policy.yaml", "--export", tmp_path / "rows.jsonl"]
    done = appliance("deidentify", *words, tmp_path / "copy.csv", "--json", *unlock(home))
    found = done.assert_code(0).json
    assert found["records"] == 1
    assert {f["rule"]: f["passed"] for f in found["findings"]} == {
        "deidentify.residual_limit": True,
        "deidentify.recall_floor": True,
    }
    copy = (tmp_path / "copy.csv").read_text()
    events = appliance("log", "show", "--json", *unlock(home)).assert_code(0).json["events"]
    names = [event["event"] for event in events]
    assert names.index("process.locked") < names.index("export.begun") < names.index("export.done")
    for value in ("Dalton", "BH-112233", "m.dalton@", "May 2020"):
        assert value not in copy
        assert value not in done.err
        for file in home.rglob("*"):
            assert not file.is_file() or value.encode() not in file.read_bytes(), file
