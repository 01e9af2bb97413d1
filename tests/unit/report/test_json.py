"""`report.json`: strict, canonical, finite."""

from __future__ import annotations

import json
import math

import jsonschema
import pytest

from appliance.errors import IntegrityError
from appliance.evidence import Report
from appliance.gate import decide
from appliance.report.json import (
    decision_digest,
    evidence_of,
    parse_report,
    report_bytes,
    report_schema,
)
from tests.unit.report import sample_report


@pytest.fixture
def raw(reports: dict[str, Report]) -> bytes:
    return report_bytes(reports["released"])


def test_every_sample_matches_the_schema(reports: dict[str, Report]) -> None:
    schema = report_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    for report in reports.values():
        jsonschema.Draft202012Validator(schema).validate(json.loads(report_bytes(report)))


def test_the_schema_refuses_an_unknown_field(raw: bytes) -> None:
    values = json.loads(raw) | {"certified": True}
    assert not jsonschema.Draft202012Validator(report_schema()).is_valid(values)


def test_a_report_reads_back_as_it_was(reports: dict[str, Report]) -> None:
    for report in reports.values():
        raw = report_bytes(report)
        again = parse_report(raw, where="report.json")
        assert again == report
        assert report_bytes(again) == raw


@pytest.mark.parametrize(
    "change",
    [
        lambda v: v.pop("verdict"),
        lambda v: v.update(verdict="approved"),
        lambda v: v["privacy"].update(spent_epsilon="7.94"),
        lambda v: v["audit"].update(extra=1),
        lambda v: v["findings"][0].pop("rule"),
    ],
)
def test_another_shape_is_refused_by_field(raw: bytes, change) -> None:
    values = json.loads(raw)
    change(values)
    with pytest.raises(IntegrityError, match="does not match the schema"):
        parse_report(json.dumps(values).encode(), where="report.json")


def test_a_rejected_value_is_never_quoted(raw: bytes) -> None:
    values = json.loads(raw)
    values["privacy"]["unit"] = {"name": "MARISOL DALTON"}
    with pytest.raises(IntegrityError) as caught:
        parse_report(json.dumps(values).encode(), where="report.json")
    assert "MARISOL" not in str(caught.value) + caught.value.hint
    assert "privacy.unit" in caught.value.what


def test_a_number_that_is_not_finite_becomes_null_with_a_reason() -> None:
    endless = sample_report.privacy_section(spent_epsilon=math.inf)
    report = sample_report.report_of(sample_report.evidence(privacy=endless))
    assert report.verdict == "refused"
    values = json.loads(report_bytes(report))
    assert values["privacy"]["spent_epsilon"] is None
    assert "not a finite number" in values["privacy"]["reasons"]["spent_epsilon"]


def test_a_point_that_is_not_finite_leaves_the_curve() -> None:
    training = sample_report.training_section()
    bad = training.model_copy(update={"losses": [(0, 3.1), (5, math.nan), (9, 2.9)]})
    report = sample_report.report_of(sample_report.evidence(training=bad, audit=None))
    assert report.training is not None
    assert report.training.losses == [(0, 3.1), (9, 2.9)]


def test_the_evidence_comes_back_out_of_a_report(reports: dict[str, Report]) -> None:
    assert evidence_of(reports["released"]) == sample_report.evidence()
    assert evidence_of(reports["early"]).reasons == reports["early"].reasons


def test_decision_digest_is_the_gates(reports: dict[str, Report]) -> None:
    decision = decide(sample_report.evidence(), sample_report.policy().policy)
    assert decision.approval is not None
    assert decision_digest(reports["released"]) == decision.approval.decision_digest
