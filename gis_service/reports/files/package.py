"""The archive that an XLSX or DOCX is (OPC, ECMA-376 part 2): its parts and what leads from one to another."""

from __future__ import annotations

import io
import posixpath
import zipfile
import zlib
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Final

from gis_service.reports.files.errors import FormError
from gis_service.reports.files.limits import PART_BYTES
from gis_service.reports.files.markup import Edits, Markup, read_markup, tag
from gis_service.surveys.files.limits import ReadLimits

FORMATS: Final = {".xlsx": "XLSX", ".docx": "DOCX"}
AGAIN: Final = "请在 Office 或 WPS 里另存一份再填"
_MAIN: Final = {"XLSX": "sheet.main+xml", "DOCX": "document.main+xml"}
_INSTEAD: Final = {
    ".xlsm": "带宏的表格不能填;请另存为 .xlsx(不带宏)再填",
    ".xltm": "带宏的模板不能填;请另存为 .xlsx(不带宏)再填",
    ".docm": "带宏的文档不能填;请另存为 .docx(不带宏)再填",
    ".dotm": "带宏的模板不能填;请另存为 .docx(不带宏)再填",
    ".xlsb": "二进制的表格不能填;请另存为 .xlsx 再填",
    ".xltx": "这是模板;请用它新建一份,存为 .xlsx 再填",
    ".dotx": "这是模板;请用它新建一份,存为 .docx 再填",
    ".xls": "旧版的表格不能填;请另存为 .xlsx 再填",
    ".et": "WPS 格式的表格不能填;请另存为 .xlsx 再填",
    ".doc": "旧版的文档不能填;请另存为 .docx 再填",
    ".wps": "WPS 格式的文档不能填;请另存为 .docx 再填",
    ".csv": "CSV 没有格式可保留;请把上级的表存为 .xlsx 再填",
    ".pdf": "PDF 不能填;请向上级要 .xlsx 或 .docx 的表",
    ".ods": "请另存为 .xlsx 再填",
    ".odt": "请另存为 .docx 再填",
}
_MOST_PARTS: Final = 2000
_MOST_RATIO: Final = 200
_RATIO_COUNTS_FROM_BYTES: Final = 1 << 20
_BLOCK_BYTES: Final = 1 << 20
_PLAIN: Final = "http://schemas.openxmlformats.org/"
_STRICT: Final = "http://purl.oclc.org/ooxml/"
_RELATIONS: Final = f"{_PLAIN}package/2006/relationships"
_BROKEN: Final = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    NotImplementedError,
    RuntimeError,
    KeyError,
    ValueError,
    OSError,
)


def check_name(name: str) -> str:
    """Return the format that a form's name promises; FormError, with what to do instead, for another one."""
    extension = PurePosixPath(name).suffix.lower()
    if extension in FORMATS:
        return FORMATS[extension]
    shown = f"“{extension}”" if extension else "没有扩展名的文件"
    msg = f"不能填{shown};{_INSTEAD.get(extension, '请用 .xlsx 或 .docx 的表')}"
    raise FormError(msg)


