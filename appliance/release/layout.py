"""The strict list of a release's files: what must be there, what may be, and nothing else."""

from __future__ import annotations

import re

from appliance.people.votes import CANDIDATE_REPORT
from appliance.release import model_sig, statements

WEIGHTS, CONFIG = statements.SUBJECTS
CARD = "README.md"
MLBOM = "mlbom.cdx.json"
REPORT = "compliance/report.json"
REPORT_HTML = "compliance/report.html"
OSCAL = "compliance/oscal-assessment-results.json"
SIGNATURE = model_sig.SIGNATURE_NAME
#: What people signed: the list of roles, their words, and the report they read.
ROLES = "attestations/roles.dsse.json"
CANDIDATE = CANDIDATE_REPORT
#: The base model with the adapter merged into it.
MERGED = "merged/"
FOLDERS = ("attestations", "compliance")

#: Signed files that every release has.
REQUIRED: frozenset[str] = frozenset(
    {WEIGHTS, CONFIG, CARD, MLBOM, REPORT, REPORT_HTML, OSCAL, *statements.NAMES}
)
#: Files that may stand beside an adapter; nothing that executes.
TOKENIZER: frozenset[str] = frozenset(
    {"tokenizer.json", "tokenizer_config.json", "special_tokens_map.json"}
)
#: Signed files that a release may have.
OPTIONAL: frozenset[str] = TOKENIZER | {ROLES, CANDIDATE}
#: Files of a merged model; nothing that executes.
MERGED_NAMES: frozenset[str] = frozenset(
    MERGED + name
    for name in (
        "config.json",
        "generation_config.json",
        "model.safetensors",
        "model.safetensors.index.json",
        "tokenizer.json",
        "tokenizer_config.json",
        "special_tokens_map.json",
        "chat_template.jinja",
        "vocab.json",
        "vocab.txt",
        "merges.txt",
    )
)
_VOTE = re.compile(r"attestations/approval-[0-9]{2}\.dsse\.json")
_SHARD = re.compile(r"merged/model-[0-9]{5}-of-[0-9]{5}\.safetensors")


def vote_name(number: int) -> str:
    """Return the name of a person's signed word inside a release, counted from 1."""
    return f"attestations/approval-{number:02d}.dsse.json"


def is_vote(name: str) -> bool:
    """Say whether a file is a person's signed word."""
    return _VOTE.fullmatch(name) is not None


def has_place(name: str) -> bool:
    """Say whether a release may hold a signed file of that name."""
    fixed = name in REQUIRED or name in OPTIONAL or name in MERGED_NAMES
    return fixed or is_vote(name) or _SHARD.fullmatch(name) is not None
