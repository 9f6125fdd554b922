"""From settings to a working service: the only place that reads settings and builds things."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from pydantic import ValidationError

from api.admission import Entrance
from api.certificate_in_use import CertificateInUse
from gis_service.areas import registered_codes
from gis_service.backups.make import Server
from gis_service.backups.sealing import Recipient, recipient_of
from gis_service.backups.store import Store
from gis_service.certificates.folder import CertificateFolder
from gis_service.certificates.names import ascii_name
from gis_service.database import Database, connect, open_engine, prepare
from gis_service.errors import InputError
from gis_service.local_cluster import LocalCluster
from gis_service.migrate import migrate
from gis_service.people.audit import Anchors
from gis_service.photos.files import PhotoFiles
from gis_service.scope import Scope
from gis_service.settings import Settings
from gis_service.sheets.files import SheetFiles
from gis_service.surveys.originals import Originals

OPERATOR = Scope("operator", "operator", ())
"""Whoever runs commands on this machine, before the areas are known."""


def read_settings() -> Settings:
    """Read the environment; InputError names the setting that is wrong."""
    try:
        return Settings()
    except ValidationError as error:
        first = error.errors()[0]
        name = f"GIS_{first['loc'][0]}".upper()
        raise InputError(
            f"设置 {name} 的值 {first['input']!r} 不对:{first['msg']}。", f"The setting {name} is wrong."
        ) from error


_LOOPBACK = {"127.0.0.1", "localhost", "::1"}


def entrance_of(settings: Settings, certificate: CertificateInUse | None = None) -> Entrance:
    """Return how people come in; InputError where the settings would let in anybody from anywhere.

    Parameters
    ----------
    certificate
        What the service itself speaks HTTPS with, where it does.
    """
    if settings.demo and is_away(settings):
        raise InputError(
            "GIS_DEMO=1 只能在本机用:演示账户不要口令;设了 GIS_PUBLIC_URL、GIS_PROXIES 或别的 GIS_HOST 时,"
            "请去掉 GIS_DEMO(script/server 里写 GIS_DEMO=0)。",
            "GIS_DEMO is for this machine only.",
        )
    if settings.host not in _LOOPBACK and not settings.public_url and certificate is None:
        raise InputError(
            f"GIS_HOST={settings.host} 让别的机器也能访问:请再设 GIS_PUBLIC_URL,写明大家用的网址,例如 https://地图.内网;"
            "或先用 gis-service tls make 做一张证书。",
            "Set GIS_PUBLIC_URL when the service listens beyond this machine, or make a certificate.",
        )
    public = urlsplit(settings.public_url or "")
    if certificate is not None and public.scheme == "http":
        raise InputError(
            f"数据目录里有证书,服务只用 https;请把 GIS_PUBLIC_URL={settings.public_url} 改为以 https:// 开头。",
            "There is a certificate, so GIS_PUBLIC_URL must begin with https.",
        )
    secure = public.scheme == "https" or certificate is not None
    host = public_host_of(settings)
    return Entrance(frozenset(filter(None, [host])), secure, settings.demo, certificate)


def public_host_of(settings: Settings) -> str | None:
    """Return the host of the address that people use, as browsers send it; None where none was set."""
    host = urlsplit(settings.public_url or "").hostname
    return ascii_name(host) if host else None


def certificates_of(settings: Settings, data: Path | None = None) -> CertificateFolder:
    """Return the folder in which the service's certificate lies."""
    return CertificateFolder((data or settings.data_dir).resolve())


def is_away(settings: Settings) -> bool:
    """Return whether other machines reach the service, as far as the settings say."""
    return settings.host not in _LOOPBACK or settings.public_url is not None or settings.proxies is not None


def cluster_of(settings: Settings, data: Path | None = None) -> LocalCluster | None:
    """Return the private cluster, or None where the settings name a database elsewhere."""
    if settings.database_url is None:
        return LocalCluster((data or settings.data_dir).resolve())
    return None


def originals_of(settings: Settings, data: Path | None = None) -> Originals:
    """Return the folder in which uploaded files are kept."""
    return Originals((data or settings.data_dir).resolve() / "uploads", settings.upload_days)


def sheet_files_of(settings: Settings, data: Path | None = None) -> SheetFiles:
    """Return the folder in which the files of sheets are kept."""
    return SheetFiles((data or settings.data_dir).resolve() / "exports", settings.export_days)


