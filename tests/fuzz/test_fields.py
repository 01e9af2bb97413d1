"""A wrong value in any field of a JSON format is refused or read: never a bug.

Bytes at random seldom stay JSON. Here each value of a sound file, however deep, is replaced by
every odd one, left out, doubled, or given a stranger beside it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from appliance.crypto.signer_file import make_signer, read_signer
from appliance.crypto.signing import SigningKey
from appliance.crypto.unlock import Unlock
from appliance.errors import ApplianceError
from appliance.people.roles import open_roles, parse_draft
from appliance.people.votes import Request, open_vote
from appliance.release.model_sig import open_signature, sign_files
from appliance.report.json import parse_report, report_bytes
from appliance.workspace.destruction import read_receipt
from tests.fuzz.targets import TARGETS, _key_file, seeds
from tests.unit.people.cast import Cast, request
from tests.unit.report import sample_report

ODD: list[Any] = [
    None, True, 0, -1, 2**70, 1.5, "", "x", "\ud800", "\0", "=", [], [[]], {}, {"": []}, ["x"] * 3,
]  # fmt: skip
#: Written by hand: Python's encoder has no way to say them.
SPELLED = ["NaN", "1e999", "-0", "1" * 5000, '"' + "A" * 100_000 + '"', "[" * 5000 + "]" * 5000]
_HOLE = "\u0001hole\u0001"


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the path of every value in a document, itself included."""
    yield path
    if isinstance(value, (dict, list)):
        for key, item in value.items() if isinstance(value, dict) else enumerate(value):
            yield from places(item, (*path, key))


def put(document: Any, path: tuple[Any, ...], value: Any) -> Any:
    """Return a copy in which one place holds another value."""
    if not path:
        return value
    copy = dict(document) if isinstance(document, dict) else list(document)
    copy[path[0]] = put(copy[path[0]], path[1:], value)
    return copy


def at(document: Any, path: tuple[Any, ...]) -> Any:
    """Return the value at a place."""
    return at(document[path[0]], path[1:]) if path else document


def changed(document: Any) -> Iterator[bytes]:
    """Yield every change of a document."""
    for path in places(document):
        for odd in ODD:
            yield _bytes(put(document, path, odd))
        for text in SPELLED:
            yield _bytes(put(document, path, _HOLE)).replace(
                json.dumps(_HOLE).encode(), text.encode()
            )
        inner = at(document, path)
        if isinstance(inner, dict):
            yield _bytes(put(document, path, {**inner, "stranger": 1}))
            for key in inner:
                yield _bytes(put(document, path, {k: v for k, v in inner.items() if k != key}))
        if isinstance(inner, list):
            yield _bytes(put(document, path, inner * 2))


def _bytes(document: Any) -> bytes:
    text = json.dumps(document, separators=(",", ":"), sort_keys=True, ensure_ascii=True)
    return text.encode()


CAST = Cast()
KEY = SigningKey.generate()


def _signer_seed(folder: Path) -> bytes:
    make_signer(folder / "signer.key", Unlock(key_file=_key_file()))
    return (folder / "signer.key").read_bytes()


def _file(read: Callable[[Path], object], folder: Path) -> Callable[[bytes], object]:
    def reader(data: bytes) -> object:
        (folder / "hostile").write_bytes(data)
        return read(folder / "hostile")

    return reader


def _formats(folder: Path) -> dict[str, tuple[bytes, Callable[[bytes], object]]]:
    """Each format: a sound file, and what reads it."""
    roles, ask = CAST.signed(), request()
    return {
        "roles": (
            roles.envelope,
            lambda raw: open_roles(raw, roots=[CAST.root.public], where="roles.json"),
        ),
        "draft": (
            CAST.roles().model_dump_json().encode(),
            lambda raw: parse_draft(raw, where="draft.json"),
        ),
        "vote": (
            CAST.vote(ask, "ana"),
            lambda raw: open_vote(raw, request=ask, roles=roles, where="vote.json"),
        ),
        "request": (ask.to_bytes(), lambda raw: Request.from_bytes(raw, where="request.json")),
        "signer": (_signer_seed(folder), _file(read_signer, folder)),
        "signature": (
            sign_files({"a": "sha256:" + "a" * 64}, name="m", key=KEY),
            lambda raw: open_signature(raw, key=KEY.public, where="model.sig"),
        ),
        "receipt": (seeds("envelope")[0], _file(lambda p: read_receipt(p, KEY.public), folder)),
        "slots": (seeds("slots")[0], TARGETS["slots"]),
        "vault keys": (seeds("vault_keys")[0], TARGETS["vault_keys"]),
        "manifest": (
            seeds("manifest")[0].splitlines()[0],
            lambda b: TARGETS["manifest"](b + b"\n"),
        ),
        "event": (
            seeds("log")[0].partition(b"\0")[0].splitlines()[0],
            lambda line: TARGETS["log"](line + b"\n\0"),
        ),
        "checkpoint": (
            seeds("log")[0].partition(b"\0")[2].splitlines()[0],
            lambda line: TARGETS["log"](b"\0" + line + b"\n"),
        ),
        "envelope": (seeds("envelope")[0], TARGETS["envelope"]),
    }


NAMES = [
    "roles", "draft", "vote", "request", "signer", "signature", "receipt", "slots", "vault keys",
    "manifest", "event", "checkpoint", "envelope",
]  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_a_wrong_value_in_any_field_is_no_bug(name: str, tmp_path: Path) -> None:
    seed, read = _formats(tmp_path)[name]
    count = 0
    for hostile in changed(json.loads(seed)):
        count += 1
        try:
            read(hostile)
        except ApplianceError:
            continue
        except Exception as e:  # noqa: BLE001 - that is the test
            pytest.fail(f"{type(e).__name__} from {hostile[:300]!r}")
    assert count > 20


def test_every_format_is_tried(tmp_path: Path) -> None:
    assert sorted(_formats(tmp_path)) == sorted(NAMES)


def test_a_wrong_value_in_the_report_is_no_bug() -> None:
    """Each value once, by one odd value in turn: it has hundreds of fields."""
    document = json.loads(report_bytes(sample_report.released_report()))
    for number, path in enumerate(places(document)):
        hostile = _bytes(put(document, path, ODD[number % len(ODD)]))
        try:
            parse_report(hostile, where="report.json")
        except ApplianceError:
            continue
        except Exception as e:  # noqa: BLE001 - that is the test
            pytest.fail(f"{type(e).__name__} at {path}")
