"""What was measured, typed: the sections of `report.json`, before any decision.

Each stage returns one section; `gate.decide` reads them all; `report` renders them. A section
holds counts, measurements and public settings only: never content. Absent is `None` together
with a line in `reasons`, never 0 by default. Fields follow the interface page's `report.json`.
"""

from __future__ import annotations

from appliance.evidence.audit import (
    Attack,
    AuditSection,
    Canaries,
    CanaryFamily,
    Extraction,
    Membership,
    PositiveControl,
    Regurgitation,
    TprAtFpr,
)
from appliance.evidence.base import (
    Interval,
    Probability,
    Section,
)
from appliance.evidence.data import (
    ColumnDecision,
    DataSection,
    DeidentificationSection,
    Recall,
    Residual,
    Splits,
)
from appliance.evidence.people import (
    PeopleSection,
    Role,
    RolesIdentity,
    Signature,
    Vote,
)
from appliance.evidence.report import (
    Artifact,
    EnvironmentSection,
    Evidence,
    Finding,
    ModelIdentity,
    Outcome,
    PolicyIdentity,
    Report,
    RunSection,
    overall,
)
from appliance.evidence.training import (
    AccountantFigures,
    Check,
    Confusion,
    LedgerFigures,
    Metric,
    PrivacySection,
    SelfTest,
    TrainingSection,
    UtilitySection,
)

__all__ = [
    "AccountantFigures",
    "Artifact",
    "Attack",
    "AuditSection",
    "Canaries",
    "CanaryFamily",
    "Check",
    "ColumnDecision",
    "Confusion",
    "DataSection",
    "DeidentificationSection",
    "EnvironmentSection",
    "Evidence",
    "Extraction",
    "Finding",
    "Interval",
    "LedgerFigures",
    "Membership",
    "Metric",
    "ModelIdentity",
    "Outcome",
    "PeopleSection",
    "PolicyIdentity",
    "PositiveControl",
    "PrivacySection",
    "Probability",
    "Recall",
    "Regurgitation",
    "Report",
    "Residual",
    "Role",
    "RolesIdentity",
    "RunSection",
    "Section",
    "SelfTest",
    "Signature",
    "Splits",
    "TprAtFpr",
    "TrainingSection",
    "UtilitySection",
    "Vote",
    "overall",
]
