"""Photos in backups: each is sealed once, under a name that tells nothing, and stays as long as a backup may need it.

A photo never changes, so that it needn't be copied with every backup. Each backup holds the list of the names of those
that were there (``photos.txt``); the photos themselves lie beside the backups::

    photos/<first two digits>/<name>.age    length of the photo, the photo, the small one
    photos/<first two digits>/<name>.gone   this one was erased: nobody shall miss it

The name is an HMAC of the photo's hash, whose key is the public key. That lies on the machine but not in the folder:
whoever reads the folder can't even tell whether a photo they have is in it. A new key means other names, and
everything is sealed anew.
"""

from __future__ import annotations

import hashlib
import hmac
import io
import os
import struct
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from gis_service.backups.sealing import Key, Recipient, read_sealed, seal
from gis_service.backups.store import Backup, Store
from gis_service.errors import InputError, NotFoundError, UnavailableError
from gis_service.flushing import flush_names
from gis_service.photos.bare_jpeg import size_of_bare_jpeg
from gis_service.photos.files import PhotoFiles

PHOTOS: Final = "photos.txt"

_FOLDER, _SEALED, _GONE = "photos", ".age", ".gone"
_LENGTH: Final = struct.Struct(">I")
_NAME_DIGITS: Final = 32
_SPARE: Final = timedelta(days=1)
"""The clock of the machine with the share may differ."""


class PhotoKeeper:
    """Seals away photos that aren't yet.

    Attributes
    ----------
    damaged
        Hashes of photos whose files no longer hold what their names say; they aren't sealed.
    """

    def __init__(self, files: PhotoFiles, store: Store, recipient: Recipient) -> None:
        self._files, self._store, self._recipient = files, store, recipient
        # When each was last sent: one that was erased and is sent again isn't sealed any more.
        self._sealed: dict[str, int] = {}
        self.damaged: set[str] = set()

    def keep(self, seconds: float | None = None) -> list[str]:
        """Seal away what has come since the last time; return the names of all photos that are there.

        Parameters
        ----------
        seconds
            After which it stops, to go on at the next call; None to go on until all are sealed.

        Raises
        ------
        UnavailableError
            When the folder of backups can't be written.
        """
        end = None if seconds is None else time.monotonic() + seconds
        present = self._files.times()
        self._sealed = dict(self._sealed.items() & present.items())
        touched: set[Path] = set()
        try:
            for sha256 in sorted(present.keys() - self._sealed.keys() - self.damaged):
                if end is not None and time.monotonic() > end:
                    break
                if (folder := self._seal(sha256)) is not None:
                    self._sealed[sha256] = present[sha256]
                    touched.add(folder)
            for folder in touched:
                flush_names(folder)
        except OSError as error:
            raise UnavailableError(
                f"照片写不进备份目录 {self._store.folder}({error.strerror});请检查共享目录和磁盘空间。",
                f"Photos can't be written to the folder of backups: {error.strerror}.",
            ) from error
        there = self._sealed.keys() | (self.damaged & present.keys())
        return sorted(_names_of(there, self._recipient))

    def _seal(self, sha256: str) -> Path | None:
        """Seal one away, if it isn't; return the folder in which it lies, None when it can't be sealed."""
        (name,) = _names_of([sha256], self._recipient)
        target = _place(self._store, name, _SEALED)
        try:
            whole, small = self._files.find(sha256), self._files.find(sha256, small=True)
        except NotFoundError:
            # Deleted meanwhile.
            return None
        if _size(target) > _LENGTH.size + _size(whole) + _size(small):
            return target.parent
        try:
            jpeg, thumbnail = whole.read_bytes(), small.read_bytes()
        except FileNotFoundError:
            return None
        except OSError:
            # What the disk can't give back any more.
            jpeg, thumbnail = b"", b""
        if hashlib.sha256(jpeg).hexdigest() != sha256:
            self.damaged.add(sha256)
            return None
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        # The service and a backup may both be sealing it: each under a name of its own, until it is whole.
        draft = target.with_suffix(f".{os.getpid()}")
        seal(io.BytesIO(_LENGTH.pack(len(jpeg)) + jpeg + thumbnail), draft, self._recipient)
        draft.replace(target)
        if not self._files.has(sha256):
            # Erased while it was being sealed.
            target.unlink(missing_ok=True)
            return None
        _place(self._store, name, _GONE).unlink(missing_ok=True)
        return target.parent


def forget_photos(store: Store, recipient: Recipient, hashes: Iterable[str]) -> None:
    """Delete photos from all backups, after their files are deleted here.

    Raises
    ------
    UnavailableError
        When the folder of backups isn't there, or can't be written.
    """
    if not store.is_there():
        raise _not_forgotten(store, "没有挂上")
    try:
        for name in _names_of(hashes, recipient):
            sealed = _place(store, name, _SEALED)
            sealed.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            _place(store, name, _GONE).touch()
            sealed.unlink(missing_ok=True)
            flush_names(sealed.parent)
    except OSError as error:
        raise _not_forgotten(store, str(error.strerror)) from error