def photo_files_of(settings: Settings, data: Path | None = None) -> PhotoFiles:
    """Return the folder in which photos are kept."""
    return PhotoFiles((data or settings.data_dir).resolve() / "photos")


def anchors_of(settings: Settings, data: Path | None = None) -> Anchors:
    """Return the file in which the ends of the audit are kept."""
    return Anchors((settings.anchors or (data or settings.data_dir) / "audit" / "anchors.jsonl").resolve())


def backup_server_of(settings: Settings, data: Path | None = None) -> Server:
    """Return the server that is backed up; InputError when one elsewhere has no address for it."""
    cluster = cluster_of(settings, data)
    if cluster is not None:
        return Server(cluster.url("gis_backup"), cluster.cluster)
    if settings.database_backup_url is None:
        raise InputError(
            "用别处的数据库时,请设 GIS_DATABASE_BACKUP_URL(角色 gis_backup 的地址)。", "Set GIS_DATABASE_BACKUP_URL."
        )
    return Server(settings.database_backup_url)


def store_of(settings: Settings) -> Store:
    """Return where backups are kept; InputError when nothing was set."""
    if settings.backups is None:
        raise InputError("请设 GIS_BACKUPS,写明备份放到哪个文件夹(最好是另一台机器的共享目录)。", "Set GIS_BACKUPS.")
    return Store(settings.backups.resolve(), settings.backup_days)


def recipient_of_settings(settings: Settings) -> Recipient:
    """Return what backups are sealed to; InputError when there is none."""
    if settings.backup_key is None:
        raise InputError(
            "请设 GIS_BACKUP_KEY(公钥);用 gis-service backup-key --out 文件 生成一对,私钥文件放到别处。",
            "Set GIS_BACKUP_KEY.",
        )
    return recipient_of(settings.backup_key)


def files_beside(settings: Settings, data: Path | None = None) -> dict[str, Path]:
    """Return what belongs into a backup beside the database, by its place in the data folder."""
    folder = (data or settings.data_dir).resolve()
    beside = {"uploads": originals_of(settings, data).folder, "audit/anchors.jsonl": anchors_of(settings, data).path}
    if settings.database_url is None:
        beside["passwords.json"] = folder / "passwords.json"
    # Without its key every device would have to trust another authority after a restore.
    tls = certificates_of(settings, data)
    beside |= {f"tls/{path.name}": path for path in (tls.authority, tls.authority_key, tls.server)}
    return beside


def prepare_local(cluster: LocalCluster, *, schema: bool = True) -> None:
    """Give a running private cluster its roles, database and schema; quick when it has them."""
    prepare(cluster.url("postgres", "postgres"), cluster.passwords)
    if schema:
        _migrate(cluster.url("gis_owner"))


@contextmanager
def opened_database(settings: Settings, data: Path | None = None) -> Iterator[Database]:
    """Open the database for a command; a private cluster that isn't running runs as long as the command does."""
    cluster = cluster_of(settings, data)
    if cluster is None:
        if settings.database_owner_url:
            _migrate(settings.database_owner_url)
        database = connect(settings.database_url or "", settings.database_read_url)
        try:
            yield database
        finally:
            database.close()
        return
    if not (cluster.data / "passwords.json").exists():
        raise InputError(
            f"这里没有数据目录 {cluster.data};请在服务的文件夹里运行,或用环境变量 GIS_DATA_DIR 指明;"
            "还没有启动过服务时,先运行 script/server。",
            f"There is no data folder {cluster.data}; set GIS_DATA_DIR, or start the service first.",
        )
    with cluster.shared():
        ran = cluster.running()
        cluster.start()
        if not ran:
            prepare_local(cluster)
        database = connect(cluster.url("gis_app"))
        try:
            yield database
        finally:
            database.close()


def operator_scope(database: Database, *more: str) -> Scope:
    """Return the scope of whoever runs commands here: every registered community, and the codes in ``more``."""
    with database.read(OPERATOR) as conn:
        codes = registered_codes(conn)
    return Scope("operator", "operator", tuple(dict.fromkeys([*codes, *more])))


def _migrate(owner_url: str) -> None:
    engine = open_engine(owner_url)
    try:
        migrate(engine)
    finally:
        engine.dispose()
