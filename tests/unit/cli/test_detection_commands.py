"""The data steward's commands, as an operator types them: pages, reviews, measures, copies."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click.testing
import pytest
from click.testing import CliRunner

from appliance.cli import (
    deidentify_cmd,
    detect_cmd,
    detector_cmd,
    evaluate_cmd,
    locking,
    paging,
    reviewing,
)
from appliance.cli.__main__ import cli
from appliance.cli.reviewing import harmless
from appliance.corpus import Corpus
from appliance.crypto.unlock import Unlock
from appliance.errors import DataError, IntegrityError, MachineError, PolicyError, UsageError
from appliance.ingest.stage import ingest
from appliance.policy import load_policy
from appliance.progress import SilentProgress
from appliance.steward.reviews import reviewed_recall
from appliance.workspace import Home

ROWS = [
    {
        "patient_id": "P1",
        "name": "Marisol Dalton",
        "sex": "F",
        "text": "Mrs. Dalton (MRN: BH-112233) came 3-5 May 2020. Call (890) 283-0166.",
        "sum": "=1+1",
        "-cmd": "-5.2",
    },
    {
        "patient_id": "P1",
        "name": "Marisol Dalton",
        "sex": "F",
        "text": "Marisol Dalton walks again, seen by Dr. Renner.",
        "sum": "@SUM(A1)",
        "-cmd": "+7",
    },
    {
        "patient_id": "P2",
        "name": "Ubika Okonkwo",
        "sex": "M",
        "text": "Ubika Okonkwo has knee pain. He rests.",
        "sum": "\t=cmd|'/C calc'!A0",
        "-cmd": "12",
    },
]
POLICY = """
extends: hipaa.yaml
name: steward
version: "1"
deidentify:
  allow_export: true
  columns:
    sum: {action: keep}
    "-cmd": {action: keep}
  detectors:
    ner: false
