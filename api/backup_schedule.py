"""Backups while the service runs: the log every minute, everything once a day, and an alarm when that fails."""

from __future__ import annotations

import logging
import math
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from gis_service.backups.log_keeper import LogKeeper
from gis_service.backups.store import Store
from gis_service.errors import ServiceError

LOG = logging.getLogger("gis_service.api")

_ROUND_SECONDS = 60.0
_DAY_SECONDS = 86_400.0
_AGAIN_SECONDS = 3600.0
"""After a failure the next try, and the next alarm of the same kind, comes an hour later."""
_LAST_LOG_SECONDS = 10.0
_ALARM_SECONDS = 60.0


class BackupSchedule:
    """Keeps backups in a thread of its own.

    Parameters
    ----------
    data
        The data folder, handed on to the process that makes a backup.
    alarm
        A program that is run with one sentence when something fails; the log says it too.
    """

    def __init__(self, keeper: LogKeeper, store: Store, data: Path, alarm: Path | None) -> None:
        self._keeper, self._store, self._data, self._alarm = keeper, store, data, alarm
        self._tried = -math.inf
        self._alarmed: dict[str, float] = {}
        self._stopping = threading.Event()
        self._process: subprocess.Popen[str] | None = None
        self._thread = threading.Thread(target=self._run, name="backups", daemon=True)

    def start(self) -> None:
        """Begin: the log is fetched from now on, and a backup made when the last one is a day old."""
        self._thread.start()

    def stop(self) -> None:
        """End; what has been written until now is sealed away first."""
        self._stopping.set()
        if self._process is not None:
            self._process.kill()
        self._thread.join(timeout=_LAST_LOG_SECONDS)
        try:
            self._keeper.caught_up(_LAST_LOG_SECONDS)
            self._keeper.keep()
        except ServiceError as error:
            self._warn("log", str(error))
        self._keeper.stop()

    def age(self) -> float | None:
        """Return how old the newest backup is, in seconds; None without one, or when the folder is away."""
        try:
            found = self._store.backups()
        except ServiceError:
            return None
        return (datetime.now(UTC) - found[-1].manifest.made_at).total_seconds() if found else None

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._watched("log", self._keep_log)
            self._watched("backup", self._make)
            self._stopping.wait(_ROUND_SECONDS)

    def _keep_log(self) -> None:
        self._keeper.start()
        self._keeper.keep()

    def _watched(self, what: str, work: Callable[[], None]) -> None:
        try:
            work()
        except ServiceError as error:
            self._warn(what, str(error))
        else:
            self._alarmed.pop(what, None)

    def _make(self) -> None:
        age = self.age()
        if (age is not None and age < _DAY_SECONDS) or time.monotonic() - self._tried < _AGAIN_SECONDS:
            return
        self._tried = time.monotonic()
        # A process of its own: it reads every row, and must not hold up requests.
        self._process = subprocess.Popen(
            [sys.executable, "-m", "api.cli", "backup", "--data", str(self._data)],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        _, said = self._process.communicate()
        code, self._process = self._process.returncode, None
        if code and not self._stopping.is_set():
            lines = said.strip().splitlines() or [f"退出码 {code}"]
            self._warn("backup", f"每天的备份没有成功:{lines[-1]}")

    def _warn(self, what: str, sentence: str) -> None:
        if time.monotonic() - self._alarmed.get(what, -math.inf) < _AGAIN_SECONDS:
            return
        self._alarmed[what] = time.monotonic()
        LOG.error("backup failed: %s", sentence)
        if self._alarm is None:
            return
        try:
            subprocess.run([self._alarm, sentence], check=True, timeout=_ALARM_SECONDS, stdin=subprocess.DEVNULL)
        except (OSError, subprocess.SubprocessError) as error:
            LOG.error("the alarm program %s failed: %s", self._alarm, error)  # noqa: TRY400 - a sentence is enough
