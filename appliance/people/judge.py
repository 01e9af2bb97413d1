"""What signatures come to: pure, so that the gate and a verifier elsewhere say the same.

Rules:
- A word counts from the moment it was signed until it expires, held against one stated time.
- Only some roles may approve, reject or waive; the run's operators never.
- Two signatures of one person count once, and so do two of one role.
- A standing rejection outweighs any number of approvals.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime

from appliance.evidence import PeopleSection, Role, Signature, Vote

#: Which roles may cast which vote.
POWERS: Mapping[Vote, frozenset[Role]] = {
    "approve": frozenset({"steward", "privacy-officer", "approver"}),
    "reject": frozenset({"steward", "privacy-officer", "approver", "auditor"}),
    "waive": frozenset({"privacy-officer"}),
}


def objection(vote: Signature, *, judged: str, operators: Collection[str]) -> str | None:
    """Return why a word does not count, in plain words, or None when it does."""
    if vote.role not in POWERS[vote.decision]:
        return f"the role {vote.role} may not {vote.decision}"
    if vote.person in operators:
        return "the run's operator may not decide about it"
    now = _when(judged)
    if now < _when(vote.signed):
        return "was signed later than it was used"
    if now >= _when(vote.expires):
        return "had expired"
    return None


def standing(people: PeopleSection, vote: Vote) -> list[Signature]:
    """Return the words of one kind that count; without a list of roles in force none does."""
    if not in_force(people):
        return []
    return [
        s
        for s in people.signatures
        if s.decision == vote
        and objection(s, judged=people.judged, operators=people.operators) is None
    ]


def in_force(people: PeopleSection) -> bool:
    """Say whether the list of roles was in force when the signatures were judged."""
    roles = people.roles
    if roles is None:
        return False
    return _when(roles.issued) <= _when(people.judged) < _when(roles.expires)


def approvals(people: PeopleSection) -> int:
    """Count the approvals of different people in different roles.

    Guarantees:
        n means that n approvals stand of which no two share a person or a role.
    """
    return _distinct((s.person, s.role) for s in standing(people, "approve"))


def rejections(people: PeopleSection) -> list[Signature]:
    """Return the rejections that stand."""
    return standing(people, "reject")


def waived(people: PeopleSection) -> dict[str, Signature]:
    """Return the rules that enough different people waived, each with the word it hangs on.

    That is the one whose end ends the waiver: of each person's words the last to expire, of those
    the first that is needed.
    """
    by_rule: dict[str, dict[str, Signature]] = {}
    for word in standing(people, "waive"):
        of_rule = by_rule.setdefault(word.rule or "", {})
        known = of_rule.get(word.person)
        if known is None or _when(known.expires) < _when(word.expires):
            of_rule[word.person] = word
    needed = max(1, people.waivers_needed)
    return {
        rule: sorted(words.values(), key=lambda w: _when(w.expires), reverse=True)[needed - 1]
        for rule, words in by_rule.items()
        if rule and len(words) >= needed
    }


def objections(people: PeopleSection) -> list[str]:
    """Return a sentence for each word that does not count."""
    said = (
        (s, objection(s, judged=people.judged, operators=people.operators))
        for s in people.signatures
    )
    return [f"{s.person} as {s.role}: {why}" for s, why in said if why is not None]


def _distinct(pairs: Iterable[tuple[str, str]]) -> int:
    """Return the size of the largest set of pairs that share neither part (bipartite matching)."""
    roles_of: dict[str, set[str]] = {}
    for person, role in pairs:
        roles_of.setdefault(person, set()).add(role)
    taken: dict[str, str] = {}

    def place(person: str, tried: set[str]) -> bool:
        for role in sorted(roles_of[person] - tried):
            tried.add(role)
            if role not in taken or place(taken[role], tried):
                taken[role] = person
                return True
        return False

    return sum(place(person, set()) for person in sorted(roles_of))


def _when(text: str) -> datetime:
    return datetime.fromisoformat(text)
