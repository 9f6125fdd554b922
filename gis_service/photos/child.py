"""The process that touches a stranger's photo: ``python -m gis_service.photos.child``, started by ``encode``.

It reads one request (JSON) from its standard input, and writes one frame to its standard output: the photo made anew
and a small one, both of pixels alone; or why there is none, as a word that ``encode`` has a sentence for.
"""

from __future__ import annotations

import io
import sys
import traceback
import warnings
from pathlib import Path
from typing import Any, Final

import orjson

# Of Pillow's formats only these are loaded; what isn't loaded can't be picked by a file's content either.
from PIL import Image, ImageCms, ImageFile, JpegImagePlugin, PngImagePlugin, WebPImagePlugin

from gis_service.photos.limits import LONGEST_SIDE, LONGEST_SIDE_SMALL, MOST_PIXELS
from gis_service.surveys.files.fence import close_network, limit_resources
from gis_service.surveys.files.frames import write_frame
from gis_service.surveys.files.limits import ReadLimits

_FORMATS: Final = (
    JpegImagePlugin.JpegImageFile.format,
    PngImagePlugin.PngImageFile.format,
    WebPImagePlugin.WebPImageFile.format,
)
_QUALITY: Final = 82

_ORIENTATION, _EXIF, _TAKEN, _DIGITIZED = 0x0112, 0x8769, 0x9003, 0x9004
_TURNED: Final = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def main() -> int:
    """Make one photo anew behind the fence.

    Returns
    -------
    int
        The exit code: 0 when the photo, or a reason against it, has been sent.
    """
    request: dict[str, Any] = orjson.loads(sys.stdin.buffer.read())
    close_network()
    limit_resources(ReadLimits(**request["limits"]))
    # Pillow warns of more pixels than this, and refuses twice as many before it decodes one.
    Image.MAX_IMAGE_PIXELS = MOST_PIXELS // 2
    warnings.simplefilter("ignore")
    ImageFile.LOAD_TRUNCATED_IMAGES = False
    pipe = sys.stdout.buffer
    try:
        header, body = _made_anew(Path(request["path"]))
    except Image.DecompressionBombError:
        write_frame(pipe, {"kind": "error", "reason": "pixels"})
    except MemoryError:
        write_frame(pipe, {"kind": "error", "reason": "memory"})
    except Exception as error:  # noqa: BLE001 - whatever a file provokes in a decoder, it is the file that is damaged.
        write_frame(pipe, {"kind": "error", "reason": "damaged", "at": _place(error)})
    else:
        write_frame(pipe, header, body)
    return 0


def _made_anew(path: Path) -> tuple[dict[str, object], bytes]:
    with Image.open(path, formats=_FORMATS) as image:
        # A JPEG is decoded at an eighth, a quarter or half of its size where that is still enough: less to compute.
        spare = max(image.size) // LONGEST_SIDE
        if spare > 1:
            image.draft(None, (image.width // spare, image.height // spare))
        image.load()
        taken, turn = _told(image)
        pixels = _fitted(_opaque(image), LONGEST_SIDE)
        photo = _plain(_in_srgb(pixels, image.info.get("icc_profile")), _TURNED.get(turn))
    whole, small = _jpeg(photo), _jpeg(_fitted(photo, LONGEST_SIDE_SMALL))
    header = {"kind": "photo", "width": photo.width, "height": photo.height, "taken": taken, "bytes": len(whole)}
    return header, whole + small


def _told(image: Image.Image) -> tuple[str, int]:
    """Return when the camera says that it took the photo, and how the photo is to be turned; nothing else is read."""
    try:
        told = image.getexif()
        inner = told.get_ifd(_EXIF)
        turn, taken = told.get(_ORIENTATION), inner.get(_TAKEN) or inner.get(_DIGITIZED)
    except Exception:  # noqa: BLE001 - what is said beside a photo may be nonsense; the photo isn't.
        return "", 1
    return taken if isinstance(taken, str) else "", turn if isinstance(turn, int) else 1


def _opaque(image: Image.Image) -> Image.Image:
    """Return the pixels with eight bits and no palette, on white where they are transparent."""
    if image.mode.startswith("I") or image.mode == "F":
        # Grey of sixteen bits.
        return image.convert("I").point(lambda value: value * (1 / 256)).convert("L")
    if image.has_transparency_data:
        shown = image.convert("RGBA")
        ground = Image.new("RGB", shown.size, "white")
        ground.paste(shown, mask=shown.getchannel("A"))
        return ground
    return image if image.mode in {"L", "RGB", "CMYK"} else image.convert("RGB")


def _fitted(image: Image.Image, longest: int) -> Image.Image:
    if max(image.size) <= longest:
        return image
    scale = longest / max(image.size)
    size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
    return image.resize(size, Image.Resampling.LANCZOS, reducing_gap=3.0)


def _in_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    """Return the colours in sRGB, which is what a photo without a profile is in; a broken profile counts as none."""
    if profile:
        try:
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            turned = ImageCms.profileToProfile(image, source, ImageCms.createProfile("sRGB"), outputMode="RGB")
        except (ImageCms.PyCMSError, OSError, ValueError):
            turned = None
        if turned is not None:
            return turned
    return image.convert("RGB")


def _plain(image: Image.Image, turn: Image.Transpose | None) -> Image.Image:
    """Return the pixels the right way up in an image that knows nothing else."""
    if turn is not None:
        image = image.transpose(turn)
    plain = Image.new("RGB", image.size)
    plain.paste(image)
    return plain


def _jpeg(image: Image.Image) -> bytes:
    made = io.BytesIO()
    image.save(made, "JPEG", quality=_QUALITY, progressive=True)
    return made.getvalue()


def _place(error: BaseException) -> str:
    """Say where an error arose, for the log; its own words may quote the file."""
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__} {Path(frame.filename).name}:{frame.lineno}"


if __name__ == "__main__":
    sys.exit(main())
