"""The log in other systems' words: JSON Lines, RFC 5424 syslog, ArcSight CEF.

Rules:
- Nothing is added to what the log says, and nothing private is in the log.
- Delimiters in values are escaped as each format says, so that no field can forge another.

Reference:
    RFC 5424 section 6; Micro Focus Security ArcSight Common Event Format, version 27.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Literal

from appliance import __version__
from appliance.crypto.canonical import canonical_json

ExportFormat = Literal["jsonl", "syslog", "cef"]

#: RFC 5424: facility 13 (log audit) times 8, plus severity.
_FACILITY = 13 * 8
_NOTICE, _WARNING = 5, 4
#: CEF severities, 0 to 10.
_LOW, _HIGH = 3, 7
#: Enterprise number for structured data names: 32473 is reserved for examples (RFC 5612).
_SD_ID = "appliance@32473"


def export_lines(events: Iterable[Mapping[str, Any]], form: ExportFormat) -> Iterator[str]:
    """Yield one line of text per event, without line ends.

    Args:
        events: as `AuditLog.events` yields them.
        form: "jsonl", "syslog" (RFC 5424) or "cef".
    """
    render = {"jsonl": _jsonl, "syslog": _syslog, "cef": _cef}[form]
    for event in events:
        yield render(event)


def _jsonl(event: Mapping[str, Any]) -> str:
    """Return the event as stored."""
    return canonical_json(dict(event)).decode()


def _syslog(event: Mapping[str, Any]) -> str:
    """Return an RFC 5424 message: all facts in structured data, no free text."""
    severity = _NOTICE if event["outcome"] == "done" else _WARNING
    data = " ".join(f'{name}="{_sd_escape(value)}"' for name, value in _flat(event))
    return (
        f"<{_FACILITY + severity}>1 {event['when']} - appliance - {event['event']} "
        f"[{_SD_ID} {data}]"
    )


def _cef(event: Mapping[str, Any]) -> str:
    """Return a CEF message."""
    severity = _LOW if event["outcome"] == "done" else _HIGH
    name = _cef_header(str(event["event"]))
    extension = " ".join(f"{key}={_cef_escape(value)}" for key, value in _flat(event))
    return f"CEF:0|appliance|appliance|{__version__}|{name}|{name}|{severity}|{extension}"


def _flat(event: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield an event's facts as names and texts."""
    yield "seq", str(event["seq"])
    yield "when", str(event["when"])
    yield "outcome", str(event["outcome"])
    for key, value in sorted(event["who"].items()):
        yield key, _text(value)
    for key, value in sorted(event["fields"].items()):
        yield f"field_{key}", _text(value)


def _text(value: object) -> str:
    """Return a JSON value as text."""
    return value if isinstance(value, str) else canonical_json(value).decode()


def _sd_escape(value: str) -> str:
    """Escape a parameter value (RFC 5424 section 6.3.3)."""
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("]", "\\]")


def _cef_header(value: str) -> str:
    """Escape a header field."""
    return value.replace("\\", "\\\\").replace("|", "\\|")


def _cef_escape(value: str) -> str:
    """Escape an extension value."""
    return value.replace("\\", "\\\\").replace("=", "\\=")
