"""Read a policy file: YAML 1.2, duplicate keys and aliases refused, `extends` merged.

PyYAML is YAML 1.1 and reads `1e-5` as a string and `NO` as false; both are values we use.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import (
    AliasEvent,
    CollectionEndEvent,
    CollectionStartEvent,
    ScalarEvent,
)

from appliance.crypto.canonical import canonical_json, digest_bytes
from appliance.errors import PolicyError
from appliance.policy.model import Policy

MAX_POLICY_BYTES = 128 * 1024
MAX_DEPTH = 8  # of `extends`
MAX_NESTING = 16  # of mappings and lists: the reader's time grows with the square of it
#: Largest integer that JSON keeps exactly.
_MAX_INTEGER = 2**53

#: Dotted field -> the file and line that set it.
_Lines = dict[str, tuple[Path, int]]


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedPolicy:
    """A policy, resolved, with its digest.

    Attributes:
        policy: the validated model.
        digest: "sha256:<hex>" of the canonical JSON of all resolved values.
        path: the file it was read from.
    """

    policy: Policy
    digest: str
    path: Path


def shipped_policies() -> Path:
    """Return the directory of the policies that ship with the appliance."""
    package = Path(__file__).parent.parent
    inside = package / "policies"
    return inside if inside.is_dir() else package.parent / "policies"


def load_policy(path: Path) -> LoadedPolicy:
    """Read, merge and validate a policy.

    Args:
        path: a YAML file, or the bare name of a shipped policy ("hipaa").

    Raises:
        PolicyError: the file is missing, not YAML, or not a valid policy; names file and field.
    """
    path = _resolve(path)
    values, lines = _merged(path, depth=0)
    try:
        policy = Policy.model_validate_json(canonical_json(values))
    except ValidationError as error:
        raise _as_policy_error(path, error, values, lines) from None
    return LoadedPolicy(policy=policy, digest=policy_digest(policy), path=path)


def policy_digest(policy: Policy) -> str:
    """Return "sha256:<hex>" over the canonical JSON of the resolved policy."""
    return digest_bytes(canonical_json(policy.model_dump(mode="json")))


def _resolve(path: Path, *, asked_by: str = "") -> Path:
    where = asked_by or str(path)
    if _is_file(path):
        return path
    shipped = shipped_policies() / f"{path.name.removesuffix('.yaml')}.yaml"
    if len(path.parts) == 1 and _is_file(shipped):
        return shipped
    names = ", ".join(sorted(p.name for p in shipped_policies().glob("*.yaml")))
    raise PolicyError(where, f"no such file; shipped policies: {names}", hint="ls policies")


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # a name too long, a folder that may not be entered
        return False


def _merged(path: Path, *, depth: int) -> tuple[dict[str, Any], _Lines]:
    hint = f"appliance policy check {path}"
    if depth > MAX_DEPTH:
        raise PolicyError(f"{path}: extends", f"more than {MAX_DEPTH} levels", hint=hint)
    values = _read_yaml(path)
    lines: _Lines = {}
    plain = _Plainer(path, lines).mapping(values, "")
    parent = plain.pop("extends", None)
    if parent is None:
        return plain, lines
    where = f"{path}: line {lines['extends'][1]}: extends"
    if not isinstance(parent, str) or not parent:
        raise PolicyError(where, "expected the name of a policy file", hint="ls policies")
    beside = path.parent / parent
    base_path = beside if _is_file(beside) else _resolve(Path(parent), asked_by=where)
    base, base_lines = _merged(base_path, depth=depth + 1)
    return _overlay(base, plain), {**base_lines, **lines}


def _overlay(base: dict[str, Any], top: dict[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in top.items():
        below = merged.get(key)
        merged[key] = (
            _overlay(below, value) if isinstance(below, dict) and isinstance(value, dict) else value
        )
    return merged


def _read_yaml(path: Path) -> dict[Any, Any]:
    hint = f"appliance policy check {path}"
    try:
        with path.open("rb") as source:
            raw = source.read(MAX_POLICY_BYTES + 1)
        text = raw[:MAX_POLICY_BYTES].decode("utf-8-sig")
    except OSError as error:
        raise PolicyError(str(path), f"cannot be read ({error.strerror})", hint=hint) from None
    except UnicodeDecodeError:
        raise PolicyError(str(path), "is not UTF-8 text", hint=hint) from None
    if len(raw) > MAX_POLICY_BYTES:
        raise PolicyError(str(path), f"is over {MAX_POLICY_BYTES} bytes", hint=hint)
    try:
        _check_events(path, text)
        # The round-trip loader keeps line numbers; it refuses duplicate keys as the safe one does.
        values = YAML(typ="rt", pure=True).load(text)
    except MarkedYAMLError as error:
        line = (error.problem_mark.line + 1) if error.problem_mark is not None else 0
        what = "duplicate key" if "duplicate key" in str(error.problem) else "is not valid YAML"
        raise PolicyError(f"{path}: line {line}", what, hint=hint) from None
    except (YAMLError, RecursionError, ValueError, TypeError, AttributeError, KeyError):
        # ruamel raises plain exceptions too on hostile text, e.g. of a date that does not exist.
        raise PolicyError(str(path), "is not valid YAML", hint=hint) from None
    if not isinstance(values, dict):
        raise PolicyError(str(path), "expected a mapping of sections", hint=hint)
    return values


def _check_events(path: Path, text: str) -> None:
    """Refuse what a policy never needs, before anything is built from it."""
    depth = 0
    for event in YAML(typ="safe", pure=True).parse(text):
        what = ""
        if isinstance(event, CollectionStartEvent):
            depth += 1
            what = f"nested more than {MAX_NESTING} levels" if depth > MAX_NESTING else ""
        elif isinstance(event, CollectionEndEvent):
            depth -= 1
        if isinstance(event, AliasEvent):
            what = "aliases are not allowed"
        elif isinstance(event, ScalarEvent) and event.value == "<<" and event.style is None:
            what = "merge keys are not allowed"
        elif getattr(event, "ctag", None) is not None:
            what = "tags are not allowed"
        if what:
            line = event.start_mark.line + 1
            raise PolicyError(
                f"{path}: line {line}", what, hint=f"appliance policy check {path}"
            ) from None


class _Plainer:
    """Turns ruamel's round-trip types into plain JSON values, and notes the line of every key."""

    def __init__(self, path: Path, lines: _Lines) -> None:
        self._path = path
        self._lines = lines

    def mapping(self, values: dict[Any, Any], prefix: str) -> dict[str, Any]:
        plain: dict[str, Any] = {}
        for key, value in values.items():
            line = self._line(values, key)
            if not isinstance(key, str | int) or isinstance(key, bool):
                raise self._refused(f"line {line}", "expected a key that is text")
            name = f"{prefix}{key}"
            self._lines[name] = (self._path, line)
            if str(key) in plain:
                raise self._refused(f"line {line}: {name}", "duplicate key")
            plain[str(key)] = self._value(value, name)
        return plain

    def _value(self, value: Any, name: str) -> Any:  # noqa: ANN401  YAML holds any JSON value
        if isinstance(value, dict):
            return self.mapping(value, f"{name}.")
        if isinstance(value, list | tuple):
            return [self._value(v, name) for v in value]
        if value is None or isinstance(value, bool):
            return value
        if isinstance(value, int):
            if abs(value) > _MAX_INTEGER:
                raise self._unfit(name, "input should be an integer of at most 2^53")
            return int(value)
        if isinstance(value, float):
            if not math.isfinite(value):
                raise self._unfit(name, "input should be a finite number")
            return float(value)
        text = str(value)
        if not text.isascii() and any("\ud800" <= c <= "\udfff" for c in text):
            raise self._unfit(name, "input should be text without lone surrogates")
        return text

    def _unfit(self, name: str, what: str) -> PolicyError:
        line = self._lines[name][1]
        return PolicyError(
            f"{self._path}: line {line}: {name}", what, hint=f"appliance policy explain {name}"
        )

    def _refused(self, place: str, what: str) -> PolicyError:
        return PolicyError(
            f"{self._path}: {place}", what, hint=f"appliance policy check {self._path}"
        )

    def _line(self, values: Any, key: Any) -> int:  # noqa: ANN401  ruamel is untyped
        positions = getattr(getattr(values, "lc", None), "data", None) or {}
        return int(positions[key][0]) + 1 if key in positions else 0


