"""Backups while the service runs: log and new photos every minute, everything once a day; an alarm when that fails."""

from __future__ import annotations

import math
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from api.alarm import raise_alarm
from gis_service.backups.log_keeper import LogKeeper
from gis_service.backups.make import Server, read_life
from gis_service.backups.photos import PhotoKeeper
from gis_service.backups.store import Store
from gis_service.errors import ServiceError

_ROUND_SECONDS = 60.0
_DAY_SECONDS = 86_400.0
_AGAIN_SECONDS = 3600.0
"""After a failure the next try, and the next alarm of the same kind, comes an hour later."""
_LAST_LOG_SECONDS = 10.0
_PHOTO_SECONDS = 20.0
"""What isn't sealed by then waits for the next round, so that the end of the service needn't."""
_STOP_SECONDS = 40.0


class BackupSchedule:
    """Keeps backups in threads: neither a long copy nor many photos hold up the log.

    Parameters
    ----------
    data
        The data folder, handed on to the process that makes a backup.
    alarm
        A program that is run with one sentence when something fails; the log says it too.
    photos
        What seals new photos away.
    """

    def __init__(
        self, server: Server, keeper: LogKeeper, store: Store, data: Path, alarm: Path | None, photos: PhotoKeeper
    ) -> None:
        self._server, self._keeper, self._store, self._data, self._alarm = server, keeper, store, data, alarm
        self._photos = photos
        self._tried = -math.inf
        self._alarmed: dict[str, float] = {}
        self._stopping = threading.Event()
        self._process: subprocess.Popen[str] | None = None
        self._threads = [
            threading.Thread(target=self._keep_log, name="backup-log", daemon=True),
            threading.Thread(target=self._keep_photos, name="backup-photos", daemon=True),
            threading.Thread(target=self._keep_copies, name="backup-copies", daemon=True),
        ]

    def start(self) -> None:
        """Begin: the log is fetched from now on, and a backup made when there is none of the last day."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """End; what has been written until now is sealed away first."""
        self._stopping.set()
        if self._process is not None:
            self._process.kill()
        for thread in self._threads:
            thread.join(timeout=_STOP_SECONDS)

    def age(self) -> float | None:
        """Return how old the newest backup is, in seconds; None without one, or when the folder is away."""
        try:
            found = self._store.backups()
        except ServiceError:
            return None
        return (datetime.now(UTC) - found[-1].manifest.made_at).total_seconds() if found else None

    # -- the log -----------------------------------------------------------------------------------------------

    def _keep_log(self) -> None:
        """Fetch the log; the fetching process lives as long as this thread, which therefore ends it itself."""
        while not self._stopping.is_set():
            self._watched("log", self._store_is_there, self._keeper.start, self._keeper.keep)
            self._stopping.wait(_ROUND_SECONDS)
        self._watched("log", lambda: self._keeper.caught_up(_LAST_LOG_SECONDS), self._keeper.keep)
        self._keeper.stop()

    def _store_is_there(self) -> None:
        self._store.claim(self._data)

    # -- photos ------------------------------------------------------------------------------------------------

    def _keep_photos(self) -> None:
        while not self._stopping.is_set():
            self._watched("photos", lambda: self._keep_new_photos(_PHOTO_SECONDS))
            self._stopping.wait(_ROUND_SECONDS)
        self._watched("photos", lambda: self._keep_new_photos(_LAST_LOG_SECONDS))

    def _keep_new_photos(self, seconds: float) -> None:
        if not self._store.is_there():
            return
        try:
            self._store_is_there()
        except ServiceError:
            # The thread of the log says so already.
            return
        self._photos.keep(seconds)

    # -- copies ------------------------------------------------------------------------------------------------

    def _keep_copies(self) -> None:
        while not self._stopping.is_set():
            self._watched("backup", self._make)
            self._stopping.wait(_ROUND_SECONDS)

    def _make(self) -> None:
        if time.monotonic() - self._tried < _AGAIN_SECONDS or not self._due():
            return
        self._tried = time.monotonic()
        # A process of its own: it reads every row, and must not hold up requests.
        self._process = subprocess.Popen(
            [sys.executable, "-m", "api.command_line", "backup", "--quiet", "--data", str(self._data)],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        _, said = self._process.communicate()
        code, self._process = self._process.returncode, None
        if code and not self._stopping.is_set():
            lines = said.strip().splitlines() or [f"退出码 {code}"]
            self._warn("backup", f"每天的备份没有成功:{lines[-1]}")
        elif not code:
            self._keeper.broken = False

    def _due(self) -> bool:
        """Say whether a backup must be made: of this life of the cluster there is none, or none of the last day."""
        self._store.claim(self._data)
        life = read_life(self._server)
        own = [one for one in self._store.backups() if (one.manifest.system, one.manifest.timeline) == life]
        if not own or self._keeper.broken:
            return True
        return (datetime.now(UTC) - own[-1].manifest.made_at).total_seconds() > _DAY_SECONDS

    # -- when it fails -----------------------------------------------------------------------------------------

    def _watched(self, what: str, *steps: Callable[[], object]) -> None:
        """Take steps; whatever goes wrong is told, and tried again in the next round."""
        try:
            for step in steps:
                step()
        except ServiceError as error:
            self._warn(what, str(error))
        except Exception as error:  # noqa: BLE001 - a thread that died unseen would be a backup that nobody misses
            self._warn(what, f"备份出错,会再试:{type(error).__name__} {error}")
        else:
            self._alarmed.pop(what, None)

    def _warn(self, what: str, sentence: str) -> None:
        if time.monotonic() - self._alarmed.get(what, -math.inf) < _AGAIN_SECONDS:
            return
        self._alarmed[what] = time.monotonic()
        raise_alarm(self._alarm, sentence)
