"""Every failure an operator can be shown.

    ApplianceError
    ├── UsageError          2   wrong usage, found after click's own checks
    ├── PolicyError         3   the policy cannot be used
    ├── MachineError        4   this machine cannot do it (disk, permissions, locks, packages)
    │   └── LockedError     4   another command holds the workspace
    ├── DataError           5   the data cannot be processed
    ├── IntegrityError      6   altered, truncated or mis-keyed bytes
    └── BudgetError         7   the privacy budget is exhausted

Rules: a message says where, what was found and what was expected, in lower case without a full
stop; a hint is the next command to type. Neither ever holds the content of a record, a rejected
value or key bytes. A refusal of the gate is an answer (exit 10), not an error: see `gate`.
"""

from __future__ import annotations

EXIT_DONE = 0
EXIT_BUG = 1
EXIT_REFUSED = 10


class ApplianceError(Exception):
    """A failure with a place, a reason and the next command to type."""

    exit_code = EXIT_BUG

    def __init__(self, where: str, what: str, *, hint: str) -> None:
        """Store the three lines an operator needs.

        Args:
            where: file, field or part, e.g. "policies/hipaa.yaml" or "notes.jsonl: line 7".
            what: what was found and what was expected; never content of a record.
            hint: the next command to type.
        """
        super().__init__(f"{where}: {what}")
        self.where = where
        self.what = what
        self.hint = hint

    @property
    def message(self) -> str:
        """The one-line message, without the program's prefix."""
        return f"{self.where}: {self.what}"


class UsageError(ApplianceError):
    """Wrong usage that click cannot see."""

    exit_code = 2


class PolicyError(ApplianceError):
    """The policy cannot be used."""

    exit_code = 3


class MachineError(ApplianceError):
    """This machine cannot do what was asked."""

    exit_code = 4


class LockedError(MachineError):
    """Another command holds the workspace."""


class DataError(ApplianceError):
    """The data cannot be processed."""

    exit_code = 5


class IntegrityError(ApplianceError):
    """Altered, truncated or mis-keyed bytes."""

    exit_code = 6


class BudgetError(ApplianceError):
    """The lifetime privacy budget does not allow this run."""

    exit_code = 7
