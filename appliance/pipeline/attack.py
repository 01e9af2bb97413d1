"""Wire the trained model to its evaluation and to its attacks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from appliance.audit.base import BaseScores, score_base
from appliance.audit.scores import Scores, score_examples
from appliance.audit.stage import audit
from appliance.corpus import Corpus
from appliance.evaluate.classified import evaluate_classes
from appliance.evaluate.general import PASSAGES
from appliance.evaluate.stage import Prompted, evaluate
from appliance.evidence import AuditSection, PrivacySection, Section, UtilitySection
from appliance.finetune.methods import leaking
from appliance.ingest.split import read_sides
from appliance.model.encode import Encoder
from appliance.model.examples import Example
from appliance.model.generate import generate_greedy
from appliance.model.predict import class_probabilities
from appliance.pipeline.prepare import REDACTED, canaries_of, examples_of, task_encoder
from appliance.pipeline.tuning import SCORING_TOKENS, Workbench
from appliance.records import Record
from appliance.redact.removed import RemovedValues, open_removed
from appliance.run import Run
from appliance.steward.detector import detector_of

_BASE = "base_scores/scores.json"


class BaseReceipt(Section):
    """That the base model was scored before training."""

    canaries: int


def score_before(run: Run, bench: Workbench) -> BaseReceipt:
    """Score canaries, people and candidates on the base model, before any step."""
    scores = score_base(
        model=bench.adapted(),
        tokenizer=bench.base().tokenizer,
        canaries=canaries_of(run),
        members=examples_of(run, "train"),
        non_members=examples_of(run, "audit_holdout"),
        policy=run.policy.policy,
        removed=removed_of(run),
        progress=run.progress,
    )
    run.vault.write_bytes(_BASE, scores.to_bytes())
    return BaseReceipt(canaries=len(scores.canaries))


def measure_use(run: Run, bench: Workbench) -> UtilitySection:
    """Compare the adapter with its base model on the test side."""
    model = bench.adapted()
    policy = run.policy.policy
    if bench.base().shape == "classifier":
        with run.progress.task("evaluate the classifier", None):
            return evaluate_classes(
                examples_of(run, "test"),
                classify=lambda e: class_probabilities(model, e, max_tokens=SCORING_TOKENS),
                base_only=model.disable_adapter,
                classes=policy.training.classes,
                policy=policy.evaluate,
            )

    def score(examples: Sequence[Example], what: str) -> list[Scores]:
        return score_examples(
            model, examples, max_tokens=SCORING_TOKENS, progress=run.progress, what=what
        )

    tokenizer = bench.base().tokenizer
    return evaluate(
        examples_of(run, "test"),
        _prompts(run, bench),
        score=score,
        generate=lambda prompts, most: generate_greedy(
            model, tokenizer, prompts, max_new_tokens=most
        ),
        base_only=model.disable_adapter,
        policy=policy.evaluate,
        progress=run.progress,
        parts=[part.task for part in policy.training.parts],
        labels=policy.training.classes.labels,
        general=_general(tokenizer, policy.training.max_length),
    )


def find_leaks(run: Run, bench: Workbench, privacy: PrivacySection) -> AuditSection:
    """Attack the trained adapter."""
    model = bench.adapted()
    # PEFT puts a second set of factors beside the trained one; other methods start anew in place.
    beside = run.policy.policy.training.method in ("lora", "dora")
    return audit(
        model=model,
        tokenizer=bench.base().tokenizer,
        canaries=canaries_of(run),
        members=examples_of(run, "train"),
        non_members=examples_of(run, "audit_holdout"),
        policy=run.policy.policy,
        privacy=privacy,
        base_scores=BaseScores.from_bytes(run.vault.read_bytes(_BASE)),
        removed=removed_of(run),
        control=None if beside else lambda: leaking(model),
        progress=run.progress,
    )


def removed_of(run: Run) -> RemovedValues:
    """Open what de-identification took out of the people trained on."""
    detector = detector_of(run.policy.policy)
    return open_removed(
        run.vault,
        Corpus(run.vault, REDACTED),
        records=(int(i) for i in read_sides(run.vault).ids("train")),
        detect=detector.detect_batch,
    )


def _general(tokenizer: Any, most: int) -> list[Example]:  # noqa: ANN401 - transformers is untyped
    """Read the passages that have nothing to do with the data as a text record is read."""
    encoder = Encoder(tokenizer, max_length=most)
    read = (
        encoder.encode(
            Record(
                record_id=-1 - place,
                unit=b"",
                source=0,
                line=0,
                kind="text",
                fields={"text": passage},
                extra={},
            )
        )
        for place, passage in enumerate(PASSAGES)
    )
    return [example for example in read if example is not None]


def _prompts(run: Run, bench: Workbench) -> list[Prompted]:
    """Collect the test records that have a prompt, up to the policy's number."""
    policy = run.policy.policy
    most = policy.evaluate.generations
    if not most:
        return []
    encoder = task_encoder(run, bench.base().tokenizer)
    wanted = [int(i) for i in read_sides(run.vault).ids("test")]
    units: dict[bytes, int] = {}
    found: list[Prompted] = []
    for record in Corpus(run.vault, REDACTED).take(wanted):
        prompt = encoder.prompt(record) if len(found) < most else None
        if prompt is not None:
            unit = units.setdefault(record.unit, len(units))
            found.append(
                Prompted(prompt=prompt.ids, response=prompt.answer, unit=unit, part=prompt.part)
            )
    return found
