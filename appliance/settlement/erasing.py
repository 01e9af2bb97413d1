"""Erase a person: their rows from every shard, and a choice about every adapter that saw them.

Steps, each done again without harm after a crash:

1. The log says that it begins; the vault remembers whom, by digest, and which choice.
2. The person is remembered as erased: no run reads them again from a raw file.
3. Finished runs: shards are written anew without the person, then under new data keys. Unfinished
   ones are burned whole.
4. Adapters trained on the person are marked; those withdrawn leave the releases.
5. A receipt is signed and recorded; the log says that it ended.
"""

from __future__ import annotations

import secrets
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

from appliance.crypto.canonical import canonical_json, digest_file
from appliance.crypto.signing import dsse_sign
from appliance.errors import UsageError
from appliance.files import make_private_folder, write_atomic
from appliance.finetune.spent import compose
from appliance.ingest.mapping import unit_digest, unit_text
from appliance.ledger import Entry, Ledger
from appliance.redact.review import remove_queue
from appliance.run import Clock, finish, run_ids, status
from appliance.settlement import candidates
from appliance.subjects import register
from appliance.subjects.rewrite import shards_of, take_out
from appliance.vault import Vault
from appliance.workspace.resealing import reseal_own, reseal_run

if TYPE_CHECKING:
    from appliance.workspace import Home

PAYLOAD_TYPE = "application/vnd.appliance.erasure+json"
FORMAT = "appliance-erasure/1"
Choice = Literal["retrain", "retire", "rely-on-dp"]
Kind = Literal["value", "source", "folder"]
CHOICES: tuple[Choice, ...] = get_args(Choice)
_WITHDRAWN = ("retrain", "retire")
_REVIEWS = "review/"

