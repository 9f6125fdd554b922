"""What can be wrong with a survey file as a whole, and with one of its cells."""

from __future__ import annotations

from collections.abc import Sequence


class SurveyError(ValueError):
    """A survey file can't be taken; the message is one Chinese sentence for the person who sent it."""


class UnreadableCellError(ValueError):
    """A cell can't be read as its field wants; the message is the Chinese clause after the field's title."""


class SeveralLayersError(SurveyError):
    """A file holds several layers, shapefiles or sheets, and none was named; the sender must choose.

    Attributes
    ----------
    names
        What there is to choose from, in the file's order.
    """

    def __init__(self, names: Sequence[str]) -> None:
        self.names = tuple(names)
        listed = "、".join(name[:60] for name in self.names[:20])
        super().__init__(f"文件里有 {len(self.names)} 个图层:{listed};请用 --sheet 选一个")
