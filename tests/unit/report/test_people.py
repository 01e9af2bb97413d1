"""Rejections, waivers and approvals stand on the first page, in both languages and both formats."""

from __future__ import annotations

import io
from typing import Any

import pytest
from pypdf import PdfReader

from appliance.evidence import Evidence, Report
from appliance.gate import decide
from appliance.policy.load import policy_digest
from appliance.report.document import document
from appliance.report.html import render_html
from appliance.report.json import build_report
from appliance.report.limits import not_tested
from appliance.report.oscal import render_oscal
from appliance.report.pdf import render_pdf
from tests.unit.people.test_judge import section, word
from tests.unit.report import sample_report

MAX_AUC = "release.rules.max_auc"
pytestmark = pytest.mark.usefixtures("undrawn")


def report(*words: Any, approvals: int = 2, **rules: Any) -> Report:
    policy = sample_report.policy().policy
    knobs = policy.release.model_copy(
        update={
            "approvals": approvals,
            "waivable": (MAX_AUC,),
            "rules": policy.release.rules.model_copy(update=rules),
        }
    )
    policy = policy.model_copy(update={"release": knobs})
    found: Evidence = sample_report.evidence()
    identity = found.run.policy.model_copy(update={"digest": policy_digest(policy)})
    found = found.model_copy(
        update={
            "run": found.run.model_copy(update={"policy": identity}),
            "people": section(*words) if words else None,
        }
    )
    decision = decide(found, policy)
    return build_report(found, decision.findings, decision.verdict, [], not_tested(found))


ANA = word("Ana Lima", "privacy-officer", reason="read all of it")
BO = word("Bo Berg", "approver", reason="so did I")


@pytest.mark.parametrize("language", ["en", "pt-BR"])
def test_every_word_stands_before_the_first_level(language: str) -> None:
    no = word("Cy", "steward", "reject", reason="too early", expires="2026-05-02T00:00:00+00:00")
    page = render_html(report(ANA, BO, no), language=language)
    first = page[: page.index('id="officer"')]
    for said in ("Ana Lima", "read all of it", "Bo Berg", "so did I", "Cy", "too early"):
        assert said in first
    assert first.index("too early") < first.index("read all of it"), "rejections first"


def test_the_first_page_of_the_pdf_names_them_too() -> None:
    first = PdfReader(io.BytesIO(render_pdf(report(ANA, BO), language="en"))).pages[0]
    text = " ".join(first.extract_text().split())
    assert "Approved by Ana Lima, privacy officer" in text
    assert "counts until 2026-06-01" in text


def test_a_waived_rule_is_never_called_held() -> None:
    waiver = word("Ana Lima", "privacy-officer", "waive", rule=MAX_AUC, reason="known and small")
    made = report(ANA, BO, waiver, max_auc=0.01)
    assert made.verdict == "released"
    page = document(made, language="en")
    assert page.verdict == "⚠ Released with an exception"
    assert any(
        line.startswith("WAIVED by Ana Lima") and "known and small" in line for line in page.people
    )
    (found,) = [f for f in made.findings if f.rule == MAX_AUC]
    assert found.outcome == "waived"
    assert "waived" in render_html(made)
    assert b'"other"' in render_oscal(made)


def test_a_run_that_waits_says_so_and_a_rejected_one_is_refused() -> None:
    assert document(report(), language="en").verdict == "… Waits for people"
    assert document(report(ANA), language="en").verdict == "… Waits for people"
    no = word("Cy", "steward", "reject", reason="no")
    assert document(report(ANA, BO, no), language="en").verdict == "✕ Refused"


def test_a_word_that_does_not_count_says_why() -> None:
    late = word("Bo Berg", "approver", expires="2026-05-02T00:00:00+00:00")
    lines = document(report(ANA, late), language="en").people
    assert any("Bo Berg" in line and "does not count: had expired" in line for line in lines)


def test_a_reason_is_text_and_never_markup() -> None:
    page = render_html(report(word("Ana", "privacy-officer", reason="<script>x</script>"), BO))
    assert "<script>x" not in page


def test_a_report_without_people_has_no_such_part() -> None:
    assert document(report(approvals=0), language="en").people == ()
