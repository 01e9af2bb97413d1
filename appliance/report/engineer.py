"""Third level: settings, self-tests, packages, digests, for the engineer who repeats the run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from appliance.evidence import DataSection, PrivacySection, Report, SelfTest, TrainingSection
from appliance.report import plots
from appliance.report.blocks import Block, Bullets, Figure, Level, Paragraph, Section, Table
from appliance.report.measures import because, remarks, shown
from appliance.report.words import Words

_TRAINING = ("method", "task", "trainable_parameters", "resumed_times")
_MECHANISM = (
    "mechanism",
    "noise_multiplier",
    "max_grad_norm",
    "clipping",
    "sampling",
    "sample_rate",
    "expected_batch_size",
    "steps",
    "max_records_per_unit",
    "n_units",
    "noise_source",
)


#: Most steps told in numbers.
_STEPS = 12


def engineer_level(report: Report, words: Words) -> Level:
    """Return the third level of a report."""
    parts = {
        "run": _run,
        "data": _data,
        "training": _training,
        "mechanism": _mechanism,
        "environment": _environment,
        "artifacts": _artifacts,
    }
    return Level(
        anchor="engineer",
        title=words.say("level.engineer"),
        reader=words.say("level.engineer.reader"),
        sections=tuple(
            Section(
                anchor=name, title=words.say(f"{name}.title"), blocks=tuple(make(report, words))
            )
            for name, make in parts.items()
        ),
    )


def _run(report: Report, words: Words) -> Iterator[Block]:
    run = report.run
    rows = (
        (words.say("run.id"), run.id),
        (words.say("run.started"), run.started),
        (words.say("run.finished"), shown(words, run, "finished")),
        (words.say("run.version"), run.appliance_version),
        (words.say("run.policy"), f"{run.policy.name} {run.policy.version}"),
        (words.say("run.regulation"), run.policy.regulation),
        (words.say("run.policy_digest"), run.policy.digest),
        (words.say("run.base_model"), run.base_model.name),
        (words.say("run.base_digest"), run.base_model.digest),
    )
    yield _facts(words.say("run.table"), rows, words)


def _data(report: Report, words: Words) -> Iterator[Block]:
    data = report.data
    if data is None:
        yield _missing(report, "data", words)
        return
    rows = (
        (words.say("data.read"), words.integer(data.records_read)),
        (words.say("data.bytes"), words.size(data.bytes_read)),
        (words.say("data.quarantined"), words.integer(data.records_quarantined)),
        (words.say("data.causes"), _causes(data.quarantine, words)),
        (words.say("data.exact"), words.integer(data.exact_duplicates)),
        (words.say("data.near"), words.integer(data.near_duplicates)),
        (words.say("data.removed"), words.integer(data.duplicates_removed)),
        (words.say("data.used"), words.integer(data.records_used)),
        (words.say("data.units"), words.integer(data.units)),
        (words.say("data.most"), shown(words, data, "max_records_of_a_unit")),
        (words.say("data.kinds"), _counts(data.kinds, words)),
        (words.say("data.columns"), ", ".join(data.columns) or words.say("nothing")),
    )
    yield _facts(words.say("data.table"), rows, words)
    yield from (Paragraph(text=text) for text in remarks(words, data))
    yield _splits(data, words)


def _splits(data: DataSection, words: Words) -> Block:
    records, units = data.splits, data.split_units
    if records is None:
        reason = because(words, data.reasons.get("splits"))
        return Paragraph(text=words.say("section.missing", reason=reason))
    rows = tuple(
        (
            words.say(f"side.{side}"),
            words.integer(getattr(records, side)),
            words.say("absent") if units is None else words.integer(getattr(units, side)),
        )
        for side in ("train", "validation", "test", "audit_holdout")
    )
    return Table(
        caption=words.say("splits.table"),
        head=tuple(words.say(f"splits.{n}") for n in ("side", "records", "units")),
        rows=rows,
        numeric=frozenset({1, 2}),
        note=words.say("splits.note"),
    )


def _training(report: Report, words: Words) -> Iterator[Block]:
    training = report.training
    if training is None:
        yield _missing(report, "training", words)
        return
    rows = [(words.say(f"training.{n}"), shown(words, training, n)) for n in _TRAINING]
    rows += [
        (words.say("training.seconds"), words.duration(training.seconds)),
        (words.say("training.speed"), words.number(training.tokens_per_second)),
        (words.say("training.memory"), words.size(training.peak_memory_bytes)),
    ]
    rows += [(name, words.value(value)) for name, value in training.hyperparameters.items()]
    yield _facts(words.say("training.table"), tuple(rows), words)
    yield from _losses(training, report.privacy, words)


def _losses(
    training: TrainingSection, privacy: PrivacySection | None, words: Words
) -> Iterator[Block]:
    if not training.losses:
        yield Paragraph(text=because(words, training.reasons.get("losses")))
        return
    yield Figure(
        name="losses",
        caption=words.say("figure.losses.caption"),
        alt=words.say(
            "figure.losses.alt",
            first=words.number(training.losses[0][1]),
            last=words.number(training.losses[-1][1]),
        ),
        draw=lambda: plots.losses(training, privacy, words),
    )
    yield _steps(training, privacy, words)


def _steps(training: TrainingSection, privacy: PrivacySection | None, words: Words) -> Table:
    """Return the drawn numbers, evenly thinned, first and last kept."""
    spent = {} if privacy is None else dict(privacy.epsilon_by_step)
    last = len(training.losses) - 1
    kept = sorted({round(last * place / (_STEPS - 1)) for place in range(_STEPS)})
    rows = tuple(
        (
            words.integer(step),
            words.number(loss),
            words.number(spent[step]) if step in spent else "–",
        )
        for step, loss in (training.losses[place] for place in kept)
    )
    return Table(
        caption=words.say("losses.table"),
        head=tuple(words.say(f"losses.{n}") for n in ("x", "y", "epsilon")),
        rows=rows,
        numeric=frozenset({0, 1, 2}),
    )


def _mechanism(report: Report, words: Words) -> Iterator[Block]:
    privacy = report.privacy
    if privacy is None:
        yield _missing(report, "privacy", words)
        return
    rows = tuple((words.say(f"mechanism.{n}"), shown(words, privacy, n)) for n in _MECHANISM)
    yield _facts(words.say("mechanism.table"), rows, words)
    if privacy.self_test is None:
        reason = because(words, privacy.reasons.get("self_test"))
        yield Paragraph(text=words.say("selftest.none", reason=reason))
    else:
        yield _self_test(privacy.self_test, words)


def _self_test(test: SelfTest, words: Words) -> Table:
    rows = tuple(
        (
            words.phrase("check", check.name),
            words.say("outcome.pass" if check.passed else "outcome.refuse"),
            words.value(check.measured),
            words.phrase("check", check.expected),
            words.phrase("check", check.detail) if check.detail else "–",
        )
        for check in test.checks
    )
    columns = ("check", "outcome", "measured", "expected", "detail")
    return Table(
        caption=words.say("selftest.table", seconds=words.duration(test.seconds)),
        head=tuple(words.say(f"selftest.{n}") for n in columns),
        rows=rows,
        numeric=frozenset({2}),
        outcome=1,
        failed=frozenset(i for i, check in enumerate(test.checks) if not check.passed),
    )


def _environment(report: Report, words: Words) -> Iterator[Block]:
    section = report.environment
    if section is None:
        yield _missing(report, "environment", words)
        return
    for name in ("locks", "hardware", "packages"):
        values: Mapping[str, str | bool | int | float] = getattr(section, name)
        rows = tuple((key, _setting(key, value, words)) for key, value in values.items())
        if name == "locks":
            rows = tuple((key, words.phrase("lock", said)) for key, said in rows)
        none = ((words.say("nothing"), "–"),)
        yield _facts(words.say(f"environment.{name}"), rows or none, words)
    if section.log_checkpoint is None:
        yield Paragraph(text=words.say("environment.no_checkpoint"))
    else:
        said = " ".join(section.log_checkpoint.split())
        yield Paragraph(text=words.say("environment.checkpoint", note=said))
    yield from (Paragraph(text=text) for text in remarks(words, section))


def _setting(name: str, value: str | bool | int | float, words: Words) -> str:
    """Return a setting's value; sizes in a readable unit."""
    if name.endswith("_bytes") and isinstance(value, int):
        return words.size(value)
    return words.value(value)


def _artifacts(report: Report, words: Words) -> Iterator[Block]:
    if not report.artifacts:
        yield Paragraph(text=words.say("artifacts.none"))
    else:
        yield Table(
            caption=words.say("artifacts.table"),
            head=tuple(words.say(f"artifacts.{n}") for n in ("path", "bytes", "digest")),
            rows=tuple((a.path, words.size(a.bytes), a.digest) for a in report.artifacts),
            numeric=frozenset({1}),
        )
    yield Bullets(items=(words.say("artifacts.verify"), words.say("artifacts.tool")))


def _facts(caption: str, rows: tuple[tuple[str, str], ...], words: Words) -> Table:
    return Table(caption=caption, head=(words.say("field"), words.say("value")), rows=rows)


def _causes(counts: Mapping[str, int], words: Words) -> str:
    return _counts({words.label("cause", name): count for name, count in counts.items()}, words)


def _counts(counts: Mapping[str, int], words: Words) -> str:
    said = ", ".join(f"{name}: {words.integer(count)}" for name, count in counts.items())
    return said or words.say("nothing")


def _missing(report: Report, name: str, words: Words) -> Paragraph:
    return Paragraph(
        text=words.say("section.missing", reason=because(words, report.reasons.get(name)))
    )
