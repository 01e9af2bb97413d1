"""Two hundred commands at once on one workspace."""

from __future__ import annotations

import os
import traceback
from pathlib import Path

from appliance.crypto.keys import make_key_file
from appliance.errors import LockedError
from appliance.workspace import Home, Unlock

COMMANDS = 200
DONE, LOCKED, BROKEN = 0, 4, 1


def command(folder: Path, number: int) -> int:
    """Every fourth only reads, every other fourth waits for the lock, the rest give up at once."""
    unlock = Unlock(key_file=folder / "key")
    try:
        with Home.open(
            folder / "home",
            unlock,
            exclusive=number % 4 != 0,
            wait_s=60 if number % 4 == 1 else 0,
        ) as home:
            if home.exclusive:
                home.vault.write_json(f"test/{number}.json", number)
            home.log.append("test.command", number=number)
    except LockedError as e:
        return (
            LOCKED if "in use by process" in e.message or "another process" in e.message else BROKEN
        )
    return DONE


def test_two_hundred_commands_at_once_corrupt_nothing(tmp_path):
    make_key_file(tmp_path / "key")
    unlock = Unlock(key_file=tmp_path / "key")
    Home.init(tmp_path / "home", unlock).close()
    children = {}
    for number in range(COMMANDS):
        child = os.fork()
        if child == 0:
            code = BROKEN
            try:
                code = command(tmp_path, number)
            except BaseException:  # noqa: BLE001
                (tmp_path / f"error-{number}").write_text(traceback.format_exc())
            os._exit(code)
        children[child] = number
    ended = {children[child]: os.WEXITSTATUS(os.waitpid(child, 0)[1]) for child in children}
    errors = [path.read_text() for path in tmp_path.glob("error-*")]
    assert not errors, errors[0]
    done = sorted(number for number, code in ended.items() if code == DONE)
    assert set(ended.values()) <= {DONE, LOCKED}
    assert all(ended[number] == DONE for number in range(COMMANDS) if number % 4 in (0, 1))
    with Home.open(tmp_path / "home", unlock, exclusive=True) as home:
        home.verify()
        written = [
            int(n.removeprefix("test/").removesuffix(".json")) for n in home.vault.names("test/")
        ]
        assert sorted(written) == [n for n in done if n % 4 != 0]
        logged = [e["fields"]["number"] for e in home.log.events() if e["event"] == "test.command"]
        assert sorted(logged) == done
