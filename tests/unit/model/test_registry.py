"""Only a directory of safetensors and JSON gets in, and only its own bytes get out."""

from __future__ import annotations

import json
import os
import shutil
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from appliance.errors import DataError, IntegrityError, MachineError, UsageError
from appliance.model import registry as module
from appliance.model.load import check_family
from appliance.model.registry import MAX_HEADER_BYTES, Registry, check_model_dir
from appliance.model.tasks import FAMILIES

WEIGHTS = "model.safetensors"
Change = Callable[[Path], object]


def tensors(header: object, body: bytes = b"", *, length: int | None = None) -> bytes:
    raw = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(raw) if length is None else length) + raw + body


SOUND = tensors({"w": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}}, b"\0" * 8)


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A directory that passes every check, weights of eight bytes."""
    path = tmp_path / "source" / "small"
    path.mkdir(parents=True)
    (path / "config.json").write_text(json.dumps({"model_type": "llama"}))
    (path / "tokenizer.json").write_text("{}")
    (path / WEIGHTS).write_bytes(SOUND)
    return path


@pytest.fixture
def models(tmp_path: Path) -> Registry:
    (tmp_path / "models").mkdir()
    return Registry(tmp_path / "models")


def put(name: str, content: bytes | str = b"x") -> Change:
    raw = content.encode() if isinstance(content, str) else content
    return lambda path: (path / name).write_bytes(raw)


REFUSED: dict[str, Change] = {
    "a pickle": put("pytorch_model.bin"),
    "a pickle under a safe name's neighbour": put("model.safetensors.bin"),
    "a torch archive": put("model.pt"),
    "code": put("modeling_evil.py"),
    "an archive": put("weights.zip"),
    "a hidden file": put(".gitattributes"),
    "a name that differs in case": put("CONFIG.json", "{}"),
    "remote code": put("config.json", '{"model_type":"llama","auto_map":{"AutoModel":"x.Y"}}'),
    "remote code of the tokenizer": put("tokenizer_config.json", '{"auto_map":{}}'),
    "a config that is no JSON": put("config.json", "{"),
    "a config nested too deep": put("config.json", "[" * 100_000),
    "a config that is a list": put("config.json", "[]"),
    "no model type": put("config.json", "{}"),
    "a model type that is no text": put("config.json", '{"model_type":["llama"]}'),
    "a vision model": put("config.json", '{"model_type":"vit"}'),
    "no config": lambda path: (path / "config.json").unlink(),
    "no tokenizer": lambda path: (path / "tokenizer.json").unlink(),
    "no weights": lambda path: (path / WEIGHTS).unlink(),
    "a folder": lambda path: (path / "sub").mkdir(),
    "a symbolic link": lambda path: (path / "vocab.json").symlink_to("/etc/passwd"),
    "a link to nowhere": lambda path: (path / "vocab.json").symlink_to("nowhere"),
    "a pipe": lambda path: os.mkfifo(path / "vocab.json"),
    "an empty file": put(WEIGHTS, b""),
    "a prefix alone": put(WEIGHTS, b"\0" * 7),
    "a pickle named safetensors": put(WEIGHTS, b"\x80\x04\x95" + b"\0" * 60),
    "an oversize header": lambda path: _oversize(path / WEIGHTS),
    "a header longer than the file": put(WEIGHTS, tensors({}, length=2**63)),
    "a header that is a list": put(WEIGHTS, tensors([])),
    "a header nested too deep": put(WEIGHTS, tensors(b"[" * 100_000)),
    "truncated weights": put(WEIGHTS, SOUND[:-1]),
    "trailing bytes": put(WEIGHTS, SOUND + b"\0"),
    "offsets that are text": put(WEIGHTS, tensors({"w": {"data_offsets": ["0", "8"]}}, b"\0" * 8)),
    "offsets that are null": put(WEIGHTS, tensors({"w": {"data_offsets": [None, None]}})),
    "offsets that are true": put(WEIGHTS, tensors({"w": {"data_offsets": [False, True]}}, b"\0")),
    "offsets with fractions": put(WEIGHTS, tensors({"w": {"data_offsets": [0.0, 8.0]}}, b"\0" * 8)),
    "offsets that are infinite": put(WEIGHTS, tensors(b'{"w":{"data_offsets":[0,1e999]}}')),
    "offsets below zero": put(WEIGHTS, tensors({"w": {"data_offsets": [-8, 0]}})),
    "offsets in reverse": put(WEIGHTS, tensors({"w": {"data_offsets": [8, 0]}})),
    "no offsets": put(WEIGHTS, tensors({"w": {}})),
    "a tensor that is text": put(WEIGHTS, tensors({"w": "x"})),
    "shards outside": put(
        "model.safetensors.index.json", '{"weight_map":{"w":"../other.safetensors"}}'
    ),
    "shards that are missing": put(
        "model.safetensors.index.json", '{"weight_map":{"w":"model-2.safetensors"}}'
    ),
    "shards that are numbers": put("model.safetensors.index.json", '{"weight_map":{"w":1}}'),
    "no shards": put("model.safetensors.index.json", "[]"),
}


def _oversize(path: Path) -> None:
    with path.open("wb") as sparse:
        sparse.write(struct.pack("<Q", MAX_HEADER_BYTES + 1))
        sparse.truncate(MAX_HEADER_BYTES + 100)


@pytest.mark.parametrize("what", REFUSED)
def test_what_must_not_be_loaded_is_refused_before_anything_is_copied(
    model: Path, models: Registry, what: str, tmp_path: Path
) -> None:
    REFUSED[what](model)
    with pytest.raises(DataError) as caught:
        models.add(model)
    assert caught.value.exit_code == 5
    assert list((tmp_path / "models").iterdir()) == []
    assert models.models() == []


def test_a_sound_directory_is_registered_and_found(model: Path, models: Registry) -> None:
    added = models.add(model, name="mine")
    assert models.get("mine") == added
    assert [m.name for m in models.models()] == ["mine"]
    assert added.bytes == sum(f.stat().st_size for f in model.iterdir())
    assert added.digest.startswith("sha256:")


def test_the_digest_depends_on_names_and_bytes(model: Path, models: Registry) -> None:
    one = models.add(model, name="one").digest
    assert models.add(model, name="two").digest == one
    (model / "README.md").write_text("x")
    assert models.add(model, name="three").digest != one


def test_sharded_weights_in_the_directory_are_accepted(model: Path, models: Registry) -> None:
    (model / "model.safetensors.index.json").write_text(
        json.dumps({"weight_map": {"w": "model.safetensors"}})
    )
    models.add(model)


def test_a_missing_directory_is_refused(models: Registry, tmp_path: Path) -> None:
    with pytest.raises(DataError):
        models.add(tmp_path / "nowhere")
    with pytest.raises(DataError):
        check_model_dir(Path("/dev/null"))


@pytest.mark.parametrize(
    "name",
    [
        "..",
        ".",
        "../evil",
        "a/b",
        ".hidden",
        "registry.json",
        "a" * 101,
        "a b",
        "a\n",
        "naïve",
        "~",
    ],
)
def test_a_name_that_is_no_plain_name_is_refused(
    model: Path, models: Registry, name: str, tmp_path: Path
) -> None:
    with pytest.raises(UsageError):
        models.add(model, name=name)
    assert list((tmp_path / "models").iterdir()) == []


def test_an_unknown_model_names_the_known_ones(model: Path, models: Registry) -> None:
    models.add(model, name="mine")
    with pytest.raises(UsageError, match="mine"):
        models.get("other")


@pytest.mark.parametrize("file", ["config.json", "tokenizer.json", WEIGHTS])
def test_a_byte_changed_after_registration_is_named(
    model: Path, models: Registry, tmp_path: Path, file: str
) -> None:
    models.add(model, name="mine")
    inside = tmp_path / "models" / "mine" / file
    raw = bytearray(inside.read_bytes())
    raw[-1] ^= 1
    inside.write_bytes(raw)
    with pytest.raises(IntegrityError) as caught:
        models.get("mine")
    assert caught.value.exit_code == 6
    assert file in caught.value.where
    assert str(tmp_path / "models" / "mine") not in caught.value.hint, "never the altered copy"


@pytest.mark.parametrize(
    "change",
    [
        put("README.md"),
        put("evil.py"),
        lambda path: (path / "tokenizer.json").unlink(),
        shutil.rmtree,
    ],
    ids=["a file added", "code added", "a file removed", "all removed"],
)
def test_a_directory_changed_after_registration_is_refused(
    model: Path, models: Registry, tmp_path: Path, change: Change
) -> None:
    models.add(model, name="mine")
    change(tmp_path / "models" / "mine")
    with pytest.raises(IntegrityError):
        models.get("mine")


def test_a_registry_whose_digest_is_not_its_files_is_refused(
    model: Path, models: Registry, tmp_path: Path
) -> None:
    """Other weights under an old digest: the report would vouch for what never ran."""
    models.add(model, name="mine")
    index = tmp_path / "models" / "registry.json"
    rows = json.loads(index.read_text())
    rows["mine"]["digest"] = "sha256:" + "0" * 64
    index.write_text(json.dumps(rows))
    with pytest.raises(IntegrityError):
        models.get("mine")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        '{"mine":1}',
        '{"mine":{}}',
        '{"../x":{}}',
        "[" * 100_000,
        "null",
        '{"m":{"files":[]}}',
    ],
)
def test_a_registry_that_is_no_registry_is_refused(
    models: Registry, tmp_path: Path, text: str
) -> None:
    (tmp_path / "models" / "registry.json").write_text(text)
    for ask in (models.models, lambda: models.get("mine")):
        with pytest.raises(IntegrityError):
            ask()


def test_a_full_disk_keeps_the_model_that_was_there(
    model: Path, models: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = models.add(model, name="mine")
    (model / "README.md").write_text("new")

    def full(*_args: object, **_kwargs: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(module.shutil, "copyfile", full)
    with pytest.raises(MachineError, match="disk is full"):
        models.add(model, name="mine")
    assert models.get("mine") == before
    assert sorted(p.name for p in (tmp_path / "models").iterdir()) == ["mine", "registry.json"]


def test_a_model_swapped_while_it_is_copied_is_refused(
    model: Path, models: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = shutil.copyfile

    def swap(source: Path, target: Path, **kwargs: bool) -> None:
        real(source, target, **kwargs)
        if target.name == "tokenizer.json":
            target.write_text('{"swapped": 1}')

    monkeypatch.setattr(module.shutil, "copyfile", swap)
    with pytest.raises(IntegrityError, match="changed while"):
        models.add(model)


def test_a_model_may_be_registered_again_in_place(
    model: Path, models: Registry, tmp_path: Path
) -> None:
    before = models.add(model, name="mine")
    assert models.add(tmp_path / "models" / "mine", name="mine") == before


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(raw=st.binary(max_size=80) | st.binary(max_size=60).map(lambda b: tensors(b)))
def test_no_bytes_crash_the_check(model: Path, raw: bytes) -> None:
    (model / WEIGHTS).write_bytes(raw)
    try:
        check_model_dir(model)
    except DataError:
        return
    length = struct.unpack("<Q", raw[:8])[0]
    assert isinstance(json.loads(raw[8 : 8 + length]), dict)


@pytest.mark.parametrize("family", sorted(FAMILIES))
def test_offered_families_pass(model: Path, family: str) -> None:
    (model / "config.json").write_text(json.dumps({"model_type": family}))
    assert check_family(model) == family


def test_a_family_that_is_not_offered_is_refused_unquoted(model: Path) -> None:
    (model / "config.json").write_text(json.dumps({"model_type": "MARKER"}))
    with pytest.raises(DataError) as caught:
        check_family(model)
    assert "MARKER" not in caught.value.message


def test_an_encoders_pooler_passes_the_first_token(tmp_path: Path) -> None:
    from safetensors.numpy import load_file, save_file

    path = tmp_path / WEIGHTS
    held = {
        "pooler.dense.weight": np.full((3, 3), 2.0, np.float32),
        "pooler.dense.bias": np.ones(3, np.float32),
        "encoder.weight": np.full((2, 3), 5.0, np.float32),
    }
    save_file(held, path)
    module._pass_first_token(path)
    found = load_file(path)
    assert np.array_equal(found["pooler.dense.weight"], np.eye(3))
    assert not found["pooler.dense.bias"].any()
    assert np.array_equal(found["encoder.weight"], held["encoder.weight"])
