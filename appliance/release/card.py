"""`README.md`: the adapter's model card, with Hugging Face metadata and how to serve it.

Reference:
    huggingface.co/docs/hub/model-cards: YAML front matter (`base_model`, `library_name`, ...).
    Mitchell et al. 2019, arXiv:1810.03993: intended use, data, evaluation, limits.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from appliance.evidence import Report
from appliance.policy.model import Policy
from appliance.policy.tasks import Classes
from appliance.release.kinds import Kind, read_kind
from appliance.release.layout import CONFIG
from appliance.release.lint import serving_rank
from appliance.report.measures import unit_word
from appliance.report.odds import posterior
from appliance.report.words import Words


def render_card(
    report: Report,
    *,
    policy: Policy,
    adapter_files: Mapping[str, bytes],
    rank: int,
    merged: bool = False,
) -> bytes:
    """Return the model card as UTF-8 Markdown.

    Args:
        report: the run's report.
        policy: for intended use, licence and languages.
        adapter_files: to name the base model as peft will look for it.
        rank: LoRA rank, for the serving flags.
        merged: whether the release holds the merged model too.
    """
    config = json.loads(adapter_files[CONFIG])
    base = str(config.get("base_model_name_or_path") or report.run.base_model.name)
    words = Words.load("en")
    kind = read_kind(config) or _PLAIN
    lines = [*_front_matter(policy, base, kind), f"# Adapter {report.run.id}", ""]
    lines += [words.say("card.intro", base=base, policy=report.run.policy.name), ""]
    lines += ["## Intended use", "", policy.release.intended_use, ""]
    lines += [
        "## Use",
        "",
        *_usage(base, rank, kind, policy.training.classes),
        *(_USE_MERGED if merged else ()),
        "",
    ]
    lines += ["## Privacy", "", *_privacy(report, words), ""]
    lines += ["## Audit", "", *_audit(report, words), ""]
    lines += ["## Training data", "", *_data(report, words), ""]
    lines += ["## Evaluation", "", *_evaluation(report, words), ""]
    lines += ["## Limits: what was not tested", "", *(f"- {line}" for line in report.not_tested)]
    lines += ["", "## Verify", "", *_verify(report), ""]
    return "\n".join(lines).encode()


def _front_matter(policy: Policy, base: str, kind: Kind) -> Iterator[str]:
    values: dict[str, Any] = {
        "base_model": base,
        "base_model_relation": "adapter",
        "library_name": "transformers" if kind.own else "peft",
        "pipeline_tag": kind.pipeline,
        "license": policy.release.licence,
        "language": list(policy.data.languages),
        "tags": [kind.method, *([] if kind.own else ["peft"]), "differential-privacy"],
    }
    yield "---"
    for key, value in values.items():
        yield f"{key}: {json.dumps(value)}"  # JSON is YAML
    yield "---"
    yield ""


_PLAIN = Kind(
    method="lora", heads=(), model_class="AutoModelForCausalLM", pipeline="text-generation"
)
_USE_STATE = (
    "",
    "Or with transformers and safetensors alone: the weights have the base's own names.",
    "",
    "```python",
    "from safetensors.torch import load_file",
    "",
    'weights = load_file("PATH/TO/THIS/FOLDER/adapter_model.safetensors")',
    "base.float().load_state_dict(weights, strict=False)",
    "```",
)
_USE_MERGED = (
    "",
    "Merged, without peft and without the base model:",
    "",
    "```python",
    "from transformers import AutoModelForCausalLM, AutoTokenizer",
    "",
    'model = AutoModelForCausalLM.from_pretrained("PATH/TO/THIS/FOLDER/merged")',
    'tokenizer = AutoTokenizer.from_pretrained("PATH/TO/THIS/FOLDER/merged")',
    "```",
)


def _usage(base: str, rank: int, kind: Kind, classes: Classes) -> list[str]:
    name = json.dumps(base)
    # A classifier's head has the released adapter's size and the policy's classes, in order.
    labels = {} if "Classification" not in kind.model_class else dict(enumerate(classes.labels))
    given = f"{name}, num_labels={len(labels)}, id2label=labels" if labels else name
    table = [f"labels = {labels!r}"] if labels else []
    if kind.own:
        return [
            "With the module that comes with the appliance:",
            "",
            "```python",
            "from appliance.finetune.methods import Tuned",
            f"from transformers import {kind.model_class}, AutoTokenizer",
            "",
            *table,
            f"base = {kind.model_class}.from_pretrained({given})",
            'model = Tuned.load(base, "PATH/TO/THIS/FOLDER")',
            f"tokenizer = AutoTokenizer.from_pretrained({name})",
            "```",
            *(_USE_STATE if kind.method != "bottleneck" else ()),
        ]
    lines = [
        "With peft:",
        "",
        "```python",
        "from peft import PeftModel",
        f"from transformers import {kind.model_class}, AutoTokenizer",
        "",
        *table,
        f"base = {kind.model_class}.from_pretrained({given})",
        'model = PeftModel.from_pretrained(base, "PATH/TO/THIS/FOLDER")',
        f"tokenizer = AutoTokenizer.from_pretrained({name})",
        "```",
        "",
    ]
    if not kind.served:
        return [*lines, f"Method: {kind.method}. vLLM does not serve it."]
    return [
        *lines,
        "With vLLM:",
        "",
        "```",
        f"vllm serve {base} --enable-lora --max-lora-rank {serving_rank(rank)} \\",
        "  --lora-modules adapter=PATH/TO/THIS/FOLDER",
        "```",
        "",
        f"LoRA rank {rank}; no DoRA, no saved modules, bias untouched.",
    ]


def _privacy(report: Report, words: Words) -> Iterator[str]:
    privacy = report.privacy
    if privacy is None or privacy.spent_epsilon is None:
        yield words.say("card.no_guarantee")
        return
    yield words.say(
        "card.guarantee",
        epsilon=words.number(privacy.spent_epsilon),
        delta=words.number(privacy.target_delta),
        unit=unit_word(words, privacy.unit),
        relation=words.label("relation", privacy.neighboring_relation),
    )
    yield ""
    yield words.say("card.odds", after=words.percent(posterior(privacy.spent_epsilon)))
    if report.deidentification is not None:
        count = sum(report.deidentification.entities.values())
        yield ""
        yield words.say("card.replaced", count=words.integer(count))


def _audit(report: Report, words: Words) -> Iterator[str]:
    audit = report.audit
    if audit is None or audit.membership is None:
        yield words.say("limit.no_audit")
        return
    yield words.say(
        "card.audit",
        auc=words.fixed(audit.membership.auc, 3),
        interval=words.interval(audit.membership.auc_interval),
        members=words.integer(audit.membership.n_members),
        others=words.integer(audit.membership.n_non_members),
    )
    if audit.extraction is not None:
        yield ""
        yield words.say(
            "card.extraction",
            extracted=words.integer(audit.extraction.extracted_greedy),
            attempted=words.integer(audit.extraction.attempted),
        )


def _data(report: Report, words: Words) -> Iterator[str]:
    if report.data is None:
        yield words.say("limit.no_data")
        return
    yield words.say(
        "card.data",
        records=words.integer(report.data.records_used),
        units=words.integer(report.data.units),
    )


def _evaluation(report: Report, words: Words) -> Iterator[str]:
    if report.utility is None:
        yield words.say("limit.no_utility")
        return
    records = words.integer(report.utility.records)
    units = words.integer(report.utility.units)
    yield words.say("card.evaluation", records=records, units=units)
    yield ""
    yield "| measure | base model | with adapter |"
    yield "|---|---|---|"
    for name, metric in report.utility.metrics.items():
        label = words.label("metric", name)
        yield f"| {label} | {words.value(metric.base)} | {words.value(metric.adapter)} |"


def _verify(report: Report) -> list[str]:
    return [
        "`compliance/report.html` is the full report. To check that nothing was changed, offline:",
        "",
        "```",
        "appliance verify PATH/TO/THIS/FOLDER --key release.pub.pem",
        "model_signing verify key PATH/TO/THIS/FOLDER --public_key release.pub.pem \\",
        "  --signature PATH/TO/THIS/FOLDER/model.sig",
        "```",
        "",
        f"Run `{report.run.id}`, policy `{report.run.policy.digest}`, base model "
        f"`{report.run.base_model.digest}`.",
    ]
