"""Photos for tests, made here: scenes whose sides can't be mixed up, and files with what cameras and others put in."""

from __future__ import annotations

import io
import struct
import zlib
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms

from gis_service.photos.encode import Encoded

GPS = "GPS:30.70,121.00"
MAKER = "SECRETMAKER"
TAKEN = "2026:03:30 10:15:42"


def scene(width: int = 96, height: int = 64) -> Image.Image:
    """Smooth colours, brighter to the right in red and to the bottom in green, with a corner of its own."""
    x, y = np.meshgrid(np.linspace(0, 255, width), np.linspace(0, 255, height))
    pixels = np.stack([x, y, np.full_like(x, 60.0)], axis=2)
    pixels[: height // 4, : width // 4] = (250, 250, 250)
    return Image.fromarray(pixels.round().astype(np.uint8))


def pixels_of(jpeg: bytes) -> NDArray[np.float64]:
    """Return the pixels of a JPEG, (height, width, 3)."""
    with Image.open(io.BytesIO(jpeg)) as image:
        assert image.mode == "RGB"
        return np.asarray(image, dtype=np.float64)


def saved(image: Image.Image, kind: str, **options: Any) -> bytes:
    """Return the image as a file."""
    made = io.BytesIO()
    image.save(made, kind, **options)
    return made.getvalue()


def exif(turn: int = 1, taken: object = TAKEN) -> Image.Exif:
    """What a phone writes: how it was held, when, where, and with what."""
    told = Image.Exif()
    told[0x0112], told[0x010F], told[0x0110] = turn, MAKER, "Model"
    inner = told.get_ifd(0x8769)
    inner[0x9003], inner[0x9286] = taken, GPS.encode()
    place = told.get_ifd(0x8825)
    place[1], place[2], place[3], place[4] = "N", (30.0, 42.0, 0.0), "E", (121.0, 0.0, 0.0)
    return told


XMP = f'<x:xmpmeta xmlns:x="adobe:ns:meta/"><GPSLatitude>{GPS}</GPSLatitude></x:xmpmeta>'.encode()


def segment(kind: int, held: bytes) -> bytes:
    """Return a segment of a JPEG."""
    return bytes([0xFF, kind]) + struct.pack(">H", len(held) + 2) + held


def with_everything(image: Image.Image, turn: int = 1) -> bytes:
    """Return a JPEG with all that can stand in one beside pixels, and things behind its end."""
    jpeg = saved(image, "JPEG", quality=95, exif=exif(turn), icc_profile=srgb(), comment=GPS.encode())
    more = [
        segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + XMP),
        segment(0xED, b"Photoshop 3.0\x008BIM\x04\x04\0\0\0\0\0\x20" + GPS.encode().ljust(32)),
        segment(0xE2, b"MPF\0" + b"II*\0\x08\0\0\0\0\0"),
        segment(0xE5, MAKER.encode()),
        segment(0xFE, b"<script>alert(1)</script>"),
    ]
    motion = b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom" + GPS.encode() * 50
    return jpeg[:2] + b"".join(more) + jpeg[2:] + motion + b"PK\x05\x06" + b"<html><script>alert(1)</script></html>"


def srgb() -> bytes:
    """Return the profile of sRGB."""
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def red_and_blue_swapped() -> bytes:
    """Return a profile in which the first number is how much blue there is, and the third how much red."""
    return srgb().replace(b"rXYZ", b"????", 1).replace(b"bXYZ", b"rXYZ", 1).replace(b"????", b"bXYZ", 1)


def segments(jpeg: bytes) -> list[int]:
    """Return the markers of a JPEG's segments, parsed here; nothing may follow its end."""
    assert jpeg[:2] == b"\xff\xd8"
    found, at = [], 2
    while True:
        assert jpeg[at] == 0xFF
        kind = jpeg[at + 1]
        found.append(kind)
        if kind == 0xD9:
            assert at + 2 == len(jpeg)
            return found
        at += 2 + struct.unpack(">H", jpeg[at + 2 : at + 4])[0]
        if kind == 0xDA:
            while jpeg[at] != 0xFF or jpeg[at + 1] == 0:
                at += 1


@cache
def bomb() -> bytes:
    """Return 40 MB of nothing, packed."""
    return zlib.compress(bytes(40_000_000), 9)


def chunk(kind: bytes, held: bytes) -> bytes:
    """Return a chunk of a PNG."""
    return struct.pack(">I", len(held)) + kind + held + struct.pack(">I", zlib.crc32(kind + held))


def png(*, width: int = 8, height: int = 8, more: bytes = b"", before: bytes = b"") -> bytes:
    """Return a PNG, grey; with chunks before and after its pixels, of which a vast one has the first only."""
    rows = zlib.compress((b"\0" + b"\x80" * width) * min(height, max(4_000_000 // width, 1)))
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + before + chunk(b"IDAT", rows) + more + chunk(b"IEND", b"")


def webp(width: int, height: int) -> bytes:
    """Return the head of a WebP with a canvas of that size, and the pixels of a small one."""
    small = saved(Image.new("RGB", (4, 4)), "WEBP", lossless=True)[12:]
    canvas = struct.pack("<I", 0) + struct.pack("<I", width - 1)[:3] + struct.pack("<I", height - 1)[:3]
    body = b"WEBP" + b"VP8X" + struct.pack("<I", 10) + canvas + small
    return b"RIFF" + struct.pack("<I", len(body)) + body


def many_scans(count: int, side: int = 4096) -> bytes:
    """Return a progressive JPEG, small as a file, whose last scan comes again and again over all its pixels."""
    jpeg = saved(Image.new("L", (side, side), 90), "JPEG", progressive=True)
    last = jpeg.rindex(b"\xff\xda")
    return jpeg[:last] + jpeg[last:-2] * count + jpeg[-2:]


def small_photo(number: int) -> Encoded:
    """Return a photo as it is when it was made anew, another one for each number; no child is needed for it."""
    image = Image.new("RGB", (40, 30), (number % 256, number // 256, 90))
    thumbnail = saved(image.resize((20, 15)), "JPEG", progressive=True)
    return Encoded(saved(image, "JPEG", progressive=True), 40, 30, None, thumbnail)
