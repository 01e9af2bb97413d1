"""What an event may hold: short, one-line, public facts, and who acted."""

from __future__ import annotations

from pathlib import Path

_MAX_TEXT = 1024
_NO_LOGIN = 2**32 - 1


def login_uid() -> int | None:
    """Return who logged in, whatever the process became since; None for a service."""
    try:
        login = int(Path("/proc/self/loginuid").read_text(encoding="ascii"))
    except (OSError, ValueError):
        return None
    return None if login == _NO_LOGIN else login


def check_field(value: object) -> None:
    """Refuse what is not a short, one-line, JSON fact."""
    if isinstance(value, str):
        if len(value) > _MAX_TEXT or any(ord(c) < 0x20 or ord(c) == 0x7F for c in value):
            raise ValueError("a log field holds a long or multi-line text")
    elif isinstance(value, dict):
        for key, item in value.items():
            check_field(key)
            check_field(item)
    elif isinstance(value, list | tuple):
        for item in value:
            check_field(item)
    elif value is not None and not isinstance(value, bool | int | float):
        raise ValueError("a log field is not a JSON value")