@dataclass
class Package:
    """A form's parts; what is put into ``changed`` or ``added`` goes into the new file, the rest goes as it is.

    Attributes
    ----------
    main
        Name of the part that the others hang on: the workbook or the document.
    """

    archive: zipfile.ZipFile
    format: str
    main: str
    types: Markup
    changed: dict[str, bytes] = field(default_factory=dict)
    added: dict[str, bytes] = field(default_factory=dict)

    def names(self) -> list[str]:
        """Return the names of all parts of the form."""
        return self.archive.namelist()

    def read(self, part: str) -> bytes:
        """Return a part's bytes; FormError when it is missing, broken, or larger than a part may be."""
        return _part(self.archive, part)

    def related(self, part: str) -> dict[str, tuple[str, str]]:
        """Return what a part leads to inside of the package: by identifier, the kind and the name of the part."""
        listed = self._relations(part)
        return {} if listed is None else dict(_targets(listed, part))

    def by_kind(self, part: str, *kinds: str) -> list[str]:
        """Return the parts of some kinds that a part leads to."""
        return [name for kind, name in self.related(part).values() if kind in kinds]

    def relate(self, part: str, kind: str, target: str) -> str:
        """Lead from a part to another one; return the identifier."""
        listed = self._relations(part)
        if listed is None:
            msg = f"表里的 {part} 没有连着别的部分,像是不完整;{AGAIN}"
            raise FormError(msg)
        taken = {one.attributes.get("Id", "") for one in listed.named("Relationship")}
        identifier = next(f"rIdReport{number}" for number in range(1, 10_000) if f"rIdReport{number}" not in taken)
        strict = any(one.attributes.get("Type", "").startswith(_STRICT) for one in listed.named("Relationship"))
        space = f"{_STRICT}officeDocument/relationships" if strict else f"{_PLAIN}officeDocument/2006/relationships"
        relative = posixpath.relpath(target, posixpath.dirname(part) or ".")
        values = (("Id", identifier), ("Type", f"{space}/{kind}"), ("Target", relative))
        self.changed[relations_of(part)] = _with_child(listed, "Relationship", values)
        return identifier

    def add(self, part: str, content: bytes, content_type: str) -> None:
        """Add a part with its content type."""
        self.added[part] = content
        values = (("PartName", f"/{part}"), ("ContentType", content_type))
        data = _with_child(self.types, "Override", values)
        self.changed[_TYPES] = data
        self.types = read_markup(data, _TYPES, {"Types", "Default", "Override"})

    def write(self) -> bytes:
        """Return the new file: parts in their order, those that weren't changed byte for byte."""
        made = io.BytesIO()
        with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as new:
            for info in self.archive.infolist():
                content = self.changed.get(info.filename)
                if content is None:
                    content = self.read(info.filename)
                kept = zipfile.ZipInfo(info.filename, info.date_time)
                kept.compress_type = zipfile.ZIP_DEFLATED
                kept.external_attr = info.external_attr
                new.writestr(kept, content)
            for name, content in self.added.items():
                fresh = zipfile.ZipInfo(name)
                fresh.compress_type = zipfile.ZIP_DEFLATED
                new.writestr(fresh, content)
        return made.getvalue()

    def _relations(self, part: str) -> Markup | None:
        name = relations_of(part)
        if name in self.changed:
            return read_markup(self.changed[name], name, {"Relationships", "Relationship"})
        if name not in self.archive.NameToInfo:
            return None
        return read_markup(self.read(name), name, {"Relationships", "Relationship"})


_TYPES: Final = "[Content_Types].xml"