"""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("steward")
    (folder / "passphrase").write_text("a passphrase that is long enough\n")
    unlock = Unlock.from_options(passphrase_file=folder / "passphrase")
    Home.init(folder / "home", unlock).close()
    return folder / "home"


@pytest.fixture(autouse=True)
def without_locks(monkeypatch: pytest.MonkeyPatch) -> None:
    """A lock on the process of the tests could not be taken off again."""
    for module in (detect_cmd, deidentify_cmd, detector_cmd, evaluate_cmd, paging, reviewing):
        monkeypatch.setattr(module, "lock_process", lambda *_, **__: None)


@pytest.fixture
def files(tmp_path: Path) -> Path:
    (tmp_path / "policy.yaml").write_text(POLICY)
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    lines = [{"id": f"d{i}", "text": row["text"]} for i, row in enumerate(ROWS)]
    (tmp_path / "docs.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return tmp_path


def run(home: Path, *words: str | Path, answers: str = "", code: int = 0) -> click.testing.Result:
    options = ["--home", str(home), "--passphrase-file", str(home.parent / "passphrase")]
    done = CliRunner().invoke(cli, [*map(str, words), *options], input=answers)
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    assert done.exit_code == code, done.output
    return done


def opened(home: Path, *, exclusive: bool = False) -> Home:
    unlock = Unlock.from_options(passphrase_file=home.parent / "passphrase")
    return Home.open(home, unlock, exclusive=exclusive)


def events(home: Path, name: str) -> list[dict[str, Any]]:
    with opened(home) as found:
        return [e["fields"] for e in found.log.events() if e["event"] == name]


# Documents and tables


def test_detection_writes_offsets_and_never_the_text(home: Path, files: Path) -> None:
    out = files / "spans.jsonl"
    run(home, "detect", "--policy", files / "policy.yaml", files / "docs.jsonl", out)
    rows = [json.loads(line) for line in out.read_text().splitlines()]
    assert [row["id"] for row in rows] == ["d0", "d1", "d2"]
    text = str(ROWS[0]["text"])
    found = {(s["entity_type"], text[s["start"] : s["end"]]) for s in rows[0]["spans"]}
    assert {("PERSON", "Dalton"), ("MEDICAL_RECORD_NUMBER", "BH-112233")} <= found
    assert set(rows[0]["spans"][0]) == {"start", "end", "entity_type", "score"}
    assert "Dalton" not in out.read_text()


def test_a_table_s_columns_are_decided_with_evidence_and_the_policy_overrules(
    home: Path, files: Path
) -> None:
    out = files / "columns.json"
    table = files / "table.csv"
    rows = [
        f"{i},Person{i} Dalton,{200 + i}.5,note about knee pain number {i}\n" for i in range(40)
    ]
    table.write_text("mrn,patient_name,glucose,remark\n" + "".join(rows))
    run(home, "detect", "--policy", files / "policy.yaml", "--table", table, out)
    columns = json.loads(out.read_text())["columns"]
    assert columns["patient_name"]["entity_type"] == "PERSON"
    assert columns["patient_name"]["action"] == "surrogate"
    assert columns["glucose"]["action"] == "keep"
    assert all(column["evidence"] for column in columns.values())
    assert "Dalton" not in out.read_text()
    rules = POLICY.replace("  columns:\n", "  columns:\n    glucose: {action: drop}\n")
    (files / "policy.yaml").write_text(rules)
    run(home, "detect", "--policy", files / "policy.yaml", "--table", table, out)
    glucose = json.loads(out.read_text())["columns"]["glucose"]
    assert glucose["action"] == "drop"
    assert glucose["evidence"] == "the policy's rule for this column"


def test_a_language_nobody_reads_is_refused_and_not_repeated(home: Path, files: Path) -> None:
    with pytest.raises(UsageError, match="expected one of de, en") as caught:
        run(
            home, "detect", "--policy", files / "policy.yaml", "--language", "hunter2",
            files / "docs.jsonl", files / "o",
        )  # fmt: skip
    assert "hunter2" not in str(caught.value)


# Pages


def test_a_page_is_sealed_unless_it_is_opened(home: Path, files: Path) -> None:
    sealed, page = files / "page.sealed", files / "page.html"
    run(home, "detect", "--policy", files / "policy.yaml", "--html", files / "docs.jsonl", sealed)
    assert b"Dalton" not in sealed.read_bytes()
    assert b"<mark" not in sealed.read_bytes()
    run(home, "detect", "--html", "--open", sealed, page)
    shown = page.read_text()
    assert "BH-112233<small>MEDICAL_RECORD_NUMBER</small>" in shown
    assert "score 0." in shown
    assert page.stat().st_mode & 0o077 == 0
    assert events(home, "detect.page")[-2:] == [{"sealed": True}, {"sealed": False}]


def test_one_document_of_many_is_shown_by_its_id(home: Path, files: Path) -> None:
    page = files / "page.html"
    words = ["--policy", files / "policy.yaml", "--html", "--open", "--id"]
    run(home, "detect", *words, "d2", files / "docs.jsonl", page)
    assert "Ubika Okonkwo" in page.read_text()
    assert "BH-112233" not in page.read_text()
    with pytest.raises(DataError, match="no such document"):
        run(home, "detect", *words, "d9", files / "docs.jsonl", page)


def test_an_altered_page_is_not_opened(home: Path, files: Path) -> None:
    sealed = files / "page.sealed"
    run(home, "detect", "--policy", files / "policy.yaml", "--html", files / "docs.jsonl", sealed)
    raw = bytearray(sealed.read_bytes())
    raw[-20] ^= 1
    sealed.write_bytes(raw)
    with pytest.raises(IntegrityError):
        run(home, "detect", "--html", "--open", sealed, files / "page.html")
    assert not (files / "page.html").exists()


def test_a_sealed_page_needs_a_workspace(tmp_path: Path, files: Path) -> None:
    (tmp_path / "passphrase").write_text("x" * 20)
    with pytest.raises(MachineError, match="no workspace"):
        run(
            tmp_path / "nowhere", "detect", "--policy", files / "policy.yaml", "--html",
            files / "docs.jsonl", files / "page",
        )  # fmt: skip


# Reviews


@pytest.fixture
def reviewed(home: Path, files: Path) -> Iterator[tuple[Path, list[str | Path]]]:
    yield (
        home,
        [
            "detect",
            "--policy",
            files / "policy.yaml",
            "--review",
            "3",
            files / "rows.jsonl",
            "--json",
        ],
    )
    with opened(home, exclusive=True) as left:
        for name in left.vault.names("review/"):
            left.vault.delete(name)


def test_a_review_stops_goes_on_and_ends_without_excerpts(
    reviewed: tuple[Path, list[str | Path]],
) -> None:
    home, words = reviewed
    first = run(home, *words, answers="1\n0\nq\n")
    begun = json.loads(first.stdout)
    assert (begun["answered"], begun["waiting"]) == (1, 2)
    # Excerpts are shown on stderr alone; what was given as a result may be kept.
    assert "«PERSON: " in first.stderr
    assert "Dalton" not in first.stdout
    again = run(home, *words, answers="0\n99\nx\n0\n0\n0\n")
    done = json.loads(again.stdout)
    assert "2 of 3" in again.stderr
    assert "expected a number up to" in again.stderr
    assert (done["review"], done["answered"], done["waiting"]) == (begun["review"], 3, 0)
    low, high = done["recall_interval"]
    assert low < done["recall"] < high
    with opened(home) as left:
        assert not [n for n in left.vault.names("review/") if n.endswith("queue.jsonl")]
    for file in home.rglob("*"):
        assert not file.is_file() or b"Dalton" not in file.read_bytes(), file


def test_a_review_speaks_for_its_own_data_and_detector_alone(
    reviewed: tuple[Path, list[str | Path]], files: Path
) -> None:
    home, words = reviewed
    run(home, *words, answers="1\n" + "0\n" * 6)
    policy = load_policy(files / "policy.yaml").policy
    with opened(home, exclusive=True) as left:

        def recall(path: Path, rules: Any = policy) -> Any:
            vault = left.run_vault("probe")
            key = left.vault.keyed("units")
            ingest(path, policy=rules.data, vault=vault, unit_key=key, progress=SilentProgress())
            try:
                return reviewed_recall(left, rules, Corpus(vault, "ingest/corpus.arrow"))
            finally:
                left.purge_run("probe")

        found = recall(files / "rows.jsonl")
        assert found is not None
        assert found.documents == 3
        other = files / "other.jsonl"
        other.write_text(json.dumps(ROWS[0]) + "\n")
        left.log.append("test.pause")
    with opened(home, exclusive=True) as left:
        vault = left.run_vault("probe2")
        key = left.vault.keyed("units")
        ingest(other, policy=policy.data, vault=vault, unit_key=key, progress=SilentProgress())
        corpus = Corpus(vault, "ingest/corpus.arrow")
        assert reviewed_recall(left, policy, corpus) is None
        left.purge_run("probe2")


def test_what_could_steer_a_terminal_is_shown_as_a_box() -> None:
    assert harmless("a\x1b[2Jb\u202ec\u200bd\ne") == "a□[2Jb□c□d\ne"


# Copies


def test_a_copy_needs_the_policy_s_leave_before_anything_is_read(home: Path, files: Path) -> None:
    (files / "policy.yaml").write_text(POLICY.replace("allow_export: true", "allow_export: false"))
    with pytest.raises(PolicyError, match=r"deidentify\.allow_export"):
        run(
            home, "deidentify", "--policy", files / "policy.yaml", "--export",
            files / "rows.jsonl", files / "copy.jsonl",
        )  # fmt: skip
    assert not (files / "copy.jsonl").exists()
    with pytest.raises(UsageError, match="--export"):
        run(
            home, "deidentify", "--policy", files / "policy.yaml", files / "rows.jsonl", files / "c"
        )


def test_a_copy_to_nowhere_is_refused_before_the_work(home: Path, files: Path) -> None:
    words = ["deidentify", "--policy", files / "policy.yaml", "--export", files / "rows.jsonl"]
    with pytest.raises(UsageError, match="folder is not there"):
        run(home, *words, files / "missing" / "copy.csv")
    with pytest.raises(UsageError, match="expected a name ending in"):
        run(home, *words, files / "copy.xlsx")


def test_a_copy_is_deidentified_logged_and_the_same_again(home: Path, files: Path) -> None:
    words = ["deidentify", "--policy", files / "policy.yaml", "--export", files / "rows.jsonl"]
    done = json.loads(run(home, *words, files / "copy.jsonl", "--json").stdout)
    text = (files / "copy.jsonl").read_text()
    for value in ("Dalton", "Marisol", "Okonkwo", "BH-112233", "283-0166", "May 2020"):
        assert value not in text
    rows = [json.loads(line) for line in text.splitlines()]
    assert rows[0]["name"] == rows[1]["name"]
    assert rows[1]["text"].startswith(rows[0]["name"])
    assert rows[0]["text"].startswith(f"Mrs. {rows[0]['name'].split()[1]} (MRN: [")
    (logged,) = events(home, "export.done")
    assert logged["digest"] == done["digest"]
    run(home, *words, files / "again.jsonl")
    assert (files / "again.jsonl").read_text() == text
    assert (files / "copy.jsonl").stat().st_mode & 0o077 == 0


def test_no_cell_of_a_csv_copy_is_a_formula(home: Path, files: Path) -> None:
    words = ["deidentify", "--policy", files / "policy.yaml", "--export", files / "rows.jsonl"]
    run(home, *words, files / "copy.csv")
    with (files / "copy.csv").open(newline="") as handle:
        header, *rows = csv.reader(handle)
    cells = [row[header.index("sum")] for row in rows]
    assert cells == ["'=1+1", "'@SUM(A1)", "'\t=cmd|'/C calc'!A0"]
    # Numbers stay numbers, and a header is a cell too.
    assert [row[header.index("'-cmd")] for row in rows] == ["-5.2", "+7", "12"]


def test_a_copy_the_second_scan_objects_to_is_not_written(home: Path, files: Path) -> None:
    deaf = POLICY.replace("ner: false", "ner: false\n    score_threshold: 1.0")
    (files / "policy.yaml").write_text(deaf)
    row = {"patient_id": "P1", "text": "write to ann.lee@clinic.test, SSN 123-45-6789"}
    (files / "rows.jsonl").write_text(json.dumps(row) + "\n")
    words = ["deidentify", "--policy", files / "policy.yaml", "--export", files / "rows.jsonl"]
    done = run(home, *words, files / "copy.jsonl", code=10)
    assert "refused: deidentify.residual_limit" in done.stdout
    assert "ann.lee" not in done.output
    assert not (files / "copy.jsonl").exists()
    assert events(home, "export.refused")


# Detectors of one's own


def _annotated(path: Path, *, count: int) -> Path:
    names = ["Ubika", "Zelmiro", "Quorra", "Tavish", "Ondine", "Brannoc", "Ysolde", "Merrick"]
    lines = []
    for n in range(count):
        # In lower case and without a cue: no rule finds these.
        name = f"{names[n % 8].lower()}{'aeiou'[n % 5]}"
        text = f"entry {n}: spoke of {name} at the gate and of the weather."
        start = text.index(name)
        span = {"start": start, "end": start + len(name), "type": "PERSON"}
        lines.append(json.dumps({"id": str(n), "text": text, "spans": [span]}))
    path.write_text("\n".join(lines) + "\n")
    return path


def test_a_detector_of_one_s_own_is_trained_pinned_measured_and_only_then_used(
    home: Path, files: Path
) -> None:
    gold, held_out = (
        _annotated(files / "g.jsonl", count=40),
        _annotated(files / "h.jsonl", count=60),
    )
    words = ["detector", "train", "--language", "en", "--provenance", "gate book"]
    made = json.loads(run(home, *words, "--gold", gold, files / "own", "--json").stdout)
    assert made["documents"] == 40
    printed = CliRunner().invoke(cli, ["detector", "digest", str(files / "own")]).stdout.strip()
    assert printed == made["digest"]
    line = f'models: [{{path: {files / "own"}, digest: "{printed}", languages: [en]}}]'
    rules = POLICY.replace("ner: false", f"ner: false\n    {line}").replace(
        "deidentify:\n", "deidentify:\n  recall_floor: 0.9\n"
    )
    (files / "policy.yaml").write_text(rules)
    (files / "gate.jsonl").write_text(
        json.dumps({"patient_id": "P1", "text": "entry 7: spoke of ubikaa at the gate"}) + "\n"
    )
    copy = ["deidentify", "--policy", files / "policy.yaml", "--export", files / "gate.jsonl"]
    with pytest.raises(PolicyError, match="was not measured in this workspace"):
        run(home, *copy, files / "copy.jsonl")
    measured = run(
        home, "evaluate-detection", "--policy", files / "policy.yaml", held_out, "--json"
    )
    found = json.loads(measured.stdout)
    assert found["passed"] is True
    assert found["recall_interval"][0] >= 0.9
    run(home, *copy, files / "copy.jsonl")
    assert "ubikaa" not in (files / "copy.jsonl").read_text()
    # Another floor, or another byte, and it is not used any more.
    (files / "policy.yaml").write_text(rules.replace("0.9\n", "0.999\n"))
    with pytest.raises(PolicyError, match=r"expected at least 0\.999"):
        run(home, *copy, files / "copy.jsonl")
    card = files / "own" / "model.json"
    card.write_text(card.read_text() + "\n")
    with pytest.raises(IntegrityError, match="digest that the policy pins"):
        run(home, *copy, files / "copy.jsonl")


def test_a_model_of_one_s_own_without_a_floor_is_no_policy(files: Path) -> None:
    line = 'models: [{path: here, digest: "sha256:' + "0" * 64 + '"}]'
    (files / "policy.yaml").write_text(POLICY.replace("ner: false", f"ner: false\n    {line}"))
    with pytest.raises(PolicyError, match="needs recall_floor"):
        load_policy(files / "policy.yaml")


def test_a_missed_floor_is_an_answer_with_figures_by_type(home: Path, files: Path) -> None:
    gold = _annotated(files / "gold.jsonl", count=30)
    with gold.open("a") as handle:
        text = "Seen by Dr. Renner, MRN: BH-112233."
        spans = [
            {"start": 12, "end": 18, "entity_type": "PERSON"},
            {"start": 25, "end": 34, "entity_type": "MEDICAL_RECORD_NUMBER"},
        ]
        handle.write(json.dumps({"id": "x", "text": text, "spans": spans}) + "\n")
    (files / "policy.yaml").write_text(
        POLICY.replace("deidentify:\n", "deidentify:\n  recall_floor: 0.99\n")
    )
    words = ["evaluate-detection", "--policy", files / "policy.yaml", gold]
    found = json.loads(run(home, *words, "--json", code=10).stdout)
    assert found["passed"] is False
    ids = found["types"]["MEDICAL_RECORD_NUMBER"]
    assert (ids["recall"], ids["precision"], ids["f2"]) == (1.0, 1.0, 1.0)
    assert ids["recall_interval"][0] < 1.0
    person = found["types"]["PERSON"]
    assert person["recall_interval"][0] < person["recall"] < person["recall_interval"][1]
    assert person["f2_interval"][0] <= person["f2"] <= person["f2_interval"][1]
    shown = run(home, *words, code=10).stdout
    assert "recall floor 0.99: not reached" in shown
    assert "MEDICAL_RECORD_NUMBER" in shown


def test_what_a_policy_names_outside_the_workspace_stays_readable_under_the_locks(
    files: Path,
) -> None:
    gold = _annotated(files / "gold.jsonl", count=1)
    line = f'models: [{{path: {files}, digest: "sha256:{"0" * 64}"}}]'
    (files / "policy.yaml").write_text(
        POLICY.replace("ner: false", f"ner: false\n    {line}").replace(
            "deidentify:\n", f"deidentify:\n  gold: {gold}\n  recall_floor: 0.9\n"
        )
    )
    named = locking.named_paths(load_policy(files / "policy.yaml").policy)
    assert {gold, files} <= set(named)
    assert locking.named_paths(None) == []
