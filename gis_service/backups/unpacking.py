"""What is packed in a backup becomes files below one folder, and nowhere else.

tarfile has a filter of its own for this from Python 3.11.4 on; Debian 12 comes with 3.11.2.
"""

from __future__ import annotations

import os
import shutil
import tarfile
from collections.abc import Callable
from pathlib import Path, PurePosixPath

from gis_service.errors import InputError


def unpack(archive: tarfile.TarFile, folder: Path, wanted: Callable[[str], bool] = lambda _name: True) -> int:
    """Write the files of an archive for their owner alone, as they come; return how many.

    Parameters
    ----------
    wanted
        Says of each file's name, with slashes, whether it is written.

    Raises
    ------
    InputError
        When something would lie outside of the folder, or is neither a file nor a folder.
    """
    count = 0
    for member in archive:
        name = PurePosixPath(member.name)
        if name.is_absolute() or ".." in name.parts or not (member.isfile() or member.isdir()):
            raise InputError(
                f"备份里的 {member.name!r} 不是目录里的普通文件,没有恢复;这份备份不可信,请换一份。",
                f"The backup holds {member.name!r}, which is no plain file below its folder.",
            )
        path = folder / name
        if member.isdir():
            _make_folder(path)
        elif wanted(member.name):
            _make_folder(path.parent)
            _write(archive, member, path)
            count += 1
    return count


def _make_folder(path: Path) -> None:
    """Make a folder; mkdir itself would make those above it for others to read."""
    if not path.is_dir():
        _make_folder(path.parent)
        path.mkdir(mode=0o700)


def _write(archive: tarfile.TarFile, member: tarfile.TarInfo, path: Path) -> None:
    packed = archive.extractfile(member)
    if packed is None:
        raise InputError(f"备份里的 {member.name!r} 读不出来,请换一份备份。", f"{member.name!r} can't be read.")
    # Half a file under its name would look like one that is there already.
    draft = path.with_name(f"{path.name}.part")
    try:
        draft.touch(mode=0o600)
        with packed, draft.open("wb") as target:
            shutil.copyfileobj(packed, target)
        # By its age a file is deleted some day.
        os.utime(draft, (member.mtime, member.mtime))
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
