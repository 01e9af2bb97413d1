"""How each cell of a record is treated: scanned, replaced whole, kept or left out.

Owns the meeting of column decisions with single cells. Refuses to keep what nobody decided about:
a cell of a column that the sample did not show is scanned.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

from appliance.evidence import ColumnDecision
from appliance.policy.model import OperatorName, Policy
from appliance.records import Record, Span
from appliance.redact.detect import Hint
from appliance.redact.entities import Family, family, words
from appliance.redact.headers import read_header
from appliance.redact.persona import Role
from appliance.redact.tree import Cell, cells

Mode = Literal["scan", "whole", "keep", "drop"]

#: Type of a cell that the policy's rule for its column replaces without naming a type.
UNNAMED = "PRIVATE"
_CHAT_ROLES = words(
    "system user assistant tool function developer human gpt model bot agent patient doctor"
)
#: Families whose cells are looked for in the person's texts.
_HINTS: frozenset[Family] = frozenset(
    {"person", "phone", "email", "ssn", "cpf", "card", "iban", "identifier", "place", "url"}
)
_GIVEN = words("first given fore prenom vorname primeiro nombre middle voornaam")
_FAMILY = words("last family sur sobrenome apellido nachname cognome maiden achternaam")


class Detecting(Protocol):
    """The detector, as this room uses it."""

    def detect_batch(
        self,
        texts: Sequence[str],
        *,
        hints: Sequence[Sequence[Hint]] | None = None,
        groups: Sequence[str] | None = None,
    ) -> list[list[Span]]:
        """Return the spans of each text."""

    def collect_seeds(self, texts: Sequence[str]) -> list[list[Hint]]:
        """Return the values of each text worth finding again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Treated:
    """One cell and what happens to it.

    Attributes:
        index: its place in `tree.cells` of its record.
        cell: the cell; private.
        text: its value as text; private.
        mode: scan as text, replace whole, keep, or drop.
        operator: of a whole replacement.
        entity_type: of a whole replacement.
    """

    index: int
    cell: Cell = field(repr=False)
    text: str = field(repr=False)
    mode: Mode
    operator: OperatorName = "redact"
    entity_type: str = UNNAMED


@dataclass(frozen=True, slots=True, kw_only=True)
class Treatment:
    """The decisions that hold for every record.

    Attributes:
        policy: the policy.
        columns: column -> decision.
    """

    policy: Policy
    columns: Mapping[str, ColumnDecision]

    def of(self, record: Record) -> list[Treated]:
        """Return how each cell of a record is treated, in the order of `tree.cells`."""
        return [self._treated(i, cell, record) for i, cell in enumerate(cells(record))]

    def hints(self, record: Record) -> list[Hint]:
        """Return the values of name and id columns, to be found again in the person's texts."""
        found: list[Hint] = []
        for treated in self.of(record):
            whole = treated.mode == "whole" and family(treated.entity_type) in _HINTS
            if whole and sum(c.isalnum() for c in treated.text) >= 3:
                found.append(Hint(value=treated.text, entity_type=treated.entity_type))
        return found

    def stated_role(self, column: str) -> Role | None:
        """Return whether a column of names states given or family names."""
        said = {word for reading in read_header(column) for word in reading.phrase.split()}
        said |= {word.removesuffix("name") for word in said}
        if said & _FAMILY:
            return "family"
        return "given" if said & _GIVEN else None

    def _treated(self, index: int, cell: Cell, record: Record) -> Treated:
        text = "" if cell.value is None else str(cell.value)
        mode, operator, entity_type = self._mode(cell, record, text)
        return Treated(
            index=index,
            cell=cell,
            text=text,
            mode=mode,
            operator=operator,
            entity_type=entity_type,
        )

    def _mode(self, cell: Cell, record: Record, text: str) -> tuple[Mode, OperatorName, str]:
        scan: tuple[Mode, OperatorName, str] = ("scan", "redact", UNNAMED)
        keep: tuple[Mode, OperatorName, str] = ("keep", "keep", UNNAMED)
        if cell.own and (cell.column in record.fields or cell.column == "messages[].content"):
            return scan
        decision = self.columns.get(cell.column)
        if decision is not None and decision.action == "drop":
            return ("drop", "redact", UNNAMED)
        if not text or isinstance(cell.value, bool):
            return keep
        if cell.column == "messages[].role" and text.casefold() in _CHAT_ROLES:
            return keep
        if decision is None or decision.action == "detect":
            return scan
        if decision.action == "keep":
            return scan if cell.own else keep
        return ("whole", _operator(decision.action), decision.entity_type or UNNAMED)


def _operator(action: str) -> OperatorName:
    """Return the operator an action names; anything unknown removes."""
    names: dict[str, OperatorName] = {
        "mask": "mask",
        "pseudonym": "pseudonym",
        "surrogate": "surrogate",
        "date_shift": "date_shift",
        "year": "year",
        "age_cap": "age_cap",
        "zip3": "zip3",
        "keep": "keep",
    }
    return names.get(action, "redact")
