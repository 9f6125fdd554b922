"""What a backup packs becomes files below one folder, for their owner alone, whatever the archive says."""

from __future__ import annotations

import gzip
import io
import stat
import tarfile
import tempfile
from pathlib import Path

import pytest

from gis_service.backups.unpacking import unpack
from gis_service.errors import InputError

FILES = {"PG_VERSION": b"15\n", "base/1/1259": b"\x00" * 70_000, "uploads/普查.csv": "编码\n".encode(), "empty": b""}
ELSEWHERE = Path(tempfile.gettempdir()) / "gis-outside"


def packed(*members: tuple[tarfile.TarInfo, bytes]) -> io.BytesIO:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w|gz") as archive:
        for member, content in members:
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    stream.seek(0)
    return stream


def member(name: str, kind: bytes = tarfile.REGTYPE, mode: int = 0o4777, target: str = "") -> tarfile.TarInfo:
    made = tarfile.TarInfo(name)
    made.type, made.mode, made.linkname, made.uid, made.uname = kind, mode, target, 1234, "postgres"
    made.mtime = 1_700_000_000
    return made


GOOD = [(member("base/1", tarfile.DIRTYPE), b""), *((member(name), content) for name, content in FILES.items())]


def test_files_come_back_for_their_owner_alone(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    with tarfile.open(fileobj=packed((member("./", tarfile.DIRTYPE), b""), *GOOD), mode="r|gz") as archive:
        assert unpack(archive, folder) == len(FILES)
    found = {str(path.relative_to(folder)): path for path in folder.rglob("*")}
    assert {name: path.read_bytes() for name, path in found.items() if path.is_file()} == FILES
    for path in found.values():
        assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600)
        # By its age a file that was sent is deleted some day.
        assert path.is_dir() or path.stat().st_mtime == 1_700_000_000


def test_only_what_is_wanted(tmp_path: Path) -> None:
    with tarfile.open(fileobj=packed(*GOOD), mode="r|gz") as archive:
        assert unpack(archive, tmp_path, lambda name: name == "empty") == 1
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["empty"]


@pytest.mark.parametrize(
    "hostile",
    [
        member("../outside"), member("base/../../outside"), member(str(ELSEWHERE)), member("..", tarfile.DIRTYPE),
        member("link", tarfile.SYMTYPE, target="/etc/passwd"), member("link", tarfile.SYMTYPE, target="../outside"),
        member("link", tarfile.LNKTYPE, target="PG_VERSION"), member("pipe", tarfile.FIFOTYPE),
        member("device", tarfile.CHRTYPE),
    ],
    ids=lambda one: f"{one.name} {one.type.decode()} {one.linkname}",
)  # fmt: skip
def test_what_leads_elsewhere_is_refused(hostile: tarfile.TarInfo, tmp_path: Path) -> None:
    folder = tmp_path / "in" / "data"
    archive = packed(*GOOD[:2], (hostile, b""), (member("after"), b"x"))
    with tarfile.open(fileobj=archive, mode="r|gz") as opened, pytest.raises(InputError, match="不可信"):
        unpack(opened, folder)
    assert [path.name for path in tmp_path.rglob("*") if not path.is_dir()] == ["PG_VERSION"]
    assert not ELSEWHERE.exists()


def test_half_a_file_leaves_nothing(tmp_path: Path) -> None:
    whole = packed(*GOOD).getvalue()
    with (
        tarfile.open(fileobj=io.BytesIO(gzip.compress(gzip.decompress(whole)[:40_000])), mode="r|gz") as archive,
        pytest.raises(tarfile.ReadError),
    ):
        unpack(archive, tmp_path)
    assert [path.name for path in tmp_path.rglob("*") if not path.is_dir()] == ["PG_VERSION"]
