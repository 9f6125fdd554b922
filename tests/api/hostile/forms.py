"""Forms that are broken, vast, or lie: what a client may send instead of a file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from tests.api.hostile.bait import HEAD, ROW

_TABLE = f"{HEAD}\n{ROW}\n".encode()
_FORM = {"Content-Type": "multipart/form-data; boundary=XX"}


@dataclass(frozen=True)
class BadForm:
    """A request to ``POST /uploads``, and the status and a part of the sentence that it is refused with.

    Attributes
    ----------
    length
        The length that it declares, where that isn't its own.
    """

    what: str
    body: bytes
    says: str
    status: int = 400
    headers: Mapping[str, str] = field(default_factory=lambda: _FORM)
    length: int | None = None


def part(name: str, content: bytes, file_name: str | None = None) -> bytes:
    named = f'; filename="{file_name}"' if file_name is not None else ""
    return f'--XX\r\nContent-Disposition: form-data; name="{name}"{named}\r\n\r\n'.encode() + content + b"\r\n"


def form(*parts: bytes) -> bytes:
    return b"".join(parts) + b"--XX--\r\n"


def _file(name: str = "a.csv", content: bytes = _TABLE) -> bytes:
    return part("file", content, name)


def _with(name: str, value: str) -> bytes:
    return form(part(name, value.encode()), _file())


def _names() -> Iterator[BadForm]:
    """Files whose names can't be names."""
    for name, says in (
        ("", "没有收到文件"), ("a" * 300 + ".csv", "太长"), ("a\x07b.csv", "控制字符"), (".csv", "没有扩展名"),
        ("../../etc/passwd", "没有扩展名"), ("..", "没有扩展名"), ("/", "为空"), ("\\\\server\\share\\", "没有扩展名"),
        ("/dev/zero", "没有扩展名"), ("NUL", "没有扩展名"),
        ("a.csv.exe", "不接受"), ("a.csv\u202egpj.", "不接受|扩展名"), ("a.csv;x=.zip", "内容却不是"),
    ):  # fmt: skip
        yield BadForm(f"a file called {name[:20]!r}", form(_file(name)), says)
    yield BadForm("a name with a line end", form(_file("a\r\nX-Evil: 1\r\n\r\nb.csv")), "")
    yield BadForm("a name with a NUL", form(_file("a.csv\0.geojson")), "控制字符")


def _fields() -> Iterator[BadForm]:
    """Forms whose fields can't be."""
    for name, value, says in (
        ("layer", "waste_point'; drop table gis.building; --", "没有图层"), ("layer", "../../layers", "没有图层"),
        ("layer", "\0", "NUL"), ("layer", "__proto__", "没有图层"), ("mode", "<script>alert(1)</script>", "mode"),
        ("grid", "9" * 15, "网格"), ("source", "{{7*7}}", "source"), ("crs", "file:///etc/passwd", "坐标系"),
        ("crs", "EPSG:" + "9" * 4000, "坐标系"), ("sheet", "x" * 5000, "表单读不出来"), ("evil", "1", "不认识"),
    ):  # fmt: skip
        yield BadForm(f"{name} {value[:30]!r}", _with(name, value), says)
    for code in ("' or 1=1 --", "330482009999", "\0", "../.."):
        yield BadForm(f"community {code!r}", _with("community", code), "社区|NUL|空字符", status=0)
    yield BadForm(
        "a key of 300 signs", form(_file()), "idempotency-key", headers={**_FORM, "Idempotency-Key": "k" * 300}
    )


def _forms() -> Iterator[BadForm]:
    """Forms that are none."""
    broken = "表单读不出来"
    yield BadForm("1,000 parts", form(*[part(f"f{at}", b"x") for at in range(1000)]), broken)
    yield BadForm("1,000 files", form(*[_file(f"{at}.csv") for at in range(1000)]), broken)
    yield BadForm("two tables", form(_file(), _file("b.csv")), "Shapefile")
    yield BadForm("parts that climb out", form(*[_file(f"../../{at}.shp") for at in range(3)]), "Shapefile|两个")
    yield BadForm("another boundary than it says", form(_file()).replace(b"--XX", b"--YY"), "")
    yield BadForm("no boundary", form(_file()), "", headers={"Content-Type": "multipart/form-data"})
    yield BadForm("a boundary of 20,000 signs", form(_file()), "",
                  headers={"Content-Type": f"multipart/form-data; boundary={'X' * 20_000}"})  # fmt: skip
    yield BadForm("no end", part("file", _TABLE, "a.csv")[:-2], "没有收到文件|表单读不出来")
    yield BadForm("nothing", b"", "没有收到文件|表单读不出来")
    yield BadForm("a head of a megabyte", b"--XX\r\nX: " + b"x" * 1_000_000 + b"\r\n\r\n" + form(_file()), "")
    yield BadForm("10,000 heads", b"--XX\r\n" + b"X: x\r\n" * 10_000 + b"\r\nx\r\n" + form(_file()), "")
    yield BadForm("a form in a form", form(part("file", form(_file()))), "没有收到文件")
    yield BadForm("a file as JSON", b'{"file": "a.csv"}', "multipart", 415, {"Content-Type": "application/json"})
    yield BadForm("a file alone", _TABLE, "multipart", 415, {"Content-Type": "text/csv"})
    yield BadForm("no type", _TABLE, "multipart", 415, {})
    yield BadForm("less than it says", form(_file()), "没有传完", 408, length=100_000)
    yield BadForm("more than it says", form(_file()), "", length=60)
    yield BadForm("more than any file", form(_file()), "太大", 413, length=1 << 40)


def bad_forms() -> Iterator[BadForm]:
    """Yield the forms."""
    yield from _names()
    yield from _fields()
    yield from _forms()
