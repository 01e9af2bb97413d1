"""`appliance evaluate-detection`: a detector measured against annotated documents."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from appliance.cli.console import emit, table
from appliance.cli.detection import check_language, logged, require_file
from appliance.cli.locking import lock_process
from appliance.cli.options import PATH, Unlocking, home_options, json_option
from appliance.errors import EXIT_DONE, EXIT_REFUSED

if TYPE_CHECKING:
    from appliance.redact.measure import Scores


@click.command(name="evaluate-detection")
@click.option("--policy", "policy_path", type=PATH, required=True, help="The policy.")
@click.option("--language", help="ISO 639-1 of the text; absent: the policy's.")
@click.argument("gold", metavar="GOLD", type=PATH)
@home_options
@json_option
@click.pass_context
def evaluate_detection(
    ctx: click.Context,
    *,
    policy_path: Path,
    language: str | None,
    gold: Path,
    unlocking: Unlocking,
    as_json: bool,
) -> None:
    """Measure recall, precision and F2 per type, with 95 % intervals, against annotated documents.

    GOLD: JSONL of {"id","text","spans":[{"start","end","entity_type"}]}. The workspace keeps the
    result: a model of your own is used only after it has passed the policy's recall floor here.
    Exit 10: the lower limit of the recall is below the policy's recall floor.
    """
    from appliance.policy import load_policy

    loaded = load_policy(policy_path)
    check_language(language)
    require_file(gold)
    languages = None if language is None else (language,)
    with logged(unlocking, exclusive=True) as home:
        lock_process(loaded.policy, home=home, readable=[gold])
        from appliance.redact.measure import as_recall
        from appliance.steward.measured import measure

        scores = measure(loaded.policy, gold, home=home, languages=languages)
        if home is not None:
            home.log.append("detect.evaluated", policy=loaded.digest, documents=scores.documents)
    floor = loaded.policy.deidentify.recall_floor
    passed = None if floor is None else scores.recall.interval[0] >= floor
    result: dict[str, Any] = as_recall(scores).model_dump(mode="json") | {
        "f2": scores.f2.value,
        "f2_interval": list(scores.f2.interval),
        "clean_documents": scores.clean,
        "types": _types(scores),
        "recall_floor": floor,
        "passed": passed,
    }
    emit(result, as_json=as_json, text=_text(scores, floor, passed))
    ctx.exit(EXIT_REFUSED if passed is False else EXIT_DONE)


def _types(scores: Scores) -> dict[str, dict[str, Any]]:
    """Return a row for each annotated type, and for each found one that no annotation means."""
    from appliance.redact.entities import canonical

    found: dict[str, dict[str, Any]] = {}
    meant = {canonical(name) for name in scores.recall_by_type}
    alone = {name for name in scores.precision_by_type if name not in meant}
    for name in sorted({*scores.recall_by_type, *alone}):
        recall = scores.recall_by_type.get(name)
        precision = scores.precision_by_type.get(canonical(name) if recall else name)
        both = scores.f2_by_type.get(name)
        found[name] = {
            "words": 0 if recall is None else recall.words,
            "recall": None if recall is None else recall.value,
            "recall_interval": None if recall is None else list(recall.interval),
            "precision": None if precision is None else precision.value,
            "precision_interval": None if precision is None else list(precision.interval),
            "f2": None if both is None else both.value,
            "f2_interval": None if both is None else list(both.interval),
        }
    return found


def _text(scores: Scores, floor: float | None, passed: bool | None) -> str:
    whole = (scores.recall, scores.precision, scores.f2)
    shares = [_share(share.value, share.interval) for share in whole]
    rows: list[tuple[str, ...]] = [("all", str(scores.recall.words), *shares)]
    for name, row in _types(scores).items():
        shown = [
            _share(row[what], row[f"{what}_interval"]) if row[what] is not None else "-"
            for what in ("recall", "precision", "f2")
        ]
        rows.append((name, str(row["words"]), *shown))
    lines = [
        f"{scores.documents} documents; nothing left in {scores.clean} of {scores.annotated}",
        table(rows, ("type", "words", "recall", "precision", "F2")),
    ]
    if floor is not None:
        lines.append(f"recall floor {floor:g}: {'passed' if passed else 'not reached'}")
    return "\n".join(lines)


def _share(value: float, interval: Sequence[float]) -> str:
    return f"{value:.4f} [{interval[0]:.4f}, {interval[1]:.4f}]"
