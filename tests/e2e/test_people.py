"""One run from the raw file to two people's release, and a person's erasure, with locks in force."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from tests.e2e.conftest import TINY_POLICY
from tests.support.command import appliance, unlock

OVERLAY = """
name: two
version: "1"
regulation: test
extends: tiny.yaml
data: {retention: {destroy_after_decision: false}}
release: {approvals: 2, merged: true}
"""
ROLES = {"ana": "privacy-officer", "bo": "approver", "ops": "operator"}


def adopt_people(folder: Path, home: Path) -> None:
    secret = ["--signer-passphrase-file", home.parent / "passphrase"]
    for name in ROLES:
        appliance("roles", "keygen", folder / name, *secret).assert_code(0)
    draft = {
        "version": 1,
        "issued": "2020-01-01T00:00:00+00:00",
        "expires": "2099-01-01T00:00:00+00:00",
        "people": [{"name": n, "roles": [r], "keys": [f"{n}.pub.pem"]} for n, r in ROLES.items()],
    }
    (folder / "draft.json").write_text(json.dumps(draft))
    signed = folder / "roles.json"
    appliance("roles", "sign", folder / "draft.json", signed, *unlock(home)).assert_code(0)
    appliance("roles", "adopt", signed, *unlock(home)).assert_code(0)


def test_two_people_release_a_run_and_a_person_is_erased_from_it(
    fresh_home: Path, sample: Path, tiny_model: Path, tmp_path: Path
) -> None:
    shutil.copytree(fresh_home.parent, tmp_path / "w")
    home = tmp_path / "w" / "home"
    demo = Path(__file__).parents[2] / "policies" / "demo.yaml"
    (tmp_path / "tiny.yaml").write_text(TINY_POLICY.format(demo=demo))
    (tmp_path / "two.yaml").write_text(OVERLAY)
    adopt_people(tmp_path, home)
    done = appliance(
        "train", "--policy", tmp_path / "two.yaml", "--data", sample, *unlock(home)
    ).assert_code(10)
    assert "WAITS FOR PEOPLE" in done.out
    (row,) = appliance("runs", "list", "--json", *unlock(home)).assert_code(0).json["runs"]
    assert row["verdict"] == "waiting"
    run = str(row["id"])
    votes: list[str | Path] = []
    for name in ("ana", "bo"):
        out = tmp_path / f"{name}.dsse.json"
        appliance(
            "approve", run, "--home", home, "--role", ROLES[name], "--reason", f"{name} read it",
            "--out", out, "--signer", tmp_path / name,
            "--signer-passphrase-file", home.parent / "passphrase",
        ).assert_code(0)  # fmt: skip
        votes += ["--approval", out]
    appliance("release", run, *votes, *unlock(home)).assert_code(0)
    bundle, key = home / "releases" / run, home / "keys" / "release.pub.pem"
    said = appliance("verify", bundle, "--key", key, "--json").assert_code(0).json
    (check,) = [c for c in said["checks"] if c["name"] == "people"]
    assert check["detail"].startswith("2 of 2 needed")
    page = (bundle / "compliance" / "report.html").read_text()
    assert page.index("ana read it") < page.index('id="officer"')
    merged_gives_the_same_logits(bundle, tiny_model)
    one_is_erased(home, sample, run)


def merged_gives_the_same_logits(bundle: Path, base: Path) -> None:
    import torch
    from peft import PeftModel
    from transformers import AutoModelForCausalLM, AutoTokenizer

    apart = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(str(base)), str(bundle))
    merged = AutoModelForCausalLM.from_pretrained(str(bundle / "merged"))
    tokens = AutoTokenizer.from_pretrained(str(bundle / "merged"))("Seen", return_tensors="pt")
    with torch.no_grad():
        one, two = apart(**tokens).logits, merged(**tokens).logits
        with apart.disable_adapter():
            base_logits = apart(**tokens).logits
    assert torch.allclose(one, two, atol=1e-4)
    assert not torch.equal(base_logits, two)


def someone_trained_on(home: Path, notes: Path) -> str:
    """The split is drawn by lot: not every person trains the adapter."""
    rows = map(json.loads, notes.read_text().splitlines())
    for patient in dict.fromkeys(str(row["patient_id"]) for row in rows):
        words = ("subjects", "find", "--json", *unlock(home))
        found = appliance(*words, stdin=f"{patient}\n").assert_code(0).json["found"]
        if any(trace["trained_on"] for trace in found):
            return patient
    raise AssertionError("nobody was trained on")


def one_is_erased(home: Path, notes: Path, run: str) -> None:
    patient = someone_trained_on(home, notes)
    done = appliance(
        "subjects", "erase", "--choice", "retire", "--confirm", "erase", *unlock(home),
        stdin=f"{patient}\n",
    ).assert_code(0)  # fmt: skip
    assert "shards written anew" in done.out
    assert patient not in done.out + done.err
    assert not (home / "releases" / run).exists()
    appliance("check", *unlock(home)).assert_code(0)
