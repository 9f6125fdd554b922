"""Erasing from beginning to end: database, files, logs, and a receipt."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Engine

from gis_service.database import explained
from gis_service.erasure.erase import Found, erase_values, find_values, left_aside, new_receipt, wipe
from gis_service.erasure.note import Note
from gis_service.erasure.originals import blot_log, search_files
from gis_service.erasure.values import Values
from gis_service.people.audit import Anchors
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
    files
        Folders of files that people sent, and of files that were made for them.
    logs
        The logs of service and database.
    anchors
        Where the ends of the audit are kept.
    beside
        Folders with older copies of everything, which aren't searched.
    """

    owner: Engine
    superuser: Engine | None
    files: Sequence[Path]
    logs: Sequence[Path]
    anchors: Anchors
    beside: Sequence[Path] = ()


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


def not_searched(grounds: Grounds, values: Values) -> list[str]:
    """Return what isn't searched, one sentence each: nobody shall believe that it was."""
    said = [f"旧数据 {folder} 没有查找;确认不要后请删去。" for folder in grounds.beside]
    with explained(), grounds.owner.connect() as conn:
        said += [f"恢复时另存的旧数据 {name} 没有查找;确认不要后请 drop schema。" for name in left_aside(conn)]
    said += [
        f"文件 {path.name} 打不开,没有查找;要一并删去请加 --unreadable。"
        for path, verdict in _verdicts(grounds, values) if verdict == UNKNOWN
    ]  # fmt: skip
    if grounds.superuser is None:
        said.append("数据库服务器自己的日志、WAL 和统计信息不在这里;请交给它的管理员。")
    return said


def erase(
    grounds: Grounds, values: Values, reason: str, told: Told,
    *, number: str | None = None, note: Note | None = None, unreadable: bool = False,
) -> Receipt:  # fmt: skip
    """Erase the values everywhere and return the receipt.

    The note for later restores is written first: without it a restored backup would bring the values back.

    Parameters
    ----------
    unreadable
        Whether to delete files, too, that nobody can see into.

    Raises
    ------
    ConflictError
        When a rule doesn't allow what would be left; nothing has changed then.
    UnavailableError
        When the note can't be written; nothing has changed then.
    """
    number, at = number or new_receipt(), datetime.now(UTC)
    written = note.write(number, at, reason, values=values.values) if note else None
    told("在数据库里删除")
    try:
        found = _erase_rows(grounds, values, number)
    except BaseException:
        if written is not None:
            written.unlink(missing_ok=True)
        raise
    found += erase_files(grounds, values, told, unreadable=unreadable)
    _wipe(grounds)
    told("再查一遍")
    kept = not_searched(grounds, values)
    if note is None:
        kept.append("没有设 GIS_BACKUPS 和 GIS_BACKUP_KEY:从别处的备份恢复以后,要再删除一次。")
    return Receipt(number, at, values.blot(reason), values.masked(), found, look(grounds, values), kept)


def _erase_rows(grounds: Grounds, values: Values, number: str) -> list[Found]:
    with explained(), grounds.owner.connect().execution_options(isolation_level="READ COMMITTED") as conn, conn.begin():
        erased = erase_values(conn, values, number)
        grounds.anchors.note_erased(erased.links)
    return erased.found


def erase_files(grounds: Grounds, values: Values, told: Told, *, unreadable: bool) -> list[Found]:
    """Delete the files in which the values stand, and blot them out of the logs; return how many there were."""
    told("在文件和日志里删除")
    verdicts = [one for one in _verdicts(grounds, values) if unreadable or one[1] != UNKNOWN]
    for path, _ in verdicts:
        path.unlink(missing_ok=True)
    lines = sum(blot_log(path, values) for path in grounds.logs if path.is_file())
    return [*_files(verdicts, unreadable=unreadable), *([Found("日志", lines)] if lines else [])]


def _wipe(grounds: Grounds) -> None:
    engine = grounds.superuser or grounds.owner
    with explained(), engine.connect().execution_options(isolation_level="AUTOCOMMIT") as conn:
        wipe(conn, whole=grounds.superuser is not None)


def _verdicts(grounds: Grounds, values: Values) -> list[tuple[Path, str]]:
    """Return the files with a value, and those that nobody can see into."""
    paths = sorted(path for folder in grounds.files for path in folder.glob("*") if path.is_file())
    return [(path, verdict) for path, verdict in search_files(paths, values) if verdict != ABSENT]


def _files(verdicts: Sequence[tuple[Path, str]], *, unreadable: bool = False) -> list[Found]:
    known = tuple(path.name for path, verdict in verdicts if verdict != UNKNOWN)
    unknown = tuple(path.name for path, verdict in verdicts if verdict == UNKNOWN and unreadable)
    found = [("文件(整份删除)", known), ("打不开、无法查找的文件(整份删除)", unknown)]
    return [Found(title, len(names), names) for title, names in found if names]
