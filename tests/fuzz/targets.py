"""What is fuzzed: each target takes any bytes, and lets nothing but a refusal of ours out.

The same targets serve hypothesis (`test_fuzz.py`, in every run) and atheris (`guided.py`, led by
the branches it reaches; `make fuzz`).
"""

from __future__ import annotations

import atexit
import base64
import gzip
import io
import json
import os
import shutil
import tempfile
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from appliance.crypto.canonical import canonical_json
from appliance.crypto.container import open_, seal
from appliance.crypto.keys import RootKey
from appliance.crypto.signing import SigningKey, dsse_sign, dsse_verify
from appliance.crypto.slots import create_slots, open_slots
from appliance.crypto.unlock import Unlock
from appliance.errors import ApplianceError
from appliance.ingest.readers import read_rows
from appliance.ingest.sources import find_sources
from appliance.log import AuditLog, Checkpoint
from appliance.manifest import Manifest
from appliance.model.registry import check_model_dir
from appliance.policy import load_policy
from appliance.policy.model import Data
from appliance.vault.stage_keys import StageKeys

KEY, ROOT = bytes(range(32)), RootKey(bytes(range(32)))


@cache
def room() -> Path:
    """A folder in memory for parsers that insist on a file."""
    shm = Path("/dev/shm")
    path = Path(tempfile.mkdtemp(dir=shm if os.access(shm, os.W_OK) else None))
    atexit.register(shutil.rmtree, path, ignore_errors=True)
    return path


@cache
def signing() -> SigningKey:
    return SigningKey.generate()


class Store:
    """What a manifest needs of a vault, in memory."""

    def __init__(self) -> None:
        self.kept: dict[str, object] = {}

    def keyed(self, purpose: str) -> bytes:
        return KEY

    def exists(self, name: str) -> bool:
        return name in self.kept

    def read_json(self, name: str) -> object:
        return self.kept[name]

    def write_json(self, name: str, value: object) -> None:
        self.kept[name] = value


def container(data: bytes) -> None:
    """A sealed container; what opens must be what was sealed."""
    with suppress(ApplianceError):
        assert open_(KEY, b"fuzz", data) in (_PLAIN, b"")


def policy(data: bytes) -> None:
    path = room() / "policy.yaml"
    path.write_bytes(data)
    with suppress(ApplianceError):
        load_policy(path)


def slots(data: bytes) -> None:
    path = room() / "slots.json"
    path.write_bytes(data)
    with suppress(ApplianceError):
        open_slots(path, Unlock(key_file=_key_file()))


def vault_keys(data: bytes) -> None:
    path = room() / "keys.json"
    path.write_bytes(data)
    with suppress(ApplianceError):
        StageKeys.load(path, "fuzz", ROOT)


def manifest(data: bytes) -> None:
    path = room() / "manifest.jsonl"
    path.write_bytes(data)
    with suppress(ApplianceError):
        Manifest(path, Store()).verify()


def log(data: bytes) -> None:
    """The events and the checkpoints, cut where a NUL is."""
    events, _, checkpoints = data.partition(b"\0")
    folder = room()
    (folder / "events.jsonl").write_bytes(events)
    (folder / "checkpoints.jsonl").write_bytes(checkpoints)
    book = AuditLog(folder, key=signing().public)
    with suppress(ApplianceError):
        book.verify()
    with suppress(ApplianceError):
        book.check_signed()
    with suppress(ApplianceError):
        book.latest("test.event", "number")
    with suppress(ApplianceError):
        book.believe(KEY, known=0)


def checkpoint(data: bytes) -> None:
    with suppress(ApplianceError):
        Checkpoint.parse(data.decode(errors="replace"), signing().public, where="fuzz")


def envelope(data: bytes) -> None:
    try:
        parsed = json.loads(data)
    except (ValueError, RecursionError):
        return
    with suppress(ApplianceError):
        dsse_verify(parsed, [signing().public])


def model_folder(data: bytes) -> None:
    """A base model whose weights' header and configuration are hostile."""
    folder = room() / "model"
    folder.mkdir(exist_ok=True)
    weights, _, config = data.partition(b"\0\0\0\0\0\0\0\0\0")
    (folder / "model.safetensors").write_bytes(weights)
    (folder / "config.json").write_bytes(config or b"{}")
    (folder / "tokenizer.json").write_bytes(b"{}")
    with suppress(ApplianceError):
        check_model_dir(folder)


