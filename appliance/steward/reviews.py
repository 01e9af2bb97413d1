"""Reviews: excerpts of one data set that a steward judges, sealed in the workspace.

Owns the sealed folders "review/ID/". A review speaks for the data it was drawn from and the
detector it was drawn with: both are known by digest, and of other data nothing is said.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from appliance.corpus import Corpus
from appliance.evidence import Recall
from appliance.ingest.stage import ingest
from appliance.policy.model import Policy
from appliance.progress import Progress
from appliance.redact import review
from appliance.redact.buckets import pack
from appliance.redact.building import detector_digest
from appliance.redact.columns import decide_columns, sample_columns
from appliance.redact.lines import as_line
from appliance.redact.review import Answer, Passage, ReviewItem
from appliance.redact.stage import spread
from appliance.redact.treatment import Treatment
from appliance.steward.detector import detector_of
from appliance.subjects import register
from appliance.workspace import Home

_FOLDER = "review/"


@dataclass(frozen=True, slots=True, kw_only=True)
class Review:
    """A review as it stands.

    Attributes:
        id: names it in the workspace.
        waiting: excerpts nobody has judged.
        answers: the judgements so far.
    """

    id: str
    waiting: tuple[ReviewItem, ...]
    answers: tuple[Answer, ...]

    @property
    def recall(self) -> Recall | None:
        """What the answers so far say."""
        return review.estimate(self.answers)


def begin(home: Home, policy: Policy, source: Path, *, count: int, progress: Progress) -> Review:
    """Read the data, draw excerpts by lot, seal them.

    Args:
        home: open for changes; the data passes through a sealed vault that is burned afterwards.
        policy: whose detector is judged.
        source: the customer's files.
        count: excerpts to draw.
        progress: told of the reading.
    """
    scratch = f"review-{secrets.token_hex(4)}"
    vault = home.run_vault(scratch)
    try:
        ingest(
            source,
            policy=policy.data,
            vault=vault,
            unit_key=home.vault.keyed("units"),
            erased=register.erased(home.vault),
            progress=progress,
        )
        corpus = Corpus(vault, "ingest/corpus.arrow")
        detector = detector_of(policy)
        columns = decide_columns(
            sample_columns(spread(corpus, len(corpus))), policy=policy, detector=detector
        )
        items = review.draw_queue(
            _passages(corpus, Treatment(policy=policy, columns=columns)),
            count=count,
            detector=detector,
            key=secrets.token_bytes(32),
        )
        about = {
            "detector": detector_digest(policy),
            "data": fingerprint(corpus, home.vault.keyed("reviewed-data")),
            "source": str(source.absolute()),
            "drawn": len(items),
        }
    finally:
        home.purge_run(scratch)
    review_id = secrets.token_hex(8)
    review.write_queue(home.vault, _folder(review_id), items)
    home.vault.write_json(f"{_folder(review_id)}about.json", about)
    home.log.append("review.drawn", review=review_id, excerpts=len(items))
    return _read(home, review_id)


def unfinished(home: Home, policy: Policy, source: Path) -> Review | None:
    """Return a review of this data with this detector that waits for answers."""
    wanted = (detector_digest(policy), str(source.absolute()))
    for review_id, about in _every(home):
        if (about["detector"], about["source"]) == wanted:
            found = _read(home, review_id)
            if found.waiting:
                return found
    return None


def answer(home: Home, found: Review, answers: tuple[Answer, ...]) -> Review:
    """Seal the answers of a review; with the last one its excerpts are deleted."""
    review.write_answers(home.vault, _folder(found.id), answers)
    made = _read(home, found.id)
    if not made.waiting:
        review.remove_queue(home.vault, _folder(found.id))
        home.log.append("review.answered", review=found.id, excerpts=len(answers))
    return made


def reviewed_recall(home: Home, policy: Policy, corpus: Corpus) -> Recall | None:
    """Return what stewards' answers say of this detector on this very data; None without any."""
    digest = detector_digest(policy)
    mine = [(name, about) for name, about in _every(home) if about["detector"] == digest]
    if not mine:
        return None
    data = fingerprint(corpus, home.vault.keyed("reviewed-data"))
    answers = [
        given
        for review_id, about in mine
        if about["data"] == data
        for given in review.read_answers(home.vault, _folder(review_id))
    ]
    return review.estimate(answers) if answers else None


def fingerprint(corpus: Corpus, key: bytes) -> str:
    """Return the keyed digest of a corpus's records, the same in every vault."""
    total = hashlib.blake2b(key=key, digest_size=32)
    for record in corpus:
        total.update(as_line(pack(record)))
    return total.hexdigest()


def _passages(corpus: Corpus, treatment: Treatment) -> Iterator[Passage]:
    """Yield the texts that de-identification will scan."""
    for record in corpus:
        hints = tuple(treatment.hints(record))
        for cell in treatment.of(record):
            if cell.mode == "scan" and cell.text:
                yield Passage(text=cell.text, hints=hints)


def _every(home: Home) -> Iterator[tuple[str, dict[str, str]]]:
    for name in home.vault.names(_FOLDER):
        if name.endswith("/about.json"):
            yield name.split("/")[1], home.vault.read_json(name)


def _read(home: Home, review_id: str) -> Review:
    answers = tuple(review.read_answers(home.vault, _folder(review_id)))
    given = {a.number for a in answers}
    waiting = (
        i for i in review.read_queue(home.vault, _folder(review_id)) if i.number not in given
    )
    return Review(id=review_id, waiting=tuple(waiting), answers=answers)


def _folder(review_id: str) -> str:
    return f"{_FOLDER}{review_id}/"
