"""Two people decide: a run waits, they sign on their own, only both together release it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests.e2e.conftest import TINY_POLICY
from tests.support.command import appliance, unlock

OVERLAY = """
name: two
version: "1"
regulation: test
extends: tiny.yaml
release: {approvals: 2, merged: true}
"""


class People:
    """Keys of a steward, a privacy officer and an operator, made by the command line."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        self.secret = folder / "secret"
        self.secret.write_text("nobody else knows\n")
        for name in ("ana", "bo", "ops"):
            appliance(
                "roles", "keygen", folder / name, "--signer-passphrase-file", self.secret
            ).assert_code(0)

    def draft(self, version: int = 1) -> Path:
        people = [("ana", "privacy-officer"), ("bo", "approver"), ("ops", "operator")]
        path = self.folder / "draft.json"
        path.write_text(
            json.dumps(
                {
                    "version": version,
                    "issued": "2020-01-01T00:00:00+00:00",
                    "expires": "2099-01-01T00:00:00+00:00",
                    "people": [
                        {"name": name, "roles": [role], "keys": [f"{name}.pub.pem"]}
                        for name, role in people
                    ],
                }
            )
        )
        return path

    def vote(self, run: str, home: Path, name: str, role: str, *more: str) -> Path:
        out = self.folder / f"{name}-{len(list(self.folder.iterdir()))}.dsse.json"
        appliance(
            "approve", run, "--home", home, "--role", role, "--reason", "read it", "--out", out,
            "--signer", self.folder / name, "--signer-passphrase-file", self.secret, *more,
        ).assert_code(0)  # fmt: skip
        return out


@pytest.fixture(scope="module")
def waiting(fresh_home: Path, sample: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace in which one run waits, with a list of roles in force."""
    root = tmp_path_factory.mktemp("waiting")
    shutil.copytree(fresh_home.parent, root / "w")
    home = root / "w" / "home"
    demo = Path(__file__).parents[2] / "policies" / "demo.yaml"
    (root / "tiny.yaml").write_text(TINY_POLICY.format(demo=demo))
    policy = root / "two.yaml"
    policy.write_text(OVERLAY)
    people = People(root / "w" / "people")
    signed = people.folder / "roles.json"
    appliance("roles", "sign", people.draft(), signed, *unlock(home)).assert_code(0)
    appliance("roles", "adopt", signed, *unlock(home)).assert_code(0)
    done = appliance("train", "--policy", policy, "--data", sample, *unlock(home)).assert_code(10)
    assert "WAITS FOR PEOPLE" in done.out
    assert "release.approvals" in done.out
    return home


@pytest.fixture
def home(waiting: Path, tmp_path: Path) -> Path:
    shutil.copytree(waiting.parent, tmp_path / "w")
    return tmp_path / "w" / "home"


def people_of(home: Path) -> People:
    people = People.__new__(People)
    people.folder = home.parent / "people"
    people.secret = people.folder / "secret"
    return people


def run_of(home: Path) -> str:
    (row,) = appliance("runs", "list", "--json", *unlock(home)).assert_code(0).json["runs"]
    assert row["verdict"] == "waiting"
    return str(row["id"])


def test_two_people_release_and_the_bundle_proves_it_elsewhere(
    home: Path, tmp_path: Path, tiny_model: Path
) -> None:
    run, people = run_of(home), people_of(home)
    assert not any((home / "runs").iterdir()), "the run's data is burned while it waits"
    first = people.vote(run, home, "ana", "privacy-officer")
    done = appliance("release", run, "--approval", first, *unlock(home)).assert_code(10)
    assert "measured 1, threshold 2" in done.out
    second = people.vote(run, home, "bo", "approver")
    appliance("release", run, "--approval", second, *unlock(home)).assert_code(0)
    bundle, key = home / "releases" / run, home / "keys" / "release.pub.pem"
    shutil.copytree(bundle, tmp_path / "copy")
    said = appliance("verify", tmp_path / "copy", "--key", key, "--json").assert_code(0).json
    (check,) = [c for c in said["checks"] if c["name"] == "people"]
    assert check["detail"].startswith("2 of 2 needed")
    page = (bundle / "compliance" / "report.html").read_text()
    assert page.index("read it") < page.index('id="officer"')
    appliance("log", "verify", *unlock(home)).assert_code(0)
    merged_gives_the_same_logits(bundle, tiny_model)


def merged_gives_the_same_logits(bundle: Path, base: Path) -> None:
    import torch
    from peft import PeftModel
    from transformers import AutoModelForCausalLM, AutoTokenizer

    apart = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(str(base)), str(bundle))
    merged = AutoModelForCausalLM.from_pretrained(str(bundle / "merged"))
    tokens = AutoTokenizer.from_pretrained(str(bundle / "merged"))("Seen", return_tensors="pt")
    with torch.no_grad():
        one, two = apart(**tokens).logits, merged(**tokens).logits
        plain = apart.get_base_model()
        with apart.disable_adapter():
            base_logits = plain(**tokens).logits
    assert torch.allclose(one, two, atol=1e-4)
    assert not torch.allclose(base_logits, two, atol=1e-4)


def test_a_rejection_blocks_and_stands_in_the_report(home: Path) -> None:
    run, people = run_of(home), people_of(home)
    words = [
        people.vote(run, home, "ana", "privacy-officer"),
        people.vote(run, home, "bo", "approver", "--decision", "reject"),
    ]
    options = [part for word in words for part in ("--approval", word)]
    done = appliance("release", run, *options, *unlock(home)).assert_code(10)
    assert "release.rejected" in done.out
    page = (home / "reports" / run / "report.html").read_text()
    assert page.index("read it") < page.index('id="officer"')
    assert not (home / "releases" / run).exists()


def test_the_operators_word_never_counts(home: Path) -> None:
    run, people = run_of(home), people_of(home)
    refused = appliance(
        "approve", run, "--home", home, "--role", "operator", "--reason", "x",
        "--signer", people.folder / "ops", "--signer-passphrase-file", people.secret,
    )  # fmt: skip
    refused.assert_two_lines(2)
    forged = people.vote(run, home, "ops", "approver")
    done = appliance("release", run, "--approval", forged, *unlock(home))
    done.assert_two_lines(6)
    assert "does not hold the role" in done.err


def test_an_older_list_of_roles_is_refused(home: Path, tmp_path: Path) -> None:
    people = people_of(home)
    newer = tmp_path / "roles-2.json"
    appliance("roles", "sign", people.draft(2), newer, *unlock(home)).assert_code(0)
    appliance("roles", "adopt", newer, *unlock(home)).assert_code(0)
    done = appliance("roles", "adopt", people.folder / "roles.json", *unlock(home))
    done.assert_two_lines(6)
