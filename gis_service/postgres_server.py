"""The PostgreSQL server that is installed here: where it is, as whom and with which settings it runs."""

from __future__ import annotations

import os
import pwd
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

OLDEST_MAJOR = 15
DEBIAN_FOLDER = Path("/usr/lib/postgresql")

# Two cores and one community of some ten thousand features; JIT compiles longer than such queries run.
SETTINGS = {
    "listen_addresses": "",
    "max_connections": "60",
    "shared_buffers": "256MB",
    "work_mem": "32MB",
    "maintenance_work_mem": "256MB",
    "max_wal_size": "2GB",
    # What the backup hasn't fetched yet is kept, but not until the disk is full.
    "max_slot_wal_keep_size": "4GB",
    # An old file of the log that is used again holds what was erased until it is full once more.
    "wal_recycle": "off",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "logging_collector": "off",
    # DETAIL and CONTEXT lines show whole rows, that is, people; the log must hold none.
    "log_error_verbosity": "terse",
    "log_line_prefix": "%m [%p] %q%u@%d ",
    "unix_socket_permissions": "0777",
}
FAST_SETTINGS = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


class ClusterError(Exception):
    """The private cluster can't be used; the message is one Chinese sentence that says how to mend it."""


@dataclass(frozen=True)
class Programs:
    """Where one PostgreSQL server with PostGIS is installed."""

    folder: Path
    major: int


def server_user() -> dict[str, Any]:
    """Return the arguments by which ``subprocess`` runs the server: as postgres for root, else as oneself.

    Raises
    ------
    ClusterError
        When root runs this and the system has no user postgres.
    """
    if os.geteuid() != 0:
        return {}
    try:
        entry = pwd.getpwnam("postgres")
    except KeyError as error:
        raise ClusterError("系统没有用户 postgres:请先运行 script/setup 安装 PostgreSQL,或换普通用户运行。") from error
    return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}


def server_uid() -> int:
    """Return the user id that owns the cluster's files."""
    return int(server_user().get("user", os.geteuid()))


def server_environment() -> dict[str, str]:
    """Return the server's environment: none of the PG variables of the person who starts it."""
    return {"PATH": "/usr/local/bin:/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"}


def choose_programs(cluster: Path) -> Programs:
    """Return the server for a cluster: the one of its version, or the newest when it has yet to be made.

    Raises
    ------
    ClusterError
        When no server with PostGIS is installed, or none of the cluster's version.
    """
    found = find_programs()
    if not found:
        message = (
            f"没有找到带 PostGIS 的 PostgreSQL({OLDEST_MAJOR} 或更新):请运行 script/setup,或以 root 执行 "
            f"apt-get install postgresql-{OLDEST_MAJOR}-postgis-3(版本号按系统自带的写)。"
        )
        raise ClusterError(message)
    try:
        major = int((cluster / "PG_VERSION").read_text(encoding="ascii"))
    except FileNotFoundError:
        return found[0]
    for programs in found:
        if programs.major == major:
            return programs
    message = (
        f"{cluster} 由 PostgreSQL {major} 建立,而这台机器装的是 {found[0].major}:"
        f"请安装 postgresql-{major}-postgis-3,或用 pg_upgrade 升级集群。"
    )
    raise ClusterError(message)


def find_programs() -> list[Programs]:
    """Return every installed PostgreSQL server from ``OLDEST_MAJOR`` on that has PostGIS, the newest first."""
    folders = list(DEBIAN_FOLDER.glob("*/bin"))
    on_path = shutil.which("postgres")
    if on_path:
        folders.append(Path(on_path).resolve().parent)
    found: dict[int, Programs] = {}
    for folder in folders:
        if not ((folder / "postgres").exists() and (folder / "initdb").exists() and (folder / "pg_config").exists()):
            continue
        told = {
            option: subprocess.run([folder / "pg_config", option], capture_output=True, text=True, check=True).stdout
            for option in ("--version", "--sharedir")
        }
        version = re.search(r"\d+", told["--version"])
        major = int(version.group()) if version else 0
        if major >= OLDEST_MAJOR and (Path(told["--sharedir"].strip()) / "extension" / "postgis.control").exists():
            found.setdefault(major, Programs(folder, major))
    return [found[major] for major in sorted(found, reverse=True)]


def find_program(name: str) -> Path:
    """Return a program of PostgreSQL for a server elsewhere, such as ``pg_dump``: the newest that is installed.

    Raises
    ------
    ClusterError
        When there is none.
    """
    found = {int(path.parts[-3]): path for path in DEBIAN_FOLDER.glob(f"*/bin/{name}") if path.parts[-3].isdigit()}
    on_path = shutil.which(name)
    if found:
        return found[max(found)]
    if on_path is None:
        raise ClusterError(f"没有找到 {name}:请安装与数据库同一版本的 postgresql-client,例如 postgresql-client-15。")
    return Path(on_path)
