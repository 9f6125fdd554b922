"""XML whose bytes are changed in places only: everything else of a part stays as whoever made it wrote it.

A library that reads XML into a tree and writes it again loses prefixes that Word asks for and orders of attributes; so
elements are found with their places in the bytes, and new bytes are put there.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field
from typing import Final
from xml.parsers import expat
from xml.sax.saxutils import escape as _escape
from xml.sax.saxutils import quoteattr

from gis_service.reports.files.errors import FormError

_DEEPEST: Final = 250
_TAG: Final = re.compile(rb"""<(?:[^"'>]|"[^"]*"|'[^']*')*>""")
_FORBIDDEN: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


@dataclass(slots=True)
class Element:
    """An element of a part.

    Attributes
    ----------
    name
        Without prefix.
    start, inside, outside, end
        Bytes: where its start tag begins and ends, where its end tag begins and ends. All but ``start`` are the same
        where it is empty (``<c/>``).
    attributes
        By name; with a namespace as ``uri name``.
    text
        Of the element itself, where it was asked for.
    parent
        Position in the list of the nearest element around it that is listed, or -1.
    """

    name: str
    start: int
    inside: int
    attributes: dict[str, str]
    parent: int
    outside: int = 0
    end: int = 0
    text: str = ""
    pieces: list[str] = field(default_factory=list)


@dataclass
class Markup:
    """A part as bytes, with its elements in the order of their start.

    Attributes
    ----------
    root
        Namespace and name of its outermost element.
    """

    data: bytes
    root: tuple[str, str]
    elements: list[Element]

    def prefix(self, element: Element) -> str:
        """Return the prefix of an element as it is written, with its colon; "" where it has none."""
        written = re.match(rb"<([^\s/>:]+:)?", self.data[element.start : element.start + 200])
        return written[1].decode() if written and written[1] else ""

    def inner(self, element: Element) -> bytes:
        """Return what stands between an element's tags."""
        return self.data[element.inside : element.outside]

    def is_empty(self, element: Element) -> bool:
        """Say whether an element is written as one tag."""
        return element.inside == element.end

    def named(self, name: str) -> list[Element]:
        """Return all listed elements of a name."""
        return [one for one in self.elements if one.name == name]


def read_markup(
    data: bytes, part: str, wanted: Collection[str], *, texts: Collection[str] = (), spaces: Collection[str] = ()
) -> Markup:
    """Find elements in a part.

    Parameters
    ----------
    part
        Its name, for what is said when it is broken.
    wanted
        Names of the elements to list.
    texts
        Those of them whose text is wanted.
    spaces
        Namespaces in which names count; none for the outermost element's own.

    Raises
    ------
    FormError
        It isn't well formed, isn't UTF-8, declares a document type, or is nested too deep.
    """
    reader = _Reader(data, frozenset(wanted), frozenset(texts), frozenset(spaces))
    try:
        reader.parser.Parse(data, True)
    except expat.ExpatError as error:
        msg = f"表里的 {part} 已损坏(第 {error.lineno} 行附近),打不开;请在 Office 或 WPS 里另存一份再填"
        raise FormError(msg) from error
    except _RefusedError as error:
        msg = f"表里的 {part} {error};请在 Office 或 WPS 里另存一份再填"
        raise FormError(msg) from error
    return Markup(data, reader.root, reader.elements)


class _RefusedError(Exception):
    """The part isn't one that Office would write."""


class _Reader:
    """Collects elements while expat reads; the position of an event is only known during it."""

    def __init__(self, data: bytes, wanted: frozenset[str], texts: frozenset[str], spaces: frozenset[str]) -> None:
        self.elements: list[Element] = []
        self.root = ("", "")
        self._data, self._wanted, self._texts, self._spaces = data, wanted, texts, spaces
        self._open: list[int] = []
        self._collecting: Callable[[str], None] | None = None
        self.parser = expat.ParserCreate(namespace_separator=" ")
        self.parser.buffer_text = True
        self.parser.XmlDeclHandler = self._declared
        self.parser.StartDoctypeDeclHandler = self._doctype
        self.parser.EntityDeclHandler = self._doctype
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._characters

    def _declared(self, _version: str, encoding: str | None, _alone: int) -> None:
        if (encoding or "utf-8").lower() not in {"utf-8", "us-ascii"}:
            raise _RefusedError("不是 UTF-8 编码")

    def _doctype(self, *_: object) -> None:
        raise _RefusedError("有文档类型声明(DOCTYPE),可能引用别的文件,不能接受")

    def _start(self, full: str, attributes: dict[str, str]) -> None:
        if len(self._open) >= _DEEPEST:
            raise _RefusedError(f"嵌套超过 {_DEEPEST} 层,不能接受")
        space, _, name = full.rpartition(" ")
        if not self._open:
            self.root = (space, name)
            if self._data.startswith((b"\xff\xfe", b"\xfe\xff")):
                raise _RefusedError("不是 UTF-8 编码")
        around = self._open[-1] if self._open else -1
        counts = space in self._spaces if self._spaces else space == self.root[0]
        if not (counts and name in self._wanted):
            # Transparent: what is inside of it belongs to the listed element around it. The sign tells it at its end.
            self._open.append(-2 - around if around >= 0 else min(-1, around))
            self._collecting = None
            return
        start = self.parser.CurrentByteIndex
        tag = _TAG.match(self._data, start)
        if tag is None:
            raise _RefusedError("里的标签看不懂")
        parent = _listed(around)
        self._open.append(len(self.elements))
        found = Element(name, start, tag.end(), attributes, parent)
        self.elements.append(found)
        self._collecting = found.pieces.append if name in self._texts else None

    def _end(self, _full: str) -> None:
        at = self._open.pop()
        around = self._open[-1] if self._open else -1
        self._collecting = None
        if at >= 0:
            found = self.elements[at]
            place = self.parser.CurrentByteIndex
            if self._data[found.inside - 2 : found.inside] == b"/>":
                found.outside = found.end = found.inside
            else:
                found.outside = place
                found.end = self._data.index(b">", place) + 1
            found.text = "".join(found.pieces)
            found.pieces.clear()
        if around >= 0 and self.elements[around].name in self._texts:
            self._collecting = self.elements[around].pieces.append

    def _characters(self, text: str) -> None:
        if self._collecting is not None:
            self._collecting(text)


def _listed(mark: int) -> int:
    """Return the position of the listed element that an open one is, or is transparent for."""
    return mark if mark >= 0 else -2 - mark if mark < -1 else -1


class Edits:
    """Changes of one part: new bytes in place of old ones, applied all at once."""

    def __init__(self) -> None:
        self._made: list[tuple[int, int, bytes]] = []

    def put(self, start: int, end: int, new: bytes | str) -> None:
        """Put new bytes in place of those from ``start`` to before ``end``; at one place they keep their order."""
        self._made.append((start, end, new.encode() if isinstance(new, str) else new))

    def apply(self, data: bytes) -> bytes:
        """Return the changed bytes."""
        pieces, at = [], 0
        for start, end, new in sorted(self._made, key=lambda one: one[:2]):
            if start < at:
                # Can't be, unless two places of the form are the same one; half a change would break the file.
                msg = "表里有两处要填的地方重叠;请核对对照表"
                raise FormError(msg)
            pieces += [data[at:start], new]
            at = end
        return b"".join([*pieces, data[at:]])

    def __bool__(self) -> bool:
        """Whether anything is changed."""
        return bool(self._made)


def escaped(text: str) -> str:
    """Return a text as it stands between tags; what XML can't hold is left out."""
    return _escape(_FORBIDDEN.sub("", text))


def quoted(text: str) -> str:
    """Return a text as an attribute's value with its quotation marks."""
    return quoteattr(_FORBIDDEN.sub("", text))


def tag(name: str, attributes: Iterable[tuple[str, str]] = ()) -> str:
    """Return what stands in a start tag between its brackets."""
    return " ".join([name, *(f"{key}={quoted(value)}" for key, value in attributes)])
