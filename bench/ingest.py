"""Speed and memory of ingest: MB/s of source, and how much resident memory it adds.

    python bench/ingest.py --megabytes 2048 [--format jsonl] [--folder DIR]

Writes synthetic clinic letters of the size asked for into a temporary folder (twice the size is
needed there), ingests them in a process of their own into a fresh vault and prints one JSON object.
`added_rss_mb` is the peak above what the process held before ingest began, modules loaded.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from appliance.crypto.keys import RootKey
from appliance.ingest.stage import ingest
from appliance.policy.model import Data
from appliance.progress import SilentProgress
from appliance.sample_data import write_sample_data
from appliance.vault import Vault

_LETTERS = 20_000


def make_source(folder: Path, megabytes: int, kind: str) -> Path:
    """Write letters until the file has the size: new patients and numbers in every round."""
    sample = write_sample_data(folder / "seed", records=_LETTERS, patients=_LETTERS // 3)
    rows = [orjson.loads(line) for line in sample.notes.read_bytes().splitlines()]
    path = folder / f"notes.{kind}"
    done = 0
    if kind == "jsonl":
        with path.open("wb") as out:
            while out.tell() < megabytes * 1_000_000:
                out.writelines(orjson.dumps(r) + b"\n" for r in _round(rows, done))
                done += 1
        return path
    writer = pq.ParquetWriter(path, pa.Table.from_pylist(rows[:1]).schema)
    written = 0
    while written < megabytes * 1_000_000:
        table = pa.Table.from_pylist(_round(rows, done))
        writer.write_table(table)
        written += table.nbytes
        done += 1
    writer.close()
    return path


def _round(rows: list[dict[str, str]], number: int) -> list[dict[str, str]]:
    """Return the letters with other patients, numbers and some other words."""
    if number == 0:
        return rows
    return [
        {
            **row,
            "patient_id": f"{row['patient_id']}-{number}",
            "text": row["text"].replace("Hx:", f"Hx: visit {number}-{i} at desk {number * i % 97}:")
            + f"\nRef {number * 7919 + i} of {i % 977}, {row['note_id']}.",
        }
        for i, row in enumerate(rows)
    ]


def measure(path: Path, folder: Path) -> dict[str, float]:
    """Ingest in this process and say what it took."""
    vault = Vault.create(
        folder / f"vault-{path.suffix[1:]}", scope="bench", root=RootKey.generate()
    )
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    started = time.perf_counter()
    section = ingest(
        path,
        policy=Data(unit="patient_id"),
        vault=vault,
        unit_key=b"u" * 32,
        progress=SilentProgress(),
    )
    seconds = time.perf_counter() - started
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    size = path.stat().st_size / 1e6
    return {
        "source_mb": round(size, 1),
        "decoded_mb": round(section.bytes_read / 1e6, 1),
        "records": section.records_read,
        "duplicates_removed": section.duplicates_removed,
        "seconds": round(seconds, 1),
        "mb_per_second": round(section.bytes_read / 1e6 / seconds, 1),
        "added_rss_mb": round(peak - before, 1),
        "peak_rss_mb": round(peak, 1),
    }


def main() -> None:
    """Make a source and measure it in a fresh process."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--megabytes", type=int, default=100)
    parser.add_argument("--format", choices=["jsonl", "parquet"], default="jsonl")
    parser.add_argument(
        "--folder", type=Path, default=None, help="where to write; default: a temporary folder"
    )
    parser.add_argument("--measure", type=Path, default=None, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.measure is not None:
        print(json.dumps(measure(asked.measure, asked.folder)))
        return
    with tempfile.TemporaryDirectory(dir=asked.folder) as name:
        path = make_source(Path(name), asked.megabytes, asked.format)
        command = [sys.executable, __file__, "--measure", str(path), "--folder", name]
        subprocess.run(command, check=True)


if __name__ == "__main__":
    main()
