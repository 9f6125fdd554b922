"""The log as a file for each day, kept for at least six months (网络安全法第二十一条)."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from logging.handlers import TimedRotatingFileHandler
from pathlib import Path

LEAST_DAYS = 180
_GATHERED_SECONDS = 0.1


class GatheredLines:
    """Lines on their way to a log, written together a tenth of a second after the first of them.

    Written one by one they would cost a tenth of what a small answer costs.

    Parameters
    ----------
    write
        Takes lines, each of which ends in a line feed.
    """

    def __init__(self, write: Callable[[bytes], None]) -> None:
        self._write = write
        self._lines: list[bytes] = []

    def add(self, line: bytes) -> None:
        """Take a line; called in a running event loop."""
        if not self._lines:
            asyncio.get_running_loop().call_later(_GATHERED_SECONDS, self.flush)
        self._lines.append(line)

    def flush(self) -> None:
        """Write what has come so far."""
        lines, self._lines = self._lines, []
        if lines:
            self._write(b"".join(lines))


class LogFile:
    """Appends lines to ``requests.jsonl``; at midnight (UTC) it is put aside under its day, and the oldest is deleted.

    Parameters
    ----------
    folder
        Where the files lie; made when missing, for nobody else to read.
    days
        How many days are kept, at least 180.
    """

    def __init__(self, folder: Path, days: int) -> None:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.path = folder / "requests.jsonl"
        self._handler = TimedRotatingFileHandler(
            self.path, when="midnight", backupCount=max(days, LEAST_DAYS), encoding="utf-8", utc=True
        )

    def write(self, lines: bytes) -> None:
        """Write lines, each of which ends in a line feed."""
        text = lines.decode().rstrip("\n")
        self._handler.emit(logging.LogRecord("requests", logging.INFO, "", 0, text, None, None))

    def close(self) -> None:
        """Close the file."""
        self._handler.close()
