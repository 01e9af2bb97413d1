"""Faults are injected into files in memory where that can be had: thousands of syncs cost nothing.

What a killed process leaves is the same: it is the kernel's cache that survives it, not the disk.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

MEMORY = Path("/dev/shm")


class Folders:
    """Makes folders as pytest's own factory does."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def mktemp(self, name: str) -> Path:
        return Path(tempfile.mkdtemp(prefix=f"{name}-", dir=self.root))


@pytest.fixture(scope="session")
def tmp_path_factory() -> Iterator[Folders]:
    root = tempfile.mkdtemp(prefix="faults-", dir=MEMORY if os.access(MEMORY, os.W_OK) else None)
    yield Folders(Path(root))
    shutil.rmtree(root)


@pytest.fixture
def tmp_path(tmp_path_factory: Folders) -> Iterator[Path]:
    path = tmp_path_factory.mktemp("test")
    yield path
    shutil.rmtree(path, ignore_errors=True)
