"""The process that looks for values in strangers' files: ``python -m gis_service.surveys.files.looking``.

It reads one request (JSON) from its standard input, and writes a line for each file to its standard output: ``found``,
``absent``, or ``unknown`` where it can't see into the file. Nothing of a file is unpacked to the disk.
"""

from __future__ import annotations

import io
import mmap
import re
import sqlite3
import sys
import zipfile
import zlib
from contextlib import closing
from pathlib import Path
from typing import IO, Any, Final

import orjson

from gis_service.erasure.values import Values
from gis_service.surveys.files.fence import close_network, forbid_writing, limit_resources
from gis_service.surveys.files.limits import ReadLimits

FOUND, ABSENT, UNKNOWN = "found", "absent", "unknown"

# Archives and documents that only other programmes open: what is in them can't be seen by their bytes.
_CLOSED: Final = (b"7z\xbc\xaf", b"Rar!", b"\x1f\x8b", b"BZh", b"\xfd7zXZ", b"%PDF", b"AC10")
_ENCRYPTED: Final = "EncryptedPackage".encode("utf-16-le")
_TAG: Final = re.compile(rb"<[^<>]{0,1000}>")
_BLOCK_BYTES: Final = 8 << 20
_OVERLAP_BYTES: Final = 4096
_DEEPEST: Final = 2


class _UnknownError(Exception):
    """The file can't be seen into."""


def main() -> int:
    """Look into the files of the request, one after the other."""
    request: dict[str, Any] = orjson.loads(sys.stdin.buffer.read())
    close_network()
    limits = ReadLimits(**request["limits"])
    limit_resources(limits)
    forbid_writing()
    values = Values(tuple(request["values"]))
    for path in request["paths"]:
        try:
            verdict = FOUND if _Search(values, limits.unpacked_bytes).file(Path(path)) else ABSENT
        except (_UnknownError, OSError, ValueError, RuntimeError, MemoryError, zlib.error, zipfile.BadZipFile,
                NotImplementedError, EOFError, sqlite3.Error):  # fmt: skip
            verdict = UNKNOWN
        sys.stdout.write(f"{verdict}\n")
        sys.stdout.flush()
    return 0


class _Search:
    """The search in one file; ``budget`` is how many bytes may come out of its archives."""

    def __init__(self, values: Values, budget: int) -> None:
        self._bytes = values.bytes_pattern()
        self._text = re.compile(values.pattern)
        self._budget = budget

    def file(self, path: Path) -> bool:
        """Say whether one of the values stands in a file."""
        if path.stat().st_size == 0:
            return False
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as whole:
            beginning = whole[:16]
            if self._bytes.search(whole):
                return True
            if whole.find(_ENCRYPTED) >= 0:
                raise _UnknownError
            if beginning.startswith(b"SQLite format 3"):
                with closing(sqlite3.connect(f"file:{path}?mode=ro&immutable=1", uri=True)) as database:
                    return self._rows(database)
            if beginning.startswith(b"PK"):
                return self._archive(file, 0)
            if beginning.startswith(_CLOSED):
                raise _UnknownError
            return self._marked_up(file) if beginning.lstrip(b"\xef\xbb\xbf \r\n").startswith(b"<") else False

    def _archive(self, file: IO[bytes], depth: int) -> bool:
        with zipfile.ZipFile(file) as archive:
            # Names of files are text of people's too.
            if any(self._text.search(_name(info)) for info in archive.infolist()):
                return True
            for info in archive.infolist():
                if info.flag_bits & 0x1:
                    raise _UnknownError
                with archive.open(info) as member:
                    if self._member(member, depth):
                        return True
        return False

    def _member(self, member: IO[bytes], depth: int) -> bool:
        beginning = member.read(16)
        if beginning.startswith(b"PK"):
            if depth >= _DEEPEST:
                raise _UnknownError
            return self._archive(io.BytesIO(beginning + self._rest(member)), depth + 1)
        if beginning.startswith(b"SQLite format 3"):
            held = beginning + self._rest(member)
            with closing(sqlite3.connect(":memory:")) as database:
                database.deserialize(held)
                return bool(self._bytes.search(held)) or self._rows(database)
        if beginning.startswith(_CLOSED):
            raise _UnknownError
        return self._stream(member, beginning, marked_up=beginning.lstrip(b"\xef\xbb\xbf \r\n").startswith(b"<"))

    def _rest(self, member: IO[bytes]) -> bytes:
        held = member.read(self._budget + 1)
        self._spend(len(held))
        return held

    def _marked_up(self, file: IO[bytes]) -> bool:
        file.seek(0)
        return self._stream(file, b"", marked_up=True)

    def _stream(self, stream: IO[bytes], held: bytes, *, marked_up: bool) -> bool:
        while block := stream.read(_BLOCK_BYTES):
            self._spend(len(block))
            held += block
            # A name whose signs are formatted one by one has tags between them.
            if self._bytes.search(held) or (marked_up and self._bytes.search(_TAG.sub(b"", held))):
                return True
            held = held[-_OVERLAP_BYTES:]
        return bool(self._bytes.search(held))

    def _rows(self, database: sqlite3.Connection) -> bool:
        """Look at the rows of a database: a long text lies in pieces on several pages."""
        database.text_factory = lambda raw: raw.decode(errors="replace")
        tables = [
            name for (name, sql) in database.execute("select name, sql from sqlite_master where type = 'table'")
            if sql and not str(sql).upper().startswith("CREATE VIRTUAL")
        ]  # fmt: skip
        for name in tables:
            quoted = '"' + str(name).replace('"', '""') + '"'
            for row in database.execute(f"select * from {quoted}"):
                if any(self._text.search(cell) for cell in map(str, row) if len(cell) < _BLOCK_BYTES):
                    return True
        return False

    def _spend(self, size: int) -> None:
        self._budget -= size
        if self._budget < 0:
            raise _UnknownError


def _name(info: zipfile.ZipInfo) -> str:
    if info.flag_bits & 0x800:
        return info.filename
    return info.filename.encode("cp437", errors="replace").decode("gb18030", errors="replace")


if __name__ == "__main__":
    sys.exit(main())
