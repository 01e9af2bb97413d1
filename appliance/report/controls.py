"""Controls the evidence can support: which measurements speak to which rule, with the caveat.

Never a claim that a rule is met: each row names evidence and what it leaves open. Citations are
control ids with their editions; the rules' own texts are not quoted.
"""

from __future__ import annotations

from dataclasses import dataclass

from appliance.evidence import Report
from appliance.report.blocks import Table
from appliance.report.words import Words


@dataclass(frozen=True, slots=True, kw_only=True)
class Control:
    """One rule of one framework.

    Attributes:
        key: stable id, also the catalog's.
        citation: framework, edition and control id.
        needs: sections of the report its evidence comes from.
    """

    key: str
    citation: str
    needs: tuple[str, ...]


CONTROLS: tuple[Control, ...] = (
    Control(
        key="hipaa_safe_harbor",
        citation="HIPAA Privacy Rule, 45 CFR 164.514(b)(2)",
        needs=("deidentification",),
    ),
    Control(
        key="hipaa_expert",
        citation="HIPAA Privacy Rule, 45 CFR 164.514(b)(1)",
        needs=("deidentification", "privacy", "audit"),
    ),
    Control(
        key="hipaa_security",
        citation="HIPAA Security Rule, 45 CFR 164.312(a)(2)(iv), (b), (c)(1), (e)",
        needs=("environment",),
    ),
    Control(
        key="gdpr",
        citation="GDPR, Regulation (EU) 2016/679, Art. 5(1)(c), (e), (f), 25, 30, 32, 35",
        needs=("data", "deidentification", "privacy"),
    ),
    Control(
        key="edpb",
        citation="EDPB Opinion 28/2024 (AI models)",
        needs=("audit",),
    ),
    Control(
        key="lgpd",
        citation="LGPD, Lei 13.709/2018, Art. 12, 13, 37, 38, 46",
        needs=("deidentification", "privacy", "environment"),
    ),
    Control(
        key="pci_dss",
        citation="PCI DSS 4.0.1, req. 3 and 10",
        needs=("deidentification", "environment"),
    ),
    Control(
        key="nist_800_226",
        citation="NIST SP 800-226 (2025)",
        needs=("privacy",),
    ),
    Control(
        key="nist_800_53",
        citation="NIST SP 800-53 Rev. 5, SC-28, SC-12, AU-9, AU-10, AC-5, SI-7, SI-19(6)",
        needs=("environment", "deidentification"),
    ),
    Control(
        key="nist_ai_rmf",
        citation="NIST AI RMF 1.0, MEASURE 2.10",
        needs=("privacy", "audit"),
    ),
    Control(
        key="ai_act",
        citation="EU AI Act, Regulation (EU) 2024/1689, Annex IV",
        needs=("data", "training", "utility"),
    ),
    Control(
        key="owasp_aisvs",
        citation="OWASP AISVS 1.0, chapter 11",
        needs=("audit",),
    ),
)


def control_table(report: Report, words: Words) -> Table:
    """Return the mapping of this report's evidence onto controls."""
    rows = tuple(
        (
            control.citation,
            words.say(f"control.{control.key}.evidence"),
            presence(report, control, words),
            words.say(f"control.{control.key}.caveat"),
        )
        for control in CONTROLS
    )
    columns = ("control", "evidence", "presence", "caveat")
    return Table(
        caption=words.say("controls.table"),
        head=tuple(words.say(f"controls.{n}") for n in columns),
        rows=rows,
        note=words.say("controls.note"),
    )


def presence(report: Report, control: Control, words: Words) -> str:
    """Say whether the sections a control's evidence comes from are in this report."""
    absent = [name for name in control.needs if getattr(report, name) is None]
    if not absent:
        return words.say("controls.present")
    names = ", ".join(words.say(f"controls.section.{name}") for name in absent)
    return words.say("controls.absent", names=names)
