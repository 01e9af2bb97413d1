"""What was not tested is drawn from the evidence, in both languages, and never empty."""

from __future__ import annotations

import pytest

from appliance.evidence import Evidence, Report
from appliance.report.limits import detectable_auc, not_tested, translated
from tests.unit.report import sample_report


def test_the_list_is_never_empty() -> None:
    assert len(not_tested(Evidence(run=sample_report.run_section()))) > 8
    assert len(not_tested(sample_report.evidence())) > 8


@pytest.mark.parametrize(
    ("missing", "said"),
    [
        ("data", "The data were not read to the end"),
        ("deidentification", "Personal details were not replaced"),
        ("privacy", "There is no evidence of a privacy guarantee"),
        ("audit", "No attack was run against this adapter"),
        ("utility", "Whether the adapter is of use."),
    ],
)
def test_a_missing_section_is_named(missing: str, said: str) -> None:
    whole = "\n".join(not_tested(sample_report.evidence()))
    without = "\n".join(not_tested(sample_report.evidence(**{missing: None})))
    assert said not in whole
    assert said in without


def test_power_is_stated_as_the_smallest_leak_seen() -> None:
    lines = "\n".join(not_tested(sample_report.evidence()))
    assert "Leaks smaller than a true AUC of 0.70" in lines
    weak = sample_report.audit_section(power={"0.6": 0.2, "0.7": 0.5})
    lines = "\n".join(not_tested(sample_report.evidence(audit=weak)))
    assert "the audit has too few canaries" in lines


def test_a_claim_beyond_the_audits_reach_is_said() -> None:
    assert any(
        "at most 4.1 of the claimed 7.94" in line for line in not_tested(sample_report.evidence())
    )
    modest = sample_report.privacy_section(spent_epsilon=2.0)
    lines = not_tested(sample_report.evidence(privacy=modest))
    assert not any("of the claimed" in line for line in lines)


def test_a_record_guarantee_is_not_a_persons() -> None:
    record = sample_report.privacy_section(unit="record")
    lines = not_tested(sample_report.evidence(privacy=record))
    assert any("the guarantee is for one record" in line for line in lines)


def test_translation_follows_line_by_line(reports: dict[str, Report]) -> None:
    for report in reports.values():
        portuguese = translated(report, "pt-BR")
        assert len(portuguese) == len(report.not_tested)
        assert not set(portuguese) & set(report.not_tested)
        assert translated(report, "en") == report.not_tested


def test_a_line_of_unknown_origin_is_kept(reports: dict[str, Report]) -> None:
    extended = reports["released"].model_copy(
        update={"not_tested": [*reports["released"].not_tested, "Something of this site."]}
    )
    assert translated(extended, "pt-BR")[-1] == "Something of this site."


def test_detectable_auc_is_the_smallest_with_good_power() -> None:
    assert detectable_auc({"0.75": 0.99, "0.7": 0.94, "0.65": 0.71}) == 0.7
    assert detectable_auc({"0.6": 0.1}) is None
    assert detectable_auc({}) is None