def _not_forgotten(store: Store, reason: str) -> UnavailableError:
    return UnavailableError(
        f"备份目录 {store.folder} 写不了({reason}),备份里的照片还没有删;请检查共享目录,再删一次。",
        "The photos in the backups can't be deleted.",
    )


@dataclass(frozen=True)
class Opened:
    """How many photos could be opened, and the names of those that couldn't, or are missing."""

    count: int
    lost: list[str]

    @property
    def said(self) -> list[str]:
        """One sentence when there are lost ones."""
        shown = "、".join(self.lost[:3])
        return [f"{len(self.lost)} 张照片不在备份目录里,或打不开({shown} 等)"] if self.lost else []


def try_photos(backup: Backup, store: Store, key: Key) -> Opened:
    """Open every photo of a backup."""
    count, lost = 0, []
    for name in _listed(backup):
        if _place(store, name, _GONE).exists():
            continue
        try:
            _open(store, name, key)
        except InputError:
            lost.append(name)
        else:
            count += 1
    return Opened(count, lost)


def restore_photos(backup: Backup, store: Store, key: Key, files: PhotoFiles) -> Opened:
    """Bring back the photos of a backup, and those sealed since, where there are none; count those brought back.

    A point in time after the backup may name a photo that came after it, too; what no row names is swept later.
    """
    listed = set(_listed(backup))
    wanted = listed | set(_sealed_since(store, backup.manifest.made_at - _SPARE))
    there = set(_names_of(files.hashes(), key.to_public()))
    count, lost = 0, []
    for name in sorted(wanted - there):
        try:
            jpeg, thumbnail = _open(store, name, key)
        except InputError:
            # One that came later may be sealed to another key.
            if name in listed and not _place(store, name, _GONE).exists():
                lost.append(name)
        else:
            files.put(jpeg, thumbnail, flush=False)
            count += 1
    if count:
        os.sync()
    return Opened(count, lost)


def expire_photos(store: Store) -> int:
    """Delete sealed photos that no backup can need; return how many files.

    One that was sealed before the oldest backup was made and isn't in any list was deleted here before that, too. While
    a list can't be read, nothing is deleted.
    """
    backups = store.backups()
    if not backups or store.damaged():
        return 0
    try:
        needed = {name for backup in backups for name in _listed(backup)}
    except InputError:
        return 0
    oldest = (min(one.manifest.made_at for one in backups) - _SPARE).timestamp()
    gone = 0
    for path in (store.folder / _FOLDER).glob("??/*"):
        # Another ending is what a kill has left.
        if path.stem in needed and path.suffix in {_SEALED, _GONE}:
            continue
        # One that is just being sealed gets another name meanwhile.
        with suppress(FileNotFoundError):
            if path.stat().st_mtime < oldest:
                path.unlink()
                gone += 1
    return gone


def write_list(folder: Path, names: Iterable[str]) -> Path:
    """Write the list of a backup's photos into its folder."""
    path = folder / PHOTOS
    with path.open("w", encoding="ascii") as file:
        file.writelines(f"{name}\n" for name in names)
        file.flush()
        os.fsync(file.fileno())
    return path


def _listed(backup: Backup) -> list[str]:
    """Return the names of a backup's photos; InputError when the list isn't what was written."""
    if PHOTOS not in backup.manifest.files:
        return []
    return backup.file(PHOTOS).read_text(encoding="ascii").split()


def _sealed_since(store: Store, moment: datetime) -> Iterator[str]:
    for path in (store.folder / _FOLDER).glob(f"??/*{_SEALED}"):
        # Somebody may have erased it just now.
        with suppress(FileNotFoundError):
            if path.stat().st_mtime >= moment.timestamp():
                yield path.stem


def _open(store: Store, name: str, key: Key) -> tuple[bytes, bytes]:
    """Return a sealed photo and the small one; InputError when they aren't what was sealed under this name.

    Anybody who can write there and knows the public key can seal something: it must be the photo of that name, and it
    will be shown to people, so that both must be pictures and nothing else.
    """
    try:
        held = read_sealed(_place(store, name, _SEALED), key)
        (length,) = _LENGTH.unpack_from(held)
    except (OSError, struct.error) as error:
        raise InputError(f"照片 {name} 不在或读不了。", f"Photo {name} can't be read.") from error
    jpeg, thumbnail = held[_LENGTH.size : _LENGTH.size + length], held[_LENGTH.size + length :]
    right = _names_of([hashlib.sha256(jpeg).hexdigest()], key.to_public()) == [name]
    if not right or size_of_bare_jpeg(jpeg) is None or size_of_bare_jpeg(thumbnail) is None:
        raise InputError(f"照片 {name} 不是当初封存的那一张。", f"Photo {name} isn't what was sealed.")
    return jpeg, thumbnail


def _names_of(hashes: Iterable[str], recipient: Recipient) -> list[str]:
    """Return the names of photos in the folder of backups."""
    # Writing the key out takes longer than a name.
    secret = str(recipient).encode()
    return [hmac.digest(secret, sha256.encode(), "sha256").hex()[:_NAME_DIGITS] for sha256 in hashes]


def _place(store: Store, name: str, suffix: str) -> Path:
    return store.folder / _FOLDER / name[:2] / f"{name}{suffix}"


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0
