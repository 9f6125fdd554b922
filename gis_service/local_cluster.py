"""The private PostgreSQL cluster of one data directory: made on first use, started, adopted and stopped here.

Only the server process is this module's business. Roles, databases and tables are made by the migrations.
The server listens on a Unix socket only. Linux is needed: processes are recognised by ``/proc``.
"""

from __future__ import annotations

import contextlib
import errno
import json
import logging
import os
import re
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import quote

from gis_service.data_lock import DataLock
from gis_service.postgres_server import (
    FAST_SETTINGS,
    SETTINGS,
    ClusterError,
    Programs,
    choose_programs,
    server_environment,
    server_uid,
    server_user,
)
from gis_service.server_socket import choose_socket_folder, make_socket_folder, takes_sessions

__all__ = ["ROLES", "ClusterError", "LocalCluster"]

ROLES = ("postgres", "gis_owner", "gis_app", "gis_backup")
LOCALE = "C.UTF-8"
MIN_FREE_BYTES = 300_000_000
MAX_LOG_BYTES = 10_000_000
START_SECONDS = 300.0
STOP_SECONDS = 60.0
ORPHAN_SECONDS = 15.0

logger = logging.getLogger(__name__)


class LocalCluster:
    """A private PostgreSQL cluster under a data directory.

    Parameters
    ----------
    data
        The data directory; made when missing. It holds ``postgres/`` (the cluster), ``passwords.json``,
        ``postgresql.log``, ``service.lock`` and, when its path is short enough, ``socket/``.
    fast
        Turn ``fsync`` and its kin off. Only for clusters that are thrown away after the tests.
    """

    def __init__(self, data: Path, *, fast: bool = False) -> None:
        self.data = data.absolute()
        self.cluster = self.data / "postgres"
        self.log = self.data / "postgresql.log"
        self._fast = fast
        self._log_start = 0
        self._server: subprocess.Popen[bytes] | None = None
        self._lock: DataLock | None = None

    # -- what others use ---------------------------------------------------------------------------------------

    def lock(self) -> DataLock:
        """Claim the data directory for this service, until the returned lock is released or the process ends.

        Raises
        ------
        ClusterError
            When another service holds it.
        """
        self._make_data()
        lock = DataLock(self.data / "service.lock")
        try:
            lock.acquire(wait=False)
        except BlockingIOError as error:
            holder = lock.holder()
            lock.release()
            message = f"数据目录 {self.data} 正被另一个服务(进程 {holder})使用:请先停止它,或用 --data 另选目录。"
            raise ClusterError(message) from error
        self._lock = lock
        return lock

    @contextlib.contextmanager
    def shared(self) -> Iterator[None]:
        """Use the cluster beside others; whoever leaves last stops it."""
        self._make_data()
        users = DataLock(self.data / "users.lock")
        users.share()
        try:
            yield
        finally:
            if users.is_last():
                self.stop()
            users.release()

    def start(self, *, seconds: float = START_SECONDS) -> None:
        """Start the server, making the cluster on first use; return when it accepts connections.

        A server that outlived its service is adopted. What a killed server left behind is cleared away.
        ``seconds`` is how long it may take to recover.

        Raises
        ------
        ClusterError
            When it can't be started; the message says why and how to mend it.
        """
        self._make_data()
        with self._turn():
            try:
                # A server may be dying of a kill just now: only one that answers is adopted.
                if self.running() and self._wait_ready(seconds):
                    return
                self._bring_up()
                if not self._wait_ready(seconds):
                    raise self._failure(self._logged(), "数据库起不来")
            except OSError as error:
                raise self._failure(str(error), "数据库起不来") from error

    def stop(self, *, at_once: bool = False) -> None:
        """Stop the server with a fast shutdown: clients are cut off, data is flushed. No server, no effect.

        ``at_once`` flushes nothing: for what is thrown away.
        """
        if not self.data.is_dir():
            return
        with self._turn():
            gently = () if at_once else ((signal.SIGINT, STOP_SECONDS),)
            for number, seconds in (*gently, (signal.SIGQUIT, ORPHAN_SECONDS)):
                pid = self._postmaster()
                if pid is None:
                    break
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, number)
                if _until(lambda: self._postmaster() is None, seconds):
                    break
            else:
                message = f"数据库进程 {self._postmaster()} 没有停下:请查看 {self.log},再用 kill -QUIT 结束该进程。"
                raise ClusterError(message)
            if self._server is not None:
                self._server.wait()
                self._server = None

    def running(self) -> bool:
        """Tell whether a server of this data directory is alive, whoever started it."""
        return self._postmaster() is not None

    @property
    def passwords(self) -> dict[str, str]:
        """The password of each role of ``ROLES``; made once, kept in ``passwords.json`` with mode 0600."""
        path = self.data / "passwords.json"
        try:
            stored = json.loads(path.read_text(encoding="ascii"))
            return {role: str(stored[role]) for role in ROLES}
        except FileNotFoundError as error:
            if self.cluster.exists():
                message = f"{path} 不见了,而数据库集群还在:请从备份恢复该文件,或移走 {self.data} 后重新建立。"
                raise ClusterError(message) from error
        except PermissionError as error:
            raise ClusterError(f"读不了 {path}:请用建立该数据目录的用户运行。") from error
        except (ValueError, KeyError, TypeError) as error:
            raise ClusterError(f"{path} 已损坏:请从备份恢复该文件,或移走 {self.data} 后重新建立。") from error
        self._make_data()
        made = {role: secrets.token_urlsafe(24) for role in ROLES}
        _write_private(path, json.dumps(made, indent=2))
        return made

    def url(self, role: str, database: str = "gis") -> str:
        """Return the SQLAlchemy address by which ``role`` reaches ``database`` through the socket."""
        host = quote(str(self._socket_folder()), safe="/")
        return f"postgresql+psycopg://{role}:{quote(self.passwords[role])}@/{quote(database)}?host={host}"

    def _bring_up(self) -> None:
        """Check what a start needs, make the cluster when there is none, clear leftovers and launch the server."""
        programs = choose_programs(self.cluster)
        self._check_reachable()
        self._check_space()
        if not self.cluster.exists():
            self._create(programs)
        self._check_owner()
        self._clear_leftovers()
        self._launch(programs)

    # -- the processes -----------------------------------------------------------------------------------------

    def _pid_file(self) -> list[str]:
        """Return the lines of the server's pid file; line 1 is the pid, 5 the socket folder, 8 the state."""
        try:
            return (self.cluster / "postmaster.pid").read_text(encoding="utf-8").splitlines()
        except (FileNotFoundError, NotADirectoryError):
            return []
        except PermissionError as error:
            message = f"读不了 {self.cluster}:数据目录属于另一个用户,请用建立它的用户运行,或用 --data 另选目录。"
            raise ClusterError(message) from error

    def _postmaster(self) -> int | None:
        """Return the pid of the living server. A recycled pid is recognised by its working directory."""
        lines = self._pid_file()
        pid = int(lines[0]) if lines and lines[0].isdigit() else 0
        return pid if pid and self._lives_here(pid) else None

    def _lives_here(self, pid: int) -> bool:
        """Tell whether the process works in the cluster's folder, as every PostgreSQL process does."""
        try:
            return Path(f"/proc/{pid}/cwd").samefile(self.cluster)
        except OSError:
            return False

    def _clear_leftovers(self) -> None:
        """Clear away what a killed server left: backends still running and a pid file that names a stranger.

        Backends of a dead server end by themselves, but one in a long query does so late, and until then no
        new server can start. The pid file is removed only when none is left: it guards the shared memory.
        """

        def orphans() -> list[int]:
            numbers = (int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit())
            return [pid for pid in numbers if self._lives_here(pid)]

        lines = self._pid_file()
        if not lines:
            return
        if not _until(lambda: not orphans(), 3.0):
            for pid in orphans():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGQUIT)
            if not _until(lambda: not orphans(), ORPHAN_SECONDS):
                raise ClusterError(f"上次被强行结束的数据库留下了进程 {orphans()}:请用 kill -KILL 结束它们再启动。")
        if len(lines) > 4 and lines[4]:
            # It names the dead server too, whose number stays taken until its parent asks how it ended.
            (Path(lines[4]) / ".s.PGSQL.5432.lock").unlink(missing_ok=True)
        (self.cluster / "postmaster.pid").unlink(missing_ok=True)

    def _launch(self, programs: Programs) -> None:
        """Start the server in a session of its own, so that Ctrl-C reaches the service only."""
        settings = SETTINGS | (FAST_SETTINGS if self._fast else {})
        settings["unix_socket_directories"] = f'"{make_socket_folder(self._socket_folder())}"'
        arguments = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        if self.log.exists() and self.log.stat().st_size > MAX_LOG_BYTES:
            self.log.replace(self.log.with_suffix(".log.1"))
        self.log.touch(mode=0o600)
        with self.log.open("ab") as log:
            self._log_start = log.tell()
            self._server = subprocess.Popen(
                [programs.folder / "postgres", "-D", self.cluster, *arguments],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd="/",
                env=server_environment(),
                start_new_session=True,
                **server_user(),
            )

    def _wait_ready(self, seconds: float) -> bool:
        """Wait until the server accepts connections, or return False when it ends; recovery may take its time."""

        def ready() -> bool:
            lines = self._pid_file()
            return len(lines) > 7 and lines[7].strip() == "ready" and self.running() and takes_sessions(lines[4])

        if not _until(lambda: ready() or self._ended(), seconds):
            message = f"数据库 {seconds:.0f} 秒内没有就绪:请查看 {self.log},它可能还在恢复,稍后再启动。"
            raise ClusterError(message)
        return not self._ended()

    def _logged(self) -> str:
        """Return what the server wrote to its log since it was launched."""
        return self.log.read_bytes()[self._log_start :].decode(errors="replace")

    def _ended(self) -> bool:
        """Tell whether the server that is waited for is gone; one just launched has no pid file yet."""
        if self._server is not None and self._server.poll() is None:
            return False
        return not self.running()

    # -- the first start ---------------------------------------------------------------------------------------

    def _create(self, programs: Programs) -> None:
        """Make the cluster beside its place and move it there, so that a broken-off attempt leaves none."""
        staging = self.data / "postgres.new"
        shutil.rmtree(staging, ignore_errors=True)
        staging.mkdir(mode=0o700)
        with tempfile.NamedTemporaryFile("w", encoding="ascii", prefix="gis-") as password:
            password.write(self.passwords["postgres"])
            password.flush()
            user = server_user()
            if user:
                os.chown(staging, user["user"], user["group"])
                os.chown(password.name, user["user"], user["group"])
            made = self._initdb(programs, staging, password.name, LOCALE)
            if made.returncode and "invalid locale" in made.stderr:
                logger.warning("系统没有 %s 区域设置,数据库改用 C:中文照常存取,排序按编码。", LOCALE)
                made = self._initdb(programs, staging, password.name, "C")
        if made.returncode:
            shutil.rmtree(staging, ignore_errors=True)
            raise self._failure(made.stderr, "建不成数据库集群")
        staging.rename(self.cluster)

    def _initdb(self, programs: Programs, folder: Path, password: str, locale: str) -> subprocess.CompletedProcess[str]:
        """Run initdb: checksums on, UTF-8, passwords asked even on the socket."""
        options = ["--data-checksums", "--encoding=UTF8", f"--locale={locale}", "--auth=scram-sha-256"]
        if self._fast:
            options.append("--no-sync")
        return subprocess.run(
            [programs.folder / "initdb", "-D", folder, "--username=postgres", f"--pwfile={password}", *options],
            capture_output=True,
            text=True,
            check=False,
            cwd="/",
            env=server_environment(),
            **server_user(),
        )

    # -- what must be so before a start ------------------------------------------------------------------------

    def _make_data(self) -> None:
        """Make the data directory; user postgres may pass through it, but not list it."""
        if self.data.is_dir():
            return
        try:
            self.data.mkdir(parents=True)
            self.data.chmod(0o711)
        except OSError as error:
            raise ClusterError(f"建不了数据目录 {self.data}({error.strerror}):请用 --data 另选目录。") from error

    @contextlib.contextmanager
    def _turn(self) -> Iterator[None]:
        """Let one process at a time start or stop the server."""
        try:
            lock = DataLock(self.data / "cluster.lock")
        except OSError as error:
            raise ClusterError(f"写不了数据目录 {self.data}({error.strerror}):请用 --data 另选目录。") from error
        with lock:
            lock.acquire(wait=True)
            yield

    def _check_reachable(self) -> None:
        """Raise when user postgres can't enter the data directory, naming the folder that is in the way."""
        user = server_user()
        for folder in (*reversed(self.data.parents), self.data) if user else ():
            entered = subprocess.run(["/usr/bin/test", "-x", folder], check=False, cwd="/", **user)
            if entered.returncode:
                message = (
                    f"数据库用户 postgres 进不了 {folder}:请把代码克隆到别处(例如 /srv),"
                    "或用 --data 指定它进得去的目录。"
                )
                raise ClusterError(message)

    def _check_space(self) -> None:
        """Raise when the disk is nearly full: a server that can't write its log stops with less to say."""
        free = shutil.disk_usage(self.data).free
        if free < MIN_FREE_BYTES:
            message = f"{self.data} 所在磁盘只剩 {free / 1e6:.0f} MB:请腾出至少 300 MB,或用 --data 另选磁盘。"
            raise ClusterError(message)

    def _check_owner(self) -> None:
        """Raise when the cluster was made by another user: PostgreSQL refuses it with less to say."""
        owner = self.cluster.stat().st_uid
        wanted = server_uid()
        if owner != wanted:
            message = f"{self.cluster} 属于用户 {owner},不属于 {wanted}:请用当初的用户启动,或用 --data 另选目录。"
            raise ClusterError(message)

    def _socket_folder(self) -> Path:
        """Return the socket's folder: the living server's own, else the one that a new server gets."""
        lines = self._pid_file()
        if len(lines) > 4 and lines[4] and self.running():
            return Path(lines[4])
        return choose_socket_folder(self.data)

    def _failure(self, output: str, what: str) -> ClusterError:
        """Turn what the server wrote last into one sentence."""
        if os.strerror(errno.ENOSPC) in output:
            return ClusterError(f"{what}:{self.data} 所在磁盘已满,请腾出空间,或用 --data 另选磁盘。")
        told = re.findall(r"(?:FATAL|PANIC|error): *(.+)", output) or output.splitlines() or ["没有输出"]
        said = told[-1].strip()
        return ClusterError(f"{what}:{said};请按这句话处理,详情见 {self.log}。")


def _until(true: Callable[[], bool], seconds: float) -> bool:
    """Ask every 20 ms until it is true, at most for ``seconds``; return the last answer."""
    deadline = time.monotonic() + seconds
    while not true():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def _write_private(path: Path, text: str) -> None:
    """Write a file that only its owner may read, whole or not at all."""
    draft = path.with_suffix(".new")
    draft.unlink(missing_ok=True)
    draft.touch(mode=0o600, exist_ok=False)
    draft.write_text(text, encoding="ascii")
    draft.replace(path)
