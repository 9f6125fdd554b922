"""Erasing from beginning to end: database, files, logs, a receipt, and a sealed note for whatever is restored later."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
from sqlalchemy import Engine

from gis_service.backups.sealing import Key, Recipient, read_sealed, seal
from gis_service.backups.store import Store
from gis_service.database import explained
from gis_service.erasure.erase import Found, erase_values, find_values, left_aside, new_receipt, wipe
from gis_service.erasure.originals import blot_log, search_files
from gis_service.erasure.values import Values
from gis_service.errors import InputError, UnavailableError
from gis_service.surveys.files.looking import ABSENT, UNKNOWN

Told = Callable[[str], None]


@dataclass(frozen=True)
class Grounds:
    """Where is erased.

    Attributes
    ----------
    owner
        The database, as ``gis_owner``, outside of transactions.
    superuser
        The same as a superuser, who may write the planner's statistics anew; None where there is none to be had.
    originals
        The folder of the files that people sent.
    logs
        The logs of service and database.
    """

    owner: Engine
    superuser: Engine | None
    originals: Path
    logs: Sequence[Path]


@dataclass(frozen=True)
class Receipt:
    """What was erased: for whoever asked for it, and for the file.

    Attributes
    ----------
    values
        What was erased, masked.
    found
        Where it stood and in how many rows, files or lines.
    left
        Where it still stands after all: nothing, or something is wrong.
    kept
        What can't be searched or wasn't, one sentence each.
    """

    number: str
    at: datetime
    reason: str
    values: Sequence[str]
    found: Sequence[Found]
    left: Sequence[Found]
    kept: Sequence[str]

    def document(self) -> dict[str, Any]:
        """Return the receipt for a file."""
        return asdict(self)


def look(grounds: Grounds, values: Values) -> list[Found]:
    """Return where the values stand, and change nothing."""
    with explained(), grounds.owner.connect() as conn:
        found = find_values(conn, values)
    return [*found, *_files(_verdicts(grounds, values))]


def erase(
    grounds: Grounds, values: Values, reason: str, told: Told, *, number: str | None = None, note: Note | None = None
) -> Receipt:
    """Erase the values everywhere and return the receipt.

    The note for later restores is written first: without it a restored backup would bring the values back.

    Raises
    ------
    ConflictError
        When a rule doesn't allow what would be left; nothing has changed then.
    UnavailableError
        When the note can't be written; nothing has changed then.
    """
    number = number or new_receipt()
    at = datetime.now(UTC)
    kept = []
    if note is None:
        kept.append("没有设 GIS_BACKUPS 和 GIS_BACKUP_KEY:从别处的备份恢复以后,要再删除一次。")
    else:
        note.write(number, at, values, reason)
    told("在数据库里删除")
    with explained(), grounds.owner.connect().execution_options(isolation_level="READ COMMITTED") as conn:
        with conn.begin():
            found = erase_values(conn, values, number)
        kept += [f"恢复时另存的旧数据 {name} 没有查找;确认不要后请 drop schema。" for name in left_aside(conn)]
    told("在上传的原始文件里查找")
    verdicts = _verdicts(grounds, values)
    for path, _ in verdicts:
        path.unlink(missing_ok=True)
    told("改写日志和表的存储")
    lines = sum(blot_log(path, values) for path in grounds.logs if path.is_file())
    _wipe(grounds)
    found += _files(verdicts)
    if lines:
        found.append(Found("日志", lines))
    told("再查一遍")
    return Receipt(number, at, values.blot(reason), values.masked(), found, look(grounds, values), kept)


def _wipe(grounds: Grounds) -> None:
    engine = grounds.superuser or grounds.owner
    with explained(), engine.connect().execution_options(isolation_level="AUTOCOMMIT") as conn:
        wipe(conn, whole=grounds.superuser is not None)


def _verdicts(grounds: Grounds, values: Values) -> list[tuple[Path, str]]:
    """Return the files to delete: those with a value, and those that nobody can see into."""
    paths = sorted(path for path in grounds.originals.glob("*") if path.is_file())
    return [(path, verdict) for path, verdict in search_files(paths, values) if verdict != ABSENT]


def _files(verdicts: Sequence[tuple[Path, str]]) -> list[Found]:
    unknown = tuple(path.name for path, verdict in verdicts if verdict == UNKNOWN)
    known = tuple(path.name for path, verdict in verdicts if verdict != UNKNOWN)
    found = [("上传的原始文件(整份删除)", known), ("打不开、无法查找的原始文件(整份删除)", unknown)]
    return [Found(title, len(names), names) for title, names in found if names]


@dataclass(frozen=True)
class Note:
    """The notes of what was erased, sealed beside the backups: whoever restores one has the key, and erases again."""

    store: Store
    recipient: Recipient

    @property
    def folder(self) -> Path:
        """Where they lie; they go when no backup is older than they are."""
        return self.store.erasures

    def write(self, number: str, at: datetime, values: Values, reason: str) -> None:
        """Write one; UnavailableError when that can't be done."""
        document = {"number": number, "at": at.isoformat(), "values": list(values.values), "reason": reason}
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            seal(io.BytesIO(orjson.dumps(document)), self.folder / f"{at:%Y%m%dT%H%M%SZ}-{number}.age", self.recipient)
        except OSError as error:
            raise UnavailableError(
                f"备份目录 {self.folder} 写不了({error.strerror}),没有删除:不记下来,恢复备份时会回来;请检查共享目录。",
                "The note for later restores can't be written; nothing was erased.",
            ) from error


def repeat(grounds: Grounds, store: Store, key: Key, told: Told) -> list[Receipt]:
    """Erase again, after a restore, everything that was ever erased; return the receipts of what had come back."""
    receipts = []
    for path in sorted(store.erasures.glob("*.age")):
        try:
            said = orjson.loads(read_sealed(path, key))
            values, number, reason = Values(tuple(said["values"])), str(said["number"]), str(said["reason"])
        except (orjson.JSONDecodeError, KeyError, TypeError) as error:
            raise InputError(f"{path} 坏了,不知道要再删除什么。", f"{path} is damaged.") from error
        if look(grounds, values):
            receipts.append(erase(grounds, values, reason, told, number=number, note=Note(store, key.to_public())))
    return receipts
