"""The files of sheets: kept beside the database for a set number of days, then deleted; they can be made again."""

from __future__ import annotations

import time
import uuid
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from gis_service.errors import NotFoundError

_DAY_S = 86_400
PREVIEW = ".preview.png"


@dataclass(frozen=True)
class SheetFiles:
    """A folder with a file and a small picture for each sheet, under its identifier.

    Attributes
    ----------
    days
        How long a file is kept.
    """

    folder: Path
    days: int = 180

    def draft(self, identifier: uuid.UUID, suffix: str) -> Path:
        """Return where a file is written before it is whole."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return self.folder / f"{identifier}.part{suffix}"

    def keep(self, draft: Path) -> Path:
        """Give a file that is whole its place."""
        target = draft.with_name(draft.name.replace(".part", "", 1))
        draft.rename(target)
        return target

    def find(self, identifier: uuid.UUID, suffix: str) -> Path:
        """Return a file; NotFoundError when it was deleted."""
        path = self.folder / f"{identifier}{suffix}"
        if not path.exists():
            raise NotFoundError(
                f"文件已不在(保留 {self.days} 天,或随删除个人信息一并删去);请重新出一张。",
                "The file is gone; make it again.",
            )
        return path

    def has(self, identifier: uuid.UUID, suffix: str) -> bool:
        """Return whether a file is there."""
        return (self.folder / f"{identifier}{suffix}").exists()

    def remove(self, identifier: uuid.UUID) -> None:
        """Delete what is kept of a sheet."""
        for path in self.folder.glob(f"{identifier}.*"):
            path.unlink(missing_ok=True)

    def expire(self) -> int:
        """Delete what is older than ``days``; return how many files."""
        old = 0
        for path in self.folder.glob("*"):
            # Somebody may have deleted it just now.
            with suppress(FileNotFoundError):
                if time.time() - path.stat().st_mtime > self.days * _DAY_S:
                    path.unlink()
                    old += 1
        return old

    def clear_drafts(self, identifier: uuid.UUID) -> None:
        """Delete what attempts to make a sheet have left."""
        for path in self.folder.glob(f"{identifier}.part*"):
            path.unlink(missing_ok=True)
