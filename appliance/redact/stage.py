"""The de-identification stage: a sealed corpus in, a sealed de-identified corpus and evidence out.

    1. Sample the columns and decide each once.
    2. Sort the records into buckets of whole privacy units.
    3. First pass: find personal data, unit by unit; remember every real value in a filter.
    4. Second pass: replace it, unit by unit; look again with an independent scan.
    5. Merge into the corpus's order; write what was removed for the audit; delete the buckets.

Rules: all intermediate files are sealed; memory is bounded by a bucket; record ids and units stay.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from appliance.corpus import Corpus
from appliance.errors import PolicyError
from appliance.evidence import DeidentificationSection, Recall, Residual
from appliance.policy.model import Policy
from appliance.progress import Progress, Task
from appliance.records import Json, Record, Span
from appliance.redact import buckets, dates, lines
from appliance.redact.building import build_detector, detectors_of, processes_of
from appliance.redact.columns import decide_columns, sample_columns
from appliance.redact.detect import second_look
from appliance.redact.detect.pool import Pool
from appliance.redact.finding import Found, find_in_units
from appliance.redact.measure import evaluate_detection, read_gold
from appliance.redact.operators import Rules
from appliance.redact.operators import redact as placeholder
from appliance.redact.quasi import QuasiCounter
from appliance.redact.real_values import RealValues
from appliance.redact.removed import SlotSampler, writing_removed
from appliance.redact.replacing import Replacer, Tally, look_again
from appliance.redact.treatment import Detecting, Treatment
from appliance.vault import Vault

REDACTED = "redact/corpus.arrow"
#: Records whose columns are looked at before any is decided.
SAMPLED_RECORDS = 1000
#: Most records the residual scan looks at; evenly spread over the corpus.
RESIDUAL_RECORDS = 20_000
#: A corpus of fewer records is read by one process.
_WORTH_FORKING = 500
#: Slots that keep their true value, for each value the audit will rank.
_SLOTS_PER_RANKED = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What was measured of a detector before this run.

    Attributes:
        measured: recall on annotated documents, from `evaluate-detection`.
        reviewed: recall on this very data, from a steward's answers.
    """

    measured: Recall | None = None
    reviewed: Recall | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Run:
    """What one run of the stage works with."""

    corpus: Corpus
    vault: Vault
    detector: Detecting
    treatment: Treatment
    buckets: int
    records: int


def redact(
    corpus: Corpus,
    *,
    policy: Policy,
    vault: Vault,
    person_key: bytes,
    progress: Progress,
    detector: Detecting | None = None,
    known: Known | None = None,
    reference_year: int | None = None,
) -> DeidentificationSection:
    """De-identify a corpus under a policy.

    Args:
        corpus: the ingested records.
        policy: entities, operators, detectors, columns.
        vault: takes "redact/corpus.arrow" and "redact/removed.arrow".
        person_key: 32 bytes: key of pseudonyms, surrogates and date shifts.
        progress: told about each pass.
        detector: finds personal data; None builds the policy's own.
        known: what was measured of this detector before.
        reference_year: the year ages are counted to; None means this year.

    Returns:
        Counts, column decisions, measured recall and what the second look still found.

    Raises:
        PolicyError: the policy names a detector, language or gold file that cannot be used, or a
            model of the customer's that has not passed the recall floor.
        MachineError: a model is missing or the disk is full.

    Guarantees:
        Every record of the corpus is in the result under its id and unit. A person's replacements
        are the same in all of the person's records. Nothing private is written but to the vault.
    """
    year = datetime.now(UTC).year if reference_year is None else reference_year
    finder = detector or build_detector(policy)
    earlier = known or Known()
    measured = measure_gold(policy, finder) or earlier.measured
    require_floor(policy, measured)
    buckets.remove_work(vault)
    total = len(corpus)
    columns = decide_columns(
        sample_columns(spread(corpus, total)),
        policy=policy,
        detector=finder,
        reference_year=year,
    )
    run = _Run(
        corpus=corpus,
        vault=vault,
        detector=finder,
        treatment=Treatment(policy=policy, columns=columns),
        buckets=buckets.count_buckets(vault, corpus),
        records=total,
    )
    real = RealValues(vault.keyed("real-values"))
    with progress.task("finding personal data", total) as task:
        buckets.partition(iter(corpus), vault=vault, count=run.buckets, key=vault.keyed("buckets"))
        _find(run, real, task)
    tally = Tally()
    quasi = QuasiCounter(columns, key=vault.keyed("quasi-identifiers"))
    with progress.task("replacing personal data", total) as task:
        sampler = _rewrite(run, real, person_key, tally, quasi, year, task)
    _write(run, sampler, quasi)
    buckets.remove_work(vault)
    return _section(run, tally, measured, quasi, earlier.reviewed)


