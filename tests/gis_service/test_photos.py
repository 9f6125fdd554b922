"""Photos: nothing but pixels and the time of taking comes out of a file, and what is kept is kept for good."""

from __future__ import annotations

import hashlib
import io
import os
import random
import signal
import subprocess
import sys
import threading
import time
import zlib
from collections.abc import Callable
from dataclasses import fields, replace
from datetime import datetime, timedelta, timezone
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from gis_service.errors import InputError, NotFoundError
from gis_service.photos.bare_jpeg import size_of_bare_jpeg
from gis_service.photos.encode import Encoded, _encoded, encode
from gis_service.photos.files import PhotoFiles
from gis_service.photos.limits import PHOTO_LIMITS
from tests.gis_service.photo_samples import (
    GPS,
    MAKER,
    XMP,
    bomb,
    chunk,
    exif,
    many_scans,
    pixels_of,
    png,
    red_and_blue_swapped,
    saved,
    scene,
    segment,
    segments,
    small_photo,
    webp,
    with_everything,
)

Pixels = NDArray[np.float64]

SHOWN: dict[int, Callable[[Pixels], Pixels]] = {
    1: lambda stored: stored,
    2: lambda stored: stored[:, ::-1],
    3: lambda stored: stored[::-1, ::-1],
    4: lambda stored: stored[::-1],
    5: lambda stored: stored.transpose(1, 0, 2),
    6: lambda stored: np.rot90(stored, -1),
    7: lambda stored: stored[::-1, ::-1].transpose(1, 0, 2),
    8: lambda stored: np.rot90(stored, 1),
}
"""How the pixels of a file are shown, by the number that Exif gives it (Exif 2.32, 4.6.4)."""

# What a JPEG of pixels needs: JFIF, tables, a progressive frame, scans, the end.
NEEDED = {0xE0, 0xDB, 0xC2, 0xC4, 0xDA, 0xD9}


def made(content: bytes) -> Encoded:
    return encode(io.BytesIO(content))


def refused(content: bytes) -> str:
    with pytest.raises(InputError) as caught:
        made(content)
    return str(caught.value)


def differ(one: Pixels, other: Pixels) -> float:
    """Mean difference of two pictures, in steps of 256; another shape is another picture."""
    return float(np.abs(one - other).mean()) if one.shape == other.shape else 255.0


# -- what comes out ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("turn", SHOWN)
def test_a_photo_is_shown_the_right_way_up_and_knows_nothing_else(turn: int) -> None:
    sent = with_everything(scene(), turn)
    assert GPS.encode() in sent
    photo = made(sent)
    shown = pixels_of(photo.jpeg)
    wanted = SHOWN[turn](np.asarray(scene(), dtype=np.float64))
    assert differ(shown, wanted) < 2.5
    others = [SHOWN[other](np.asarray(scene(), dtype=np.float64)) for other in SHOWN if other != turn]
    assert min(differ(shown, other) for other in others) > 9
    assert (photo.height, photo.width) == wanted.shape[:2]
    for jpeg in (photo.jpeg, photo.thumbnail):
        assert set(segments(jpeg)) == NEEDED
        assert size_of_bare_jpeg(jpeg) == (photo.width, photo.height)
        for secret in (b"Exif", b"GPS", MAKER.encode(), b"adobe", b"ICC_PROFILE", b"8BIM", b"script", b"ftyp", b"PK\5"):
            assert secret not in jpeg
    # The position is not in what is returned either.
    assert {one.name for one in fields(photo)} == {"jpeg", "width", "height", "taken_at", "thumbnail"}
    assert photo.taken_at == datetime(2026, 3, 30, 10, 15, 42, tzinfo=timezone(timedelta(hours=8)))


@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
def test_other_formats_tell_their_orientation_and_time_too(kind: str) -> None:
    options = {"xmp": XMP, "lossless": True} if kind == "WEBP" else {}
    photo = made(saved(scene(), kind, exif=exif(6), icc_profile=red_and_blue_swapped(), **options))
    wanted = SHOWN[6](np.asarray(scene(), dtype=np.float64))[:, :, ::-1]
    assert differ(pixels_of(photo.jpeg), wanted) < 4
    assert set(segments(photo.jpeg)) == NEEDED
    assert photo.taken_at is not None


