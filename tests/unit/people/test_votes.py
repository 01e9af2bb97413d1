"""A signed word is about one run, one report, one policy, one adapter, by one known person."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime
from typing import Any

import pytest

from appliance.crypto.canonical import canonical_json
from appliance.crypto.signing import SigningKey, dsse_sign
from appliance.errors import IntegrityError, UsageError
from appliance.people.votes import PAYLOAD_TYPE, Request, open_vote
from tests.unit.people.cast import NOW, Cast, request


@pytest.fixture(scope="module")
def cast() -> Cast:
    return Cast()


def restated(cast: Cast, raw: bytes, name: str, change: Any) -> bytes:
    """The same word with its statement changed, signed again by its own signer."""
    stated = json.loads(base64.b64decode(json.loads(raw)["payload"]))
    change(stated)
    return (
        canonical_json(dsse_sign(canonical_json(stated), PAYLOAD_TYPE, [cast.keys[name]])) + b"\n"
    )


def test_a_word_says_who_signed_what_and_until_when(cast: Cast) -> None:
    found = open_vote(
        cast.vote(request(), "ana"), request=request(), roles=cast.signed(), where="f"
    )
    assert (found.person, found.role, found.decision) == ("ana", "privacy-officer", "approve")
    assert found.expires == "2026-06-03T12:00:00+00:00"


def test_any_flipped_byte_is_refused(cast: Cast) -> None:
    raw, roles = cast.vote(request(), "ana"), cast.signed()
    for position in range(0, len(raw), 5):
        changed = bytearray(raw)
        changed[position] ^= 1
        with pytest.raises(IntegrityError):
            open_vote(bytes(changed), request=request(), roles=roles, where="f")


@pytest.mark.parametrize(
    "other",
    [
        {"run": "run-2"},
        {"report": "sha256:" + "d" * 64},
        {"policy": {"name": "p", "version": "1", "digest": "sha256:" + "d" * 64}},
        {"subject": {"adapter_model.safetensors": "sha256:" + "d" * 64}},
        {"subject": {}},
    ],
)
def test_a_word_about_something_else_is_refused(cast: Cast, other: dict[str, Any]) -> None:
    raw = cast.vote(request(**other), "ana")
    with pytest.raises(IntegrityError, match="another run, report, policy or adapter"):
        open_vote(raw, request=request(), roles=cast.signed(), where="f")


def test_an_unknown_key_is_refused(cast: Cast) -> None:
    stranger = Cast(root=cast.root)
    with pytest.raises(IntegrityError, match="does not hold"):
        open_vote(
            stranger.vote(request(), "ana"), request=request(), roles=cast.signed(), where="f"
        )


def test_a_role_its_signer_does_not_hold_is_refused(cast: Cast) -> None:
    raw = cast.vote(request(), "bo", role="steward")
    with pytest.raises(IntegrityError, match="does not hold the role"):
        open_vote(raw, request=request(), roles=cast.signed(), where="f")


def test_a_statement_changed_and_signed_by_another_is_refused(cast: Cast) -> None:
    raw = cast.vote(request(), "ana")
    body = json.loads(raw)
    again = dsse_sign(base64.b64decode(body["payload"]), PAYLOAD_TYPE, [SigningKey.generate()])
    again["signatures"][0]["keyid"] = body["signatures"][0]["keyid"]
    with pytest.raises(IntegrityError, match="signed by 0"):
        open_vote(canonical_json(again) + b"\n", request=request(), roles=cast.signed(), where="f")


@pytest.mark.parametrize(
    "change",
    [
        lambda s: s["predicate"].update(decision="bless"),
        lambda s: s["predicate"].update(extra=1),
        lambda s: s["predicate"].pop("expires"),
        lambda s: s["predicate"].update(expires="SECRET"),
        lambda s: s.update(predicateType="x"),
        lambda s: s["predicate"].update(reason=7),
    ],
)
def test_a_malformed_statement_is_refused_without_quoting_it(cast: Cast, change: Any) -> None:
    raw = restated(cast, cast.vote(request(), "ana"), "ana", change)
    with pytest.raises(IntegrityError) as caught:
        open_vote(raw, request=request(), roles=cast.signed(), where="f")
    assert "SECRET" not in caught.value.message


def test_two_signatures_in_one_file_are_refused(cast: Cast) -> None:
    raw = cast.vote(request(), "ana")
    payload = base64.b64decode(json.loads(raw)["payload"])
    both = dsse_sign(payload, PAYLOAD_TYPE, [cast.keys["ana"], cast.keys["bo"]])
    with pytest.raises(IntegrityError, match="one signature"):
        open_vote(canonical_json(both) + b"\n", request=request(), roles=cast.signed(), where="f")


def test_who_left_the_roles_before_signing_is_refused(cast: Cast) -> None:
    gone = (cast.person("ana", expires="2026-02-01T00:00:00+00:00"), cast.person("bo"))
    with pytest.raises(IntegrityError, match="had ended"):
        open_vote(
            cast.vote(request(), "ana"),
            request=request(),
            roles=cast.signed(people=gone),
            where="f",
        )


def test_nobody_signs_beyond_their_powers(cast: Cast) -> None:
    for name, decision, more in (
        ("dee", "approve", {}),
        ("ops", "approve", {}),
        ("bo", "waive", {"rule": "release.rules.max_auc"}),
        ("ana", "waive", {}),
        ("ana", "waive", {"rule": "privacy.noise"}),
        ("ana", "approve", {"rule": "release.rules.max_auc"}),
        ("ana", "approve", {"reason": " "}),
        ("ana", "approve", {"reason": "two\nlines"}),
        ("ana", "approve", {"days": 0}),
    ):
        with pytest.raises(UsageError):
            cast.vote(request(), name, decision, **more)  # type: ignore[arg-type]


def test_a_request_reads_back_and_a_changed_one_is_refused() -> None:
    raw = request().to_bytes()
    assert Request.from_bytes(raw, where="r") == request()
    for bad in (b"{}", b"[]", raw[:-1], raw.replace(b'"needed":2', b'"needed": 2')):
        with pytest.raises(IntegrityError):
            Request.from_bytes(bad, where="r")


def test_times_are_compared_in_utc(cast: Cast) -> None:
    late = cast.vote(request(), "ana", signed=datetime(2026, 5, 4, 12, tzinfo=UTC))
    assert open_vote(late, request=request(), roles=cast.signed(), where="f").signed == (
        NOW.isoformat(timespec="seconds")
    )


def test_the_command_offers_every_vote_and_role() -> None:
    from typing import get_args

    from appliance.cli.approve_cmd import ROLES, VOTES
    from appliance.evidence import Role, Vote

    assert get_args(Vote) == VOTES
    assert get_args(Role) == ROLES
