"""CQL2 from a client's text or JSON to a plain tree, with its size and depth capped before anything is parsed.

``cql2`` reads the language. In text it takes twice the time for every bracket that encloses a mistake (3 s for twenty
of them) and runs out of stack at some thousands. So brackets that only group are parsed one by one, from the inside
outwards, each standing in the outer text as a name that no client can write; and geometries are read by GEOS.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Any, Final

import cql2

from gis_service.errors import InputError
from gis_service.features.filter_geometry import read_wkt

# A filter is a few conditions. PostgreSQL runs out of memory at 5,000 nested `not`, and parsers sooner. Geometries are
# counted apart, by their vertices.
MAX_TEXT: Final = 4096
MAX_OPERATORS: Final = 100
MAX_DEPTH: Final = 20
# What a geometry of 1,000 vertices takes, and also as much as web servers take for a whole address.
MAX_BYTES: Final = 65_536
# An array in an array is a geometry's; a collection of polygons with holes nests five of them.
_MAX_ARRAYS: Final = 2 * MAX_DEPTH + 6

_MARK: Final = "\x1f"
CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_TOKEN = re.compile(
    r"""(?P<space>\s+)
      | (?P<literal>'(?:[^']|'')*'|"(?:[^"]|"")*"|\d+(?:\.\d*)?(?:[eE][+-]?\d+)?)
      | (?P<fraction>\.\d+(?:[eE][+-]?\d+)?)
      | (?P<geometry>(?i:(?:MULTI)?(?:POINT|LINESTRING|POLYGON)|GEOMETRYCOLLECTION)\s*(?i:ZM|Z|M)?\s*\()
      | (?P<unit>(?i:statute|nautical)\s+(?i:miles?)\b)
      | (?P<word>[^\W\d][\w.:]*)
      | (?P<sign><>|!=|<=|>=|[-=<>+*/%^])
      | (?P<open>\()
      | (?P<close>\))
      | (?P<other>.)""",
    re.VERBOSE | re.DOTALL,
)
_BRACKET = re.compile(r"[()]")
_JSON_STRING = re.compile(r'"(?:[^"\\]|\\.)*"', re.DOTALL)
_JSON_NESTING = re.compile(r"[\[\]{}]")
_PLACE = re.compile(r"-->\s*1:(\d+)")
_WORDS_BEFORE_GROUPS: Final = frozenset(("and", "or", "not", "in", "like", "between", "is", "div", "null", ""))
_WORD_OPERATORS: Final = frozenset(("and", "or", "not", "in", "like", "between", "is", "div"))


def read_filter(written: str, lang: str) -> Any:
    """Return the tree of a filter: CQL2-JSON as Python values, geometries of texts as shapely's.

    Parameters
    ----------
    written
        The filter.
    lang
        ``cql2-text`` or ``cql2-json``.

    Raises
    ------
    InputError
        When it is no CQL2 or larger than a filter may be.
    """
    try:
        size = len(written.encode())
    except UnicodeEncodeError as error:
        raise _wrong("含有不完整的字符", "it holds half a character") from error
    if size > MAX_BYTES:
        raise too_large(f"最多 {MAX_BYTES // 1024} KB", f"at most {MAX_BYTES // 1024} KB")
    if found := CONTROL.search(written):
        raise _wrong(
            f"第 {found.start() + 1} 个字符是控制字符", f"character {found.start() + 1} is a control character"
        )
    if lang not in {"cql2-text", "cql2-json"}:
        raise InputError(
            f"过滤语言 {lang[:40]!r} 不认识:请用 cql2-text 或 cql2-json。",
            f"The filter language {lang[:40]!r} is unknown: use cql2-text or cql2-json.",
        )
    tree = _Reading(written).tree() if lang == "cql2-text" else _read_json(written)
    _check_depth(tree)
    return tree


def _check_depth(tree: Any) -> None:
    """Refuse operators nested too deeply: ``1 + 1 + 1`` nests without any bracket."""
    waiting = [(tree, 0)]
    while waiting:
        node, depth = waiting.pop()
        if isinstance(node, dict):
            depth += "op" in node
            if depth > MAX_DEPTH:
                raise too_large(f"最多嵌套 {MAX_DEPTH} 层", f"nested at most {MAX_DEPTH} deep")
            waiting += [(child, depth) for key, child in node.items() if key != "coordinates"]
        elif isinstance(node, list):
            waiting += [(child, depth) for child in node]


def _read_json(written: str) -> Any:
    braces = brackets = 0
    for found in _JSON_NESTING.finditer(_JSON_STRING.sub("", written)):
        sign = found[0]
        braces += (sign == "{") - (sign == "}")
        brackets += (sign == "[") - (sign == "]")
        if braces > MAX_DEPTH or brackets > _MAX_ARRAYS:
            raise too_large(f"最多嵌套 {MAX_DEPTH} 层", f"nested at most {MAX_DEPTH} deep")
    try:
        return cql2.parse_json(written).to_json()
    except Exception as error:
        # cql2 says little of where; JSON that isn't JSON is told by Python with its place.
        try:
            json.loads(written)
        except ValueError as place:
            raise _wrong(f"JSON 语法有误({place})", f"no JSON: {place}") from error
        raise _wrong("不是有效的 CQL2-JSON", f"no CQL2-JSON: {str(error)[:200]}") from error


@dataclass
class _Group:
    """A bracket that groups, or the whole text: its pieces with the place each comes from."""

    start: int
    pieces: list[tuple[int, str]] = field(default_factory=list)


class _Reading:
    """One pass over a text, which parses each group when its bracket closes."""

    def __init__(self, written: str) -> None:
        self._written = written
        self._groups = [_Group(0)]
        self._opened: list[bool] = []
        """For each open bracket whether it groups; the others hold a function's arguments."""
        self._parts: list[Any] = []
        self._operators = self._chain = self._geometry_signs = 0
        self._before = ""

    def tree(self) -> Any:
        """Return the tree of the whole text."""
        place = 0
        while place < len(self._written):
            found = _TOKEN.match(self._written, place)
            # The last alternative takes any character.
            kind, piece = (found.lastgroup, found[0]) if found else ("other", self._written[place])
            end = place + len(piece)
            if kind == "geometry":
                end = self._take_geometry(place, end)
            elif kind == "space":
                self._add(place, " ")
            else:
                self._take(str(kind), piece, place)
            place = end
        if self._opened:
            raise _wrong("括号没有成对,少了右括号", "a bracket isn't closed")
        return self._parse(self._groups[0], whole=True)

    def _take(self, kind: str, piece: str, place: int) -> None:
        word = piece.lower() if kind == "word" else ""
        # A chain of prefixes nests as brackets do.
        self._chain = self._chain + 1 if word == "not" or piece == "-" else 0
        if kind == "sign" or word in _WORD_OPERATORS:
            self._operators += 1
        if kind == "open":
            self._open(place)
        elif kind == "close":
            self._close(place)
        elif kind == "other" and piece in "'\"":
            raise _wrong(f"第 {place + 1} 个字符的引号没有成对", f"the quote at character {place + 1} isn't closed")
        elif kind == "unit":
            self._add(place, f"'{' '.join(piece.split())}'")
        else:
            # cql2 knows neither .5 nor DIV in capitals, which the standard allows.
            self._add(place, f"0{piece}" if kind == "fraction" else word if word == "div" else piece)
        if place + len(piece) - self._geometry_signs > MAX_TEXT:
            raise too_large(f"几何以外最多 {MAX_TEXT} 个字", f"at most {MAX_TEXT} characters besides geometries")
        if self._operators > MAX_OPERATORS:
            raise too_large(f"最多 {MAX_OPERATORS} 个运算", f"at most {MAX_OPERATORS} operators")
        if len(self._opened) + self._chain > MAX_DEPTH:
            raise too_large(f"最多嵌套 {MAX_DEPTH} 层", f"nested at most {MAX_DEPTH} deep")
        # "=(" groups, "casei(" calls; so does a quoted name, which no function has.
        self._before = (word if word in _WORDS_BEFORE_GROUPS else "function") if kind == "word" else ""

    def _open(self, place: int) -> None:
        groups = self._before in _WORDS_BEFORE_GROUPS
        self._opened.append(groups)
        if groups:
            self._groups.append(_Group(place))
        else:
            self._operators += 1
            self._add(place, "(")

    def _close(self, place: int) -> None:
        if not self._opened:
            raise _wrong(
                f"第 {place + 1} 个字符的右括号没有对应的左括号", f"the bracket at {place + 1} was never opened"
            )
        if not self._opened.pop():
            self._add(place, ")")
            return
        group = self._groups.pop()
        group.pieces = [(group.start, "("), *group.pieces, (place, ")")]
        self._stand_in(group.start, self._parse(group))

    def _take_geometry(self, place: int, end: int) -> int:
        """Read the geometry whose bracket opened before ``end``, and return where it ends."""
        depth = 1
        for found in _BRACKET.finditer(self._written, end):
            depth += 1 if found[0] == "(" else -1
            end = found.end()
            if depth == 0 or depth > MAX_DEPTH:
                break
        if depth:
            raise _wrong(f"第 {place + 1} 个字符起的几何括号没有成对", f"the geometry at {place + 1} isn't closed")
        text = self._written[place:end]
        self._geometry_signs += end - place
        self._stand_in(place, read_wkt(text))
        self._before = ""
        return end

    def _add(self, place: int, token: str) -> None:
        self._groups[-1].pieces.append((place, token))

    def _stand_in(self, place: int, part: Any) -> None:
        self._parts.append(part)
        self._add(place, f'"{_MARK}{len(self._parts) - 1}"')

    def _parse(self, group: _Group, *, whole: bool = False) -> Any:
        text = "".join(token for _, token in group.pieces)
        if whole and not text.strip():
            raise _wrong("是空的", "it is empty")
        try:
            found = cql2.parse_text(text).to_json()
        except Exception as error:
            raise self._misread(group, error) from error
        return self._joined(found) if self._parts else found

    def _joined(self, node: Any) -> Any:
        """Put the parts back where their names stand."""
        if isinstance(node, dict):
            name = node.get("property")
            if isinstance(name, str) and name.startswith(_MARK):
                return self._parts[int(name[1:])]
            return {key: self._joined(value) for key, value in node.items()}
        return [self._joined(item) for item in node] if isinstance(node, list) else node

    def _misread(self, group: _Group, error: Exception) -> InputError:
        """Say where in the client's text the parser stopped."""
        found = _PLACE.search(str(error))
        left = int(found[1]) - 1 if found else 0
        at = group.start
        for place, token in group.pieces:
            at = place
            if left < len(token):
                break
            left -= len(token)
        else:
            at = len(self._written)
        shown = self._written[at : at + 20]
        near = f"“{shown}”这里" if shown else "末尾"
        return _wrong(f"从第 {at + 1} 个字符{near}看不懂", f"it can't be read at character {at + 1} ({shown!r})")


def _wrong(chinese: str, english: str) -> InputError:
    return InputError(
        f"过滤条件{chinese}。写法例如:floors > 6 AND name LIKE '幸福%'。", f"The filter is wrong: {english}."
    )


def too_large(chinese: str, english: str) -> InputError:
    """Return the error of a filter that is larger than a filter may be."""
    return InputError(f"过滤条件太大:{chinese};请拆成几次查询,或画得简单些。", f"The filter is too large: {english}.")
