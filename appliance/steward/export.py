"""A de-identified copy in the clear, where the policy allows one.

Refuses before anything is read where the policy does not, and before anything is written where the
gate's rules on de-identification do not pass. A cell that a spreadsheet would run as a formula
begins with an apostrophe in CSV.
"""

from __future__ import annotations

import csv
import io
import json
import os
import re
import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from appliance.corpus import Corpus
from appliance.crypto.canonical import digest_file
from appliance.errors import UsageError
from appliance.evidence import DeidentificationSection, Finding
from appliance.files import create_private, machine_errors
from appliance.gate.rules import deidentified
from appliance.ingest.sources import printable
from appliance.ingest.stage import ingest
from appliance.policy import LoadedPolicy
from appliance.progress import Progress
from appliance.records import Json
from appliance.redact.stage import REDACTED, exported, require_export
from appliance.steward.measured import deidentify
from appliance.subjects import register
from appliance.workspace import Home

#: Gives the copy's rows, each time anew.
Rows = Callable[[], Iterable[Mapping[str, Json]]]
FORMATS = (".jsonl", ".csv")
#: What makes a spreadsheet take a cell for a formula: at its start, or after a line's end.
_FORMULA = re.compile(r"^[\s\ufeff]*[=+\-@＝＋－＠\t\r]")
_NUMBER = re.compile(r"[-+]?\d+(?:[.,]\d+)*(?:[eE][-+]?\d+)?%?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Exported:
    """What was written.

    Attributes:
        records: rows in the copy; none where the rules refused.
        findings: the rules on de-identification that were judged.
        section: what was found and replaced.
        digest: of the copy; None where the rules refused.
    """

    records: int
    findings: tuple[Finding, ...]
    section: DeidentificationSection
    digest: str | None

    @property
    def passed(self) -> bool:
        """Whether the copy was written."""
        return self.digest is not None


def export(
    home: Home, loaded: LoadedPolicy, source: Path, out: Path, *, progress: Progress
) -> Exported:
    """De-identify the customer's files and write the copy.

    Args:
        home: open for changes; the data passes through a sealed vault that is burned afterwards.
        loaded: what is allowed.
        source: the customer's files.
        out: the copy, .jsonl or .csv; replaced whole or not at all.
        progress: told of the work.

    Raises:
        PolicyError: the policy does not allow a copy in clear.
        UsageError: another format was asked for.

    Guarantees:
        The log tells of every copy: policy, records, digest of the file. Replacements are the
        same in every copy of one workspace.
    """
    require_export(loaded.policy)
    if out.suffix not in FORMATS:
        raise UsageError(
            str(out),
            f"expected a name ending in {' or '.join(FORMATS)}",
            hint="appliance deidentify --policy P --export IN OUT.jsonl",
        )
    scratch = f"export-{secrets.token_hex(4)}"
    vault = home.run_vault(scratch)
    try:
        read = ingest(
            source,
            policy=loaded.policy.data,
            vault=vault,
            unit_key=home.vault.keyed("units"),
            erased=register.erased(home.vault),
            progress=progress,
        )
        section = deidentify(
            Corpus(vault, "ingest/corpus.arrow"),
            home=home,
            policy=loaded.policy,
            vault=vault,
            person_key=home.vault.keyed("persons"),
            progress=progress,
        )
        findings = tuple(deidentified(section, loaded.policy, people=read.units))
        if not findings or not all(f.passed for f in findings):
            home.log.append("export.refused", policy=loaded.digest, copy=printable(out))
            return Exported(records=0, findings=findings, section=section, digest=None)
        corpus = Corpus(vault, REDACTED)
        # First in the log, then in the clear: a copy nobody knows of must not be.
        home.log.append(
            "export.begun", policy=loaded.digest, copy=printable(out), records=len(corpus)
        )
        _write(out, lambda: exported(corpus, policy=loaded.policy))
        digest = digest_file(out)
        home.log.append("export.done", policy=loaded.digest, copy=printable(out), digest=digest)
        return Exported(records=len(corpus), findings=findings, section=section, digest=digest)
    finally:
        home.purge_run(scratch)


def _write(out: Path, rows: Rows) -> None:
    """Write the copy beside its place, readable by its owner alone, then put it there whole."""
    building = out.with_name(f".{out.name}.{secrets.token_hex(4)}")
    try:
        with machine_errors(str(out)):
            with os.fdopen(create_private(building), "w", encoding="utf-8", newline="") as handle:
                for line in as_csv(rows) if out.suffix == ".csv" else as_jsonl(rows()):
                    handle.write(line)
            building.replace(out)
    finally:
        building.unlink(missing_ok=True)


def as_jsonl(rows: Iterable[Mapping[str, Json]]) -> Iterator[str]:
    """Yield rows as JSON Lines."""
    for row in rows:
        yield json.dumps(row, ensure_ascii=False) + "\n"


def as_csv(rows: Rows) -> Iterator[str]:
    """Yield rows as CSV: every cell quoted, no cell a formula, nested values as JSON.

    Args:
        rows: called twice: for the columns, then for the cells.
    """
    columns = list(dict.fromkeys(name for row in rows() for name in row))
    yield _line([harmless(name) for name in columns])
    for row in rows():
        yield _line([harmless(_cell(row.get(name))) for name in columns])


def harmless(cell: str) -> str:
    """Return a cell that no spreadsheet takes for a formula; numbers stay numbers.

    Reference:
        OWASP, CSV Injection: a leading apostrophe, and quotes around every cell.
    """
    if _NUMBER.fullmatch(cell) or not _FORMULA.match(cell):
        return cell
    return f"'{cell}"


def _cell(value: Json) -> str:
    if value is None:
        return ""
    if isinstance(value, dict | list | bool):
        return json.dumps(value, ensure_ascii=False)
    return str(value)


def _line(cells: list[str]) -> str:
    held = io.StringIO()
    csv.writer(held, quoting=csv.QUOTE_ALL, lineterminator="\r\n").writerow(cells)
    return held.getvalue()
