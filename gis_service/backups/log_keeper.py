"""The database's log, fetched as it is written and sealed into the folder of backups: what a point in time needs."""

from __future__ import annotations

import ctypes
import gzip
import io
import signal
import subprocess
import time
from pathlib import Path

from sqlalchemy import text

from gis_service.backups.make import Server
from gis_service.backups.sealing import Recipient, seal
from gis_service.backups.store import Store, segment_end
from gis_service.errors import UnavailableError

SLOT = "gis_backup"
"""The replication slot: the server keeps what hasn't been fetched."""

_PARTIAL = ".partial"
_PR_SET_PDEATHSIG = 1
_STOP_SECONDS = 10.0
_REFUSED_SECONDS = 0.5
"""Within it the server has said no, if it does."""


class LogKeeper:
    """Fetches the log (``pg_receivewal``) into a folder beside the data, and seals it away.

    A segment of 16 MB is sealed away when it is full; the one being written also each time that something was added
    to it, so that no more is lost than what was written since the last call of ``keep``.

    Parameters
    ----------
    spool
        A folder for what isn't sealed away yet; it belongs to this keeper.
    """

    def __init__(self, server: Server, store: Store, recipient: Recipient, spool: Path) -> None:
        self._server, self._store, self._recipient, self._spool = server, store, recipient, spool
        self._process: subprocess.Popen[bytes] | None = None
        self._system = ""
        self._sealed: dict[str, float] = {}

    def start(self) -> None:
        """Begin to fetch, also anew after the server was away; nothing when it is being done.

        Raises
        ------
        UnavailableError
            When the server is away or refuses.
        """
        if self._process is not None and self._process.poll() is None:
            return
        with self._server.asked() as conn:
            self._system = conn.execute(text("select system_identifier::text from pg_control_system()")).scalar_one()
        self._clear_stranger()
        folder = self._spool / self._system
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._call("--create-slot", "--if-not-exists")
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
            return
        raise _refused(self._process.stderr.read().decode(errors="replace") if self._process.stderr else "")

    def _clear_stranger(self) -> None:
        """Forget the log of another cluster that was in this place before."""
        for folder in self._spool.glob("*"):
            if folder.name != self._system:
                for left in folder.iterdir():
                    left.unlink()
                folder.rmdir()

    def _call(self, *options: str) -> None:
        arguments, environment = self._server.command("pg_receivewal", f"--slot={SLOT}", *options)
        done = subprocess.run(arguments, capture_output=True, text=True, check=False, env=environment, cwd="/")
        if done.returncode:
            raise _refused(done.stderr)

    def keep(self) -> int:
        """Seal away what has come since the last time; return how many files.

        Raises
        ------
        UnavailableError
            When the folder of backups can't be written.
        """
        sealed = 0
        for path in sorted((self._spool / self._system).iterdir()):
            name, changed = path.name.removesuffix(_PARTIAL), path.stat().st_mtime
            if segment_end(name) is None and not name.endswith(".history"):
                continue
            if self._sealed.get(path.name) == changed:
                continue
            self._seal(path, name)
            sealed += 1
            if path.name.endswith(_PARTIAL):
                self._sealed[path.name] = changed
            elif segment_end(name) is not None:
                self._sealed.pop(path.name + _PARTIAL, None)
                path.unlink()
            else:
                self._sealed[path.name] = changed
        return sealed

    def _seal(self, path: Path, name: str) -> None:
        folder = self._store.log_of(self._system)
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            # The rest of a segment that isn't full is zeros.
            seal(io.BytesIO(gzip.compress(path.read_bytes(), 1)), folder / f"{name}.age", self._recipient)
        except OSError as error:
            raise UnavailableError(
                f"备份目录 {folder} 写不了({error.strerror});数据库的日志先留在本机,请检查共享目录和磁盘空间。",
                "The folder of backups can't be written.",
            ) from error

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
        if self._process.stderr:
            self._process.stderr.close()
        self._process = None

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


def _refused(said: str) -> UnavailableError:
    lines = said.strip().splitlines() or ["没有说原因"]
    return UnavailableError(
        f"取不到数据库的日志:{lines[-1]};请核对 gis_backup 的权限(gis-service database prepare),"
        "以及有没有另一个服务正在备份同一个数据库。",
        f"The log can't be fetched: {lines[-1]}",
    )


def _end_with_parent() -> None:
    """Let the system end this process when the one that started it ends, however that happens."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGINT)
