"""What hostile files are made of: sources that name others, entities that multiply, and archives that lie."""

from __future__ import annotations

import io
import json
import socket
import stat
import threading
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import shapely
from pyogrio import raw

SECRET = "330482199001011232"
LAUGHS = "".join(f'<!ENTITY l{at} "{f"&l{at - 1};" * 10}">' for at in range(1, 10))
HEADS = (
    f'<!DOCTYPE kml [<!ENTITY l0 "ha">{LAUGHS}]>',
    '<!DOCTYPE kml [<!ENTITY l9 SYSTEM "file://{secret}">]>',
    '<!DOCTYPE kml SYSTEM "http://127.0.0.1:1/a.dtd">',
    '<!DOCTYPE kml [<!ENTITY % p SYSTEM "file://{secret}"> %p;]>',
)
"""Document types: a billion laughs in ``&l9;``, the secret in it, and two that fetch what they consist of."""
_LOCAL_SIZES, _CENTRAL_SIZES = (b"PK\x03\x04", 22), (b"PK\x01\x02", 24)
_LOCAL_FLAGS, _CENTRAL_FLAGS = (b"PK\x03\x04", 6), (b"PK\x01\x02", 8)


@contextmanager
def listening() -> Iterator[tuple[str, list[bytes]]]:
    """Listen on a loopback port: the address of a file there, and what knocked."""
    knocks: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.1)
        done = threading.Event()

        def listen() -> None:
            while not done.is_set():
                try:
                    connection, _ = server.accept()
                except TimeoutError:
                    continue
                with connection:
                    knocks.append(b"knock")

        thread = threading.Thread(target=listen)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.getsockname()[1]}/a.geojson", knocks
        finally:
            done.set()
            thread.join()


def vrt(source: str) -> str:
    return (
        f'<OGRVRTDataSource><OGRVRTLayer name="people"><SrcDataSource>{source}</SrcDataSource>'
        '<GeometryType>wkbPoint</GeometryType><GeometryField encoding="PointFromColumns" x="lon" y="lat"/>'
        "</OGRVRTLayer></OGRVRTDataSource>"
    )


def gdalg(source: str) -> str:
    return json.dumps({"type": "gdal_streamed_alg", "command_line": f"gdal vector pipeline ! read {source}"})


def wfs(source: str) -> str:
    return f"<OGRWFSDataSource><URL>{source}</URL></OGRWFSDataSource>"


def geopackage(path: Path, **options: str) -> Path:
    point = shapely.to_wkb(np.array([shapely.Point(121, 30.7)], dtype=object))
    raw.write(
        path, point, [np.array([1])], ["n"], geometry_type="Point", crs="EPSG:4490", driver="GPKG", layer="a", **options
    )  # fmt: skip
    return path


def archive(
    members: Mapping[str, bytes | str] | Iterable[tuple[str | zipfile.ZipInfo, bytes | str]],
    compression: int = zipfile.ZIP_DEFLATED,
) -> bytes:
    made = io.BytesIO()
    pairs = members.items() if isinstance(members, Mapping) else members
    with zipfile.ZipFile(made, "w", compression) as packed:
        for name, content in pairs:
            packed.writestr(name, content)
    return made.getvalue()


def symbolic_link(name: str) -> zipfile.ZipInfo:
    link = zipfile.ZipInfo(name)
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    return link


def encrypted(packed: bytes) -> bytes:
    """Say of an archive's first member that it has a password."""
    data = bytearray(packed)
    for mark, offset in (_LOCAL_FLAGS, _CENTRAL_FLAGS):
        data[data.index(mark) + offset] |= 1
    return bytes(data)


def said_to_unpack_to(packed: bytes, size: int) -> bytes:
    """Change what an archive says of its first member's size."""
    data = bytearray(packed)
    for mark, offset in (_LOCAL_SIZES, _CENTRAL_SIZES):
        at = data.index(mark) + offset
        data[at : at + 4] = size.to_bytes(4, "little")
    return bytes(data)
