"""``gis-service doctor``: whether a deployment is as it must be, and what to do about it."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import typer
from rich.table import Column, Table

from api.certificate_in_use import CertificateInUse
from api.console import CONSOLE
from api.start import (
    anchors_of,
    certificates_of,
    entrance_of,
    is_away,
    opened_database,
    operator_scope,
    public_host_of,
    read_settings,
    store_of,
)
from gis_service.certificates.folder import Certificate
from gis_service.deployment import (
    Check,
    check_audit,
    check_backups,
    check_calendars,
    check_certificate,
    check_database,
    check_extent,
    check_people,
)
from gis_service.features.question import today
from gis_service.settings import Settings
from gis_service.surveys.files.fence import network_is_cut

_LEAST_FREE = 5 * 1024**3


def doctor() -> None:
    """检查部署:数据库角色和索引、账户、审计、备份、HTTPS、磁盘、字体、保密审查、日历;说明怎么办,要紧的退出码为 1。"""
    settings = read_settings()
    folder = certificates_of(settings)
    entrance_of(settings, CertificateInUse(folder) if folder.exists() else None)
    with opened_database(settings) as database, database.read(operator_scope(database)) as conn:
        checks = [
            *check_database(conn),
            *check_people(conn, beyond=is_away(settings)),
            *check_audit(conn, anchors_of(settings)),
            *check_backups(conn, store_of(settings) if settings.backups else None, settings.data_dir.resolve()),
            check_extent(conn),
            check_calendars(conn, today()),
        ]
    checks += _check_machine(settings, folder.certificate())
    table = Table("检查", "结果", Column("怎么办", overflow="fold"))
    for one in checks:
        mark = "OK" if one.good else "FAIL" if one.needed else "WARN"
        table.add_row(one.name, mark, "" if one.good else one.said)
    CONSOLE.print(table)
    if any(one.needed and not one.good for one in checks):
        raise typer.Exit(1)


def _check_machine(settings: Settings, certificate: Certificate | None) -> list[Check]:
    away = is_away(settings)
    # Whoever is reached directly needs no proxy.
    direct = certificate is not None and settings.proxies is None
    free = shutil.disk_usage(_existing(settings.data_dir)).free
    return [
        Check(
            "HTTPS", not away or direct or (settings.public_url or "").startswith("https://"),
            "别的机器用 http 访问,口令会在网上明文传送;请用 gis-service tls make 做一张证书,"
            "或在前面放一个带证书的反向代理,GIS_PUBLIC_URL 以 https:// 开头",
            needed=True,
        ),
        *([check_certificate(certificate, public_host_of(settings))] if certificate is not None else []),
        Check(
            "反向代理", not away or direct or settings.proxies is not None,
            "没有设 GIS_PROXIES:若前面有代理,登录限制会把所有人当成同一个来源",
        ),
        Check("磁盘", free >= _LEAST_FREE, f"数据目录所在的磁盘只剩 {free / 1024**3:.1f} GB,请清理或扩容"),
        Check("中文字体", _has_font(), "没有找到中文字体,打印和导出图片会缺字;请安装 fonts-noto-cjk"),
        Check("读取文件的子进程断网", network_is_cut(), "本机不允许;驱动白名单与资源限制仍然有效"),
    ]  # fmt: skip


def _existing(folder: Path) -> Path:
    return next(one for one in (folder.absolute(), *folder.absolute().parents) if one.exists())


def _has_font() -> bool:
    if any(Path("/usr/share/fonts").glob("*/noto/NotoSansCJK*")):
        return True
    lister = shutil.which("fc-list")
    return lister is not None and bool(subprocess.run([lister, ":lang=zh"], capture_output=True, check=False).stdout)
