"""The worker process: it takes up jobs, so that long work never holds up a request."""

from __future__ import annotations

import ctypes
import logging
import math
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from api.start import OPERATOR, operator_scope
from gis_service.cases.photos import photo_hashes
from gis_service.database import Database
from gis_service.errors import ServiceError
from gis_service.jobs import unfinished
from gis_service.people.audit import Anchors
from gis_service.people.personal import expire_personal
from gis_service.photos.files import PhotoFiles
from gis_service.sheets.files import SheetFiles
from gis_service.surveys.desk import Desk, queue_again
from gis_service.surveys.originals import Originals
from gis_service.surveys.retention import expire

LOG = logging.getLogger("gis_service.api")

_PR_SET_PDEATHSIG = 1
_LOOK_SECONDS = 30.0
_PAUSE_SECONDS = 2.0
_IDLE_SECONDS = 20
"""How long a worker stays for more: to start one and to load what draws takes two seconds."""
_DAY_SECONDS = 86_400.0
_ANCHOR_SECONDS = 600.0


@dataclass(frozen=True)
class Places:
    """Where files lie, the template of slides, and under which address people reach the service.

    ``photos`` is None where nobody looks after photos.
    """

    originals: Originals
    sheets: SheetFiles
    public_url: str | None = None
    template: Path | None = None
    photos: PhotoFiles | None = None


def tidy(database: Database, places: Places, personal_days: int) -> int:
    """Delete what is kept of uploads, sheets and landlords and whose time is over, and photos that no row names.

    Returns how many files were deleted.
    """
    with database.write(OPERATOR) as conn:
        expire_personal(conn, personal_days)
        known = photo_hashes(conn)
    old = expire(Desk(database, operator_scope(database), places.originals)) + places.sheets.expire()
    return old + (0 if places.photos is None else places.photos.sweep(known))


def end_with_parent() -> None:
    """Let the system end this process when the one that started it ends, however that happens."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


class WorkerProcess:
    """Starts a worker process when there is work, and again when it was killed over it.

    Parameters
    ----------
    data
        The data folder, handed on to the worker.
    places
        Where files are kept; once a day those whose time is over are deleted.
    anchors
        Where the ends of the audit are kept, every ten minutes and when the service stops.
    personal_days
        How long personal fields are kept that nobody writes anew.
    """

    def __init__(self, database: Database, data: Path, places: Places, anchors: Anchors, personal_days: int) -> None:
        self._database = database
        self._data = data
        self._places = places
        self._anchors = anchors
        self._personal_days = personal_days
        self._tidied = self._anchored = -math.inf
        self._woken, self._stopping = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, name="worker", daemon=True)
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Begin to watch; work that an earlier process left is taken up at once."""
        self._woken.set()
        self._thread.start()

    def wake(self) -> None:
        """Say that there is work."""
        self._woken.set()

    def stop(self) -> None:
        """End the worker; what it was at is taken up at the next start."""
        self._stopping.set()
        self._woken.set()
        if self._process is not None:
            self._process.kill()
        self._thread.join(timeout=10)
        self._anchored = -math.inf
        self._anchor()

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._woken.wait(_LOOK_SECONDS)
            self._woken.clear()
            self._look_after()
            self._anchor()
            while not self._stopping.is_set() and self._left():
                self._woken.clear()
                command = ["api.command_line", "worker", "--idle", str(_IDLE_SECONDS), "--data", str(self._data)]
                self._process = subprocess.Popen([sys.executable, "-m", *command], stdin=subprocess.DEVNULL)
                self._process.wait()
                # What is left is another worker's, unless it has come just now.
                self._woken.wait(_PAUSE_SECONDS)

    def _look_after(self) -> None:
        """Queue what was left when the service was killed, at its start; delete what is too old, once a day."""
        if time.monotonic() - self._tidied < _DAY_SECONDS:
            return
        try:
            if math.isinf(self._tidied):
                queue_again(Desk(self._database, operator_scope(self._database), self._places.originals))
            self._tidied = time.monotonic()
            tidy(self._database, self._places, self._personal_days)
        except ServiceError as error:
            # The database is away; the next look comes soon.
            LOG.warning("old uploads were not looked after: %s", error.english)

    def _anchor(self) -> None:
        if time.monotonic() - self._anchored < _ANCHOR_SECONDS:
            return
        try:
            with self._database.read(OPERATOR) as conn:
                self._anchors.add(conn)
            self._anchored = time.monotonic()
        except (ServiceError, OSError) as error:
            # The database or the share is away; the next look comes soon, and doctor says when it was last kept.
            LOG.warning("the audit was not anchored: %s", error)

    def _left(self) -> bool:
        try:
            return bool(unfinished(self._database))
        except ServiceError:
            # The database is away; whoever watches it starts it again.
            return not self._stopping.wait(_PAUSE_SECONDS)
