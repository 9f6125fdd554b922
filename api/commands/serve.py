"""``gis-service serve``: the private cluster, the sample on first start, and HTTP on this machine."""

from __future__ import annotations

import ctypes
import gc
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Annotated

import typer
import uvicorn

from api.app import create_app
from api.backup_schedule import BackupSchedule
from api.certificate_in_use import CertificateInUse
from api.connection import connection_class
from api.console import CONSOLE, ERRORS
from api.limits import Limits
from api.log_file import GatheredLines, LogFile
from api.request_log import to_stdout
from api.start import (
    anchors_of,
    backup_server_of,
    certificates_of,
    entrance_of,
    opened_database,
    operator_scope,
    originals_of,
    photo_files_of,
    prepare_local,
    read_settings,
    recipient_of_settings,
    sheet_files_of,
    store_of,
)
from api.tls_door import DoorServer
from api.worker import Places, WorkerProcess
from gis_service.backups.log_keeper import LogKeeper
from gis_service.backups.photos import PhotoKeeper
from gis_service.certificates.folder import SOON_DAYS, Certificate, day_of
from gis_service.certificates.names import shown_name
from gis_service.database import Database, connect
from gis_service.errors import InputError
from gis_service.local_cluster import ClusterError, LocalCluster
from gis_service.people.demo import settle_demo
from gis_service.sample.load import COMMUNITY, load_sample
from gis_service.settings import Settings
from maps.base_map import base_layers

_WATCH_SECONDS = 2.0
_BACKLOG = 2048
# Numbers of glibc's malloc.h.
_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3


def serve(
    port: Annotated[int | None, typer.Option(min=1, max=65535, help="端口,默认 8000(GIS_PORT)")] = None,
    data: Annotated[Path | None, typer.Option(help="数据目录,默认 .data(GIS_DATA_DIR)")] = None,
    empty: Annotated[bool, typer.Option("--empty", help="第一次启动时不装入示例")] = False,
) -> None:
    """启动服务,默认只在本机监听;Ctrl-C 停止。"""
    settings = read_settings()
    certificate = _certificate(settings, data)
    entrance = entrance_of(settings, certificate)
    chosen = port or settings.port
    bases = base_layers(settings.tianditu_key, settings.base_layers)
    listener = _listen(settings.host, chosen)
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        with _running_database(settings, data, empty=empty) as database:
            settle_demo(database, wanted=settings.demo)
            limits = Limits(silence_seconds=settings.client_seconds)
            places = Places(
                originals_of(settings, data), sheet_files_of(settings, data), photos=photo_files_of(settings, data)
            )
            workers = WorkerProcess(
                database, (data or settings.data_dir).resolve(), places, anchors_of(settings, data),
                settings.personal_days,
            )  # fmt: skip
            schedule = _schedule(settings, data)
            file = LogFile((data or settings.data_dir) / "logs", settings.log_days)
            log = GatheredLines(_log(file))
            app = create_app(
                database, bases, limits, places.originals, workers.wake, entrance, log.add, places.sheets,
                settings.author or "", photo_files_of(settings, data),
            )  # fmt: skip
            if schedule is not None:
                app.state.metrics.watch_backups(schedule.age)
            config = uvicorn.Config(
                app,
                http=connection_class(limits), ws="none", log_level="warning",
                access_log=False, timeout_graceful_shutdown=5, server_header=False,
                proxy_headers=settings.proxies is not None, forwarded_allow_ips=settings.proxies or "",
            )  # fmt: skip
            server = DoorServer(config, entrance, limits)
            _settle_memory()
            # From here on connections wait instead of being refused, so that what is printed is true.
            listener.listen(_BACKLOG)
            _say_ready(settings, chosen, certificate, schedule, file)
            workers.start()
            if schedule is not None:
                schedule.start()
            try:
                server.run(sockets=[listener])
            finally:
                # Whoever gathers the output may have gone with the same Ctrl-C, or their disk is full.
                with suppress(OSError):
                    log.flush()
                workers.stop()
                if schedule is not None:
                    schedule.stop()
                file.close()
    except KeyboardInterrupt:
        CONSOLE.print("已停止。")
    finally:
        listener.close()


def _say_ready(
    settings: Settings, port: int, certificate: CertificateInUse | None, schedule: BackupSchedule | None, file: LogFile
) -> None:
    CONSOLE.print(f"ready {'https' if certificate else 'http'}://{settings.host}:{port}", soft_wrap=True)
    if certificate is not None:
        _say_certificate(certificate.held, port)
    if (settings.public_url or "").startswith("http://"):
        CONSOLE.print("注意:GIS_PUBLIC_URL 不是 https,口令会在网上明文传送。")
    if settings.demo:
        CONSOLE.print("演示账户已启用:打开网页,点一下就能登录。")
    if schedule is not None:
        CONSOLE.print(f"备份到 {settings.backups}。", soft_wrap=True)
    if sys.stdout.isatty():
        CONSOLE.print(f"请求日志:{file.path}", soft_wrap=True)


