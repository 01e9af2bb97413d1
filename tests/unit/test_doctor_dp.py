"""`doctor --dp` runs every check of the self-test."""

from __future__ import annotations

from appliance.doctor import _self_test


def test_every_check_runs_on_a_usual_mechanism():
    rows = _self_test()
    assert all(row.ok for row in rows)
    assert {row.name.split()[1] for row in rows} == {
        *("T1", "T1b", "T2", "T3", "T4", "T5", "T6", "T7")
    }
    assert any("count" in row.name for row in rows)
    assert all(", expected " in row.found for row in rows)
