"""What was erased, sealed beside the backups: a restore brings it back, and whoever restores has the key."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import orjson

from gis_service.backups.sealing import Key, Recipient, read_sealed, seal
from gis_service.backups.store import Store
from gis_service.errors import InputError, UnavailableError
from gis_service.flushing import flush_names


@dataclass(frozen=True)
class Note:
    """Where the notes of what was erased lie, and for whom they are sealed."""

    store: Store
    recipient: Recipient

    @property
    def folder(self) -> Path:
        """Where they lie; they go when no backup is older than they are."""
        return self.store.erasures

    def write(
        self, number: str, at: datetime, reason: str, *, values: Sequence[str] = (), photos: Sequence[str] = ()
    ) -> Path:
        """Write one and return it: of values, or of photos by their hashes.

        Raises
        ------
        UnavailableError
            When that can't be done: then nothing may be erased.
        """
        document = {"number": number, "at": at.isoformat(), "values": values, "photos": photos, "reason": reason}
        try:
            self.folder.mkdir(mode=0o700, exist_ok=True)
            path = self.folder / f"{at:%Y%m%dT%H%M%SZ}-{number}.age"
            seal(io.BytesIO(orjson.dumps(document)), path, self.recipient)
            flush_names(self.folder)
        except OSError as error:
            raise UnavailableError(
                f"备份目录 {self.folder} 写不了({error.strerror}),没有删除:不记下来,恢复备份时会回来;请检查共享目录。",
                "The note for later restores can't be written; nothing was erased.",
            ) from error
        return path


@dataclass(frozen=True)
class Noted:
    """What a note says: under which receipt, which values or the hashes of which photos, and why."""

    number: str
    reason: str
    values: tuple[str, ...]
    photos: tuple[str, ...]


def read_note(path: Path, key: Key) -> Noted:
    """Return what a note says; InputError when the key doesn't open it, or it isn't what was written."""
    held = read_sealed(path, key)
    try:
        said = orjson.loads(held)
        number, reason, values = str(said["number"]), str(said["reason"]), tuple(said["values"])
        # Earlier notes are of values alone.
        return Noted(number, reason, values, tuple(said.get("photos", ())))
    except (ValueError, LookupError, TypeError) as error:
        raise InputError("记录读不出来,不知道删过什么。", "The note of what was erased can't be read.") from error
