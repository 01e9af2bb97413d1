"""An erasure that was interrupted ends as if it had not been."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from appliance.corpus import Corpus
from appliance.settlement import erasing
from appliance.settlement.erasing import digest_of, erase
from appliance.subjects import register, rewrite
from appliance.workspace import Home
from tests.unit.subjects.world import (
    MARKER,
    RUN,
    WHO,
    a_run,
    clock,
    opened,
    plain_text,
    rows,
    tokens,
)

CRASHES = [
    ("set_erased", "after"),
    ("_rewrite", "before"),
    ("_rewrite", "after"),
    ("copy", "after"),
    ("reseal_run", "before"),
    ("reseal_run", "after"),
    ("_mark", "after"),
    ("_write_receipt", "after"),
    ("register_done", "after"),
]


@pytest.mark.parametrize(("where", "when"), CRASHES)
def test_after_a_crash_the_same_command_ends_what_it_began(
    vacant: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str, when: str
) -> None:
    shutil.copytree(vacant, tmp_path / "w")
    rows(tmp_path / "notes.jsonl")
    with opened(tmp_path / "w") as home:
        a_run(home, tmp_path / "notes.jsonl")

    class CrashError(Exception):
        pass

    owner: Any = register if where in ("set_erased", "register_done") else erasing
    owner = {"_rewrite": rewrite, "copy": Corpus}.get(where, owner)
    name = "set_pending" if where == "register_done" else where
    real = getattr(owner, name)

    def broken(*args: Any, **kwargs: Any) -> Any:
        if where == "register_done" and args[1] is not None:
            return real(*args, **kwargs)
        if when == "after":
            real(*args, **kwargs)
        raise CrashError

    with monkeypatch.context() as patched:
        patched.setattr(owner, name, broken)
        with pytest.raises(CrashError), opened(tmp_path / "w") as home:
            erase(home, digest_of(home, WHO), "retire", clock=clock)
    with opened(tmp_path / "w") as home:
        erase_again(home, when=when, where=where)
        assert register.pending(home.vault) is None
        assert MARKER.encode() not in plain_text(home.run_vault(RUN))
        assert tokens(MARKER) not in plain_text(home.run_vault(RUN))
        assert not (home.path / "releases" / RUN).exists()
        assert len(list((home.path / "reports" / "erasures").iterdir())) == 1
        home.verify()


def erase_again(home: Home, *, when: str, where: str) -> None:
    if where == "register_done" and when == "after":
        assert register.pending(home.vault) is None
        return
    receipt, _ = erase(home, digest_of(home, WHO), "retire", clock=clock)
    assert receipt["runs"][0]["shards"], "the receipt still names what was found"


def test_an_interrupted_erasure_is_ended_before_another_begins(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    a_run(home, tmp_path / "notes.jsonl")

    def stop(*_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(erasing, "take_out", stop)
        with pytest.raises(KeyboardInterrupt):
            erase(home, digest_of(home, WHO), "retire", clock=clock)
    erase(home, digest_of(home, "MRN-3"), "retire", clock=clock)
    assert register.erased(home.vault) == {digest_of(home, WHO), digest_of(home, "MRN-3")}
    assert MARKER.encode() not in plain_text(home.run_vault(RUN))