def open_package(path: Path, name: str, limits: ReadLimits) -> Package:
    """Open a form.

    Parameters
    ----------
    name
        The name it was given under.

    Raises
    ------
    FormError
        It is broken, encrypted, signed, with macros, of another format than its name says, or unpacks to too much.
    """
    promised = check_name(name)
    with path.open("rb") as file:
        start = file.read(8)
    if start.startswith(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"):
        msg = f"{name} 有密码,或其实是旧版的 .xls、.doc;请打开后去掉密码,另存为 .xlsx 或 .docx 再填"
        raise FormError(msg)
    try:
        archive = zipfile.ZipFile(path)
    except _BROKEN as error:
        msg = f"{name} 已损坏,或不是 {promised};{AGAIN}"
        raise FormError(msg) from error
    _check(archive, name, limits)
    if _TYPES not in archive.NameToInfo or "_rels/.rels" not in archive.NameToInfo:
        msg = f"{name} 不是 {promised},只是一个压缩包;请核对文件"
        raise FormError(msg)
    found = Package(
        archive, promised, "", read_markup(_part(archive, _TYPES), _TYPES, {"Types", "Default", "Override"})
    )
    _refuse_macros(found, name)
    mains = found.by_kind("", "officeDocument")
    found.main = mains[0] if mains else ""
    declared = {
        one.attributes.get("PartName", ""): one.attributes.get("ContentType", "") for one in found.types.elements
    }
    if not declared.get(f"/{found.main}", "").endswith(_MAIN[promised]):
        msg = f"{name} 的内容不是 {promised};请核对文件,{AGAIN}"
        raise FormError(msg)
    return found


def _part(archive: zipfile.ZipFile, name: str) -> bytes:
    try:
        return _unpacked(archive, name)
    except FormError:
        raise
    except _BROKEN as error:
        msg = f"表里的 {name[:80]} 缺失或已损坏,打不开;{AGAIN}"
        raise FormError(msg) from error


def _check(archive: zipfile.ZipFile, name: str, limits: ReadLimits) -> None:
    """See what the archive says of itself before anything is unpacked."""
    infos = archive.infolist()
    if len(infos) > _MOST_PARTS or len({info.filename for info in infos}) != len(infos):
        msg = f"{name} 里的文件太多或重名,不像是表格或文档;{AGAIN}"
        raise FormError(msg)
    if any(info.flag_bits & 0x1 for info in infos):
        msg = f"{name} 有密码;请去掉密码再填"
        raise FormError(msg)
    if any(info.filename.startswith(("/", "\\")) or ".." in PurePosixPath(info.filename).parts for info in infos):
        msg = f"{name} 里有指向包外的路径,不能接受;{AGAIN}"
        raise FormError(msg)
    total, packed = sum(info.file_size for info in infos), sum(info.compress_size for info in infos)
    if total > limits.unpacked_bytes:
        most = limits.unpacked_bytes / 1e6
        msg = f"{name} 解开后有 {total / 1e6:.0f} MB,最多 {most:.0f} MB;请删去表里的图片和用不到的表再填"
        raise FormError(msg)
    if total > _RATIO_COUNTS_FROM_BYTES and total > _MOST_RATIO * max(packed, 1):
        msg = f"{name} 的压缩比超过 {_MOST_RATIO} 倍,像是压缩炸弹,不能接受;请核对文件"
        raise FormError(msg)


def _unpacked(archive: zipfile.ZipFile, name: str) -> bytes:
    """Unpack one part; what it claims to be in the archive's directory isn't believed."""
    pieces, left = [], PART_BYTES
    with archive.open(name) as packed:
        while block := packed.read(_BLOCK_BYTES):
            left -= len(block)
            if left < 0:
                msg = f"表里的 {name[:80]} 超过 {PART_BYTES / 1e6:.0f} MB;请删去用不到的行、列和图片再填"
                raise FormError(msg)
            pieces.append(block)
    return b"".join(pieces)


def _refuse_macros(package: Package, name: str) -> None:
    types = [one.attributes.get("ContentType", "").lower() for one in package.types.elements]
    if any("macroenabled" in one or "vbaproject" in one for one in types) or any(
        PurePosixPath(part).name.lower() == "vbaproject.bin" for part in package.names()
    ):
        msg = f"{name} 带宏,不能填;请另存为不带宏的 .xlsx 或 .docx 再填"
        raise FormError(msg)
    if any(part.lower().startswith("_xmlsignatures/") for part in package.names()):
        msg = f"{name} 有数字签名,填了签名就失效;请向上级要没有签名的空表"
        raise FormError(msg)


def relations_of(part: str) -> str:
    """Return the name of the part that holds what a part leads to."""
    folder, _, name = part.rpartition("/")
    return f"{folder}/_rels/{name}.rels".lstrip("/")


def _targets(listed: Markup, part: str) -> list[tuple[str, tuple[str, str]]]:
    found = []
    for one in listed.named("Relationship"):
        values = one.attributes
        if values.get("TargetMode") == "External" or listed.root[0] != _RELATIONS:
            continue
        target = values.get("Target", "")
        folder = posixpath.dirname(part)
        whole = target.lstrip("/") if target.startswith("/") else posixpath.normpath(posixpath.join(folder, target))
        found.append((values.get("Id", ""), (values.get("Type", "").rpartition("/")[2], whole)))
    return found


def _with_child(markup: Markup, name: str, values: tuple[tuple[str, str], ...]) -> bytes:
    """Return a part with one more element at the end of its outermost one."""
    root = markup.elements[0]
    child = f"<{tag(markup.prefix(root) + name, values)}/>"
    edits = Edits()
    if markup.is_empty(root):
        written = markup.data[root.start : root.end]
        whole = (
            written[:-2].rstrip() + b">" + child.encode() + b"</" + written[1:].split(None, 1)[0].rstrip(b"/>") + b">"
        )
        edits.put(root.start, root.end, whole)
    else:
        edits.put(root.outside, root.outside, child)
    return edits.apply(markup.data)
