"""OSCAL assessment results, checked by compliance-trestle."""

from __future__ import annotations

import json

import pytest

from appliance.evidence import Report
from appliance.report.controls import CONTROLS
from appliance.report.oscal import render_oscal


def test_trestle_accepts_every_sample(reports: dict[str, Report], tmp_path) -> None:
    model = pytest.importorskip("trestle.oscal.assessment_results").AssessmentResults
    for name, report in reports.items():
        path = tmp_path / f"{name}.json"
        path.write_bytes(render_oscal(report))
        assert model.oscal_read(path) is not None


def test_trestle_refuses_what_is_no_assessment(reports: dict[str, Report], tmp_path) -> None:
    model = pytest.importorskip("trestle.oscal.assessment_results").AssessmentResults
    values = json.loads(render_oscal(reports["released"]))
    values["assessment-results"]["results"][0]["findings"][0]["target"]["status"]["state"] = "yes"
    path = tmp_path / "bad.json"
    path.write_text(json.dumps(values))
    with pytest.raises(Exception, match=r"state|OSCAL|[Ee]rror"):
        model.oscal_read(path)


def test_findings_say_which_rule_held(reports: dict[str, Report]) -> None:
    values = json.loads(render_oscal(reports["refused"]))["assessment-results"]
    result = values["results"][0]
    states = {f["target"]["target-id"]: f["target"]["status"]["state"] for f in result["findings"]}
    assert states["release.rules.max_auc"] == "not-satisfied"
    assert states["release.rules.max_epsilon"] == "satisfied"
    seen = {o["uuid"] for o in result["observations"]}
    related = [o["observation-uuid"] for f in result["findings"] for o in f["related-observations"]]
    assert set(related) <= seen


def test_no_control_is_a_target(reports: dict[str, Report]) -> None:
    text = render_oscal(reports["released"]).decode()
    result = json.loads(text)["assessment-results"]["results"][0]
    targets = {f["target"]["target-id"] for f in result["findings"]}
    assert targets == {f.rule for f in reports["released"].findings}
    caveats = [o["remarks"] for o in result["observations"] if "remarks" in o]
    assert len(caveats) == len(CONTROLS)


def test_the_same_report_gives_the_same_bytes(reports: dict[str, Report]) -> None:
    assert render_oscal(reports["released"]) == render_oscal(reports["released"])
