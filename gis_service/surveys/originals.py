"""The files as they were sent: kept beside the database for a set number of days, then deleted."""

from __future__ import annotations

import hashlib
import os
import shutil
import time
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from gis_service.errors import NotFoundError
from gis_service.flushing import flush_names

_BLOCK_BYTES = 1 << 20
_DAY_S = 86_400
_PART_S = 3600
"""No copy takes an hour: a part that is older was left by a kill."""


@dataclass(frozen=True)
class Stored:
    """A file that is kept: where, its SHA-256 in hexadecimal, and its size."""

    path: Path
    sha256: str
    bytes: int


@dataclass(frozen=True)
class Originals:
    """A folder with one file for each upload, under the upload's identifier; the sender's name is never a path.

    Attributes
    ----------
    days
        How long a file is kept.
    """

    folder: Path
    days: int = 180

    def keep(self, identifier: uuid.UUID, file: BinaryIO, extension: str) -> Stored:
        """Copy a file in; it is there as a whole, and on the disk, or not at all."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        target = self.folder / f"{identifier}{extension}"
        digest, size, partial = hashlib.sha256(), 0, self.folder / f"{identifier}.part"
        with partial.open("xb") as copy:
            while block := file.read(_BLOCK_BYTES):
                digest.update(block)
                size += len(block)
                copy.write(block)
            copy.flush()
            os.fsync(copy.fileno())
        partial.rename(target)
        flush_names(self.folder)
        return Stored(target, digest.hexdigest(), size)

    def find(self, identifier: uuid.UUID) -> Path:
        """Return the file of an upload; NotFoundError when it was deleted."""
        for path in self.folder.glob(f"{identifier}.*"):
            if path.suffix != ".part":
                return path
        raise NotFoundError(
            f"原始文件已不在(保留 {self.days} 天);请重新上传。", "The original file is gone; upload it again."
        )

    def remove(self, identifier: uuid.UUID) -> None:
        """Delete what is kept of an upload."""
        for path in self.folder.glob(f"{identifier}.*"):
            path.unlink(missing_ok=True)

    def expire(self) -> int:
        """Delete the files that are older than ``days``, and what broken-off copies left; return how many."""
        if not self.folder.is_dir():
            return 0
        old = [path for path in self.folder.iterdir() if self._is_old(path)]
        for path in old:
            shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
        return len(old)

    def _is_old(self, path: Path) -> bool:
        try:
            age = time.time() - path.stat().st_mtime
        except FileNotFoundError:
            # Somebody has discarded it just now.
            return False
        return age > (_PART_S if path.suffix == ".part" else self.days * _DAY_S)
