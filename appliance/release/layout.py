"""The strict list of a release's files: what must be there, what may be, and nothing else."""

from __future__ import annotations

from appliance.release import model_sig, statements

WEIGHTS, CONFIG = statements.SUBJECTS
CARD = "README.md"
MLBOM = "mlbom.cdx.json"
REPORT = "compliance/report.json"
REPORT_HTML = "compliance/report.html"
OSCAL = "compliance/oscal-assessment-results.json"
SIGNATURE = model_sig.SIGNATURE_NAME
FOLDERS = ("attestations", "compliance")

#: Signed files that every release has.
REQUIRED: frozenset[str] = frozenset(
    {WEIGHTS, CONFIG, CARD, MLBOM, REPORT, REPORT_HTML, OSCAL, *statements.NAMES}
)
#: Signed files that a release may have; nothing that executes.
OPTIONAL: frozenset[str] = frozenset(
    {"tokenizer.json", "tokenizer_config.json", "special_tokens_map.json"}
)
