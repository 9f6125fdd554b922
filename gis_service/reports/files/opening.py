"""A form from outside, looked into and filled by a fenced child process; this one never reads it."""

from __future__ import annotations

import logging
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, BinaryIO, cast

from gis_service.reports.files.errors import FormError
from gis_service.reports.files.found import Filling, Found
from gis_service.reports.files.limits import FORM_LIMITS
from gis_service.reports.files.package import AGAIN, check_name
from gis_service.surveys.files.fenced_child import fenced_child
from gis_service.surveys.files.frames import FrameError, FrameReader, FrameTimeoutError, FrameTooLargeError

_log = logging.getLogger(__name__)

_LONGEST_MESSAGE = 600
_CHILD = "gis_service.reports.files.child"


@dataclass(frozen=True)
class Form:
    """A copy of a form as it was when it was opened, so that what is filled is what was looked into."""

    path: Path
    name: str

    def find(self) -> Found:
        """Return what can be filled; FormError when the form can't be taken."""
        header, _ = self._ask({})
        try:
            return Found.of(header["found"])
        except (KeyError, TypeError, ValueError) as error:
            raise FormError(self._damaged()) from error

    def fill(self, filling: Filling) -> bytes:
        """Return the filled form; FormError when it can't be filled."""
        header, body = self._ask({"filling": filling.plain()})
        if header.get("kind") != "filled":
            raise FormError(self._damaged())
        return body

    def _damaged(self) -> str:
        return f"读 {self.name} 的子进程送回了不合约定的内容,什么都没有写;{AGAIN}"

    def _ask(self, more: dict[str, Any]) -> tuple[dict[str, Any], bytes]:
        request = {"path": str(self.path), "name": self.name, "limits": asdict(FORM_LIMITS), **more}
        with (
            tempfile.TemporaryDirectory(prefix="report-child-") as folder,
            fenced_child(_CHILD, folder, request) as process,
        ):
            reader = FrameReader(
                cast("BinaryIO", process.stdout), wait_s=FORM_LIMITS.wall_s, most_bytes=FORM_LIMITS.output_bytes
            )
            try:
                header, body = reader.read()
            except FrameTimeoutError as error:
                msg = f"读 {self.name} 超过 {FORM_LIMITS.wall_s:g} 秒,已停止;请删去用不到的表、行和图片再填"
                raise FormError(msg) from error
            except FrameTooLargeError as error:
                msg = f"{self.name} 填好后超过 {FORM_LIMITS.output_bytes / 1e6:.0f} MB;请删去表里的图片再填"
                raise FormError(msg) from error
            except FrameError as error:
                raise FormError(self._why_it_ended(process)) from error
        if header.get("kind") == "error":
            if "at" in header:
                _log.warning("the child that reads a form failed at %.200s", header["at"])
            raise FormError(str(header.get("message"))[:_LONGEST_MESSAGE])
        return cast("dict[str, Any]", header), body

    def _why_it_ended(self, process: subprocess.Popen[bytes]) -> str:
        try:
            code = process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            return self._damaged()
        _log.warning("the child that reads a form ended with code %s", code)
        if code in {-signal.SIGXCPU, -signal.SIGKILL}:
            return f"读 {self.name} 超过 {FORM_LIMITS.cpu_s} 秒或占用太多内存,已停止;请删去用不到的表、行和图片再填"
        return f"读 {self.name} 的子进程中途退出,文件可能已损坏或太大;{AGAIN}"


@contextmanager
def open_form(path: Path) -> Iterator[Form]:
    """Take a copy of a form for as long as it is worked on.

    Raises
    ------
    FormError
        It isn't there, is empty, too large, or of a kind that isn't filled.
    """
    check_name(path.name)
    limit = FORM_LIMITS.file_bytes
    try:
        with path.open("rb") as file:
            content = file.read(limit + 1)
    except OSError as error:
        msg = f"打不开 {path}({error.strerror});请核对路径和权限"
        raise FormError(msg) from error
    if not content:
        msg = f"{path.name} 是空的;请核对文件"
        raise FormError(msg)
    if len(content) > limit:
        msg = f"{path.name} 超过 {limit / 1e6:.0f} MB;请删去表里的图片和用不到的表再填"
        raise FormError(msg)
    with tempfile.TemporaryDirectory(prefix="report-") as folder:
        copy = Path(folder).resolve() / f"form{path.suffix.lower()}"
        copy.write_bytes(content)
        yield Form(copy, path.name)
