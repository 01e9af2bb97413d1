"""Every knob explains itself, and the schema an editor uses agrees with the loader."""

from __future__ import annotations

from pathlib import Path

import jsonschema
import pytest
from ruamel.yaml import YAML

from appliance.errors import PolicyError
from appliance.policy import Explanation, explain, policy_schema, shipped_policies

EVERY = explain()
SHIPPED = sorted(shipped_policies().rglob("*.yaml"))


@pytest.mark.parametrize("knob", EVERY, ids=lambda k: k.field)
def test_every_knob_has_a_description_and_a_type_in_plain_words(knob: Explanation) -> None:
    assert knob.description.endswith("."), knob.field
    for code in ("FieldInfo", "Annotated", "typing", "NoneType", "Union", "Literal", "PydanticU"):
        assert code not in knob.type + knob.default


def test_one_knob_tells_type_bounds_and_default() -> None:
    (knob,) = explain("privacy.target_delta")
    assert knob.type == "number (> 0, < 1) | null"
    assert knob.default == "absent"
    (switch,) = explain("release.rules.require_dp")
    assert (switch.type, switch.default) == ("true | false", "true")


def test_a_section_explains_all_below_it() -> None:
    fields = [k.field for k in explain("audit.canaries")]
    assert fields[0] == "audit.canaries"
    assert "audit.canaries.newtok" in fields


@pytest.mark.parametrize(
    ("field", "holder"),
    [
        ("deidentify.entities.US_SSN", "deidentify.entities"),
        ("deidentify.columns.name.action", "deidentify.columns"),
        ("audit.canaries.repeats.4", "audit.canaries.repeats"),
        ("data.languages.0", "data.languages"),
    ],
)
def test_a_key_of_a_mapping_is_explained_by_its_knob(field: str, holder: str) -> None:
    assert [k.field for k in explain(field)] == [holder]


@pytest.mark.parametrize("field", ["privacy.epsilon", "nothing", "privacy.target_epsilon.x", "."])
def test_an_unknown_knob_is_refused(field: str) -> None:
    with pytest.raises(PolicyError) as caught:
        explain(field)
    assert caught.value.exit_code == 3


def test_the_schema_is_a_valid_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(policy_schema())


@pytest.mark.parametrize("path", SHIPPED, ids=lambda p: p.stem)
def test_shipped_policies_satisfy_the_schema(path: Path) -> None:
    values = YAML(typ="safe", pure=True).load(path.read_text(encoding="utf-8"))
    jsonschema.validate(values, policy_schema(), cls=jsonschema.Draft202012Validator)


def test_the_schema_refuses_an_unknown_key() -> None:
    values = {"name": "x", "extends": "hipaa", "privacy": {"wrong": 1}}
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(values, policy_schema(), cls=jsonschema.Draft202012Validator)


def test_the_schema_refuses_a_file_that_neither_extends_nor_says_all() -> None:
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"name": "x"}, policy_schema(), cls=jsonschema.Draft202012Validator)