def rules_of(policy: Policy, *, reference_year: int) -> Rules:
    """Return the policy's operators."""
    language = policy.data.languages[0]
    reading = dates.Reading(
        language=language, day_first=language != "en", reference_year=reference_year
    )
    return Rules(deidentify=policy.deidentify, reading=reading)


def preview(record: Record, *, policy: Policy, detector: Detecting | None = None) -> str:
    """Return a record's texts with every found value covered by its type, for `plan`.

    Guarantees:
        Only placeholders stand where something was found, whatever the policy's operators.
    """
    finder = detector or build_detector(policy)
    texts = record.texts()
    shown = []
    for text, spans in zip(texts, finder.detect_batch(texts), strict=True):
        shown.append(covered(text, spans))
    return "\n\n".join(shown)


def covered(text: str, spans: list[Span]) -> str:
    """Return a text with its spans covered by their types."""
    parts: list[str] = []
    position = 0
    for span in sorted(spans):
        if span.start >= position:
            parts += (text[position : span.start], placeholder(span.entity_type))
        position = max(position, span.end)
    return "".join([*parts, text[position:]])


def require_export(policy: Policy) -> None:
    """Refuse a copy in clear that the policy does not allow.

    Raises:
        PolicyError: it does not.
    """
    if not policy.deidentify.allow_export:
        raise PolicyError(
            "deidentify.allow_export",
            "the policy does not allow a copy in clear",
            hint="appliance policy explain deidentify.allow_export",
        )


def exported(corpus: Corpus, *, policy: Policy) -> Iterator[dict[str, Json]]:
    """Yield de-identified records as rows in clear, for `deidentify --export`.

    Raises:
        PolicyError: the policy does not allow it.
    """
    require_export(policy)
    return ({**record.fields, **record.extra} for record in corpus)


def measure_gold(policy: Policy, detector: Detecting) -> Recall | None:
    """Measure recall on the policy's annotated documents; None when it names none.

    Raises:
        PolicyError: the file it names cannot be read.
    """
    if policy.deidentify.gold is None:
        return None
    path = Path(policy.deidentify.gold)
    if not path.is_file():
        raise PolicyError(
            "deidentify.gold",
            "the file of annotated documents is missing",
            hint="appliance policy explain deidentify.gold",
        )
    return evaluate_detection(read_gold(path), detector)


def require_floor(policy: Policy, measured: Recall | None) -> None:
    """Refuse a model of the customer's that has not passed the policy's recall floor.

    The shipped detectors are judged by the gate, which has the report to say why; a model nobody
    but the customer knows reads no record before it was measured.

    Raises:
        PolicyError: it was never measured, or found too little.
    """
    floor = policy.deidentify.recall_floor
    if not policy.deidentify.detectors.models or floor is None:
        return
    if measured is not None and measured.recall_interval[0] >= floor:
        return
    found = (
        "was not measured in this workspace"
        if measured is None
        else f"reached {measured.recall_interval[0]:.4f} (lower 95 % limit)"
    )
    raise PolicyError(
        "deidentify.recall_floor",
        f"the detector with the customer's model {found}, expected at least {floor:g}",
        hint="appliance evaluate-detection --policy P GOLD",
    )


