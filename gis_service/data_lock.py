"""File locks by which processes share one data directory."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from typing import Self


class DataLock:
    """An exclusive lock on a file, kept until it is released or the process ends, however it ends."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("a+", encoding="ascii")

    def acquire(self, *, wait: bool) -> None:
        """Take the lock; raise BlockingIOError when another process has it and ``wait`` is false."""
        fcntl.flock(self._file, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
        self._file.truncate(0)
        self._file.write(str(os.getpid()))
        self._file.flush()

    def share(self) -> None:
        """Note that this process uses the data too, however many others do."""
        fcntl.flock(self._file, fcntl.LOCK_SH)

    def is_last(self) -> bool:
        """Return whether no other process shares the lock, and then hold it alone."""
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def holder(self) -> str:
        """Return the process id that the holder wrote, for the sentence a person reads."""
        self._file.seek(0)
        return self._file.read().strip() or "未知"

    def release(self) -> None:
        """Give the lock back; calling it again does nothing."""
        self._file.close()

    def __enter__(self) -> Self:
        """Return the lock, which is already held."""
        return self

    def __exit__(self, *_: object) -> None:
        """Give the lock back."""
        self.release()
