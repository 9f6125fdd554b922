"""The alarm: one sentence to the log, and to a program that the operator has named."""

from __future__ import annotations

import logging
import subprocess
from pathlib import Path

LOG = logging.getLogger("gis_service.api")

_SECONDS = 60.0


def raise_alarm(program: Path | None, sentence: str) -> None:
    """Say that a backup failed; a program that fails in its turn is told to the log, and stops nothing."""
    LOG.error("backup failed: %s", sentence)
    if program is None:
        return
    try:
        subprocess.run([program, sentence], check=True, timeout=_SECONDS, stdin=subprocess.DEVNULL)
    except (OSError, subprocess.SubprocessError) as error:
        LOG.error("the alarm program %s failed: %s", program, type(error).__name__)  # noqa: TRY400 - it is said
