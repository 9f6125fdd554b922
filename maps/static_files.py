"""Scripts, styles and images of the pages: ours in ``maps/assets``, third-party in ``maps/vendor/assets``."""

from __future__ import annotations

import base64
import hashlib
import mimetypes
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

STATIC_URL = "/static/"
"""Where the service hands out the files; a file's name follows, ``/static/leaflet/leaflet.js``."""

_FOLDERS = (Path(__file__).parent / "assets", Path(__file__).parent / "vendor" / "assets")

_LONGEST_NAME = 200

_MEDIA_TYPES = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml", ".png": "image/png"}


@dataclass(frozen=True)
class StaticFile:
    """One file a page needs.

    Attributes
    ----------
    name
        Path below the folder, with ``/``: ``leaflet/leaflet.js``.
    media_type
        For the Content-Type header.
    content
        The bytes.
    version
        The first 12 hex digits of the SHA-256; part of the address, so a browser may keep the file for ever.
    """

    name: str
    media_type: str
    content: bytes
    version: str


class MissingFileError(LookupError):
    """A page needs a file that isn't there; ``str(error)`` is one Chinese sentence."""


@lru_cache(maxsize=256)
def static_file(name: str) -> StaticFile:
    """Return one file by its name.

    Raises
    ------
    LookupError
        When there is no such file, or the name leads out of the folders.
    """
    # A longer name makes the file system fail instead of finding nothing.
    for folder in _FOLDERS if len(name) <= _LONGEST_NAME else ():
        path = (folder / name).resolve()
        if path.is_relative_to(folder.resolve()) and path.is_file():
            content = path.read_bytes()
            media_type = _MEDIA_TYPES.get(path.suffix) or mimetypes.guess_type(name)[0] or "application/octet-stream"
            return StaticFile(name, media_type, content, hashlib.sha256(content).hexdigest()[:12])
    raise MissingFileError(f"页面文件 {name} 不存在:请重新运行 script/server,它会按锁文件取回前端文件")


def static_url(name: str) -> str:
    """Return the address of a file with its version, ``/static/page.css?v=0123456789ab``."""
    return f"{STATIC_URL}{name}?v={static_file(name).version}"


def data_url(name: str) -> str:
    """Return a small image as an address that holds it, which works in a served page and in a single file alike."""
    file = static_file(name)
    return f"data:{file.media_type};base64,{base64.b64encode(file.content).decode()}"
