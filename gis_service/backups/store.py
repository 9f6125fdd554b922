"""Where backups lie: a folder, best on another machine's share, with one folder for each backup and one for the log.

::

    store.json          whose it is; without it nothing is written, since a share that isn't mounted is an empty folder
    20261130T180000Z/   manifest.json, dump.age, base.age, files.age, photos.txt
    photos/             each photo once, see the module of that name
    wal/<system>/       the database's log since the oldest base, one sealed file a segment
    erasures/           what was erased, to be erased again from whatever is restored
"""

from __future__ import annotations

import os
import re
import shutil
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson

from gis_service.backups.log_names import position_of, segment_end
from gis_service.data_lock import DataLock
from gis_service.digest import sha256_of
from gis_service.errors import ConflictError, InputError, NotFoundError, UnavailableError
from gis_service.flushing import flush_names

_MANIFEST, _MARK = "manifest.json", "store.json"
_NAMES = "%Y%m%dT%H%M%SZ"
_IS_BACKUP = re.compile(r"[0-9]{8}T[0-9]{6}Z")
_FORMAT = 1
_NOTE_SPARE = timedelta(days=1)
"""A note is kept a day longer than it must: erasing takes its time, and clocks differ."""


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
    server
        Major version of PostgreSQL; others describe the same definitions in other words.
    database
        The database's name.
    system, timeline
        The database cluster's identifier, and which of its lives: a restore begins a new one.
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
    server: int
    database: str
    system: str
    timeline: int
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

    # -- whose it is -------------------------------------------------------------------------------------------

    def claim(self, data: Path, *, anew: bool = False) -> None:
        """See that this is the folder that the data folder's backups go to; the first time it becomes that.

        Parameters
        ----------
        anew
            Whether the data folder takes over what another one began: after a restore.

        Raises
        ------
        UnavailableError
            When the folder isn't there or isn't the same one: a share that isn't mounted is an empty folder on this
            machine's own disk.
        ConflictError
            When it holds the backups of another data folder.
        """
        known = data / "backups.json"
        mine = orjson.loads(known.read_bytes())["store"] if known.exists() and not anew else None
        mark = self.folder / _MARK
        if not self.folder.is_dir() or (mine and not mark.exists()):
            raise UnavailableError(
                f"备份目录 {self.folder} 不在,或不是原来那一个;请先建好它,检查共享目录是否挂上了。",
                f"The folder of backups {self.folder} isn't there, or isn't the one it was.",
            )
        found = orjson.loads(mark.read_bytes())["store"] if mark.exists() else None
        if found is None:
            found = uuid.uuid4().hex
            _write(mark, {"store": found})
        elif mine is None and not anew:
            raise ConflictError(
                f"{self.folder} 里是另一个数据目录的备份;请换一个文件夹。"
                "若这里是从它恢复的、要接着备份,请用 gis-service restore 恢复到 GIS_DATA_DIR,不要写 --data。",
                "The folder holds another one's backups.",
            )
        elif mine is not None and mine != found:
            raise ConflictError(
                f"{self.folder} 不是原来的备份目录;请检查 GIS_BACKUPS 和挂载。", "The folder is another one."
            )
        if mine != found:
            data.mkdir(parents=True, exist_ok=True)
            _write(known, {"store": found})

    def is_there(self) -> bool:
        """Return whether backups lie in the folder: where a share isn't mounted, none do."""
        return (self.folder / _MARK).exists()

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Let one backup at a time be made."""
        with DataLock(self.folder / "store.lock") as lock:
            try:
                lock.acquire(wait=False)
            except BlockingIOError as error:
                raise ConflictError("另一份备份正在做,这一份没有做;请等它做完。", "A backup is being made.") from error
            yield

    # -- what is in it -----------------------------------------------------------------------------------------

    def backups(self) -> list[Backup]:
        """Return the whole ones whose manifest can be read, the oldest first."""
        found = []
        for folder in self._folders():
            try:
                found.append(read_backup(folder))
            except InputError:
                continue
        return found

    def damaged(self) -> list[str]:
        """Return the names of those whose manifest can't be read."""
        whole = {one.name for one in self.backups()}
        return [folder.name for folder in self._folders() if folder.name not in whole]

    def _folders(self) -> list[Path]:
        try:
            return sorted(path for path in self.folder.iterdir() if _IS_BACKUP.fullmatch(path.name))
        except OSError as error:
            raise NotFoundError(
                f"备份目录 {self.folder} 打不开({error.strerror});请检查共享目录是否连着。",
                f"The folder of backups {self.folder} can't be opened.",
            ) from error

    def begin(self) -> Path:
        """Return a new folder to make a backup in; what earlier attempts left is cleared away. Within ``locked``."""
        for left in self.folder.glob("*.part"):
            shutil.rmtree(left, ignore_errors=True)
        draft = self.folder / f"{datetime.now(UTC):{_NAMES}}.part"
        draft.mkdir(mode=0o700)
        return draft

    def finish(self, draft: Path, manifest: Manifest) -> Backup:
        """Make a backup out of what lies in the folder."""
        _write(draft / _MANIFEST, manifest.document())
        flush_names(draft)
        folder = draft.with_suffix("")
        draft.rename(folder)
        flush_names(self.folder)
        return Backup(folder, manifest)

    def expire(self) -> int:
        """Delete backups whose time is over, and the log that only they needed; return how many backups."""
        found = self.backups()
        oldest = datetime.now(UTC) - timedelta(days=self.days)
        old = [one for one in found[:-1] if one.manifest.made_at < oldest]
        for one in old:
            shutil.rmtree(one.folder)
        kept = [one for one in found if one not in old]
        if kept:
            self._expire_notes(kept[0].manifest.made_at)
            self._expire_log(kept)
        return len(old)

    def _expire_notes(self, oldest: datetime) -> None:
        """Delete the notes of what was erased before the oldest backup was made: it is in none of them."""
        for note in self.erasures.glob("*.age"):
            if _IS_BACKUP.match(note.name):
                at = datetime.strptime(note.name[:16], _NAMES).replace(tzinfo=UTC)
                if at + _NOTE_SPARE < oldest:
                    note.unlink()

    def _expire_log(self, kept: list[Backup]) -> None:
        for folder in (self.folder / "wal").glob("*"):
            needed = [one.manifest.base_from for one in kept if one.manifest.system == folder.name]
            first = min((position_of(start) for start in needed if start), default=None)
            for segment in folder.glob("*.age"):
                end = segment_end(segment.name)
                if end is not None and (first is None or end <= first) and _is_older(segment, _LONGEST_BACKUP_S):
                    segment.unlink()

    @property
    def erasures(self) -> Path:
        """Where the sealed notes of what was erased lie."""
        return self.folder / "erasures"

    def log_of(self, system: str) -> Path:
        """Return the folder of a cluster's log."""
        return self.folder / "wal" / system


_LONGEST_BACKUP_S = 86_400.0
"""A copy that is still being made, and of which nobody knows yet, needs the log from its beginning on."""


def _is_older(path: Path, seconds: float) -> bool:
    return time.time() - path.stat().st_mtime > seconds


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
