"""What signatures come to: different people, different roles, in time, none the operator."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.evidence import PeopleSection, RolesIdentity, Signature
from appliance.people import judge

NAMES = st.sampled_from(["ana", "bo", "cy"])
ROLES = st.sampled_from(["privacy-officer", "approver", "steward"])


def word(person: str, role: str, decision: str = "approve", **changes: Any) -> Signature:
    values: dict[str, Any] = {
        "person": person,
        "key_id": person,
        "role": role,
        "decision": decision,
        "rule": None,
        "reason": "r",
        "signed": "2026-05-01T00:00:00+00:00",
        "expires": "2026-06-01T00:00:00+00:00",
        "digest": f"{person}/{role}/{decision}",
    }
    return Signature(**(values | changes))


def section(*words: Signature, **changes: Any) -> PeopleSection:
    values: dict[str, Any] = {
        "roles": RolesIdentity(
            version=1,
            digest="d",
            issued="2026-01-01T00:00:00+00:00",
            expires="2027-01-01T00:00:00+00:00",
        ),
        "needed": 2,
        "judged": "2026-05-04T00:00:00+00:00",
        "signatures": list(words),
        "operators": ["ops"],
    }
    return PeopleSection(**(values | changes))


def test_two_people_in_two_roles_are_two() -> None:
    assert judge.approvals(section(word("ana", "privacy-officer"), word("bo", "approver"))) == 2


@pytest.mark.parametrize(
    "second",
    [
        word("ana", "privacy-officer"),
        word("ana", "approver"),
        word("bo", "privacy-officer"),
        word("ops", "approver"),
        word("bo", "auditor"),
        word("bo", "operator"),
        word("bo", "approver", expires="2026-05-04T00:00:00+00:00"),
        word("bo", "approver", signed="2026-05-05T00:00:00+00:00"),
        word("bo", "approver", "reject"),
        word("bo", "approver", "waive", rule="release.rules.max_auc"),
    ],
    ids=["twice", "own-second-role", "same-role", "operator", "auditor", "operator-role", "expired",
         "later", "reject", "waive"],
)  # fmt: skip
def test_a_second_word_that_is_not_another_persons_in_another_role_does_not_count(
    second: Signature,
) -> None:
    assert judge.approvals(section(word("ana", "privacy-officer"), second)) == 1


def test_without_a_list_in_force_nobody_counts() -> None:
    words = (word("ana", "privacy-officer"), word("bo", "approver"))
    assert judge.approvals(section(*words, roles=None)) == 0
    assert judge.approvals(section(*words, judged="2027-01-01T00:00:00+00:00")) == 0
    assert judge.approvals(section(*words, judged="2025-12-31T00:00:00+00:00")) == 0


def test_only_a_privacy_officer_waives() -> None:
    rule = "release.rules.max_auc"
    for person, role, counts in (
        ("ana", "privacy-officer", True),
        ("bo", "approver", False),
        ("cy", "steward", False),
        ("ops", "privacy-officer", False),
    ):
        found = judge.waived(section(word(person, role, "waive", rule=rule)))
        assert bool(found) is counts, (person, role)


def test_a_waiver_that_needs_two_hangs_on_the_one_that_ends_first() -> None:
    rule = "release.rules.max_auc"
    one = word("ana", "privacy-officer", "waive", rule=rule)
    two = word("bo", "privacy-officer", "waive", rule=rule, expires="2026-05-20T00:00:00+00:00")
    assert judge.waived(section(one, waivers_needed=2)) == {}
    assert judge.waived(section(one, two, waivers_needed=2)) == {rule: two}
    assert judge.waived(section(one, two)) == {rule: one}


def test_a_rejection_stands_until_it_ends() -> None:
    no = word("dee", "auditor", "reject")
    assert judge.rejections(section(no)) == [no]
    assert judge.rejections(section(no, judged="2026-06-01T00:00:00+00:00")) == []


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(NAMES, ROLES), max_size=7))
def test_the_count_is_the_largest_set_that_shares_nobody_and_no_role(
    pairs: list[tuple[str, str]],
) -> None:
    slow = max(
        (
            size
            for size in range(len(pairs) + 1)
            for chosen in combinations(pairs, size)
            if len({p for p, _ in chosen}) == len({r for _, r in chosen}) == size
        ),
        default=0,
    )
    assert judge.approvals(section(*(word(p, r) for p, r in pairs))) == slow
