"""The list of roles: strict, signed by its root, never older than known."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from appliance.crypto.signing import SigningKey
from appliance.crypto.unlock import Unlock
from appliance.errors import ApplianceError, IntegrityError, PolicyError, UsageError
from appliance.people.roles import open_roles, parse_draft, sign_roles
from appliance.people.store import adopt, adopted
from appliance.workspace import Home
from tests.unit.people.cast import NOW, Cast


@pytest.fixture(scope="module")
def cast() -> Cast:
    return Cast()


def draft(cast: Cast, **changes: Any) -> dict[str, Any]:
    return json.loads(cast.roles().model_dump_json()) | changes


def test_a_signed_list_opens_and_knows_its_people(cast: Cast) -> None:
    signed = cast.signed()
    holder = signed.holder(cast.keys["ana"].key_id)
    assert holder is not None
    assert holder.name == "ana"
    assert signed.holder(SigningKey.generate().key_id) is None
    assert signed.operators([]) == ["ops"]


def test_who_runs_under_an_account_operates(cast: Cast) -> None:
    people = (cast.person("ana", accounts=(1001,)), cast.person("bo"))
    assert cast.signed(people=people).operators([1001, 0]) == ["ana"]


def test_any_flipped_byte_is_refused(cast: Cast) -> None:
    raw = sign_roles(cast.roles(), [cast.root])
    for position in range(0, len(raw), 7):
        changed = bytearray(raw)
        changed[position] ^= 1
        with pytest.raises(IntegrityError):
            open_roles(bytes(changed), roots=[cast.root.public], where="roles.json")


def test_another_root_is_refused(cast: Cast) -> None:
    raw = sign_roles(cast.roles(), [SigningKey.generate()])
    with pytest.raises(IntegrityError, match="signed by 0"):
        open_roles(raw, roots=[cast.root.public], where="roles.json")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda d: d["people"][0].update(roles=["operator", "approver"]), "another role too"),
        (lambda d: d["people"][1].update(name="ana"), "stands twice"),
        (lambda d: d["people"][1].update(keys=d["people"][0]["keys"]), "belongs to two"),
        (lambda d: d["people"][0].update(keys=["SECRET-PEM"]), "not a P-384"),
        (lambda d: d["people"][0].update(roles=["king"]), "people.0.roles.0"),
        (lambda d: d.update(expires="SECRET-TIME"), "a time with its offset"),
        (lambda d: d.update(expires="2025-01-01T00:00:00+00:00"), "ends before"),
        (lambda d: d.update(version=0), "version"),
        (lambda d: d.update(extra=1), "extra"),
    ],
)
def test_a_draft_that_is_wrong_is_refused_by_field_and_never_quoted(
    cast: Cast, change: Any, said: str
) -> None:
    body = draft(cast)
    change(body)
    with pytest.raises(PolicyError) as caught:
        parse_draft(json.dumps(body).encode(), where="draft.json")
    assert said in caught.value.message
    assert "SECRET" not in caught.value.message


@pytest.fixture(scope="module")
def vacant(tmp_path_factory: pytest.TempPathFactory) -> Path:
    key = tmp_path_factory.mktemp("key") / "key"
    key.write_bytes(bytes(range(32)))
    home = key.parent / "home"
    Home.init(home, Unlock(key_file=key)).close()
    return home


@pytest.fixture
def home(vacant: Path, tmp_path: Path) -> Any:
    import shutil

    shutil.copytree(vacant, tmp_path / "home")
    with Home.open(
        tmp_path / "home", Unlock(key_file=vacant.parent / "key"), exclusive=True
    ) as opened:
        yield opened


def take(home: Home, cast: Cast, **changes: Any) -> None:
    raw = sign_roles(cast.roles(**changes), [cast.root])
    adopt(home, raw, root=cast.root.public, now=NOW, where="roles.json")


def test_an_adopted_list_is_found_again(home: Home, cast: Cast) -> None:
    assert adopted(home) is None
    take(home, cast)
    known = adopted(home)
    assert known is not None
    assert known.signed.roles.version == 1
    assert known.root.key_id == cast.root.key_id


def test_an_older_list_and_another_of_the_same_version_are_refused(home: Home, cast: Cast) -> None:
    take(home, cast, version=3)
    with pytest.raises(IntegrityError, match="older list"):
        take(home, cast, version=2)
    with pytest.raises(IntegrityError, match="same version"):
        take(home, cast, version=3, people=(cast.person("ana"),))
    take(home, cast, version=3)  # the same list, signed anew
    take(home, cast, version=4)


def test_a_list_of_another_root_needs_the_old_roots_signature_too(home: Home, cast: Cast) -> None:
    take(home, cast)
    heir = SigningKey.generate()
    alone = sign_roles(cast.roles(version=2), [heir])
    with pytest.raises(IntegrityError, match="signed by 1"):
        adopt(home, alone, root=heir.public, now=NOW, where="roles.json")
    both = sign_roles(cast.roles(version=2), [heir, cast.root])
    adopt(home, both, root=heir.public, now=NOW, where="roles.json")
    known = adopted(home)
    assert known is not None
    assert known.root.key_id == heir.key_id


def test_the_release_key_is_the_first_root_when_none_is_given(home: Home, cast: Cast) -> None:
    with pytest.raises(IntegrityError):
        adopt(home, sign_roles(cast.roles(), [cast.root]), root=None, now=NOW, where="r")
    adopt(home, sign_roles(cast.roles(), [home.signing_key()]), root=None, now=NOW, where="r")


def test_a_list_that_is_not_in_force_is_not_adopted(home: Home, cast: Cast) -> None:
    for now in (datetime(2025, 1, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC)):
        with pytest.raises(UsageError, match="not in force"):
            adopt(
                home,
                sign_roles(cast.roles(), [cast.root]),
                root=cast.root.public,
                now=now,
                where="r",
            )


def test_a_list_put_back_in_the_vault_is_seen_by_the_log(home: Home, cast: Cast) -> None:
    take(home, cast, version=1)
    before = home.vault.read_bytes("people/roles.json")
    take(home, cast, version=2)
    home.vault.write_bytes("people/roles.json", before)
    with pytest.raises(ApplianceError, match="older than the audit log"):
        adopted(home)