def spread(corpus: Corpus, total: int) -> Iterator[Record]:
    """Yield records evenly spread over the corpus."""
    step = max(1, total // SAMPLED_RECORDS)
    return (record for record in corpus if record.record_id % step == 0)


def _find(run: _Run, real: RealValues, task: Task) -> None:
    """First pass, bucket by bucket; spans go to "redact/work/found-N.jsonl"."""
    few = run.records < _WORTH_FORKING
    processes = 1 if few else processes_of(run.treatment.policy)
    with Pool(run.detector, processes) as pool:
        for number in range(run.buckets):
            records = buckets.read_bucket(run.vault, number)
            found = find_in_units(records, treatment=run.treatment, detector=pool, real=real)
            with lines.writing(run.vault, f"{buckets.WORK}found-{number}.jsonl") as writer:
                for spans in found:
                    writer.append(_pack_found(spans))
            task.advance(len(records))


def _rewrite(
    run: _Run,
    real: RealValues,
    person_key: bytes,
    tally: Tally,
    quasi: QuasiCounter,
    year: int,
    task: Task,
) -> SlotSampler:
    """Second pass, bucket by bucket."""
    policy = run.treatment.policy
    sampler = SlotSampler(run.vault.keyed("slots"), _SLOTS_PER_RANKED * policy.audit.ranked_values)
    replacer = Replacer(
        treatment=run.treatment,
        rules=rules_of(policy, reference_year=year),
        person_key=person_key,
        removed_key=run.vault.keyed("removed"),
        real=real,
        sampler=sampler,
    )
    step = max(1, -(-run.records // RESIDUAL_RECORDS))
    for number in range(run.buckets):
        records = buckets.read_bucket(run.vault, number)
        found = [
            _unpack_found(row)
            for row in lines.reading(run.vault, f"{buckets.WORK}found-{number}.jsonl")
        ]
        rewritten = replacer.rewrite_units(records, found, tally)
        looked = [r for r in rewritten if r.record.record_id % step == 0]
        look_again(looked, scan=second_look, tally=tally)
        for done in rewritten:
            for entity_type, value in done.kept():
                quasi.observe_text(done.record.unit, entity_type, value)
        buckets.write_rewritten(run.vault, number, [(r.record, r.removed) for r in rewritten])
        task.advance(len(records))
    return sampler


def _write(run: _Run, sampler: SlotSampler, quasi: QuasiCounter) -> None:
    """Write the de-identified corpus and what was removed, in the corpus's order."""
    chosen = sampler.chosen()
    with Corpus.writing(run.vault, REDACTED) as corpus, writing_removed(run.vault) as removed:
        for record, pieces in buckets.merge(run.vault, run.buckets):
            corpus.append(record)
            quasi.observe(record)
            for piece in pieces:
                place = (piece.record_id, piece.cell, piece.start)
                removed.append(piece if place in chosen else replace(piece, value=None))


def _pack_found(found: Found) -> list[list[object]]:
    return [
        [index, [[s.start, s.end, s.entity_type, s.score, s.source] for s in spans]]
        for index, spans in found.items()
    ]


def _unpack_found(rows: list[tuple[int, list[tuple[int, int, str, float, str]]]]) -> Found:
    return {
        index: [
            Span(start=start, end=end, entity_type=entity_type, score=score, source=source)
            for start, end, entity_type, score, source in spans
        ]
        for index, spans in rows
    }


def _section(
    run: _Run,
    tally: Tally,
    measured: Recall | None,
    quasi: QuasiCounter,
    review: Recall | None,
) -> DeidentificationSection:
    reasons: dict[str, str] = {}
    if review is None:
        reasons["reviewed_recall"] = "no steward has reviewed this detector on this data"
    if measured is None:
        reasons["measured_recall"] = "the policy names no annotated documents (deidentify.gold)"
    residual_reasons: dict[str, str] = {}
    rate: float | None = None
    if tally.scanned:
        rate = tally.with_direct / tally.scanned
    else:
        residual_reasons["direct_identifier_rate"] = "no record was scanned"
    return DeidentificationSection(
        entities=dict(sorted(tally.entities.items())),
        operators={name: str(op) for name, op in sorted(tally.operators.items())},
        columns=dict(run.treatment.columns),
        records_changed=tally.changed,
        records_scanned=tally.records,
        measured_recall=measured,
        residual=Residual(
            records_scanned=tally.scanned,
            records_with_findings=tally.with_findings,
            findings=dict(sorted(tally.findings.items())),
            direct_identifier_rate=rate,
            reasons=residual_reasons,
        ),
        detectors=detectors_of(run.treatment.policy),
        reviewed_recall=review,
        quasi_identifiers=quasi.people(),
        reasons=reasons,
    )