def _certificate(settings: Settings, data: Path | None) -> CertificateInUse | None:
    """Return what the service speaks HTTPS with; None where there is none, and it speaks HTTP."""
    folder = certificates_of(settings, data)
    if not folder.exists():
        return None
    return CertificateInUse(folder, lambda said: ERRORS.print(said, soft_wrap=True))


def _say_certificate(held: Certificate, port: int) -> None:
    addresses = "、".join(f"https://{f'[{name}]' if ':' in name else shown_name(name)}:{port}" for name in held.names)
    CONSOLE.print(f"网址:{addresses}", soft_wrap=True)
    if held.days_left() < SOON_DAYS:
        CONSOLE.print(f"注意:证书到 {day_of(held.until)} 为止;请续期,见 gis-service tls show。", soft_wrap=True)


def _schedule(settings: Settings, data: Path | None) -> BackupSchedule | None:
    """Return what makes backups while the service runs; None where no folder for them was set."""
    if settings.backups is None:
        return None
    store, folder = store_of(settings), (data or settings.data_dir).resolve()
    server = backup_server_of(settings, data)
    recipient = recipient_of_settings(settings)
    keeper = LogKeeper(server, store, recipient, folder / "wal")
    photos = PhotoKeeper(photo_files_of(settings, data), store, recipient)
    return BackupSchedule(server, keeper, store, folder, settings.alarm, photos)


def _log(file: LogFile) -> Callable[[bytes], None]:
    """Return what takes the lines: the file, and whatever gathers the output, but no person's terminal."""
    if sys.stdout.isatty():
        return file.write

    def both(lines: bytes) -> None:
        file.write(lines)
        to_stdout(lines)

    return both


def _settle_memory() -> None:
    """Keep freed memory for the next answer, and spare the collector what lives as long as the service.

    glibc gives every large buffer back to the system at once and takes it anew, page by page: half of what it costs
    to pass on a megabyte. Up to 32 MB stay. Requests leave no cycles behind; with the usual thresholds the collector
    looks for some during nearly every one of them.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        for option, size in (_TRIM_THRESHOLD, 32 << 20), (_MMAP_THRESHOLD, 16 << 20):
            mallopt(option, size)
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


def _listen(host: str, port: int) -> socket.socket:
    """Take the port before anything else is started, so that a second start fails at once."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise InputError(
            f"端口 {port} 已被占用或不能使用({error.strerror});请用 --port 换一个。", f"The port {port} can't be used."
        ) from error
    return listener


@contextmanager
def _running_database(settings: Settings, data: Path | None, *, empty: bool) -> Iterator[Database]:
    if settings.database_url is not None:
        with opened_database(settings) as database:
            yield database
        return
    cluster = LocalCluster((data or settings.data_dir).resolve())
    with cluster.lock(), cluster.shared():
        first = not (cluster.data / "sample_decided").exists()
        cluster.start()
        stopping = threading.Event()
        try:
            prepare_local(cluster)
            database = connect(cluster.url("gis_app"))
            if first:
                _first_start(database, cluster.data, empty=empty)
            watcher = threading.Thread(target=_watch, args=(cluster, stopping), daemon=True)
            watcher.start()
            yield database
            database.close()
        finally:
            stopping.set()


def _first_start(database: Database, data: Path, *, empty: bool) -> None:
    """Load the sample once in a cluster's life; whoever removed it doesn't get it back at the next start."""
    scope = operator_scope(database, COMMUNITY)
    if not empty and not operator_scope(database).areas:
        CONSOLE.print("第一次启动:正在装入合成的示例社区……")
        with database.write(scope) as conn:
            counts = load_sample(conn)
        CONSOLE.print(f"示例已装入:{sum(counts.values()):,} 行。")
    (data / "sample_decided").touch()


def _watch(cluster: LocalCluster, stopping: threading.Event) -> None:
    """Start the private cluster again when it was killed under the service."""
    while not stopping.wait(_WATCH_SECONDS):
        if not cluster.running():
            try:
                cluster.start()
            except ClusterError as error:
                ERRORS.print(f"数据库停了,重新启动没有成功:{error}", soft_wrap=True)


def _interrupt(_number: int, _frame: object) -> None:
    """Let a SIGTERM before the server runs end the start in the same way as Ctrl-C."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    os.kill(os.getpid(), signal.SIGINT)
