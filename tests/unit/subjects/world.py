"""A run as its vault holds it, without the training."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from appliance.corpus import Corpus
from appliance.crypto.unlock import Unlock
from appliance.finetune.spent import compose
from appliance.ingest.split import read_sides, split
from appliance.ingest.stage import ingest
from appliance.ledger import Event, Ledger, as_units
from appliance.model.examples import Example
from appliance.model.store import write_examples
from appliance.policy.model import Data, SplitShares
from appliance.progress import SilentProgress
from appliance.records import SIDES
from appliance.run import finish
from appliance.subjects import register
from appliance.vault import Vault
from appliance.workspace import Home

NOW = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)
MARKER = "Quillfeather"
WHO = "MRN-7"
RUN = "20260101T000000-aaaa"


def clock() -> datetime:
    return NOW


def rows(path: Path) -> Path:
    lines = [
        {"mrn": f"MRN-{n // 2}", "text": f"letter {n} of {MARKER if n // 2 == 7 else 'somebody'}"}
        for n in range(40)
    ]
    path.write_text("\n".join(json.dumps(line) for line in lines) + "\nnot json\n")
    return path


def read_in(home: Home, vault: Vault, source: Path) -> Any:
    return ingest(
        source,
        policy=Data(unit="mrn", quarantine_limit=0.5),
        vault=vault,
        unit_key=home.vault.keyed("units"),
        progress=SilentProgress(),
        erased=register.erased(home.vault),
    )


def a_run(home: Home, source: Path, run_id: str = RUN, verdict: str | None = "released") -> Vault:
    """What a run leaves in its vault, without the training."""
    vault = home.run_vault(run_id)
    read_in(home, vault, source)
    corpus = Corpus(vault, "ingest/corpus.arrow")
    whole = np.ones(len(corpus), np.bool_)
    redacted = corpus.copy("redact/corpus.arrow", keep=whole)
    shares = SplitShares(train=0.7, validation=0.1, test=0.1, audit_holdout=0.1)
    split(redacted, shares=shares, key=vault.keyed("split"), vault=vault)
    sides = read_sides(vault)
    for side in SIDES:
        records = redacted.take(int(i) for i in sides.ids(side))
        write_examples(
            vault,
            f"examples/{side}.arrow",
            (
                (
                    r.unit,
                    Example(
                        input_ids=np.frombuffer(str(r.fields["text"]).encode(), np.uint8).astype(
                            np.int32
                        ),
                        loss_mask=np.arange(len(str(r.fields["text"]))) > 0,
                        record_id=r.record_id,
                    ),
                )
                for r in records
            ),
        )
    vault.write_json("base_scores/scores.json", {"of": MARKER})
    vault.write_json("run/settings.json", {"kept": True})
    register.record(home.vault, run_id, source=source.name, units=(u for _, u in corpus.units()))
    ledger = Ledger(home.vault, compose)
    ledger.reserve(
        as_units([u for _, u in corpus.units()]),
        run=run_id,
        event=Event(noise_multiplier=1.0, sample_rate=0.1, steps=10),
        delta=1e-3,
        lifetime_epsilon=100.0,
        policy="p",
        started=NOW.isoformat(),
    )
    if verdict is not None:
        finish(home, run_id, verdict)
    if verdict == "released":
        bundle = home.path / "releases" / run_id
        home.expect_public(bundle)
        bundle.mkdir(parents=True)
        (bundle / "model.sig").write_bytes(b"signature")
        home.record_public(bundle)
    return vault


def opened(folder: Path, *, exclusive: bool = True) -> Home:
    return Home.open(folder / "home", Unlock(key_file=folder / "key"), exclusive=exclusive)


def plain_text(vault: Vault) -> bytes:
    return b"".join(vault.read_bytes(name) for name in vault.names())


def tokens(text: str) -> bytes:
    return np.frombuffer(text.encode(), np.uint8).astype(np.int32).tobytes()
