"""The log as a file for each day, kept for at least six months (网络安全法第二十一条)."""

from __future__ import annotations

import logging
from logging.handlers import TimedRotatingFileHandler
from pathlib import Path

LEAST_DAYS = 180


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

    def write(self, line: bytes) -> None:
        """Write one line, which ends in a line feed."""
        text = line.decode().rstrip("\n")
        self._handler.emit(logging.LogRecord("requests", logging.INFO, "", 0, text, None, None))

    def close(self) -> None:
        """Close the file."""
        self._handler.close()
