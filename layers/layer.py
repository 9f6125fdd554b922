"""A layer: one declaration from which tables, schemas, uploads, tiles and maps are derived."""

from __future__ import annotations

import inspect
import re
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from layers.check import SQUARE_METRES, AreaAgrees, Check, NoOverlap
from layers.errors import DeclarationError
from layers.field import Kind, LayerField, fields_of, fold
from layers.record import Record
from layers.rules import RULES
from layers.style import Style

Geometry = Literal["POINT", "MULTILINESTRING", "MULTIPOLYGON", "GEOMETRY"]
Visibility = Literal["community", "grid"]

SYSTEM_COLUMNS = ("community", "id", "grid", "geom", "upload", "version", "recorded_at", "recorded_by")
"""Columns the service itself keeps for every row; no record may declare a field of such a name."""

_COLOUR = re.compile(r"#[0-9a-f]{6}")


@dataclass(frozen=True, eq=False)
class Layer:
    """One kind of thing on the map.

    Attributes
    ----------
    name
        Name of the module, the table and the URL: lower case, singular.
    title, summary, group
        Chinese name, one Chinese sentence on what the layer holds, and the heading it stands under in legends.
    record
        The fields; its docstring describes the layer in one sentence.
    geometry
        Stored type; single geometries are promoted to multi. GEOMETRY takes points, lines and areas alike.
    visibility
        ``community``: seen by all of the community's people; ``grid``: only by the people of the row's grid.
    label
        The field that names a feature on maps and in lists.
    style
        How it is drawn.
    checks
        What is expected of its rows beyond the bounds of single fields.

    Raises
    ------
    DeclarationError
        At import, when the declaration contradicts itself; the message names the file.
    """

    name: str
    title: str
    summary: str
    group: str
    record: type[Record]
    geometry: Geometry
    visibility: Visibility
    label: str
    style: Style
    checks: tuple[Check, ...] = ()

    def __post_init__(self) -> None:
        """Refuse a declaration that contradicts itself."""
        self._check_names()
        self._check_headers()
        self._check_style()
        self._check_checks()

    @cached_property
    def where(self) -> str:
        """The file that declares the layer, for error messages."""
        return f"layers/catalog/{self.record.__module__.rpartition('.')[2]}.py"

    @cached_property
    def all_fields(self) -> tuple[LayerField, ...]:
        """Every declared field, the personal ones too."""
        return fields_of(self.record, self.where)

    @cached_property
    def fields(self) -> tuple[LayerField, ...]:
        """The fields that lie in the layer's own table and may be shown: all but the personal ones."""
        return tuple(field for field in self.all_fields if not field.personal)

    @cached_property
    def personal_fields(self) -> tuple[LayerField, ...]:
        """The fields that name a person; they lie in ``<name>_personal``."""
        return tuple(field for field in self.all_fields if field.personal)

    @cached_property
    def description(self) -> str:
        """What the layer holds, from its record's docstring."""
        return inspect.cleandoc(self.record.__doc__ or "")

    def field(self, name: str) -> LayerField:
        """Return one field by its name; KeyError when there is none."""
        for field in self.all_fields:
            if field.name == name:
                return field
        raise KeyError(name)

    def _check_names(self) -> None:
        if not re.fullmatch(r"[a-z][a-z_]{2,40}", self.name):
            raise DeclarationError(f"{self.where}: the layer's name {self.name!r} must be lower case letters and _")
        module = self.record.__module__.rpartition(".")[2]
        if module not in {self.name, "__main__"} and self.record.__module__.startswith("layers.catalog."):
            raise DeclarationError(f"{self.where}: declares the layer {self.name!r}; file and layer have one name")
        if "__doc__" not in self.record.__dict__ or not self.description:
            raise DeclarationError(f"{self.where}: the record {self.record.__name__} needs a docstring of its own")
        names = {field.name for field in self.all_fields}
        if self.label not in names:
            raise DeclarationError(f"{self.where}: the label {self.label!r} is no field of the record")
        for taken in names & set(SYSTEM_COLUMNS):
            raise DeclarationError(f"{self.where}: the service itself keeps the field {taken!r}; choose another name")
        keys = [field.name for field in self.all_fields if field.identifies]
        if keys != ["code"]:
            raise DeclarationError(f"{self.where}: only code may identify a row, but {', '.join(keys)} is marked so")

    def _check_headers(self) -> None:
        seen: dict[str, str] = {}
        for field in self.all_fields:
            for header in dict.fromkeys(field.headers):
                other = seen.setdefault(fold(header), field.name)
                if other != field.name:
                    raise DeclarationError(
                        f"{self.where}: the header {header!r} stands for both {other} and {field.name}; keep it at one"
                    )

    def _check_style(self) -> None:
        style = self.style
        for colour in (style.color, style.fill, *style.palette.values()):
            if colour is not None and not _COLOUR.fullmatch(colour):
                raise DeclarationError(f"{self.where}: the colour {colour!r} must be #rrggbb in lower case")
        if style.by is None:
            return
        field = next((field for field in self.fields if field.name == style.by), None)
        if field is None or field.codes is None or field.kind is not Kind.TEXT:
            raise DeclarationError(f"{self.where}: the style colours by {style.by!r}, which is no code field")
        if missing := set(field.codes) - set(style.palette):
            raise DeclarationError(f"{self.where}: the palette has no colour for {', '.join(sorted(missing))}")
        if unknown := set(style.palette) - set(field.codes):
            raise DeclarationError(f"{self.where}: the palette colours unknown codes {', '.join(sorted(unknown))}")

    def _check_checks(self) -> None:
        for check in self.checks:
            for rule in (getattr(check, "rule", None), getattr(check, "floor_rule", None)):
                if rule is not None and rule not in RULES:
                    raise DeclarationError(f"{self.where}: the check {check} needs the rule {rule!r} in rules.toml")
            if isinstance(check, NoOverlap) and self.geometry != "MULTIPOLYGON":
                raise DeclarationError(f"{self.where}: only areas can be checked for overlaps")
            named = (check.field, check.storeys) if isinstance(check, AreaAgrees) else getattr(check, "within", ())
            for name in named:
                if name is not None and name not in {field.name for field in self.fields}:
                    raise DeclarationError(f"{self.where}: the check names {name!r}, which is no field of the record")
            if isinstance(check, AreaAgrees) and self.field(check.field).unit not in SQUARE_METRES:
                raise DeclarationError(f"{self.where}: {check.field} has no unit of area, so it can't be checked")