def _rows(ending: str) -> Callable[[bytes], None]:
    def read(data: bytes) -> None:
        path = room() / f"data.{ending}"
        path.write_bytes(data)
        with suppress(ApplianceError):
            for source in find_sources(path):
                for _ in read_rows(
                    source,
                    Data(),
                    check_columns=lambda names, where: None,
                    on_read=lambda amount: None,
                    vault=None,
                ):
                    pass

    return read


TARGETS: dict[str, Callable[[bytes], None]] = {
    "container": container,
    "policy": policy,
    "slots": slots,
    "vault_keys": vault_keys,
    "manifest": manifest,
    "log": log,
    "checkpoint": checkpoint,
    "envelope": envelope,
    "model_folder": model_folder,
    "csv": _rows("csv"),
    "tsv": _rows("tsv"),
    "json": _rows("json"),
    "jsonl": _rows("jsonl"),
    "jsonl_gz": _rows("jsonl.gz"),
    "parquet": _rows("parquet"),
    "text": _rows("txt"),
}

_PLAIN = b"what was sealed" * 2000


@cache
def _key_file() -> Path:
    path = room() / "key"
    path.write_bytes(bytes(range(32)))
    return path


def seeds(name: str) -> list[bytes]:
    """Sound inputs of a target, to begin from."""
    return [_SEEDS[name]()] if name in _SEEDS else []


def _slots_seed() -> bytes:
    path = room() / "seed.json"
    create_slots(path, ROOT, Unlock(key_file=_key_file()))
    return path.read_bytes()


def _vault_keys_seed() -> bytes:
    keys = StageKeys(room() / "seed-keys.json", "fuzz", ROOT)
    keys.get("ingest", create=True)
    return keys.path.read_bytes()


def _manifest_seed() -> bytes:
    path = room() / "seed.jsonl"
    path.unlink(missing_ok=True)
    made, store = Manifest(path, Store()), Store()
    made._vault = store
    made.append({"stage": "ingest", "inputs": {}, "outputs": {"ingest/a": "sha256:00"}})
    return path.read_bytes()


def _log_seed() -> bytes:
    folder = room() / "seed-log"
    folder.mkdir(exist_ok=True)
    book = AuditLog(folder, key=signing().public)
    book.append("test.event", number=1)
    book.checkpoint(signing())
    return b"\0".join((folder / n).read_bytes() for n in ("events.jsonl", "checkpoints.jsonl"))


def _note_seed() -> bytes:
    return Checkpoint.sign([b"one", b"two"], signing()).note.encode()


def _envelope_seed() -> bytes:
    return canonical_json(dsse_sign(b"{}", "text/plain", [signing()]))


def _parquet_seed() -> bytes:
    out = io.BytesIO()
    rows = [{"text": f"row {i}", "n": i / 3, "tags": ["a"] * (i % 3)} for i in range(30)]
    pq.write_table(pa.Table.from_pylist(rows), out, compression="zstd", row_group_size=10)
    return out.getvalue()


def _model_seed() -> bytes:
    header = json.dumps({"w": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}).encode()
    weights = len(header).to_bytes(8, "little") + header + b"\1\2\3\4"
    return weights + b"\0" * 9 + b'{"model_type":"llama","auto_map":{}}'


_SEEDS: dict[str, Callable[[], bytes]] = {
    "container": lambda: seal(KEY, b"fuzz", _PLAIN),
    "policy": lambda: (
        b'name: x\nversion: "1"\nregulation: test\nextends: hipaa\n'
        b"privacy: {target_epsilon: 1e-1}\n"
    ),
    "slots": _slots_seed,
    "vault_keys": _vault_keys_seed,
    "manifest": _manifest_seed,
    "log": _log_seed,
    "checkpoint": _note_seed,
    "envelope": _envelope_seed,
    "model_folder": _model_seed,
    "csv": lambda: b'text,label\n"a, ""b""\n",x\nc,y\n',
    "tsv": lambda: b"text\tlabel\na\tx\n",
    "json": lambda: b'[{"text": "a", "n": [1, 2.5, null]}, {"text": "\\u00e9"}]',
    "jsonl": lambda: b'{"text": "a"}\n{"messages": [{"role": "user", "content": "x"}]}\n',
    "jsonl_gz": lambda: gzip.compress(b'{"text": "a"}\n' * 50),
    "parquet": _parquet_seed,
    "text": lambda: base64.b64encode(bytes(range(200))),
}
