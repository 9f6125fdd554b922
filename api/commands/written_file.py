"""A file that a command writes: whole or not at all."""

from __future__ import annotations

import contextlib
from pathlib import Path

from api.console import CONSOLE
from gis_service.errors import InputError


def check_folder(out: Path) -> None:
    """Raise InputError when there is no folder for a file, before the work for it is done."""
    if not out.parent.is_dir():
        raise InputError(f"没有文件夹 {out.parent};请先建立它。", f"There is no folder {out.parent}.")


def write_file(out: Path, content: bytes) -> None:
    """Write a file and say so.

    Raises
    ------
    InputError
        When it can't be written; a file that was there before is still whole.
    """
    partial = out.with_name(out.name + ".part")
    try:
        partial.write_bytes(content)
        partial.replace(out)
    except OSError as error:
        with contextlib.suppress(OSError):
            partial.unlink()
        raise InputError(
            f"写不了 {out}({error.strerror});请检查权限和磁盘空间,或换一个位置。", f"{out} can't be written."
        ) from error
    size = f"{len(content) / 1e6:.1f} MB" if len(content) > 50_000 else f"{len(content) / 1e3:.0f} KB"
    CONSOLE.print(f"已写出 {out}({size})。", soft_wrap=True)
