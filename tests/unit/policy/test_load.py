"""Reading a policy: hostile and careless files are refused by file, line and field, values unseen."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from appliance.errors import PolicyError
from appliance.policy import explain, load_policy, policy_digest
from appliance.policy.load import MAX_DEPTH, MAX_POLICY_BYTES

HEAD = 'name: x\nversion: "1"\nregulation: test\nextends: hipaa\n'
#: A rejected value; no message may hold it.
MARKER = "Zq7xv-MARKER"
Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def _write(body: str | bytes, name: str = "p.yaml", *, head: str = HEAD) -> Path:
        path = tmp_path / name
        path.write_bytes(body if isinstance(body, bytes) else (head + body).encode())
        return path

    return _write


def refused(path: Path) -> PolicyError:
    with pytest.raises(PolicyError) as caught:
        load_policy(path)
    error = caught.value
    assert error.exit_code == 3
    assert MARKER not in error.message + error.hint
    if error.hint.startswith("appliance policy explain"):
        explain(error.hint.removeprefix("appliance policy explain").strip())
    return error


def test_no_stays_text_and_scientific_numbers_are_numbers(write: Write) -> None:
    policy = load_policy(
        write("description: NO\nprivacy: {target_delta: 1e-5}\ntraining: {learning_rate: 2E-3}\n")
    ).policy
    assert policy.description == "NO"
    assert policy.privacy.target_delta == 1e-5
    assert policy.training.learning_rate == 2e-3


def test_the_digest_does_not_depend_on_order_or_layout(write: Write) -> None:
    one = load_policy(write("privacy: {target_epsilon: 2.0, clipping: automatic}\n", "a.yaml"))
    two = load_policy(write("privacy:\n  clipping: automatic\n  target_epsilon: 2\n", "b.yaml"))
    assert one.digest == two.digest == policy_digest(one.policy)


def test_the_digest_changes_with_any_knob(write: Write) -> None:
    one = load_policy(write("privacy: {target_epsilon: 2.0}\n", "a.yaml"))
    two = load_policy(write("privacy: {target_epsilon: 2.000001}\n", "b.yaml"))
    assert one.digest != two.digest


@pytest.mark.parametrize(
    ("body", "line", "field", "what"),
    [
        ("privacy:\n  targetepsilon: 3\n", 6, "privacy.targetepsilon", "unknown key"),
        ("pivacy: {}\n", 5, "pivacy", "unknown key"),
        ("privacy:\n  target_epsilon: .nan\n", 6, "privacy.target_epsilon", "finite"),
        ("privacy:\n  target_epsilon: -.inf\n", 6, "privacy.target_epsilon", "finite"),
        ("training:\n  steps: 99999999999999999999\n", 6, "training.steps", "2^53"),
        ("training:\n  steps: true\n", 6, "training.steps", "valid integer"),
        ("training:\n  steps: '12'\n", 6, "training.steps", "valid integer"),
        ("training:\n  steps: 1.5\n", 6, "training.steps", "valid integer"),
        ("training:\n  target_modules: 3\n", 6, "training.target_modules", "all-linear"),
        ("audit: null\n", 5, "audit", "an object"),
        ("data:\n  languages: [en, 3]\n", 6, "data.languages.1", "valid string"),
        ('description: "\\ud800"\n', 5, "description", "surrogates"),
        ("data: {split: {train: 0.9}}\n", 5, "data.split", "sum to 1"),
        ("audit: {canaries: {repeats: {4: 1, '4': 2}}}\n", 5, "audit.canaries.repeats.4", "dupl"),
    ],
)
def test_a_bad_value_is_named_by_line_and_field(
    write: Write, body: str, line: int, field: str, what: str
) -> None:
    error = refused(write(body))
    assert error.where == f"{write(body)}: line {line}: {field}"
    assert what in error.what


@pytest.mark.parametrize(
    "body",
    [
        f"privacy: {{mechanism: {MARKER}}}\n",
        f"privacy: {{target_epsilon: {MARKER}}}\n",
        f"privacy: {{target_delta: {MARKER}}}\n",
        f"privacy: {{unit: {MARKER}}}\n",
        f"training: {{steps: {MARKER}}}\n",
        f"training: {{rslora: {MARKER}}}\n",
        f"training: {{target_modules: {{a: {MARKER}}}}}\n",
        f"data: {{encoding: {MARKER}}}\n",
        f"data: {{split: {MARKER}}}\n",
        f"data: {{limits: [{MARKER}]}}\n",
        f"deidentify: {{entities: {{PERSON: {MARKER}}}}}\n",
        f"deidentify: {{columns: {{name: {{action: {MARKER}}}}}}}\n",
        f"audit: {{canaries: {{repeats: {{'4': {MARKER}}}}}}}\n",
        f"audit: {{confidence: {MARKER}}}\n",
        f"release: {{rules: {{inconclusive: {MARKER}}}}}\n",
        f"report: {{language: {MARKER}}}\n",
        f"description: [{MARKER}]\n",
        f"description: !{MARKER} {MARKER}\n",
        f"description: '{MARKER}\n",
        f"description: {MARKER}: {MARKER}\n",
        f"description: {MARKER}\ndescription: {MARKER}\n",
        f"extends: [{MARKER}]\n",
    ],
)
def test_a_rejected_value_is_never_quoted(write: Write, body: str) -> None:
    head = HEAD.replace("extends: hipaa\n", "") if body.startswith("extends") else HEAD
    refused(write(body, head=head))


def test_two_epsilons_that_contradict_are_refused_unquoted(write: Write) -> None:
    error = refused(write("privacy: {target_epsilon: 13.625, lifetime_epsilon: 9.875}\n"))
    assert "lifetime_epsilon" in error.what
    assert "13.625" not in error.message


def test_a_person_as_unit_needs_a_column(write: Write) -> None:
    assert "data.unit" in refused(write("data: {unit: null}\n")).what


@pytest.mark.parametrize(
    ("body", "what"),
    [
        ("privacy: {target_epsilon: 2.0}\nprivacy: {target_epsilon: 3.0}\n", "duplicate key"),
        ("privacy: {target_epsilon: 2.0, target_epsilon: 3.0}\n", "duplicate key"),
        ("report: &a {language: en}\nserve: *a\n", "aliases are not allowed"),
        ("privacy:\n  <<: {target_epsilon: 2.0}\n", "merge keys are not allowed"),
        ("description: !!python/object/apply:os.system ['id']\n", "tags are not allowed"),
        ("description: !!binary aGVsbG8=\n", "tags are not allowed"),
        ("data: {languages: !!set {en}}\n", "tags are not allowed"),
        ("null: 1\n", "a key that is text"),
        ("true: 1\n", "a key that is text"),
        ("? [a, b]\n: 1\n", "a key that is text"),
        ("privacy: " + "[" * 40 + "]" * 40 + "\n", "nested more than"),
        ("privacy: " + "{a: " * 40 + "1" + "}" * 40 + "\n", "nested more than"),
        ("---\nname: second\n", "not valid YAML"),
        ("privacy: {\n", "not valid YAML"),
        ("\tprivacy: 1\n", "not valid YAML"),
    ],
)
def test_a_construct_no_policy_needs_is_refused_by_line(write: Write, body: str, what: str) -> None:
    error = refused(write(body))
    assert what in error.what
    assert ": line " in error.where


def test_a_date_that_does_not_exist_is_not_a_crash(write: Write) -> None:
    refused(write("description: 2024-02-31\n"))


@pytest.mark.parametrize("body", [b"", b"- a\n- b\n", b"text\n", b"\xff\xfe\x00", b"\x00\x01\x02"])
def test_a_file_that_is_no_mapping_is_refused(write: Write, body: bytes) -> None:
    refused(write(body))


def test_latin_1_is_refused(write: Write) -> None:
    assert "UTF-8" in refused(write((HEAD + "description: José\n").encode("latin-1"))).what


def test_a_byte_order_mark_is_harmless(write: Write) -> None:
    assert load_policy(write(b"\xef\xbb\xbf" + HEAD.encode())).policy.name == "x"


def test_a_huge_file_is_refused_without_reading_it(tmp_path: Path) -> None:
    path = tmp_path / "huge.yaml"
    with path.open("wb") as sparse:
        sparse.truncate(2**40)
    began = time.monotonic()
    assert f"over {MAX_POLICY_BYTES} bytes" in refused(path).what
    assert time.monotonic() - began < 5


def test_ten_thousand_brackets_do_not_take_minutes(write: Write) -> None:
    began = time.process_time()
    refused(write("privacy: " + "[" * 10_000))
    assert time.process_time() - began < 20


def test_a_missing_file_names_the_shipped_ones(tmp_path: Path) -> None:
    assert "hipaa.yaml" in refused(tmp_path / "nowhere.yaml").what


def test_a_directory_is_no_policy(tmp_path: Path) -> None:
    refused(tmp_path)


def test_a_device_is_no_policy() -> None:
    refused(Path("/dev/zero"))


def test_a_name_too_long_for_the_disk_is_no_crash(write: Write, tmp_path: Path) -> None:
    refused(tmp_path / ("a" * 300))
    refused(write("", head=HEAD.replace("hipaa", "a" * 5000)))


def test_a_shipped_policy_is_found_by_its_bare_name(tmp_path: Path) -> None:
    assert load_policy(Path("hipaa")).policy.name == "hipaa"
    assert load_policy(Path("hipaa.yaml")).policy.name == "hipaa"
    refused(tmp_path / "hipaa.yaml")


def test_a_file_changes_only_what_it_names(write: Write) -> None:
    hipaa = load_policy(Path("hipaa")).policy
    policy = load_policy(write("privacy: {target_epsilon: 2.0}\n")).policy
    assert policy.privacy.target_epsilon == 2.0
    assert policy.privacy.lifetime_epsilon == hipaa.privacy.lifetime_epsilon
    assert policy.deidentify == hipaa.deidentify


def test_a_base_beside_the_file_comes_before_a_shipped_one(write: Write) -> None:
    write("privacy: {target_epsilon: 1.5}\n", "base.yaml")
    top = write("", "top.yaml", head=HEAD.replace("hipaa", "base.yaml"))
    assert load_policy(top).policy.privacy.target_epsilon == 1.5


def test_a_mistake_in_the_base_names_the_base(write: Write) -> None:
    base = write("privacy:\n  wrong: 1\n", "base.yaml")
    error = refused(write("", "top.yaml", head=HEAD.replace("hipaa", "base.yaml")))
    assert error.where == f"{base}: line 6: privacy.wrong"


def test_a_missing_base_names_the_line_that_asked_for_it(write: Write) -> None:
    path = write("", head=HEAD.replace("hipaa", "nowhere.yaml"))
    assert refused(path).where == f"{path}: line 4: extends"


@pytest.mark.parametrize("parent", ["''", "3", "[a]", ".", "null.yaml"])
def test_a_base_that_is_no_policy_is_refused(write: Write, parent: str) -> None:
    refused(write("", head=HEAD.replace("hipaa", parent)))


def test_a_file_that_extends_itself_is_refused(write: Write) -> None:
    assert f"{MAX_DEPTH} levels" in refused(write("", head=HEAD.replace("hipaa", "p.yaml"))).what


def test_a_loop_of_two_files_is_refused(write: Write) -> None:
    write("", "a.yaml", head=HEAD.replace("hipaa", "b.yaml"))
    refused(write("", "b.yaml", head=HEAD.replace("hipaa", "a.yaml")))


def test_a_chain_as_deep_as_allowed_loads_and_one_deeper_does_not(write: Write) -> None:
    write("", "l0.yaml")
    for level in range(1, MAX_DEPTH + 1):
        top = write("", f"l{level}.yaml", head=HEAD.replace("hipaa", f"l{level - 1}.yaml"))
    load_policy(write("", "ok.yaml", head=HEAD.replace("hipaa", f"l{MAX_DEPTH - 2}.yaml")))
    refused(top)


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    body=st.text(
        alphabet=st.sampled_from(list("ab:-{}[],&*!|>'\"%@`#?~<. \n\t0129eNO\u0000\u2028é")),
        max_size=60,
    )
)
def test_any_text_loads_or_is_refused_as_a_policy(write: Write, body: str) -> None:
    with suppress(PolicyError):
        load_policy(write(body))
