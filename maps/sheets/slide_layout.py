"""Where things stand on a slide: the service's own plain look, or the template of an office, which is respected.

Of a template its masters, fonts, colours and size of page are taken: titles go into its title placeholders, and
everything else into the room between title and footers. Slides that it holds are left out.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

from pptx import Presentation
from pptx.enum.shapes import PP_PLACEHOLDER
from pptx.exc import PythonPptxError
from pptx.opc.constants import RELATIONSHIP_TYPE
from pptx.util import Emu, Inches, Pt

from gis_service.errors import InputError

_WIDE = (Inches(13.333), Inches(7.5))
_TITLES = {PP_PLACEHOLDER.TITLE, PP_PLACEHOLDER.CENTER_TITLE}
_FOOTERS = {PP_PLACEHOLDER.DATE, PP_PLACEHOLDER.FOOTER, PP_PLACEHOLDER.SLIDE_NUMBER}
_LARGEST = 100_000_000
_GAP = Inches(0.12)


@dataclass(frozen=True)
class Room:
    """A rectangle on a slide, in EMU (914,400 to the inch) from the upper left."""

    x: int
    y: int
    width: int
    height: int

    @property
    def bottom(self) -> int:
        """Its lower edge."""
        return self.y + self.height

    @property
    def right(self) -> int:
        """Its right edge."""
        return self.x + self.width


class SlideLayout:
    """A presentation without slides, and the layouts by which its slides are made.

    Parameters
    ----------
    template
        A PPTX file of the office; None for the service's own look.

    Raises
    ------
    InputError
        When the template can't be read, or has no layout with a title.
    """

    def __init__(self, template: Path | None = None) -> None:
        self.presentation = _plain() if template is None else _opened(template)
        layouts = [one for master in self.presentation.slide_masters for one in master.slide_layouts]
        titled = [one for one in layouts if _title_of(one) is not None]
        if not titled:
            raise InputError(
                "模板里没有带标题的版式,放不了幻灯片;请换一个有“仅标题”版式的模板。",
                "The template has no title layout.",
            )
        self._cover = next((one for one in titled if _kind(_title_of(one)) == PP_PLACEHOLDER.CENTER_TITLE), titled[0])
        self._content = min(titled, key=lambda one: (one is self._cover, len(_bodies(one))))
        self.width, self.height = int(self.presentation.slide_width), int(self.presentation.slide_height)

    def cover(self, title: str) -> tuple[Any, Room]:
        """Add a cover; return the slide, and the room below its title."""
        slide = self.presentation.slides.add_slide(self._cover)
        return slide, self._settle(slide, title)

    def content(self, title: str) -> tuple[Any, Room]:
        """Add a slide with a title; return it, and the room that its layout leaves."""
        slide = self.presentation.slides.add_slide(self._content)
        return slide, self._settle(slide, title)

    def _settle(self, slide: Any, title: str) -> Room:
        """Write the title, take out what nobody fills, and return the room for everything else."""
        head = slide.shapes.title
        head.text = title
        if head.top is None:
            # Neither layout nor master says where.
            head.left, head.top = int(self.width * 0.034), int(self.height * 0.04)
            head.width, head.height = int(self.width * 0.932), int(self.height * 0.1)
        for shape in list(slide.placeholders):
            if shape.placeholder_format.type not in _TITLES:
                shape.element.getparent().remove(shape.element)
        feet = [one.top for one in _footers(slide.slide_layout) if one.top is not None and one.top > self.height / 2]
        bottom = min([*feet, int(self.height * 0.95)])
        top = int(head.top + head.height + _GAP)
        side = max(int(head.left), int(self.width * 0.03))
        return Room(side, top, self.width - 2 * side, max(bottom - top, int(self.height * 0.3)))


def _plain() -> Any:
    """Return a presentation of 13.3 × 7.5 inches with titles in the upper left, and fonts that have Chinese."""
    presentation = Presentation()
    narrow = presentation.slide_width
    presentation.slide_width, presentation.slide_height = _WIDE
    master = presentation.slide_masters[0]
    for holder in (master, *master.slide_layouts):
        for shape in holder.shapes:
            left, width = shape.left, shape.width
            shape.left, shape.width = (Emu(int(one * _WIDE[0] / narrow)) for one in (left, width))
            if _kind(shape) == PP_PLACEHOLDER.TITLE:
                shape.left, shape.top = Inches(0.45), Inches(0.3)
                shape.width, shape.height = _WIDE[0] - Inches(0.9), Inches(0.75)
    style = master.element.find(".//{*}titleStyle/{*}lvl1pPr")
    style.set("algn", "l")
    style.find("{*}defRPr").set("sz", str(int(Pt(28).pt * 100)))
    for holder in (master.element, presentation.element):
        for face in holder.iter("{*}ea"):
            face.set("typeface", "Microsoft YaHei")
    return presentation


def _opened(template: Path) -> Any:
    try:
        if template.stat().st_size > _LARGEST:
            raise InputError(f"模板 {template.name} 太大(最多 100 MB);请去掉里面的图片。", "The template is too large.")
        presentation = Presentation(str(template))
        notes: Any = presentation.notes_master.placeholders
    except OSError as error:
        raise InputError(f"读不到模板 {template}:{error.strerror}。", "The template can't be read.") from error
    # XML that isn't well-formed is a SyntaxError, too.
    except (PythonPptxError, BadZipFile, zlib.error, SyntaxError, LookupError, TypeError, ValueError) as error:
        raise InputError(
            f"模板 {template.name} 打不开:应是没有加密的 PPTX;请用演示软件另存为 .pptx 再试。",
            "The template is no PPTX.",
        ) from error
    if all(_kind(one) != PP_PLACEHOLDER.BODY for one in notes):
        raise InputError(
            f"模板 {template.name} 的备注母版没有正文框,写不了每个数的出处;请在备注母版里恢复“备注正文”。",
            "The template's notes have no body.",
        )
    _emptied(presentation)
    return presentation


def _emptied(presentation: Any) -> None:
    """Take out the slides, and what names them: custom shows, sections, and the picture of the first one."""
    part, listed = presentation.part, presentation.slides.element
    for one in list(listed):
        part.rels.pop(one.rId)
        listed.remove(one)
    for name in ("custShowLst", "sectionLst"):
        for found in list(presentation.element.iter(f"{{*}}{name}")):
            # Sections stand in an extension of their own.
            gone = found if name == "custShowLst" else found.getparent()
            gone.getparent().remove(gone)
    for rel in list(part.package.iter_rels()):
        if rel.reltype == RELATIONSHIP_TYPE.THUMBNAIL:
            part.package.drop_rel(rel.rId)


def _kind(shape: Any) -> Any:
    return shape.placeholder_format.type if shape.is_placeholder else None


def _title_of(layout: Any) -> Any:
    return next((shape for shape in layout.placeholders if _kind(shape) in _TITLES), None)


def _bodies(layout: Any) -> list[Any]:
    return [shape for shape in layout.placeholders if _kind(shape) not in _TITLES | _FOOTERS]


def _footers(layout: Any) -> list[Any]:
    return [shape for shape in layout.placeholders if _kind(shape) in _FOOTERS]
