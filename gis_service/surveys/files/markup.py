"""XML of strangers: read as a stream, without document types, so that there is no entity to expand or to fetch."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple
from xml.parsers import expat

from gis_service.surveys.files.encodings import Encoding, encoding_of_text, named_codec
from gis_service.surveys.files.errors import SurveyError

_BLOCK_CHARACTERS: Final = 1 << 16
_DEEPEST: Final = 200
_DECLARED: Final = re.compile(rb"""<\?xml[^>]{1,60}encoding=["']([\w.-]{1,40})["']""")


class Mark(NamedTuple):
    """The start or the end of an element; names are without namespace.

    ``text`` is the element's own text, known at its end; ``attributes`` are known at its start.
    """

    opens: bool
    name: str
    attributes: dict[str, str]
    text: str


def encoding_of_markup(path: Path) -> Encoding:
    """Find the encoding of an XML file; what its declaration says counts, but isn't believed."""
    with path.open("rb") as file:
        named = _DECLARED.match(file.read(200))
    codec = named_codec(named[1].decode("ascii")) if named else "utf-8"
    return encoding_of_text(path, codec, "文件开头的 encoding ")


def marks_of(path: Path, codec: str) -> Iterator[Mark]:
    """Read an XML file.

    Parameters
    ----------
    codec
        What its text is in, found by evidence; what the XML declaration says isn't believed.

    Raises
    ------
    SurveyError
        It isn't well formed, declares a document type, or is nested too deep.
    """
    reader = _Reader()
    try:
        with path.open(encoding=codec, errors="strict", newline="") as file:
            while block := file.read(_BLOCK_CHARACTERS):
                reader.parser.Parse(block, False)
                yield from reader.taken()
            reader.parser.Parse("", True)
            yield from reader.taken()
    except expat.ExpatError as error:
        msg = f"文件不是完好的 XML(第 {error.lineno} 行附近);请重新导出再上传"
        raise SurveyError(msg) from error


class _Reader:
    """Collects what expat reports between two blocks."""

    def __init__(self) -> None:
        # Text given as str is always read as what it is, whatever the declaration says.
        self.parser = expat.ParserCreate(namespace_separator=" ")
        self.parser.buffer_text = True
        self.parser.StartDoctypeDeclHandler = self._refuse
        self.parser.EntityDeclHandler = self._refuse
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._data
        self._marks: list[Mark] = []
        self._texts: list[list[str]] = []

    def taken(self) -> list[Mark]:
        """Return what came since the last call."""
        marks, self._marks = self._marks, []
        return marks

    def _refuse(self, *_: object) -> None:
        msg = "文件里有文档类型声明(DOCTYPE),可能引用别的文件,不能接受;请从制图软件里重新导出再上传"
        raise SurveyError(msg)

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self._texts.append([])
        if len(self._texts) > _DEEPEST:
            msg = f"文件的 XML 嵌套超过 {_DEEPEST} 层,不能接受;请重新导出再上传"
            raise SurveyError(msg)
        self._marks.append(Mark(True, name.rpartition(" ")[2], attributes, ""))

    def _end(self, name: str) -> None:
        self._marks.append(Mark(False, name.rpartition(" ")[2], {}, "".join(self._texts.pop()).strip()))

    def _data(self, text: str) -> None:
        self._texts[-1].append(text)