def test_colours_are_those_that_the_profile_says() -> None:
    plain = Image.new("RGB", (64, 48), (200, 30, 60))
    for profile, wanted in ((red_and_blue_swapped(), (60, 30, 200)), (b"nonsense" * 40, (200, 30, 60))):
        shown = pixels_of(made(saved(plain, "JPEG", quality=95, icc_profile=profile)).jpeg)
        assert np.abs(shown.mean(axis=(0, 1)) - wanted).max() < 4


def test_what_is_transparent_is_white_and_every_kind_of_pixel_is_taken() -> None:
    grey = np.full((16, 16), 100, dtype=np.uint8)
    seen = Image.new("RGBA", (16, 16), (200, 30, 60, 255))
    clear = Image.new("RGBA", (16, 16), (200, 30, 60, 0))
    half = Image.new("RGBA", (16, 16), (0, 0, 0, 128))
    palette = Image.new("P", (16, 16), 1)
    palette.putpalette([0, 0, 0, 200, 30, 60])
    cases: list[tuple[Image.Image, str, dict[str, object], tuple[int, int, int]]] = [
        (seen, "PNG", {}, (200, 30, 60)), (clear, "PNG", {}, (255, 255, 255)), (half, "WEBP", {}, (127, 127, 127)),
        (palette, "PNG", {}, (200, 30, 60)), (palette, "PNG", {"transparency": 1}, (255, 255, 255)),
        (Image.fromarray(grey.astype(np.uint16) * 257), "PNG", {}, (100, 100, 100)),
        (Image.fromarray(grey), "JPEG", {}, (100, 100, 100)), (Image.new("1", (16, 16), 1), "PNG", {}, (255, 255, 255)),
        (Image.new("CMYK", (16, 16), (0, 255, 255, 0)), "JPEG", {"quality": 95}, (255, 0, 0)),
    ]  # fmt: skip
    for image, kind, options, wanted in cases:
        shown = pixels_of(made(saved(image, kind, **options)).jpeg)
        assert np.abs(shown.mean(axis=(0, 1)) - wanted).max() < 4, (image.mode, kind)


def test_of_several_pictures_the_first_one_counts() -> None:
    first, second = scene(), Image.new("RGB", (96, 64), (1, 2, 250))
    for kind in ("PNG", "WEBP", "MPO"):
        photo = made(saved(first, kind, save_all=True, append_images=[second], quality=95))
        assert differ(pixels_of(photo.jpeg), np.asarray(first, dtype=np.float64)) < 3, kind
        assert set(segments(photo.jpeg)) == NEEDED


def test_large_photos_are_made_smaller_and_small_ones_are_not_made_larger() -> None:
    photo = made(saved(scene(480, 240).resize((4000, 2000)), "JPEG", quality=90))
    assert (photo.width, photo.height) == (1920, 960)
    with Image.open(io.BytesIO(photo.thumbnail)) as small:
        assert small.size == (320, 160)
    assert differ(pixels_of(photo.jpeg), np.asarray(scene(1920, 960), dtype=np.float64)) < 2
    assert (made(png(width=3, height=2)).width, made(png(width=4000, height=1)).height) == (3, 1)


def test_the_same_photo_sent_twice_is_the_same_bytes(tmp_path: Path) -> None:
    path = tmp_path / "名字里有 ' 和空格.jpg"
    path.write_bytes(with_everything(scene(2000, 900)))
    (tmp_path / "work").mkdir()
    one, other = encode(path, tmp_path / "work"), made(path.read_bytes())
    assert one == other
    assert list((tmp_path / "work").iterdir()) == []


@pytest.mark.parametrize(
    "taken",
    ["0000:00:00 00:00:00", "1970:01:01 00:00:00", "2026:02:30 10:00:00", "2099:01:01 00:00:00", "昨天", "7"],
)
def test_absurd_times_are_none(taken: str) -> None:
    assert made(saved(scene(), "JPEG", exif=exif(taken=taken))).taken_at is None


