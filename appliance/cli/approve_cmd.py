"""`appliance approve`: one person's signed word about a run, on any machine."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

from appliance.cli.console import emit
from appliance.cli.options import PATH, json_option
from appliance.cli.signer_options import Signing, signer_option, signer_options
from appliance.errors import IntegrityError, UsageError

if TYPE_CHECKING:
    from appliance.evidence import Report, Role, Vote
    from appliance.people.votes import Request

_MAX_BYTES = 64 * 1024 * 1024
#: As `evidence.people` has them; spelled out so that --help loads nothing.
VOTES = ("approve", "reject", "waive")
ROLES = ("steward", "privacy-officer", "operator", "approver", "auditor")


@click.command()
@click.argument("target", metavar="RUN|FOLDER")
@click.option(
    "--decision",
    type=click.Choice(VOTES),
    default="approve",
    show_default=True,
    help="What you decide.",
)
@click.option("--role", type=click.Choice(ROLES), required=True, help="The role you sign in.")
@click.option(
    "--reason", required=True, help="Why, in one line; printed on the report's first page."
)
@click.option("--rule", help="With --decision waive: the rule you excuse.")
@click.option(
    "--days",
    type=click.IntRange(min=1, max=3650),
    default=30,
    show_default=True,
    help="How long your word counts.",
)
@click.option(
    "--out", type=PATH, help="Where to write it; absent: beside you, named by run and key."
)
@click.option("--home", type=PATH, default=Path("appliance-home"), help="Where RUN's request lies.")
@signer_option
@signer_options
@json_option
def approve(
    target: str,
    *,
    decision: Vote,
    role: Role,
    reason: str,
    rule: str | None,
    days: int,
    out: Path | None,
    home: Path,
    signing: Signing,
    as_json: bool,
) -> None:
    """Approve, reject or waive, and sign it with your own key.

    RUN is a run that waits; FOLDER a copy of its reports/RUN folder, on any machine. Nothing of the
    workspace is unlocked. Read report.html before you sign.
    """
    from appliance.files import write_atomic
    from appliance.people.votes import Ballot, check_ballot, sign_vote
    from appliance.run import utc_now

    folder = Path(target) if Path(target).is_dir() else home / "reports" / target
    request, report = _request(folder)
    signer = signing.required()
    now = utc_now()
    ballot = Ballot(
        decision=decision,
        role=role,
        reason=reason,
        rule=rule,
        signed=now,
        expires=now + timedelta(days=days),
    )
    check_ballot(request, ballot)
    click.echo(_summary(request, report), err=True)
    raw = sign_vote(request, ballot, signer)
    out = out or Path(f"{decision}-{request.run}-{signer.key_id[:8]}.dsse.json")
    write_atomic(out, raw)
    emit(
        {
            "run": request.run,
            "decision": decision,
            "role": role,
            "key_id": signer.key_id,
            "expires": ballot.expires.isoformat(timespec="seconds"),
            "out": str(out),
        },
        as_json=as_json,
        text=f"{decision}: signed by key {signer.key_id[:16]} as {role}, in {out}\n"
        f"next: appliance release {request.run} --approval {out}",
    )


def _request(folder: Path) -> tuple[Request, Report]:
    """Read a request and the report it is about; they must belong together."""
    from appliance.crypto.canonical import digest_bytes
    from appliance.files import read_regular
    from appliance.people.votes import Request
    from appliance.report.json import parse_report

    path, read = folder / "request.json", folder / "candidate-report.json"
    try:
        request = Request.from_bytes(read_regular(path, limit_bytes=_MAX_BYTES), where=str(path))
        raw = read_regular(read, limit_bytes=_MAX_BYTES)
    except FileNotFoundError:
        raise UsageError(
            str(folder), "no run waits for approval here", hint="appliance runs list"
        ) from None
    if digest_bytes(raw) != request.report:
        raise IntegrityError(
            str(read), "is not the report the request is about", hint="ask for a fresh copy"
        )
    return request, parse_report(raw, where=str(read))


def _summary(request: Request, report: Report) -> str:
    """Return what is being signed, in five lines."""
    privacy, failed = report.privacy, [f.rule for f in report.findings if not f.passed]
    spent = "none" if privacy is None or privacy.spent_epsilon is None else privacy.spent_epsilon
    return "\n".join(
        (
            f"run       {request.run} under {request.policy['name']} {request.policy['version']}",
            f"report    {request.report}",
            f"privacy   epsilon {spent}",
            f"findings  {len(report.findings) - len(failed)} of {len(report.findings)} passed",
            f"open      {', '.join(failed) or 'none'}",
        )
    )
