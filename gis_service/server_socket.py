"""The Unix socket of a private PostgreSQL server: in which folder it lies, and whether sessions are taken there."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import socket
import struct
import tempfile
from pathlib import Path
from typing import Final

from gis_service.postgres_server import ClusterError, server_uid, server_user

_MAX_BYTES: Final = 90
"""Of a folder's path: a socket address holds 107 bytes, and the server adds ``/.s.PGSQL.5432``."""
_ANSWER_SECONDS: Final = 5.0
_PARAMETERS: Final = b"user\0postgres\0database\0postgres\0\0"
# The first message of a client: answered with a question for the password, or with an error while the server recovers.
_STARTUP: Final = struct.pack("!ii", 8 + len(_PARAMETERS), 3 << 16) + _PARAMETERS


def choose_socket_folder(data: Path) -> Path:
    """Return the folder for the socket of a data directory's server: ``socket/`` there, else a short temporary one.

    A comma would make libpq read two hosts, and a quote would end the setting, so such paths are left.

    Raises
    ------
    ClusterError
        When neither can be used.
    """
    name = hashlib.sha256(os.fsencode(data)).hexdigest()[:12]
    for folder in (data / "socket", Path(tempfile.gettempdir()) / f"gis-{name}"):
        if len(os.fsencode(folder)) <= _MAX_BYTES and re.fullmatch(r"[\w./+-]+", str(folder)):
            return folder
    raise ClusterError(f"套接字路径 {folder} 太长或含特殊字符:请把环境变量 TMPDIR 设为较短的目录(例如 /tmp)。")


def make_socket_folder(folder: Path) -> Path:
    """Make the folder for the server alone; a stranger's folder of that name is refused with a ClusterError."""
    user = server_user()
    with contextlib.suppress(FileExistsError):
        folder.mkdir(mode=0o700)
        if user:
            os.chown(folder, user["user"], user["group"])
    status = folder.lstat()
    if folder.is_symlink() or not folder.is_dir() or status.st_uid != server_uid():
        raise ClusterError(f"套接字目录 {folder} 被别的用户占用:请删除它,或用 --data 另选目录。")
    return folder


def takes_sessions(folder: str) -> bool:
    """Tell whether a server answers there: it asks for a password, which takes living code and none given."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(_ANSWER_SECONDS)
        try:
            connection.connect(f"{folder}/.s.PGSQL.5432")
            connection.sendall(_STARTUP)
            return connection.recv(1) == b"R"
        except OSError:
            return False
