"""The folder of sealed photos while others write in it: a name that was listed may be gone when it is looked at."""

from __future__ import annotations

from pathlib import Path

import pytest

from gis_service.backups.photos import PhotoKeeper, expire_photos, restore_photos
from gis_service.backups.sealing import Key
from gis_service.backups.store import Store
from gis_service.photos.files import PhotoFiles
from tests.gis_service.photo_samples import small_photo
from tests.gis_service.test_photo_backups import age, backup_of, files, key, sealed, store

__all__ = ["files", "key", "store"]


def vanish(path: Path) -> None:
    """Let a name be listed whose file isn't there any more, as between a listing and a look."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.symlink_to(path.parent / "renamed")


@pytest.mark.parametrize("suffix", [".4711", ".age", ".gone"])
def test_what_vanishes_is_passed_over(
    tmp_path: Path, store: Store, files: PhotoFiles, key: Key, suffix: str
) -> None:  # fmt: skip
    for number in range(2):
        files.keep(small_photo(number))
    first, second = PhotoKeeper(files, store, key.to_public()).keep()
    backup = backup_of(store, [first])
    (old,) = [path for path in sealed(store) if path.stem == second]
    age([old], 40)
    for digit in "05af":
        vanish(store.folder / "photos" / f"{digit}{digit}" / f"{digit * 32}{suffix}")
    assert expire_photos(store) == 1
    assert not old.exists()
    back = restore_photos(backup, store, key, PhotoFiles(tmp_path / "other"))
    assert (back.count, back.said) == (1, [])
