"""From a candidate and people's words to a release: decide again, sign, publish, settle.

The only place that opens the release room, for `train` and for `release` alike.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from appliance.crypto.signing import Signer
from appliance.errors import IntegrityError, UsageError
from appliance.evidence import Evidence, PeopleSection, Report, Signature
from appliance.files import make_private_folder, write_atomic
from appliance.finetune.spent import compose
from appliance.gate import Decision, decide
from appliance.ledger import Ledger, State
from appliance.people import judge
from appliance.people.release_key import apart_key
from appliance.people.roles import SignedRoles
from appliance.people.section import people_section
from appliance.people.store import adopted
from appliance.people.votes import open_vote
from appliance.policy import LoadedPolicy
from appliance.progress import Progress
from appliance.release.bundle import PeoplesPapers, release
from appliance.report.html import render_html
from appliance.report.json import build_report, report_bytes
from appliance.report.limits import not_tested
from appliance.run import Clock, finish, status
from appliance.settlement import candidates
from appliance.settlement.candidates import Candidate
from appliance.settlement.merging import merger, remove_unfinished
from appliance.settlement.merging import release_merged as _release_merged

if TYPE_CHECKING:
    from appliance.workspace import Home

#: Beside the report of a run that waits: what people are asked, and the report they sign.
REQUEST_FILE = "request.json"
READ_FILE = "candidate-report.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a run came to.

    Attributes:
        decision: the gate's answer.
        report: the evidence with the answer.
        report_dir: where report.html and report.json lie.
        bundle: the release; None when the gate refused.
        waiting: the run is kept and waits for people's signatures.
    """

    decision: Decision
    report: Report
    report_dir: Path
    bundle: Path | None
    waiting: bool = False


def publish(
    home: Home,
    evidence: Evidence,
    decision: Decision,
    policy: LoadedPolicy,
    adapter: Mapping[str, bytes],
    *,
    progress: Progress,
    signer: Signer | None = None,
    papers: PeoplesPapers | None = None,
    merged: bool = False,
) -> Outcome:
    """Write the report, and the release if the gate approved.

    Args:
        home: the workspace, opened exclusively.
        evidence: what was decided about.
        decision: the gate's.
        policy: what it was decided under.
        adapter: its files.
        progress: bars.
        signer: the release key, where it lies apart.
        papers: what people signed.
        merged: add the merged model, whatever the policy says.
    """
    run_id = evidence.run.id
    report = build_report(evidence, decision.findings, decision.verdict, [], not_tested(evidence))
    home.log.append(
        "run.decided",
        outcome=decision.verdict,
        run=run_id,
        reasons=[f.rule for f in decision.reasons],
    )
    bundle = home.path / "releases" / run_id
    folder = home.path / "reports" / run_id
    home.expect_public(bundle, folder)
    if decision.approval is None:
        _write_report(folder, report, policy)
        home.record_public(folder)
        return Outcome(decision=decision, report=report, report_dir=folder, bundle=None)
    own = home.signing_key()
    remove_unfinished(home, run_id)
    merge = (
        merger(home, evidence, adapter, policy) if merged or policy.policy.release.merged else None
    )
    with progress.task("sign the release", None):
        artifacts = release(
            decision.approval,
            report=report,
            adapter_files=adapter,
            policy=policy,
            signing_key=signer or own,
            log_checkpoint=home.log.checkpoint(own).note,
            log_key=None if signer is None else own.public,
            out=bundle,
            papers=papers,
            merge=merge,
        )
    report = report.model_copy(update={"artifacts": artifacts})
    home.log.append("run.released", run=run_id, files=len(artifacts))
    make_private_folder(folder)
    for name in ("report.html", "report.json"):  # the signed copy, byte for byte
        write_atomic(folder / name, (bundle / "compliance" / name).read_bytes())
    for name in (REQUEST_FILE, READ_FILE):
        (folder / name).unlink(missing_ok=True)
    home.record_public(bundle, folder)
    return Outcome(decision=decision, report=report, report_dir=folder, bundle=bundle)


