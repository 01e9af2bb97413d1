"""Say what a knob does, from its own field description; export the JSON Schema."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, get_args

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from appliance.errors import PolicyError
from appliance.policy.model import Policy


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
    if not found and field.startswith("deidentify.entities."):
        found = [e for e in every if e.field == "deidentify.entities"]
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
    # A file that extends another may leave any section to it.
    schema["required"] = ["name", "version", "regulation"]
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
        if nested:
            rows.extend(_walk(nested, f"{dotted}."))
    return rows


def _nested(info: FieldInfo) -> type[BaseModel] | None:
    annotation = info.annotation
    return (
        annotation if isinstance(annotation, type) and issubclass(annotation, BaseModel) else None
    )


def _default(info: FieldInfo) -> str:
    if info.is_required():
        return "required"
    value = info.get_default(call_default_factory=True)
    return "absent" if value is None else str(value)


def _type_name(info: FieldInfo) -> str:
    annotation = info.annotation
    if annotation is None:
        return "null"
    if isinstance(annotation, type) and not get_args(annotation):
        name = annotation.__name__
    else:
        name = str(annotation).replace("typing.", "").replace("NoneType", "null")
    bounds = [
        str(m).split("(", 1)[-1].rstrip(")")
        for m in info.metadata
        if type(m).__name__ in {"Gt", "Ge", "Lt", "Le"}
    ]
    return f"{name} ({', '.join(bounds)})" if bounds else name
