"""The files of photos, under the hash of what they hold: the same photo twice is one file, and none ever changes."""

from __future__ import annotations

import hashlib
import os
import re
import time
import uuid
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from gis_service.errors import NotFoundError
from gis_service.flushing import flush_names
from gis_service.photos.encode import Encoded

_WHOLE, _SMALL, _PART = ".jpg", ".small.jpg", ".part"
_HASH: Final = re.compile(r"[0-9a-f]{64}")
_DAY_S: Final = 86_400.0


@dataclass(frozen=True)
class PhotoFiles:
    """A folder with a photo and a small one for each hash, spread over 256 folders by its first two digits."""

    folder: Path

    def keep(self, photo: Encoded) -> str:
        """Keep a photo and return its hash; it is there as a whole, and on the disk, or not at all.

        Whoever commits a row that names the photo keeps the photo first.
        """
        return self.put(photo.jpeg, photo.thumbnail)

    def put(self, jpeg: bytes, thumbnail: bytes, *, flush: bool = True) -> str:
        """Keep the bytes of a photo and of the small one; return the SHA-256 of the photo in hexadecimal.

        Parameters
        ----------
        flush
            Whether each is brought to the disk before this returns; a restore does that once, for all of them.
        """
        sha256 = hashlib.sha256(jpeg).hexdigest()
        whole, small = self._path(sha256, _WHOLE), self._path(sha256, _SMALL)
        if not whole.parent.is_dir():
            whole.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            if flush:
                flush_names(self.folder)
        # The small one first: where the photo is, both are.
        for path, held in ((small, thumbnail), (whole, jpeg)):
            _write(path, held, flush=flush)
        if flush:
            flush_names(whole.parent)
        return sha256

    def find(self, sha256: str, *, small: bool = False) -> Path:
        """Return the file of a photo; NotFoundError when it was deleted, or never there."""
        path = self._path(sha256, _SMALL if small else _WHOLE)
        if not path.exists():
            raise _gone()
        return path

    def has(self, sha256: str) -> bool:
        """Return whether a photo is there."""
        return self._path(sha256, _WHOLE).exists()

    def remove(self, sha256: str) -> bool:
        """Delete a photo, also from the disk's names; return whether there was one."""
        paths = [path for path in (self._path(sha256, _WHOLE), self._path(sha256, _SMALL)) if path.exists()]
        for path in paths:
            path.unlink(missing_ok=True)
        if paths:
            flush_names(paths[0].parent)
        return bool(paths)

    def hashes(self) -> Iterator[str]:
        """Give the hashes of all photos."""
        yield from self.times()

    def times(self) -> dict[str, int]:
        """Return when each photo was last sent, in nanoseconds, by its hash."""
        found = {}
        for entry in self._entries():
            sha256 = entry.name.removesuffix(_WHOLE)
            if _HASH.fullmatch(sha256):
                # Somebody may have deleted it just now.
                with suppress(FileNotFoundError):
                    found[sha256] = entry.stat().st_mtime_ns
        return found

    def sweep(self, known: Iterable[str], older_than_s: float = _DAY_S) -> int:
        """Delete photos that no row names, and what broken-off copies left; return how many files.

        Parameters
        ----------
        known
            The hashes that rows name, versions before the current ones among them.
        older_than_s
            How old a file must be, in seconds: a photo is kept before the row that names it is committed.
        """
        gone, named = 0, frozenset(known)
        for entry in self._entries():
            # Somebody may have deleted it just now.
            with suppress(FileNotFoundError):
                if entry.name.partition(".")[0] not in named and time.time() - entry.stat().st_mtime > older_than_s:
                    Path(entry).unlink()
                    gone += 1
        return gone

    def _entries(self) -> Iterator[os.DirEntry[str]]:
        # Not all by Path.glob, which takes many times as long for a hundred thousand photos.
        for shelf in sorted(self.folder.glob("[0-9a-f][0-9a-f]")):
            with os.scandir(shelf) as entries:
                yield from entries

    def _path(self, sha256: str, suffix: str) -> Path:
        if not _HASH.fullmatch(sha256):
            raise _gone()
        return self.folder / sha256[:2] / f"{sha256}{suffix}"


def _gone() -> NotFoundError:
    return NotFoundError(
        "照片已不在(已经删除,或备份里没有);请另拍一张,需要原来那张请联系管理员。", "The photo is gone."
    )


def _write(path: Path, held: bytes, *, flush: bool) -> None:
    with suppress(FileNotFoundError):
        if path.stat().st_size == len(held):
            # One that nobody wanted for long is wanted again: a sweep that is under way must not take it.
            os.utime(path)
            return
    partial = path.with_name(f"{uuid.uuid4().hex}{_PART}")
    try:
        with partial.open("xb") as file:
            file.write(held)
            file.flush()
            if flush:
                os.fsync(file.fileno())
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