NOT_REACHED = (
    "the raw files outside the workspace: remove the person there too",
    "copies of releases elsewhere: the digests in this receipt tell which",
    "backups and snapshots of the workspace, with the keys of their time",
    "what other people's records say about the person, by name or otherwise",
    "what adapters that stay learned: the privacy guarantee bounds it and does not remove it",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """What one run holds of a person.

    Attributes:
        run: the run.
        source: name of the file or folder it read; None when the register does not know the run.
        verdict: how it ended; None while it has not.
        shards: sealed files that hold rows of the person, by name, with how many.
        trained_on: whether its adapter was trained on them.
        adapter: where an adapter trained on them is: "released", "waiting", "none".
        epsilon: what the run's guarantee spent; None without one.
        delta: of that guarantee.
        marks: choices made at earlier erasures.
    """

    run: str
    source: str | None
    verdict: str | None
    shards: tuple[tuple[str, int], ...]
    trained_on: bool
    adapter: str
    epsilon: float | None
    delta: float | None
    marks: tuple[str, ...]


def digest_of(home: Home, value: str, *, kind: Kind = "value") -> bytes:
    """Return the digest a person is known by in this workspace.

    Args:
        home: the workspace.
        value: what the column of `data.unit` says, or the name of the file or folder.
        kind: how the unit was named: a column's value, a file, or a folder.

    Raises:
        UsageError: empty.
    """
    text = unit_text(value) if kind == "value" else value.strip()
    if not text:
        raise UsageError("subject", "nothing was given", hint="appliance subjects find < FILE")
    part = "value" if kind == "value" else f"${kind}"
    return unit_digest(home.vault.keyed("units"), part, text)


def find(home: Home, person: bytes) -> list[Trace]:
    """Return what each run holds of a person; runs that hold nothing are left out."""
    sources = {d.run: d.source for d in register.data_sets(home.vault)}
    ledger = Ledger(home.vault, compose)
    entries = {e.run: e for e in ledger.entries()}
    found = []
    for run_id in sorted({*run_ids(home), *sources, *entries}):
        shards = tuple((s.name, s.rows) for s in _shards(home, run_id, person))
        saw = register.trained_on(home.vault, run_id, person)
        if shards or saw or register.holds(home.vault, run_id, person):
            found.append(_trace(home, run_id, person, shards, sources.get(run_id), entries, ledger))
    return found


def erase(
    home: Home, person: bytes, choice: Choice, *, clock: Clock
) -> tuple[dict[str, Any], Path]:
    """Erase a person, or go on with an erasure that a crash interrupted.

    Args:
        home: the workspace, opened exclusively.
        person: the digest; see `digest_of`.
        choice: what happens to adapters trained on them.
        clock: the time.

    Returns:
        The receipt and where it lies, signed.

    Raises:
        UsageError: nobody of this digest is here, or an adapter to rely on has no guarantee.
        IntegrityError: a sealed byte was altered.

    Guarantees:
        Afterwards no sealed file of the workspace that this process can open holds the person's
        rows, and the keys of those that did are burned.
    """
    home.require_exclusive()
    job = _begin(home, person, choice, clock)
    person, choice = bytes.fromhex(job["subject"]), job["choice"]
    register.set_erased(home.vault, person)
    traces = job["traces"]
    runs = [_erase_run(home, row, person) for row in traces]
    dropped = _drop_reviews(home)
    adapters = [
        _mark(home, row, job["id"], choice)
        for row in traces
        if row["trained_on"] and row["adapter"] != "none"
    ]
    receipt = {
        "format": FORMAT,
        "id": job["id"],
        "when": job["when"],
        "subject": job["subject"],
        "choice": choice,
        "runs": runs,
        "reviews_dropped": dropped,
        "adapters": adapters,
        "not_reached": list(NOT_REACHED),
    }
    path = _write_receipt(home, receipt)
    register.set_pending(home.vault, None)
    home.log.append(
        "subject.erased", erasure=job["id"], runs=len(runs), adapters=len(adapters), choice=choice
    )
    return receipt, path


def _begin(home: Home, person: bytes, choice: Choice, clock: Clock) -> dict[str, Any]:
    """Write down what is about to be done, or read what a crash left (step 1)."""
    left = register.pending(home.vault)
    if left is not None and left["subject"] != person.hex():
        # Whoever comes next finishes it first: half an erasure must not be forgotten.
        erase(home, bytes.fromhex(left["subject"]), left["choice"], clock=clock)
        left = None
    if left is not None:
        home.log.append("subject.resumed", erasure=left["id"])
        return left
    traces = find(home, person)
    if not traces:
        raise UsageError(
            "subject",
            "no run of this workspace holds anyone of this name",
            hint="appliance subjects find: the value as it stands in the data's unit column",
        )
    if choice == "rely-on-dp":
        _require_guarantee(traces)
    job = {
        "id": f"{clock():%Y%m%dT%H%M%S}-{secrets.token_hex(2)}",
        "when": clock().isoformat(timespec="seconds"),
        "subject": person.hex(),
        "choice": choice,
        "traces": [_row(home, t) for t in traces],
    }
    home.log.append("subject.erasing", erasure=job["id"], runs=len(traces), choice=choice)
    register.set_pending(home.vault, job)
    return job


def _row(home: Home, trace: Trace) -> dict[str, Any]:
    return {
        "run": trace.run,
        "source": trace.source,
        "verdict": trace.verdict,
        "shards": [{"name": n, "rows": rows} for n, rows in trace.shards],
        "trained_on": trace.trained_on,
        "adapter": trace.adapter,
        "epsilon": trace.epsilon,
        "delta": trace.delta,
        "bundles": {
            path.name: digest_file(path / "model.sig") for path in _bundles(home, trace.run)
        },
    }


def _require_guarantee(traces: list[Trace]) -> None:
    for trace in traces:
        if trace.trained_on and trace.adapter != "none" and trace.epsilon is None:
            raise UsageError(
                f"run {trace.run}",
                "its adapter has no privacy guarantee to rely on",
                hint="repeat with --choice retrain or --choice retire",
            )


def _erase_run(home: Home, row: dict[str, Any], person: bytes) -> dict[str, Any]:
    """Take a person out of one run (step 3)."""
    run_id, action = row["run"], "data was burned before"
    if (home.path / "runs" / run_id / "vault").is_dir():
        if row["verdict"] is None:
            finish(home, run_id, "burned")
            home.purge_run(run_id)
            action = "unfinished run burned whole"
        else:
            take_out(home.run_vault(run_id), person)
            reseal_run(home, run_id)
            action = "shards written anew without the person; the old data keys are burned"
    elif row["verdict"] is None:
        action = "unfinished run burned whole"
    return {
        "run": run_id,
        "data_set": row["source"],
        "shards": row["shards"],
        "action": action,
    }


def _mark(home: Home, row: dict[str, Any], erasure: str, choice: Choice) -> dict[str, Any]:
    """Mark an adapter and take a withdrawn one out of service (step 4)."""
    run_id = row["run"]
    register.mark(home.vault, run_id, erasure, choice)
    if choice in _WITHDRAWN:
        if candidates.waits(home, run_id):
            candidates.burn(home, run_id)
        for path in _bundles(home, run_id):
            home.expect_public(path)
            shutil.rmtree(path)
            home.record_public(path)
        finish(home, run_id, "withdrawn")
    home.log.append("adapter.marked", run=run_id, erasure=erasure, choice=choice)
    return {
        "run": run_id,
        "was": row["adapter"],
        "choice": choice,
        "epsilon": row["epsilon"],
        "delta": row["delta"],
        "bundles": row["bundles"],
    }


def _drop_reviews(home: Home) -> int:
    """Remove excerpts that wait for a steward: nobody knows whose they are."""
    folders = sorted({n.rpartition("/")[0] + "/" for n in home.vault.names(_REVIEWS)})
    before = len(home.vault.names(_REVIEWS))
    for folder in folders:
        remove_queue(home.vault, folder)
    dropped = before - len(home.vault.names(_REVIEWS))
    if dropped:
        reseal_own(home)
    return dropped


def _write_receipt(home: Home, receipt: dict[str, Any]) -> Path:
    """Sign the receipt and put it where the privacy officer looks (step 5)."""
    folder = home.path / "reports" / "erasures"
    path = folder / f"{receipt['id']}.dsse.json"
    home.expect_public(path)
    make_private_folder(folder)
    envelope = dsse_sign(canonical_json(receipt), PAYLOAD_TYPE, [home.signing_key()])
    write_atomic(path, canonical_json(envelope) + b"\n")
    home.record_public(path)
    return path


def _trace(
    home: Home,
    run_id: str,
    person: bytes,
    shards: tuple[tuple[str, int], ...],
    source: str | None,
    entries: dict[str, Entry],
    ledger: Ledger,
) -> Trace:
    saw = register.trained_on(home.vault, run_id, person)
    entry = entries.get(run_id)
    adapter = "waiting" if candidates.waits(home, run_id) else "none"
    if _bundles(home, run_id):
        adapter = "released"
    return Trace(
        run=run_id,
        source=source,
        verdict=status(home, run_id).verdict if run_id in run_ids(home) else None,
        shards=shards,
        trained_on=saw,
        adapter=adapter if saw else "none",
        epsilon=None if entry is None else ledger.epsilon_of(entry),
        delta=None if entry is None else entry.delta,
        marks=tuple(register.marks(home.vault).get(run_id, {}).values()),
    )


def _shards(home: Home, run_id: str, person: bytes) -> list[Any]:
    vault = _vault(home, run_id)
    return [] if vault is None else shards_of(vault, person)


def _vault(home: Home, run_id: str) -> Vault | None:
    folder = home.path / "runs" / run_id / "vault"
    return home.run_vault(run_id) if folder.is_dir() else None


def _bundles(home: Home, run_id: str) -> list[Path]:
    """Return a run's releases: the first, and the one with the merged model."""
    folder = home.path / "releases"
    return [folder / n for n in (run_id, f"{run_id}-merged") if (folder / n).is_dir()]
