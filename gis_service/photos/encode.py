"""A photo from outside, made anew: a fenced child decodes it, and pixels and the time of taking come back.

Nothing else does: no position, no camera, no name, no other picture that hid behind the first one.
"""

from __future__ import annotations

import logging
import re
import tempfile
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, BinaryIO, Final, cast
from zoneinfo import ZoneInfo

from gis_service.errors import InputError
from gis_service.photos.bare_jpeg import size_of_bare_jpeg
from gis_service.photos.limits import LONGEST_SIDE, LONGEST_SIDE_SMALL, PHOTO_LIMITS
from gis_service.surveys.files.fenced_child import fenced_child
from gis_service.surveys.files.frames import FrameError, FrameReader
from gis_service.surveys.files.limits import ReadLimits

_log = logging.getLogger(__name__)

_CHILD = "gis_service.photos.child"
_SHANGHAI: Final = ZoneInfo("Asia/Shanghai")
_HEAD_BYTES: Final = 16
# The suffix lets Pillow load the one format that it takes.
_BEGINNINGS: Final = (
    (re.compile(rb"\xff\xd8\xff"), ".jpg"),
    (re.compile(rb"\x89PNG\r\n\x1a\n"), ".png"),
    (re.compile(rb"RIFF.{4}WEBP", re.DOTALL), ".webp"),
)
_HEIC: Final = re.compile(rb".{4}ftyp(hei|hev|hem|mif|msf)", re.DOTALL)
_TAKEN: Final = re.compile(r"\d{4}:\d\d:\d\d \d\d:\d\d:\d\d")
_FIRST_YEAR: Final = 2000
_CLOCKS_DIFFER: Final = timedelta(days=1)


@dataclass(frozen=True)
class Encoded:
    """A photo that was made anew.

    Attributes
    ----------
    jpeg
        The photo, the right way up, in sRGB, at most 1920 pixels long; without any metadata.
    width, height
        Its size in pixels.
    taken_at
        When the camera says that it was taken, by Chinese time; None when it says nothing that can be true.
    thumbnail
        The same as a JPEG of at most 320 pixels.
    """

    jpeg: bytes
    width: int
    height: int
    taken_at: datetime | None
    thumbnail: bytes


def encode(file: BinaryIO | Path, folder: Path | None = None, *, limits: ReadLimits = PHOTO_LIMITS) -> Encoded:
    """Make a photo anew in a fenced child process; the same file gives the same bytes.

    Parameters
    ----------
    file
        A JPEG, PNG or WebP; of an animated one the first frame counts.
    folder
        Where the copy for the child lies meanwhile; None for the system's folder.
    limits
        What it may cost.

    Raises
    ------
    InputError
        When it isn't such a photo, is damaged, or costs too much; the sentence says what to do.
    """
    if isinstance(file, Path):
        with file.open("rb") as opened:
            return encode(opened, folder, limits=limits)
    content = file.read(limits.file_bytes + 1)
    suffix = _suffix(content, limits)
    with tempfile.TemporaryDirectory(prefix="photo-", dir=folder) as made:
        copy = Path(made).resolve() / f"photo{suffix}"
        copy.write_bytes(content)
        header, body = _ask(copy, limits)
    return _encoded(header, body)


def _suffix(content: bytes, limits: ReadLimits) -> str:
    if not content:
        raise InputError("照片是空的;请重新选择或重拍。", "The photo is empty.")
    if len(content) > limits.file_bytes:
        raise InputError(
            f"照片超过 {limits.file_bytes >> 20} MB;请在手机相机的设置里调低分辨率再拍,或压缩以后再上传。",
            f"The photo has more than {limits.file_bytes >> 20} MB.",
        )
    head = content[:_HEAD_BYTES]
    for beginning, suffix in _BEGINNINGS:
        if beginning.match(head):
            return suffix
    if _HEIC.match(head):
        raise InputError(
            "不支持 HEIC 格式的照片;请把手机设成拍 JPEG 再重拍:iPhone 在“设置 › 相机 › 格式”选“兼容性最佳”,"
            "安卓手机在相机设置里关掉“HEIF”或“高效图片”;已经拍的请先转成 JPEG。",
            "HEIC isn't supported; set the phone to JPEG.",
        )
    raise InputError("这不是照片:只收 JPEG、PNG、WebP;请重新选择。", "It is no JPEG, PNG or WebP.")


def _ask(copy: Path, limits: ReadLimits) -> tuple[dict[str, Any], bytes]:
    request = {"path": str(copy), "limits": asdict(limits)}
    with fenced_child(_CHILD, str(copy.parent), request) as process:
        reader = FrameReader(cast("BinaryIO", process.stdout), wait_s=limits.wall_s, most_bytes=limits.output_bytes)
        try:
            header, body = reader.read()
        except FrameError as error:
            _log.warning("the child that reads a photo sent nothing: %s", type(error).__name__)
            raise _refused("memory") from error
    if header.get("kind") == "error":
        if "at" in header:
            _log.warning("the child that reads a photo failed at %.200s", header["at"])
        raise _refused(str(header.get("reason")))
    return header, body


_REASONS: Final = {
    "pixels": ("照片的像素太多,最多 6400 万;请在相机设置里调低分辨率再拍。", "The photo has too many pixels."),
    "memory": (
        "处理这张照片用了太多时间或内存,已停止;请用手机直接拍的照片,不要用处理过的。",
        "The photo takes too much time or memory.",
    ),
    "damaged": ("照片已损坏或没有传完整;请重新选择或重拍。", "The photo is damaged or not whole."),
}


def _refused(reason: str) -> InputError:
    """Return the error for a reason; the child's own words count for nothing, since a file may have taken it over."""
    return InputError(*_REASONS.get(reason, _REASONS["damaged"]))


def _encoded(header: dict[str, Any], body: bytes) -> Encoded:
    """Unpack what the child sent, and look at it: it will be shown to people under this service's name."""
    count = header.get("bytes")
    if not isinstance(count, int):
        raise _refused("damaged")
    jpeg, small = body[:count], body[count:]
    size, small_size = size_of_bare_jpeg(jpeg), size_of_bare_jpeg(small)
    if size is None or small_size is None or max(size) > LONGEST_SIDE or max(small_size) > LONGEST_SIDE_SMALL:
        raise _refused("damaged")
    return Encoded(jpeg, size[0], size[1], _taken_at(str(header.get("taken"))), small)


def _taken_at(told: str) -> datetime | None:
    """Return the camera's time; cameras that were never set tell of 1970 or 2036, and some write zeros."""
    if not _TAKEN.fullmatch(told):
        return None
    try:
        taken = datetime.strptime(told, "%Y:%m:%d %H:%M:%S").replace(tzinfo=_SHANGHAI)
    except ValueError:
        return None
    if taken.year < _FIRST_YEAR or taken > datetime.now(UTC) + _CLOCKS_DIFFER:
        return None
    return taken
