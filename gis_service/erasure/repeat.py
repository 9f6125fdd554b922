"""Erasing again, after a restore, what was erased since the backup was made."""

from __future__ import annotations

from datetime import UTC, datetime

from gis_service.backups.sealing import Key
from gis_service.backups.store import Store
from gis_service.database import explained
from gis_service.erasure.erase import was_erased
from gis_service.erasure.note import Noted, read_note
from gis_service.erasure.photos import erase_rows
from gis_service.erasure.receipt import Grounds, Receipt, Told, erase, erase_files
from gis_service.erasure.values import Values
from gis_service.errors import ServiceError
from gis_service.photos.files import PhotoFiles


def repeat(
    grounds: Grounds, photos: PhotoFiles, store: Store, key: Key, told: Told
) -> tuple[list[Receipt], list[str]]:  # fmt: skip
    """Erase again whatever the notes beside the backups name, after a restore.

    What the restored audit says was erased is erased there: whoever wrote the same name, or sent the same photo,
    afterwards did so rightly.

    Parameters
    ----------
    photos
        Where photos lie, after those of the backup have come back.

    Returns
    -------
    tuple
        The receipts, and one sentence for each erasing that couldn't be repeated.
    """
    receipts, failed = [], []
    for path in sorted(store.erasures.glob("*.age")):
        try:
            noted = read_note(path, key)
            with explained(), grounds.owner.connect() as conn:
                done = was_erased(conn, noted.number)
            values = Values(noted.values)
            if done and noted.values:
                erase_files(grounds, values, told, unreadable=False)
            elif noted.values:
                receipts.append(erase(grounds, values, noted.reason, told, number=noted.number))
            elif not done:
                receipts.append(_photos_again(grounds, photos, noted))
        except ServiceError as error:
            failed.append(f"{path.name}:{error}")
    return receipts, failed


def _photos_again(grounds: Grounds, photos: PhotoFiles, noted: Noted) -> Receipt:
    """Delete the rows of photos that a restore has brought back; the copies in the backups are gone already."""
    found = erase_rows(grounds.owner, noted.photos, noted.number)
    for sha256 in noted.photos:
        # One that was sent again later is sealed again, and came back with the others; no row names it any more.
        photos.remove(sha256)
    return Receipt(noted.number, datetime.now(UTC), noted.reason, (), [found], [], [])