def hold_back(home: Home, candidate: Candidate, outcome: Outcome) -> Outcome:
    """Seal a candidate and write the request that people need to decide."""
    candidates.keep(home, candidate)
    request = candidates.request_of(candidate, needed=_needed(home, candidate))
    home.expect_public(outcome.report_dir)
    write_atomic(outcome.report_dir / READ_FILE, candidate.report())
    write_atomic(outcome.report_dir / REQUEST_FILE, request.to_bytes())
    home.record_public(outcome.report_dir)
    home.log.append(
        "run.waiting", run=candidate.run_id, report=request.report, needed=request.needed
    )
    return replace(outcome, waiting=True)


def release_candidate(
    home: Home,
    run_id: str,
    *,
    votes: Mapping[str, bytes],
    signer: Signer | None,
    merged: bool,
    progress: Progress,
    clock: Clock,
) -> Outcome:
    """Release a run that waits, if what people signed is enough.

    Args:
        home: the workspace, opened exclusively.
        run_id: the run.
        votes: file name -> signed word; added to those that came before.
        signer: the release key, where it lies apart.
        merged: add the merged model, whatever the policy says.
        progress: bars.
        clock: the time.

    Raises:
        UsageError: no such run waits, or the key given is not the release key.
        IntegrityError: a word is altered, unknown or about something else; nothing is remembered.
    """
    if status(home, run_id).verdict != "waiting":
        # Also of a run that a crash released and did not tidy: its release stands.
        raise UsageError(
            f"run {run_id}", "does not wait for anyone", hint=f"appliance runs show {run_id}"
        )
    candidate = candidates.load(home, run_id)
    key = _release_key(home, signer)
    known = adopted(home)
    words = _open_words(home, candidate, votes, None if known is None else known.signed)
    if votes:
        candidates.keep_votes(home, run_id, [word.raw for word in words])
        home.log.append("release.votes", run=run_id, count=len(words))
    table = _Table(
        candidate=candidate,
        roles=None if known is None else known.signed,
        judged=clock().isoformat(timespec="seconds"),
        apart=apart_key(home) is not None,
        at_hand=key is not None,
    )
    evidence, decision, counted = table.decide(words)
    outcome = publish(
        home,
        evidence,
        decision,
        candidate.policy,
        candidate.adapter,
        progress=progress,
        signer=key,
        papers=table.papers(counted),
        merged=merged,
    )
    if outcome.bundle is None:
        return replace(outcome, waiting=True)
    settle(home, run_id, "released")
    finish(home, run_id, "released")
    candidates.burn(home, run_id)
    return outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class _Word:
    raw: bytes
    says: Signature


@dataclass(frozen=True, slots=True, kw_only=True)
class _Table:
    """Where the words are laid out and the gate is asked again."""

    candidate: Candidate
    roles: SignedRoles | None
    judged: str
    apart: bool
    at_hand: bool

    def decide(self, words: Sequence[_Word]) -> tuple[Evidence, Decision, list[_Word]]:
        """Ask the gate over the words that count; if it refuses, show the others too.

        A rejection is always shown, also one that ran out.
        """
        everything = self._section(words)
        ignored = {
            s.digest
            for s in everything.signatures
            if s.decision != "reject"
            and judge.objection(s, judged=self.judged, operators=everything.operators)
        }
        counted = [word for word in words if word.says.digest not in ignored]
        evidence, decision = self._ask(self._section(counted))
        if decision.approval is None:
            evidence, decision = self._ask(everything)
        return evidence, decision, counted

    def papers(self, words: Sequence[_Word]) -> PeoplesPapers | None:
        """Return what goes into the release so that others can check it."""
        if self.roles is None or not words:
            return None
        return PeoplesPapers(
            roles=self.roles.envelope,
            votes=[word.raw for word in words],
            report=self.candidate.report(),
        )

    def _ask(self, section: PeopleSection) -> tuple[Evidence, Decision]:
        evidence = self.candidate.evidence.model_copy(update={"people": section})
        return evidence, decide(evidence, self.candidate.policy.policy)

    def _section(self, words: Sequence[_Word]) -> PeopleSection:
        return people_section(
            [word.says for word in words],
            roles=self.roles if words else None,
            needed=self.candidate.policy.policy.release.approvals,
            accounts=self.candidate.accounts,
            judged=self.judged,
            release_key="apart" if self.apart else "workspace",
            at_hand=self.at_hand or not self.apart,
        )


