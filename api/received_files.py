"""What requests send: forms with files and fields, single files and JSON, read with limits, and closed at the end."""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Annotated, Any, BinaryIO, cast

from fastapi import Depends, Header, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import Response
from starlette.datastructures import FormData, UploadFile
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException

from api.loose_parts import packed
from api.routes.transactions import MediaTypeError
from api.turns import Readings
from gis_service.errors import InputError
from gis_service.features.received import read_json
from gis_service.surveys.desk import Sent
from layers.record import Source

_FIELDS = ("layer", "community", "mode", "grid", "crs", "sheet", "source", "attribution")
# PostgreSQL's texts can't hold it; unescaped it is no JSON.
_ESCAPED_NUL = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")
# What a column or a document of PostgreSQL gives back as a whole number must fit into 64 bits to be sent again.
_WIDEST = 2**63
_MOST_FILES, _MOST_FIELDS, _LONGEST_FIELD = 8, 16, 4096
_HELD_BYTES = 64 * 1024


@dataclass(frozen=True)
class Received:
    """A form with one file, or the parts of one shapefile.

    Attributes
    ----------
    fields
        The form's other fields.
    """

    request: Request
    form: FormData
    fields: dict[str, str]
    key: str | None

    @property
    def community(self) -> str | None:
        """The community that the form names."""
        return self.fields.get("community")

    async def run(self, make: Callable[[], Response]) -> Response:
        """Make the answer in a thread, in turn with other readings, and close the files."""
        try:
            readings: Readings = self.request.app.state.readings
            return await readings.run(make)
        finally:
            await self.form.close()

    @contextmanager
    def sent(self) -> Iterator[Sent]:
        """Open what was sent, with what is said of it; the parts of a shapefile as one file."""
        with self._opened() as (file, name):
            yield self._sent(file, name)

    @contextmanager
    def _opened(self) -> Iterator[tuple[BinaryIO, str]]:
        files = [one for one in self.form.getlist("file") if isinstance(one, UploadFile)]
        if len(files) == 1:
            yield files[0].file, files[0].filename or ""
            return
        with tempfile.TemporaryDirectory(prefix="parts-") as folder:
            # Under names of our own: what they were sent under is never a path.
            parts = {}
            for number, one in enumerate(files):
                parts[one.filename or ""] = Path(folder) / str(number)
                with parts[one.filename or ""].open("xb") as copy:
                    shutil.copyfileobj(one.file, copy)
            with packed(parts) as found:
                yield found

    def _sent(self, file: BinaryIO, name: str) -> Sent:
        answers: dict[str, str] = {name: self.fields[name] for name in ("crs", "sheet") if name in self.fields}
        try:
            source = Source(self.fields.get("source", Source.SURVEYED))
        except ValueError as error:
            listed = "、".join(f"{one}({one.label})" for one in Source)
            raise InputError(f"source 不对;有:{listed}。", "There is no such source.") from error
        return Sent(
            file, PurePosixPath(name.replace("\\", "/")).name, self.fields.get("layer"),
            self.fields.get("mode", "upsert"), self.fields.get("grid"), self.key, source,
            self.fields.get("attribution"), answers,
        )  # fmt: skip


async def received_of(
    request: Request,
    idempotency_key: Annotated[str | None, Header(max_length=200, description="同一键的同一文件只收一次")] = None,
) -> Received:
    """Return the form that a request sends.

    Raises
    ------
    MediaTypeError
        When it is no form.
    InputError
        When the form is broken, has unknown fields or no file.
    """
    if not request.headers.get("content-type", "").lower().startswith("multipart/form-data"):
        raise MediaTypeError(
            "请以 multipart/form-data 上传,文件放在 file 里。", "Send multipart/form-data with a file."
        )
    try:
        form = await request.form(max_files=_MOST_FILES, max_fields=_MOST_FIELDS, max_part_size=_LONGEST_FIELD)
    except (MultiPartException, HTTPException, ValueError, AssertionError) as error:
        raise InputError(
            f"表单读不出来:最多 {_MOST_FILES} 个文件、{_MOST_FIELDS} 个字段;请重新提交。", "The form can't be read."
        ) from error
    fields = {name: value for name, value in form.multi_items() if isinstance(value, str) and value}
    files = [value for name, value in form.multi_items() if isinstance(value, UploadFile) and name == "file"]
    if unknown := sorted({name for name, _ in form.multi_items()} - {"file", *_FIELDS}):
        await form.close()
        raise InputError(
            f"表单里不认识 {unknown[0][:40]!r};可用的有:file、{'、'.join(_FIELDS)}。", "The form has an unknown field."
        )
    if any("\0" in value for value in fields.values()):
        await form.close()
        raise InputError("表单的字段里有空字符(NUL);请重新填写。", "A field of the form holds a NUL character.")
    if not files or not all(one.filename for one in files):
        await form.close()
        raise InputError("没有收到文件;请把文件放在 file 里。", "There is no file in the form.")
    return Received(request, form, fields, idempotency_key)


ReceivedOf = Annotated[Received, Depends(received_of)]


@asynccontextmanager
async def body_file(request: Request) -> AsyncIterator[BinaryIO]:
    """Give the body of a request as a file: on the disk, since hundreds of large ones may wait for their turn."""
    with tempfile.SpooledTemporaryFile(max_size=_HELD_BYTES) as file:
        async for piece in request.stream():
            await run_in_threadpool(file.write, piece)
        file.seek(0)
        yield cast("BinaryIO", file)


async def json_of(request: Request, *, empty: bool = False) -> dict[str, Any]:
    """Return the JSON object that a request sends.

    Raises
    ------
    InputError
        When it is none, too deep, or holds a NUL or a number that nothing here counts to.
    """
    body = await request.body()
    if empty and not body:
        return {}
    found = read_json(body)
    if _ESCAPED_NUL.search(body):
        raise InputError("请求内容里有空字符(NUL)。", "The body holds a NUL character.")
    for number in _numbers(found):
        if not -_WIDEST <= number < _WIDEST:
            raise InputError(f"请求内容里的数 {number:g} 太大;请核对。", f"The number {number:g} is too large.")
    return found


def _numbers(document: dict[str, Any]) -> Iterator[float]:
    """Yield the numbers of a document that is known not to be deep."""
    waiting: list[Any] = [document]
    while waiting:
        part = waiting.pop()
        if isinstance(part, dict | list):
            waiting += part.values() if isinstance(part, dict) else part
        elif isinstance(part, int | float):
            yield part
