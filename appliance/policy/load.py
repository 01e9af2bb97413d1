"""Read a policy file: YAML 1.2, duplicate keys and aliases refused, `extends` merged.

PyYAML is YAML 1.1 and reads `1e-5` as a string and `NO` as false; both are values we use.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import AliasEvent

from appliance.crypto.canonical import canonical_json, digest_bytes
from appliance.errors import PolicyError
from appliance.policy.model import Policy

MAX_POLICY_BYTES = 1024 * 1024
MAX_DEPTH = 8  # of `extends`


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
        raise _as_policy_error(path, error, lines) from None
    except ValueError:
        raise PolicyError(
            str(path), "a value cannot be written as JSON", hint=f"appliance policy check {path}"
        ) from None
    return LoadedPolicy(policy=policy, digest=policy_digest(policy), path=path)


def policy_digest(policy: Policy) -> str:
    """Return "sha256:<hex>" over the canonical JSON of the resolved policy."""
    return digest_bytes(canonical_json(policy.model_dump(mode="json")))


def _resolve(path: Path) -> Path:
    if path.is_file():
        return path
    shipped = shipped_policies() / f"{path.name.removesuffix('.yaml')}.yaml"
    if len(path.parts) == 1 and shipped.is_file():
        return shipped
    if path.is_dir():
        raise PolicyError(str(path), "is a directory, expected a YAML file", hint="ls policies")
    names = ", ".join(sorted(p.name for p in shipped_policies().glob("*.yaml")))
    raise PolicyError(str(path), f"no such file; shipped policies: {names}", hint="ls policies")


def _merged(path: Path, *, depth: int) -> tuple[dict[str, Any], dict[str, int]]:
    if depth > MAX_DEPTH:
        hint = f"appliance policy check {path}"
        raise PolicyError(f"{path}: extends", f"more than {MAX_DEPTH} levels", hint=hint)
    values = _read_yaml(path)
    lines = _key_lines(values)
    plain = _plain(values)
    parent = plain.pop("extends", None)
    if parent is None:
        return plain, lines
    if not isinstance(parent, str):
        raise PolicyError(
            f"{path}: extends", "expected the name of a policy file", hint="ls policies"
        )
    base_path = path.parent / parent
    base, _ = _merged(base_path if base_path.is_file() else _resolve(Path(parent)), depth=depth + 1)
    return _overlay(base, plain), lines


def _overlay(base: dict[str, Any], top: dict[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in top.items():
        below = merged.get(key)
        merged[key] = (
            _overlay(below, value) if isinstance(below, dict) and isinstance(value, dict) else value
        )
    return merged


def _read_yaml(path: Path) -> dict[str, Any]:
    hint = f"appliance policy check {path}"
    try:
        raw = path.read_bytes()
        text = raw.decode("utf-8")
    except OSError as error:
        raise PolicyError(str(path), f"cannot be read ({error.strerror})", hint=hint) from None
    except UnicodeDecodeError:
        raise PolicyError(str(path), "is not UTF-8 text", hint=hint) from None
    if len(raw) > MAX_POLICY_BYTES:
        raise PolicyError(str(path), f"is over {MAX_POLICY_BYTES} bytes", hint=hint)
    try:
        for event in YAML(typ="safe", pure=True).parse(text):
            if isinstance(event, AliasEvent):
                line = event.start_mark.line + 1
                raise PolicyError(f"{path}: line {line}", "aliases are not allowed", hint=hint)
        # The round-trip loader keeps line numbers; it refuses duplicate keys as the safe one does.
        values = YAML(typ="rt", pure=True).load(text)
    except MarkedYAMLError as error:
        line = (error.problem_mark.line + 1) if error.problem_mark is not None else 0
        what = "duplicate key" if "duplicate key" in str(error.problem) else "is not valid YAML"
        raise PolicyError(f"{path}: line {line}", what, hint=hint) from None
    except (YAMLError, RecursionError, ValueError):
        raise PolicyError(str(path), "is not valid YAML", hint=hint) from None
    if not isinstance(values, dict):
        raise PolicyError(str(path), "expected a mapping of sections", hint=hint)
    return values


def _plain(value: Any) -> Any:  # noqa: ANN401  YAML holds any JSON value
    """Turn ruamel's round-trip types into plain ones."""
    if isinstance(value, dict):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    if isinstance(value, bool) or value is None:
        return bool(value) if value is not None else None
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return float(value)
    return str(value)


def _key_lines(values: Any, prefix: str = "") -> dict[str, int]:  # noqa: ANN401
    lines: dict[str, int] = {}
    if not isinstance(values, dict):
        return lines
    for key, value in values.items():
        name = f"{prefix}{key}"
        position = getattr(values, "lc", None)
        if position is not None and position.data and key in position.data:
            lines[name] = position.data[key][0] + 1
        lines.update(_key_lines(value, f"{name}."))
    return lines


def _as_policy_error(path: Path, error: ValidationError, lines: dict[str, int]) -> PolicyError:
    first = error.errors(include_input=False, include_url=False, include_context=False)[0]
    field = ".".join(str(part) for part in first["loc"]) or "policy"
    line = next(
        (lines[name] for name in _prefixes(field) if name in lines),
        None,
    )
    where = f"{path}: {field}" if line is None else f"{path}: line {line}: {field}"
    what = first["msg"].removeprefix("Value error, ")
    more = error.error_count() - 1
    if first["type"] == "extra_forbidden":
        what = "unknown key"
    what = (what[:1].lower() + what[1:]).rstrip(".")
    if more:
        what += f" (and {more} more)"
    known = field if first["type"] != "extra_forbidden" else field.rpartition(".")[0]
    return PolicyError(where, what, hint=f"appliance policy explain {known}".rstrip())


def _prefixes(field: str) -> list[str]:
    parts = field.split(".")
    return [".".join(parts[:n]) for n in range(len(parts), 0, -1)]