def release_merged(
    home: Home, run_id: str, *, signer: Signer | None, progress: Progress
) -> Outcome:
    """Release a released run once more, with the merged model; see `merging`."""
    key = _release_key(home, signer)
    if key is None and apart_key(home) is not None:
        raise UsageError(
            "--signer", "the release key lies apart: its holder signs", hint="--signer FILE"
        )
    report, bundle = _release_merged(home, run_id, signer=key, progress=progress)
    decision = Decision(verdict="released", findings=tuple(report.findings), approval=None)
    folder = home.path / "reports" / run_id
    return Outcome(decision=decision, report=report, report_dir=folder, bundle=bundle)


def give_up(home: Home, run_id: str) -> None:
    """Drop a run that waits: its adapter is removed, its people's budget stays spent."""
    candidates.burn(home, run_id)
    folder = home.path / "reports" / run_id
    home.expect_public(folder)
    for name in (REQUEST_FILE, READ_FILE):
        (folder / name).unlink(missing_ok=True)
    home.record_public(folder)
    settle(home, run_id, "refused")
    finish(home, run_id, "purged")
    home.log.append("run.given-up", run=run_id)


def settle(home: Home, run_id: str, state: State) -> None:
    """Write a run's end into the ledger, if it ever reserved anything."""
    ledger = Ledger(home.vault, compose)
    if any(e.run == run_id for e in ledger.entries()):
        ledger.settle(run_id, state)
        home.log.append("ledger.settled", run=run_id, head=ledger.head())


def key_section(home: Home, clock: Clock) -> PeopleSection | None:
    """Return the section that says where the release key lies, if not in the workspace."""
    if apart_key(home) is None:
        return None
    return people_section(
        [],
        roles=None,
        needed=0,
        accounts=[],
        judged=clock().isoformat(timespec="seconds"),
        release_key="apart",
        at_hand=False,
    )


def _release_key(home: Home, signer: Signer | None) -> Signer | None:
    """Return the key apart, if it is the right one."""
    apart = apart_key(home)
    if signer is None:
        return None
    if apart is None:
        raise UsageError(
            "--signer",
            "this workspace's release key lies in the workspace",
            hint="appliance keys set-apart FILE",
        )
    if signer.key_id != apart.key_id:
        raise UsageError(
            "--signer", "is not the release key set apart", hint="appliance keys status"
        )
    return signer


def _open_words(
    home: Home, candidate: Candidate, votes: Mapping[str, bytes], roles: SignedRoles | None
) -> list[_Word]:
    """Open the words that came before and those given now; each once."""
    request = candidates.request_of(candidate, needed=0)
    before = {
        f"vote {n} kept": v for n, v in enumerate(candidates.votes_of(home, candidate.run_id))
    }
    if roles is None:
        if votes:
            raise UsageError(
                "roles", "no list of roles was adopted", hint="appliance roles adopt FILE"
            )
        return []
    opened: dict[str, _Word] = {}
    for where, raw in {**before, **votes}.items():
        try:
            says = open_vote(raw, request=request, roles=roles, where=where)
        except IntegrityError:
            if where in before:
                continue  # Its signer left the list since: the word is gone with them.
            raise
        opened.setdefault(says.digest, _Word(raw=raw, says=says))
    return list(opened.values())


def _needed(home: Home, candidate: Candidate) -> int:
    needed = candidate.policy.policy.release.approvals
    known = adopted(home)
    if not needed or known is None:
        return needed
    return max(needed, known.signed.roles.thresholds.release)


def _write_report(folder: Path, report: Report, policy: LoadedPolicy) -> None:
    make_private_folder(folder)
    knobs = policy.policy.report
    page = render_html(report, language=knobs.language, organisation=knobs.organisation)
    write_atomic(folder / "report.html", page.encode())
    write_atomic(folder / "report.json", report_bytes(report))
