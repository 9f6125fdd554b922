"""The database's log, fetched as it is written and sealed into the folder of backups: what a point in time needs."""

from __future__ import annotations

import ctypes
import gzip
import io
import signal
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path

from sqlalchemy import text
from sqlalchemy.engine import Connection

from gis_service.backups.log_names import SEGMENT_BYTES, segment_end, timeline_of
from gis_service.backups.make import Server
from gis_service.backups.sealing import Recipient, seal
from gis_service.backups.store import Store
from gis_service.errors import UnavailableError
from gis_service.flushing import flush_names

SLOT = "gis_backup"
"""The replication slot: the server keeps what hasn't been fetched."""

_PARTIAL = ".partial"
_PR_SET_PDEATHSIG = 1
_STOP_SECONDS = 10.0
_REFUSED_SECONDS = 0.5
"""Within it the server has said no, if it does at once."""
_MOST_SPOOLED = 2 << 30
"""Bytes that wait here while the folder of backups is away; beyond that the server keeps them, as far as it does."""


class LogKeeper:
    """Fetches the log (``pg_receivewal``) into a folder beside the data, and seals it away.

    A segment of 16 MB is sealed away when it is full; the one being written also each time that something was added
    to it, so that no more is lost than what was written since the last call of ``keep``. Start and stop it in one
    thread: the fetching process ends with the thread that began it.

    Parameters
    ----------
    spool
        A folder for what isn't sealed away yet; it belongs to this keeper.

    Attributes
    ----------
    broken
        Whether the server has thrown away what wasn't fetched: only a new copy of the cluster mends that.
    """

    def __init__(self, server: Server, store: Store, recipient: Recipient, spool: Path) -> None:
        self._server, self._store, self._recipient, self._spool = server, store, recipient, spool
        self._process: subprocess.Popen[bytes] | None = None
        self._system = ""
        self._sealed: dict[str, float] = {}
        self.broken = False

    def start(self) -> None:
        """Begin to fetch, also anew after the server was away; nothing when it is being done.

        Raises
        ------
        UnavailableError
            When the server is away or refuses, or ended the fetching since the last call (it has begun anew then).
        """
        ended = ""
        if self._process is not None:
            if self._process.poll() is None:
                return
            ended = self._last_words() or "连接断了"
        folder = self._make_spool()
        arguments, environment = self._server.command(
            "pg_receivewal", f"--slot={SLOT}", f"--directory={folder}", "--no-loop", "--synchronous"
        )
        self._process = subprocess.Popen(
            arguments, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=environment,
            cwd="/", preexec_fn=_end_with_parent,  # noqa: PLW1509 - one call of the system, and no lock is taken in it
        )  # fmt: skip
        try:
            self._process.wait(_REFUSED_SECONDS)
        except subprocess.TimeoutExpired:
            if ended:
                raise _refused(ended) from None
            return
        raise _refused(self._last_words())

    def _make_spool(self) -> Path:
        with self._server.asked() as conn:
            self._system = conn.execute(text("select system_identifier::text from pg_control_system()")).scalar_one()
            self._mend_slot(conn)
        folder = self._spool / self._system
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if sum(path.stat().st_size for path in folder.iterdir()) > _MOST_SPOOLED:
            raise UnavailableError(
                f"{folder} 里积了太多没有送出的日志,暂时不再取;请让备份目录恢复可写。", "Too much log waits here."
            )
        return folder

    def _mend_slot(self, conn: Connection) -> None:
        """Make the slot; one from which the server has thrown log away is made anew."""
        status = conn.execute(text("select wal_status from pg_replication_slots where slot_name = :s"), {"s": SLOT})
        known = status.scalar()
        if known == "lost":
            self.broken = True
            conn.execute(text("select pg_drop_replication_slot(:s)"), {"s": SLOT})
        if known in {None, "lost"}:
            conn.execute(text("select pg_create_physical_replication_slot(:s, true)"), {"s": SLOT})

    def keep(self) -> int:
        """Seal away what has come since the last time; return how many files.

        Raises
        ------
        UnavailableError
            When the folder of backups can't be written.
        """
        return seal_spool(self._spool, self._store, self._recipient, self._sealed)

    def stop(self) -> None:
        """End fetching; the slot keeps the server from throwing away what is still to come."""
        if self._process is None:
            return
        self._process.send_signal(signal.SIGINT)
        try:
            self._process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._last_words()

    def _last_words(self) -> str:
        if self._process is None or self._process.stderr is None:
            return ""
        with self._process.stderr as pipe:
            said = pipe.read().decode(errors="replace")
        self._process = None
        return said

    def caught_up(self, seconds: float) -> bool:
        """Wait until everything that has been written so far has been fetched; return whether it was in time."""
        with self._server.asked() as conn:
            wanted = conn.execute(text("select pg_current_wal_flush_lsn()")).scalar_one()
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            with self._server.asked() as conn:
                if conn.execute(_FETCHED, {"slot": SLOT, "wanted": wanted}).scalar():
                    return True
            time.sleep(0.1)
        return False


