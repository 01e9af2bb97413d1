"""Say what a knob does, from its own field description; export the JSON Schema."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from appliance.errors import PolicyError
from appliance.policy.model import Policy

_WORDS: dict[Any, str] = {
    str: "text",
    int: "integer",
    float: "number",
    bool: "true | false",
    NoneType: "null",
}
_SIGNS = {"gt": ">", "ge": ">=", "lt": "<", "le": "<="}


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """One knob: its dotted name, type, default and meaning."""

    field: str
    type: str
    default: str
    description: str


def explain(field: str = "") -> list[Explanation]:
    """Explain one knob, or all knobs below a section.

    Args:
        field: dotted name, e.g. "privacy.target_epsilon"; "" explains the whole policy.

    Raises:
        PolicyError: there is no such knob.
    """
    every = _walk(Policy, "")
    if not field:
        return every
    found = [e for e in every if e.field == field or e.field.startswith(f"{field}.")]
    if not found:
        # A key of a mapping, or an item of a list: the knob that holds it explains it.
        holders = {e.field: e for e in every if "list of" in e.type or "mapping of" in e.type}
        parts = field.split(".")
        above = [".".join(parts[:n]) for n in range(len(parts) - 1, 0, -1)]
        found = [holders[name] for name in above if name in holders][:1]
    if not found:
        raise PolicyError(field, "no such knob in the policy", hint="appliance policy explain")
    return found


def policy_schema() -> dict[str, Any]:
    """Return the JSON Schema of a policy file (with `extends`), for editors."""
    schema = Policy.model_json_schema()
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    schema["title"] = "Appliance policy"
    schema["properties"]["extends"] = {
        "type": "string",
        "description": "Another policy file, or a shipped one by name, that this one changes.",
    }
    # A file that extends another may leave anything to it.
    schema["anyOf"] = [{"required": ["extends"]}, {"required": schema.pop("required")}]
    return schema


def _walk(model: type[BaseModel], prefix: str) -> list[Explanation]:
    rows: list[Explanation] = []
    for name, info in model.model_fields.items():
        dotted = f"{prefix}{name}"
        nested = _nested(info)
        rows.append(
            Explanation(
                field=dotted,
                type="section" if nested else _type_name(info),
                default="" if nested else _default(info),
                description=info.description or "",
            )
        )
        inner = nested or next(_models(info.annotation), None)
        if inner:
            rows.extend(_walk(inner, f"{dotted}."))
    return rows


def _models(annotation: Any) -> Iterator[type[BaseModel]]:  # noqa: ANN401  any type annotation
    """Find the groups of knobs inside a list, a mapping or a choice."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in get_args(annotation):
        yield from _models(inner)


def _nested(info: FieldInfo) -> type[BaseModel] | None:
    annotation = info.annotation
    return (
        annotation if isinstance(annotation, type) and issubclass(annotation, BaseModel) else None
    )


def _default(info: FieldInfo) -> str:
    if info.is_required():
        return "required"
    value = info.get_default(call_default_factory=True)
    if value is None:
        return "absent"
    return value if isinstance(value, str) else json.dumps(value)


def _type_name(info: FieldInfo) -> str:
    return _name(info.annotation) + _bounds(info.metadata)


def _name(annotation: Any) -> str:  # noqa: ANN401  any type annotation
    """Say a type in the words of the policy file."""
    origin, inner = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        bounds = [m for i in inner[1:] for m in (i.metadata if isinstance(i, FieldInfo) else [i])]
        return _name(inner[0]) + _bounds(bounds)
    if origin is Literal:
        return " | ".join(str(v) for v in inner)
    if origin in (Union, UnionType):
        return " | ".join(_name(i) for i in inner)
    if origin is tuple:
        return f"list of {_name(inner[0])}"
    if origin is dict:
        return f"mapping of {_name(inner[0])} to {_name(inner[1])}"
    return _WORDS.get(annotation, getattr(annotation, "__name__", str(annotation)))


def _bounds(metadata: Iterable[Any]) -> str:
    found = [
        f"{sign} {getattr(m, name):g}"
        for m in metadata
        for name, sign in _SIGNS.items()
        if getattr(m, name, None) is not None
    ]
    return f" ({', '.join(found)})" if found else ""
