"""`keys status` says what is less private than it should be."""

from __future__ import annotations

from pathlib import Path

from appliance.crypto.keys import make_key_file
from appliance.workspace import Home, Unlock
from tests.support.inside import appliance


def test_a_secret_that_others_may_read_is_a_finding(tmp_path: Path) -> None:
    key, home = tmp_path / "key", tmp_path / "home"
    make_key_file(key)
    Home.init(home, Unlock(key_file=key)).close()
    words = ("keys", "status", "--json", "--home", home, "--key-file", key)
    assert appliance(*words).assert_code(0).json["findings"] == []
    key.chmod(0o644)
    (home / "keys").chmod(0o755)
    assert appliance(*words).assert_code(0).json["findings"] == [
        f"{home / 'keys'} is open to others (mode 755)",
        f"{key} is open to others (mode 644)",
    ]
