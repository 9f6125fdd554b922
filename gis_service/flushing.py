"""Bringing to the disk what a crash of the machine must not undo."""

from __future__ import annotations

import os
from pathlib import Path


def flush_names(folder: Path) -> None:
    """Bring a folder's names to the disk; a file's own fsync leaves that open."""
    opened = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
