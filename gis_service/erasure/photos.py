"""Photos that someone wants gone: their files here, and the copies in all backups."""

from __future__ import annotations

from collections.abc import Collection

from gis_service.backups.photos import forget_photos
from gis_service.erasure.erase import Found
from gis_service.erasure.receipt import Note
from gis_service.photos.files import PhotoFiles


def erase_photos(files: PhotoFiles, hashes: Collection[str], note: Note | None) -> Found:
    """Delete photos by their hashes, here and then in the backups; return how many there were here.

    Parameters
    ----------
    note
        Where backups lie; None where none are made. Copies sealed to an earlier key go with the backups of their time.

    Raises
    ------
    UnavailableError
        When the folder of backups can't be written: they are gone here, and it must be done again.
    """
    count = sum(files.remove(sha256) for sha256 in hashes)
    if note is not None:
        forget_photos(note.store, note.recipient, hashes)
    return Found("照片(整份删除)", count)
