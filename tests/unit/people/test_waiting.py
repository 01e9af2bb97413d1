"""A run that waits, from the request to the release, by the command line, without the training."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from appliance.crypto.signer_file import make_signer
from appliance.crypto.unlock import Unlock
from appliance.evidence import Evidence
from appliance.gate import decide, waits_for_people
from appliance.policy.load import LoadedPolicy, policy_digest
from appliance.progress import SilentProgress
from appliance.run import finish, status
from appliance.settlement.candidates import Candidate
from appliance.settlement.releasing import hold_back, publish
from appliance.workspace import Home
from tests.support.command import appliance as apart_process
from tests.support.inside import Said, appliance
from tests.support.pkcs11 import PIN, soft_token
from tests.unit.release.sample_adapter import adapter_files
from tests.unit.report import sample_report

WHO = {"ana": "privacy-officer", "bo": "approver", "dee": "auditor", "ops": "operator"}


@dataclass
class Place:
    """A workspace with one run that waits, and people with keys beside it."""

    root: Path
    run: str

    @property
    def home(self) -> Path:
        return self.root / "home"

    @property
    def unlock(self) -> list[str | Path]:
        return ["--home", self.home, "--key-file", self.root / "key"]

    def vote(self, name: str, *more: str | Path, role: str | None = None) -> Path:
        out = self.root / f"vote-{len(list(self.root.iterdir()))}.json"
        appliance(
            "approve", self.run, "--home", self.home, "--role", role or WHO[name], "--reason",
            f"{name} read it", "--out", out, "--signer", self.root / name,
            "--signer-key-file", self.root / "key", *more,
        ).assert_code(0)  # fmt: skip
        return out

    def release(self, *votes: Path, more: tuple[str | Path, ...] = ()) -> Said:
        options = [part for vote in votes for part in ("--approval", vote)]
        return appliance("release", self.run, *options, *more, *self.unlock)

    def verify(self, *more: str | Path) -> Said:
        bundle = self.home / "releases" / self.run
        key = self.home / "keys" / "release.pub.pem"
        return appliance("verify", bundle, "--key", key, *more)


def draft(root: Path, version: int = 1, **changes: Any) -> Path:
    path = root / f"draft-{version}.json"
    people = [{"name": n, "roles": [r], "keys": [f"{n}.pub.pem"]} for n, r in WHO.items()]
    body = {
        "version": version, "issued": "2020-01-01T00:00:00+00:00",
        "expires": "2099-01-01T00:00:00+00:00", "people": people,
    }  # fmt: skip
    path.write_text(json.dumps(body | changes))
    return path


def wait(home: Home, **knobs: Any) -> str:
    """Close a run as the pipeline does."""
    policy = sample_report.policy().policy
    release = policy.release.model_copy(update={"approvals": 2} | knobs)
    policy = policy.model_copy(update={"release": release})
    loaded = LoadedPolicy(policy=policy, digest=policy_digest(policy), path=Path("p.yaml"))
    found: Evidence = sample_report.evidence()
    identity = found.run.policy.model_copy(update={"digest": loaded.digest})
    found = found.model_copy(update={"run": found.run.model_copy(update={"policy": identity})})
    decision = decide(found, policy)
    assert waits_for_people(decision, policy)
    candidate = Candidate(
        run_id=found.run.id, evidence=found, policy=loaded, adapter=adapter_files(), accounts=(7,)
    )
    outcome = publish(home, found, decision, loaded, adapter_files(), progress=SilentProgress())
    assert hold_back(home, candidate, outcome).waiting
    finish(home, found.run.id, "waiting")
    return found.run.id


@pytest.fixture(scope="module", autouse=True)
def plain_page() -> Iterator[None]:
    """Spare the drawings, and the locks on this process."""
    with pytest.MonkeyPatch.context() as patched:
        for room in ("release.bundle", "settlement.releasing"):
            patched.setattr(f"appliance.{room}.render_html", lambda *_, **__: "<html></html>")
        # Locks cannot be taken off again; whole-run tests run the command with them.
        patched.setattr("appliance.cli.release_cmd.lock_process", lambda *_, **__: None)
        yield


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Place:
    root = tmp_path_factory.mktemp("place")
    (root / "key").write_bytes(bytes(range(32)))
    for name in WHO:
        public = make_signer(root / name, Unlock(key_file=root / "key"))
        (root / f"{name}.pub.pem").write_bytes(public.pem())
    with Home.init(root / "home", Unlock(key_file=root / "key")) as home:
        run = wait(home)
    place = Place(root=root, run=run)
    signed = root / "roles.json"
    appliance("roles", "sign", draft(root), signed, *place.unlock).assert_code(0)
    appliance("roles", "adopt", signed, *place.unlock).assert_code(0)
    return place


@pytest.fixture
def place(original: Place, tmp_path: Path) -> Place:
    shutil.copytree(original.root, tmp_path / "p")
    return Place(root=tmp_path / "p", run=original.run)


def test_two_words_release_and_words_given_before_still_count(place: Place) -> None:
    done = place.release(place.vote("ana")).assert_code(10)
    assert "measured 1, threshold 2" in done.out
    assert "WAITS FOR PEOPLE" in done.out
    done = place.release(place.vote("bo")).assert_code(0)
    assert "RELEASED" in done.out
    said = place.verify("--json").assert_code(0).json
    (check,) = [c for c in said["checks"] if c["name"] == "people"]
    assert check["detail"].startswith("2 of 2 needed")
    place.release().assert_two_lines(2)  # it waits no more
    folder = place.home / "reports" / place.run
    assert not (folder / "request.json").exists()
    with Home.open(place.home, Unlock(key_file=place.root / "key"), exclusive=True) as home:
        assert status(home, place.run).verdict == "released"
        assert home.vault.names("candidates/") == ()
        home.verify()


def test_nobody_but_two_people_in_two_roles_releases(place: Place) -> None:
    place.release().assert_code(10)
    one = place.vote("ana")
    place.release(one, place.vote("ana", "--days", "9")).assert_code(10)
    assert not (place.home / "releases" / place.run).exists()


def test_a_copy_of_the_request_is_enough_to_sign_elsewhere(place: Place, tmp_path: Path) -> None:
    shutil.copytree(place.home / "reports" / place.run, tmp_path / "elsewhere")
    out = tmp_path / "vote.json"
    appliance(
        "approve", tmp_path / "elsewhere", "--role", "approver", "--reason", "r", "--out", out,
        "--signer", place.root / "bo", "--signer-key-file", place.root / "key",
    ).assert_code(0)  # fmt: skip
    place.release(place.vote("ana"), out).assert_code(0)


def test_a_report_that_is_not_the_requests_is_not_signed(place: Place) -> None:
    path = place.home / "reports" / place.run / "candidate-report.json"
    path.write_bytes(path.read_bytes().replace(b'"records_read":512', b'"records_read":513'))
    done = appliance(
        "approve", place.run, "--home", place.home, "--role", "approver", "--reason", "r",
        "--signer", place.root / "bo", "--signer-key-file", place.root / "key",
    )  # fmt: skip
    done.assert_two_lines(6)


def test_a_rejection_blocks_and_an_altered_word_is_exit_6(place: Place) -> None:
    votes = [place.vote("ana"), place.vote("bo")]
    altered = place.root / "altered.json"
    altered.write_bytes(votes[0].read_bytes().replace(b"payload", b"Payload", 1))
    place.release(altered, votes[1]).assert_two_lines(6)
    no = place.vote("dee", "--decision", "reject")
    done = place.release(*votes, no).assert_code(10)
    assert "release.rejected" in done.out
    report = json.loads((place.home / "reports" / place.run / "report.json").read_bytes())
    assert {s["decision"] for s in report["people"]["signatures"]} == {"approve", "reject"}
    place.release().assert_code(10)  # the rejection is remembered


def test_the_operators_word_is_refused_at_signing_and_at_release(place: Place) -> None:
    done = appliance(
        "approve", place.run, "--home", place.home, "--role", "operator", "--reason", "r",
        "--signer", place.root / "ops", "--signer-key-file", place.root / "key",
    )  # fmt: skip
    done.assert_two_lines(2)
    forged = place.vote("ops", role="approver")
    assert "does not hold the role" in place.release(forged).assert_two_lines(6).err


def test_who_ran_it_under_their_account_does_not_count(place: Place) -> None:
    people = [
        {"name": n, "roles": [r], "keys": [f"{n}.pub.pem"], "accounts": [7] if n == "bo" else []}
        for n, r in WHO.items()
    ]
    newer = place.root / "roles-2.json"
    appliance(
        "roles", "sign", draft(place.root, 2, people=people), newer, *place.unlock
    ).assert_code(0)
    appliance("roles", "adopt", newer, *place.unlock).assert_code(0)
    done = place.release(place.vote("ana"), place.vote("bo")).assert_code(10)
    assert "operator" in done.out


def test_an_older_list_of_roles_is_refused(place: Place) -> None:
    newer = place.root / "roles-2.json"
    appliance("roles", "sign", draft(place.root, 2), newer, *place.unlock).assert_code(0)
    appliance("roles", "adopt", newer, *place.unlock).assert_code(0)
    appliance("roles", "adopt", place.root / "roles.json", *place.unlock).assert_two_lines(6)
    shown = appliance("roles", "show", "--json", *place.unlock).assert_code(0).json
    assert shown["roles"]["version"] == 2


def test_a_release_key_apart_signs_and_the_workspaces_key_does_not(
    original: Place, tmp_path: Path
) -> None:
    root = tmp_path / "p"
    shutil.copytree(original.root, root)
    place = Place(root=root, run=original.run)
    public = make_signer(root / "apart", Unlock(key_file=root / "key"))
    appliance("keys", "set-apart", root / "apart", *place.unlock).assert_code(0)
    votes = (place.vote("ana"), place.vote("bo"))
    done = place.release(*votes).assert_code(10)
    assert "release.signing_key" in done.out
    wrong = ("--signer", root / "ana", "--signer-key-file", root / "key")
    place.release(more=wrong).assert_two_lines(2)
    right = ("--signer", root / "apart", "--signer-key-file", root / "key")
    place.release(more=right).assert_code(0)
    roles_key = ("--roles-key", place.home / "keys" / "release.pub.pem")
    place.verify(*roles_key).assert_two_lines(6)
    key = place.home / "keys" / "release-apart.pub.pem"
    assert key.read_bytes() == public.pem()
    bundle = place.home / "releases" / place.run
    said = appliance("verify", bundle, "--key", key, *roles_key, "--json").assert_code(0).json
    (log,) = [c for c in said["checks"] if c["name"] == "log"]
    assert "the log key this key names" in log["detail"]


def test_a_run_nobody_asked_about_cannot_be_released(place: Place) -> None:
    done = appliance("release", "20200101T000000-ffff", *place.unlock)
    done.assert_two_lines(2)


def test_people_and_the_release_key_on_a_device(
    original: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path / "p"
    shutil.copytree(original.root, root)
    place = Place(root=root, run=original.run)
    library = soft_token(root, monkeypatch, label="vault")
    (root / "pin").write_text(f"{PIN}\n")
    pin = ["--signer-module", library, "--signer-passphrase-file", root / "pin"]
    keygen = ["roles", "keygen", "--token", "vault", *pin]
    for label in ("card", "release"):
        apart_process(*keygen, root / label, "--label", label).assert_code(0)
    people = [
        {"name": "ana", "roles": ["privacy-officer"], "keys": ["ana.pub.pem"]},
        {"name": "bo", "roles": ["approver"], "keys": ["card.pub.pem"]},
    ]
    newer = root / "roles-2.json"
    appliance("roles", "sign", draft(root, 2, people=people), newer, *place.unlock).assert_code(0)
    appliance("roles", "adopt", newer, *place.unlock).assert_code(0)
    appliance("keys", "set-apart", root / "release", *place.unlock).assert_code(0)
    vote = root / "card-vote.json"
    apart_process(
        "approve", place.run, "--home", place.home, "--role", "approver", "--reason", "r",
        "--out", vote, "--signer", root / "card", *pin,
    ).assert_code(0)  # fmt: skip
    words = ["--approval", place.vote("ana"), "--approval", vote]
    apart_process(
        "release", place.run, *words, *place.unlock, "--signer", root / "release", *pin
    ).assert_code(0)
    key = place.home / "keys" / "release-apart.pub.pem"
    roles_key = place.home / "keys" / "release.pub.pem"
    bundle = place.home / "releases" / place.run
    appliance("verify", bundle, "--key", key, "--roles-key", roles_key).assert_code(0)


def test_a_run_that_waits_can_be_given_up(place: Place) -> None:
    shown = appliance("runs", "show", place.run, *place.unlock).assert_code(0)
    assert f"appliance approve {place.run}" in shown.out
    purge = ("runs", "purge", place.run, "--confirm", place.run, *place.unlock)
    appliance(*purge).assert_code(0)
    place.release().assert_two_lines(2)
    with Home.open(place.home, Unlock(key_file=place.root / "key"), exclusive=True) as home:
        assert home.vault.names("candidates/") == ()
        home.verify()


def test_a_release_that_a_crash_left_untidy_is_not_made_twice(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    from appliance.settlement import candidates

    def crash(*_: Any) -> None:
        raise KeyboardInterrupt

    votes = (place.vote("ana"), place.vote("bo"))
    with monkeypatch.context() as patched:
        patched.setattr(candidates, "burn", crash)
        place.release(*votes).assert_code(130)
    bundle = place.home / "releases" / place.run
    signature = (bundle / "model.sig").read_bytes()
    place.release().assert_two_lines(2)
    assert (bundle / "model.sig").read_bytes() == signature
    place.verify().assert_code(0)


def test_a_crash_before_the_verdict_is_released_again_whole(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    def crash(*_: Any) -> None:
        raise KeyboardInterrupt

    votes = (place.vote("ana"), place.vote("bo"))
    with monkeypatch.context() as patched:
        patched.setattr("appliance.settlement.releasing.settle", crash)
        place.release(*votes).assert_code(130)
    place.release().assert_code(0)
    place.verify().assert_code(0)