# -- what is refused --------------------------------------------------------------------------------------------------

GOOD = saved(scene(600, 400), "JPEG", quality=90)
HEIC = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(100)


@pytest.mark.parametrize(("content", "said"), [
    (b"", "空的"),
    (b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>", "不是照片"),
    (b"<!doctype html><html><img src=x onerror=alert(1)></html>", "不是照片"),
    (saved(scene(), "TIFF"), "不是照片"), (saved(scene(), "GIF"), "不是照片"), (saved(scene(), "BMP"), "不是照片"),
    (b"GIF89a" + GOOD, "不是照片"), (b"%PDF-1.7", "不是照片"), (b"RIFF\0\0\0\0AVI LIST", "不是照片"),
    (HEIC, "HEIC"), (HEIC.replace(b"heic", b"mif1", 1), "兼容性最佳"),
    (bytes(20 * 1024 * 1024 + 1), "超过 20 MB"),
], ids=lambda value: value if isinstance(value, str) else "")  # fmt: skip
def test_what_is_no_photo_is_refused_without_a_child(content: bytes, said: str) -> None:
    # A child would have no time.
    with pytest.raises(InputError, match=said):
        encode(io.BytesIO(content), limits=replace(PHOTO_LIMITS, wall_s=0.0))


# Made by the tests: every worker imports this file.
@pytest.mark.parametrize(("make", "said"), [
    # Sizes that are refused before a pixel is decoded.
    (lambda: png(width=60_000, height=60_000), "像素太多"),
    (lambda: GOOD.replace(b"\x08\x01\x90\x02\x58", b"\x08" + b"\xff\xdc" * 2, 1), "像素太多"),
    (lambda: webp(16_383, 16_383), "像素太多"),
    # Texts and profiles that unpack to far more than they are.
    (lambda: png(before=chunk(b"zTXt", b"Comment\0\0" + bomb())), "损坏"),
    (lambda: png(before=chunk(b"iTXt", b"XML:com.adobe.xmp\0\x01\0\0\0" + bomb())), "损坏"),
    (lambda: png(more=chunk(b"zTXt", b"Comment\0\0" + bomb())), "损坏"),
    # Not whole, or not what it begins like.
    (lambda: GOOD[: len(GOOD) // 2], "损坏"), (lambda: GOOD[:40], "损坏"),
    (lambda: saved(scene(), "PNG")[:-40], "损坏"), (lambda: saved(scene(), "WEBP")[:200], "损坏"),
    (lambda: b"\xff\xd8\xff" + bytes(5000), "损坏"), (lambda: b"\xff\xd8\xff" + saved(scene(), "TIFF"), "损坏"),
    (lambda: b"\x89PNG\r\n\x1a\n" + GOOD, "损坏"),
], ids=lambda value: value if isinstance(value, str) else "")  # fmt: skip
def test_bombs_and_broken_photos_are_refused(make: Callable[[], bytes], said: str) -> None:
    begun, content = time.monotonic(), make()
    assert len(content) < 500_000
    assert said in refused(content)
    assert time.monotonic() - begun < 20


def test_what_hides_behind_the_pixels_or_in_a_profile_is_gone_or_refused() -> None:
    photo = made(png(before=chunk(b"iCCP", b"x\0\0" + zlib.compress(bytes(100_000)))))
    assert set(segments(photo.jpeg)) == NEEDED
    # A segment that says nothing right is skipped, the pixels are the photo's.
    odd = GOOD[:2] + segment(0xE1, b"Exif\0\0MM\0*\xff\xff\xff\xff") + GOOD[2:]
    assert differ(pixels_of(made(odd).jpeg), pixels_of(GOOD)) < 2


def test_a_photo_that_takes_too_long_ends_with_its_child(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    children: list[subprocess.Popen[bytes]] = []
    begin = subprocess.Popen.__init__

    def noted(process: subprocess.Popen[bytes], *given: object, **named: object) -> None:
        children.append(process)
        begin(process, *given, **named)  # type: ignore[call-overload]

    monkeypatch.setattr(subprocess.Popen, "__init__", noted)
    sent = many_scans(2000)
    assert len(sent) < 20_000_000
    for limits in (replace(PHOTO_LIMITS, cpu_s=1), replace(PHOTO_LIMITS, wall_s=0.5)):
        begun = time.monotonic()
        with pytest.raises(InputError, match="太多时间或内存,已停止"):
            encode(io.BytesIO(sent), limits=limits)
        assert time.monotonic() - begun < 20
    # One was ended by its limit of processor time, the other from here.
    assert [message.rpartition(" ")[2] for message in caplog.messages] == ["FrameError", "FrameTimeoutError"]
    assert [child.returncode for child in children] == [-signal.SIGKILL] * 2
    # So many pixels need more than this memory.
    large = saved(Image.new("RGB", (6000, 6000)), "PNG")
    with pytest.raises(InputError, match="太多时间或内存,已停止"):
        encode(io.BytesIO(large), limits=replace(PHOTO_LIMITS, memory_bytes=140 << 20))


@pytest.mark.long
def test_files_with_changed_bytes_are_photos_or_refused() -> None:
    chance = random.Random(8)
    good = [with_everything(scene(400, 300)), png(before=chunk(b"tEXt", b"a\0b")), saved(scene(200, 150), "PNG"),
            saved(scene(300, 200), "WEBP", exif=exif(5)), saved(scene(300, 200), "JPEG", progressive=True),
            saved(scene(90, 60), "WEBP", save_all=True, append_images=[scene(90, 60)])]  # fmt: skip
    taken = 0
    for number in range(600):
        changed = bytearray(chance.choice(good))
        for _ in range(chance.choice((1, 3, 30))):
            # Where the heads are more is decided than among the pixels.
            changed[chance.randrange(chance.choice((400, len(changed)))) % len(changed)] = chance.randrange(256)
        try:
            photo = made(bytes(changed))
        except InputError:
            continue
        taken += 1
        assert set(segments(photo.jpeg)) == set(segments(photo.thumbnail)) == NEEDED, number
        assert max(photo.width, photo.height) <= 1920
    assert 100 < taken < 550


# -- what a child sends is looked at ----------------------------------------------------------------------------------

BARE = saved(scene(), "JPEG", progressive=True, quality=82)


def test_a_jpeg_with_anything_beside_its_pixels_is_seen() -> None:
    assert size_of_bare_jpeg(BARE) == (96, 64)
    for wrong in (
        b"", b"<html>", BARE[:-2], BARE[:-1], BARE + b"\0", BARE + b"PK", b"\0" + BARE, GOOD, with_everything(scene()),
        BARE[:2] + segment(0xE1, b"Exif") + BARE[2:], BARE[:2] + segment(0xFE, b"x") + BARE[2:],
        BARE[:-2] + segment(0xFE, b"x") + BARE[-2:], BARE[: len(BARE) // 2], BARE[:3],
        BARE[:2] + segment(0xE0, b"JFIF\0\1\1\0\0\1\0\1\1\1abc") + BARE[2:], saved(scene(), "PNG"),
    ):  # fmt: skip
        assert size_of_bare_jpeg(wrong) is None


def test_a_child_that_a_file_has_taken_over_is_not_believed() -> None:
    large = saved(scene(2000, 10), "JPEG", progressive=True)
    for whole, small in ((GOOD, BARE), (BARE, GOOD), (large, BARE), (b"<html>", BARE), (BARE, b""), (BARE, large)):
        with pytest.raises(InputError, match="损坏"):
            _encoded({"bytes": len(whole), "taken": ""}, whole + small)
    for header in ({}, {"bytes": "7"}, {"bytes": -1}, {"bytes": 10**12}):
        with pytest.raises(InputError, match="损坏"):
            _encoded(header, BARE + BARE)
    assert _encoded({"bytes": len(BARE)}, BARE + BARE) == Encoded(BARE, 96, 64, None, BARE)


@settings(max_examples=300, deadline=None)
@given(at=st.integers(0, len(BARE) - 1), byte=st.integers(0, 255), cut=st.integers(0, len(BARE)))
def test_looking_at_a_jpeg_never_fails(at: int, byte: int, cut: int) -> None:
    changed = BARE[:at] + bytes([byte]) + BARE[at + 1 :]
    for jpeg in (changed, changed[:cut], changed[cut:]):
        found = size_of_bare_jpeg(jpeg)
        assert found is None or jpeg.endswith(b"\xff\xd9")


# -- where photos are kept --------------------------------------------------------------------------------------------


def test_the_same_photo_is_one_file_under_its_hash(tmp_path: Path) -> None:
    files, one = PhotoFiles(tmp_path / "photos"), small_photo(1)
    assert list(files.hashes()) == []
    kept: list[str] = []
    threads = [threading.Thread(target=lambda: kept.append(files.keep(one))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    sha256 = hashlib.sha256(one.jpeg).hexdigest()
    assert set(kept) == set(files.hashes()) == {sha256}
    assert sorted(path.name for path in (tmp_path / "photos" / sha256[:2]).iterdir()) == [
        f"{sha256}.jpg", f"{sha256}.small.jpg",
    ]  # fmt: skip
    assert files.find(sha256).read_bytes() == one.jpeg
    assert files.find(sha256, small=True).read_bytes() == one.thumbnail
    assert files.has(sha256)
    assert files.remove(sha256)
    assert not files.remove(sha256)
    for wrong in (sha256, "../../etc/passwd", "", sha256.upper(), f"{sha256}.small"):
        with pytest.raises(NotFoundError, match="照片已不在"):
            files.find(wrong)
    with pytest.raises(NotFoundError):
        files.remove("../" * 20 + "etc/passwd")


_KEEPING = """
import os, sys
from pathlib import Path
from gis_service.photos.files import PhotoFiles
files = PhotoFiles(Path(sys.argv[1]))
while True:
    files.put(os.urandom(300_000), os.urandom(9_000))
    print(end=".", flush=True)
"""


def test_a_kill_leaves_no_half_photo(tmp_path: Path) -> None:
    files = PhotoFiles(tmp_path)
    for _ in range(2):
        child = subprocess.Popen([sys.executable, "-c", _KEEPING, str(tmp_path)], stdout=subprocess.PIPE)
        assert child.stdout is not None
        child.stdout.read(4)
        child.kill()
        child.wait()
        child.stdout.close()
    kept = list(files.hashes())
    assert len(kept) >= 8
    for sha256 in kept:
        assert hashlib.sha256(files.find(sha256).read_bytes()).hexdigest() == sha256
        assert files.find(sha256, small=True).stat().st_size == 9_000


def test_where_the_photo_is_the_small_one_is_too(tmp_path: Path) -> None:
    files, one = PhotoFiles(tmp_path), small_photo(1)
    sha256 = hashlib.sha256(one.jpeg).hexdigest()
    # Something that no file can replace: writing the small one fails.
    (tmp_path / sha256[:2] / f"{sha256}.small.jpg" / "in the way").mkdir(parents=True)
    with pytest.raises(OSError, match="small"):
        files.keep(one)
    assert not files.has(sha256)
    assert len(list((tmp_path / sha256[:2]).iterdir())) == 1


def test_a_sweep_takes_what_no_row_names_after_a_day(tmp_path: Path) -> None:
    files = PhotoFiles(tmp_path)
    assert PhotoFiles(tmp_path / "nowhere").sweep(set()) == 0
    named, old, fresh, again = (files.keep(small_photo(number)) for number in range(4))
    left = files.find(old).with_name("0123.part")
    left.touch()
    for sha256 in (named, old, again):
        for small in (False, True):
            os.utime(files.find(sha256, small=small), (0, 0))
    os.utime(left, (0, 0))
    # Sent again, it is as good as new: its row is about to be written.
    files.keep(small_photo(3))
    assert files.sweep(iter([named])) == 3
    assert set(files.hashes()) == {named, fresh, again}
    assert not left.exists()
    assert files.sweep([], older_than_s=3600) == 2
    assert set(files.hashes()) == {fresh, again}