def _as_policy_error(
    path: Path, error: ValidationError, values: dict[str, Any], lines: _Lines
) -> PolicyError:
    first = error.errors(include_input=False, include_url=False, include_context=False)[0]
    parts = _written(first["loc"], values, first["type"])
    field = ".".join(parts) or "policy"
    known = next((lines[name] for name in _prefixes(parts) if name in lines), None)
    where = f"{path}: {field}" if known is None else f"{known[0]}: line {known[1]}: {field}"
    what = first["msg"].removeprefix("Value error, ")
    more = error.error_count() - 1
    if first["type"] == "extra_forbidden":
        what = "unknown key"
        parts = parts[:-1]
    what = (what[:1].lower() + what[1:]).rstrip(".")
    if more:
        what += f" (and {more} more)"
    return PolicyError(where, what, hint=f"appliance policy explain {'.'.join(parts)}".rstrip())


def _written(loc: tuple[int | str, ...], values: Any, kind: str) -> list[str]:  # noqa: ANN401
    """Return the part of a location that the file has: pydantic adds the names of union members."""
    parts: list[str] = []
    for part in loc:
        if isinstance(values, dict) and str(part) in values:
            values = values[str(part)]
        elif isinstance(values, list) and isinstance(part, int) and part < len(values):
            values = values[part]
        elif kind == "missing" and part == loc[-1]:
            pass
        else:
            break
        parts.append(str(part))
    return parts


def _prefixes(parts: list[str]) -> list[str]:
    return [".".join(parts[:n]) for n in range(len(parts), 0, -1)]
