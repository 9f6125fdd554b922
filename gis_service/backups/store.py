"""Where backups lie: a folder, best on another machine's share, with one folder for each backup and one for the log.

::

    20261130T180000Z/   manifest.json, dump.age, base.age, files.age
    wal/<system>/       the database's log since the oldest base, one sealed file a segment
    erasures/           what was erased, to be erased again from whatever is restored
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson

from gis_service.backups.sealing import sha256_of
from gis_service.errors import InputError, NotFoundError

_MANIFEST = "manifest.json"
_NAMES = "%Y%m%dT%H%M%SZ"
_FORMAT = 1


@dataclass(frozen=True)
class TableState:
    """How many rows a table had, and a sum over the hashes of their text, by which equal tables are recognised."""

    rows: int
    sums: str


@dataclass(frozen=True)
class Manifest:
    """What a backup says of itself, unsealed: nothing in it tells of a person.

    Attributes
    ----------
    made_at
        The moment whose rows the dump holds.
    migration
        The schema's version.
    system
        The database cluster's identifier; the log of another cluster doesn't fit.
    position
        Of the log, at exactly that moment (``0/3000148``); empty when writers left no quiet moment.
    base_from
        Position of the log where the copy of the cluster begins; empty without one.
    base_at
        When the copy was whole: no point in time before it can be restored.
    tables, catalogue
        The tables' rows, and the SHA-256 of every definition in the schema (columns, policies, triggers, grants).
    files
        SHA-256 of each sealed file.
    """

    made_at: datetime
    migration: str
    system: str
    position: str
    base_from: str
    base_at: datetime | None
    tables: Mapping[str, TableState]
    catalogue: str
    files: Mapping[str, str] = field(default_factory=dict)

    def document(self) -> dict[str, Any]:
        """Return what is written into ``manifest.json``."""
        return {"format": _FORMAT, **asdict(self)}


@dataclass(frozen=True)
class Backup:
    """One backup that is whole: its folder and its manifest."""

    folder: Path
    manifest: Manifest

    @property
    def name(self) -> str:
        """The name of its folder, which is the moment in UTC."""
        return self.folder.name

    def file(self, name: str) -> Path:
        """Return a sealed file of it; InputError when it isn't what was written."""
        path = self.folder / name
        try:
            right = sha256_of(path) == self.manifest.files.get(name)
        except FileNotFoundError:
            right = False
        if not right:
            raise InputError(
                f"备份 {self.name} 的 {name} 不见了或被改动过(SHA-256 不符);请用另一份备份。",
                f"{name} of backup {self.name} isn't what was written.",
            )
        return path


@dataclass(frozen=True)
class Store:
    """The folder in which backups are kept.

    Attributes
    ----------
    days
        How long they are kept; the newest one stays in any case.
    """

    folder: Path
    days: int = 35

    def backups(self) -> list[Backup]:
        """Return the whole ones, the oldest first; a broken-off attempt has no manifest and isn't one."""
        try:
            folders = sorted(path for path in self.folder.iterdir() if (path / _MANIFEST).is_file())
        except OSError as error:
            raise NotFoundError(
                f"备份目录 {self.folder} 打不开({error.strerror});请检查共享目录是否连着。",
                f"The folder of backups {self.folder} can't be opened.",
            ) from error
        return [read_backup(path) for path in folders]

    def begin(self) -> Path:
        """Return a new folder to make a backup in; what earlier attempts left is cleared away."""
        for left in self.folder.glob("*.part"):
            shutil.rmtree(left, ignore_errors=True)
        draft = self.folder / f"{datetime.now(UTC):{_NAMES}}.part"
        draft.mkdir(mode=0o700, parents=True)
        return draft

    def finish(self, draft: Path, manifest: Manifest) -> Backup:
        """Make a backup out of what lies in the folder."""
        _write(draft / _MANIFEST, manifest.document())
        folder = draft.with_suffix("")
        draft.rename(folder)
        return Backup(folder, manifest)

    def expire(self) -> int:
        """Delete backups whose time is over, and the log that only they needed; return how many backups."""
        found = self.backups()
        oldest = datetime.now(UTC) - timedelta(days=self.days)
        old = [one for one in found[:-1] if one.manifest.made_at < oldest]
        for one in old:
            shutil.rmtree(one.folder)
        kept = [one for one in found if one not in old]
        for note in self.erasures.glob("*.age"):
            # What was erased before the oldest backup was made is in none of them.
            if kept and note.name < kept[0].name:
                note.unlink()
        for folder in (self.folder / "wal").glob("*"):
            needed = [one.manifest.base_from for one in kept if one.manifest.system == folder.name]
            first = min((position_of(start) for start in needed if start), default=None)
            for segment in folder.glob("*.age"):
                end = segment_end(segment.name)
                if end is not None and (first is None or end <= first):
                    segment.unlink()
        return len(old)

    @property
    def erasures(self) -> Path:
        """Where the sealed notes of what was erased lie."""
        return self.folder / "erasures"

    def log_of(self, system: str) -> Path:
        """Return the folder of a cluster's log."""
        return self.folder / "wal" / system


SEGMENT_BYTES = 16 << 20
"""Of a file of the log, as initdb makes clusters."""


def position_of(written: str) -> int:
    """Return a position in the log as a number: ``0/3000148`` is 50331976."""
    high, low = written.split("/")
    return (int(high, 16) << 32) + int(low, 16)


def segment_end(name: str) -> int | None:
    """Return where a segment of the log ends, by its name; None for what is no segment."""
    stem = name[:24]
    if len(stem) < 24 or any(digit not in "0123456789ABCDEF" for digit in stem):
        return None
    return (int(stem[8:16], 16) << 32) + (int(stem[16:24], 16) + 1) * SEGMENT_BYTES


def read_backup(folder: Path) -> Backup:
    """Return the backup in a folder.

    Raises
    ------
    InputError
        When there is none, or its manifest is damaged.
    """
    try:
        found = orjson.loads((folder / _MANIFEST).read_bytes())
        known = found.pop("format")
        tables = {name: TableState(**state) for name, state in found.pop("tables").items()}
        made_at, base_at = found.pop("made_at"), found.pop("base_at")
        manifest = Manifest(
            made_at=datetime.fromisoformat(made_at), base_at=base_at and datetime.fromisoformat(base_at),
            tables=tables, **found,
        )  # fmt: skip
    except FileNotFoundError as error:
        raise InputError(
            f"{folder} 里没有 manifest.json,不是一份完整的备份;请指向形如 20261130T180000Z 的文件夹。",
            f"{folder} holds no backup.",
        ) from error
    except (OSError, orjson.JSONDecodeError, KeyError, TypeError, ValueError, AttributeError) as error:
        raise InputError(
            f"{folder}/manifest.json 坏了;请用另一份备份。", f"The manifest in {folder} is damaged."
        ) from error
    if known != _FORMAT:
        raise InputError(
            f"备份 {folder.name} 的格式是 {known},本版本只认得 {_FORMAT};请用做它的版本恢复。",
            "The backup has another format.",
        )
    return Backup(folder, manifest)


def _write(path: Path, document: dict[str, Any]) -> None:
    with path.open("wb") as file:
        file.write(orjson.dumps(document, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS))
        file.flush()
        os.fsync(file.fileno())