_FETCHED = text("select restart_lsn >= cast(:wanted as pg_lsn) from pg_replication_slots where slot_name = :slot")


def seal_spool(
    spool: Path, store: Store, recipient: Recipient, sealed: dict[str, float] | None = None, *, joined: bool = False
) -> int:
    """Seal away what was fetched of the log; return how many files.

    Parameters
    ----------
    spool
        A folder with one folder for each cluster.
    sealed
        When what is being written was last changed, of those that were sealed away before; it is kept up to date.
    joined
        Leaves out what doesn't join on to the log that is there: of a spool of which a part is lost, the rest would
        only make a gap, before which all could be restored.

    Raises
    ------
    UnavailableError
        When the folder of backups can't be written; nothing of the spool is lost.
    """
    known, count = sealed if sealed is not None else {}, 0
    for folder in sorted(spool.iterdir()) if spool.is_dir() else ():
        left = _left(folder, known)
        for name, changed in (_joined(left, store.log_of(folder.name)) if joined else left).items():
            path, plain = folder / name, name.removesuffix(_PARTIAL)
            try:
                held = path.read_bytes()
            except FileNotFoundError:
                # It was full just now and has another name: it comes with the next round.
                continue
            _seal(held, store.log_of(folder.name), plain, recipient)
            count += 1
            if segment_end(name) is None:
                known[name] = changed
            else:
                known.pop(name + _PARTIAL, None)
                path.unlink()
    return count


def _left(folder: Path, known: Mapping[str, float]) -> dict[str, float]:
    """Return the files that changed since they were sealed away, with when they did."""
    found = {}
    for path in _listed(folder):
        plain = path.name.removesuffix(_PARTIAL)
        if segment_end(plain) is None and not plain.endswith(".history"):
            continue
        try:
            changed = path.stat().st_mtime
        except FileNotFoundError:
            continue
        if known.get(path.name) != changed:
            found[path.name] = changed
    return found


def _joined(left: Mapping[str, float], log: Path) -> dict[str, float]:
    """Return the files, without segments that leave a gap between themselves and the older ones that are there."""
    known = {(timeline_of(path.name), end) for path in log.glob("*.age") if (end := segment_end(path.name)) is not None}
    found = {}
    for name, changed in left.items():
        end = segment_end(name.removesuffix(_PARTIAL))
        if end is not None:
            line = timeline_of(name)
            if (line, end - SEGMENT_BYTES) not in known and any(one == line and e < end for one, e in known):
                continue
            known.add((line, end))
        found[name] = changed
    return found


def _listed(folder: Path) -> list[Path]:
    """Return the files in their order, as two lists in a row have them.

    A segment gets another name when it is full, and a list that is made meanwhile may have neither of the two: the
    next segment would be sealed away without it, and nothing after the gap could be restored.
    """
    before, now = None, sorted(folder.iterdir())
    while now != before:
        before, now = now, sorted(folder.iterdir())
    return now


def _seal(held: bytes, folder: Path, name: str, recipient: Recipient) -> None:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        # The rest of a segment that isn't full is zeros.
        seal(io.BytesIO(gzip.compress(held, 1)), folder / f"{name}.age", recipient)
        flush_names(folder)
    except OSError as error:
        raise UnavailableError(
            f"备份目录 {folder} 写不了({error.strerror});数据库的日志先留在本机,请检查共享目录和磁盘空间。",
            "The folder of backups can't be written.",
        ) from error


def _refused(said: str) -> UnavailableError:
    lines = said.strip().splitlines() or ["没有说原因"]
    return UnavailableError(
        f"取数据库的日志时断了:{lines[-1]};若总是这样,请核对 gis_backup 的权限(gis-service database prepare),"
        "以及有没有另一个服务正在备份同一个数据库。",
        f"The log can't be fetched: {lines[-1]}",
    )


def _end_with_parent() -> None:
    """Let the system end this process when the thread that started it ends, however that happens."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGINT)
