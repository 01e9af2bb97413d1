"""The control mapping: evidence and caveat, never a claim."""

from __future__ import annotations

import pytest

from appliance.evidence import Evidence, Finding, Report
from appliance.gate import decide
from appliance.report.controls import CONTROLS, control_table
from appliance.report.measures import rule_title
from appliance.report.words import LANGUAGES, Words
from tests.unit.report import sample_report

FRAMEWORKS = (
    "HIPAA",
    "GDPR",
    "LGPD",
    "PCI DSS",
    "EDPB Opinion 28/2024",
    "NIST SP 800-226",
    "EU AI Act",
    "OWASP AISVS",
)


def test_every_promised_framework_is_mapped() -> None:
    cited = " ".join(control.citation for control in CONTROLS)
    assert [name for name in FRAMEWORKS if name not in cited] == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_control_has_evidence_and_a_caveat(language: str, reports: dict[str, Report]) -> None:
    table = control_table(reports["released"], Words.load(language))
    assert len(table.rows) == len(CONTROLS)
    assert all(all(cell for cell in row) for row in table.rows)


def test_missing_evidence_is_named_by_control(reports: dict[str, Report]) -> None:
    table = control_table(reports["early"], Words.load("en"))
    by_control = {row[0]: row[2] for row in table.rows}
    assert by_control["EDPB Opinion 28/2024 (AI models)"] == "in part; absent: audit"


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_rule_of_the_gate_has_a_title_and_its_detail_is_translated(language: str) -> None:
    policy = sample_report.policy().policy
    blind = sample_report.audit_section(positive_control=None, extraction=None)
    samples = (
        sample_report.evidence(),
        sample_report.evidence(audit=blind),
        Evidence(run=sample_report.run_section()),
    )
    words = Words.load(language)
    found: list[Finding] = [f for e in samples for f in decide(e, policy).findings]
    assert [f.rule for f in found if rule_title(words, f.rule) == f.rule] == []
    if language != "en":
        untranslated = {f.detail for f in found if words.label("detail", f.detail) == f.detail}
        assert untranslated == set()
