"""Features gathered one by one out of a drawing or an exchange file, and made a source."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import shapely
from numpy.typing import NDArray

from gis_service.surveys.files.datum import Claim, Datum, settle_datum
from gis_service.surveys.files.encodings import Encoding
from gis_service.surveys.files.errors import SurveyError
from gis_service.surveys.files.limits import ReadLimits
from gis_service.surveys.files.source import Chunk, Source, Wish, turned_chunks

_CHUNK_ROWS: Final = 5_000
_SAMPLE_ROWS: Final = 1_000
_TOO_FEW: Final = "点数太少,连不成线或面"


@dataclass
class Collected:
    """Features of a file in its own coordinates.

    Parameters
    ----------
    limits
        Rows, columns and vertices are counted while features come in, so that a hostile file ends early.
    """

    limits: ReadLimits
    rows: list[dict[str, object]] = field(default_factory=list)
    geometries: list[shapely.Geometry | None] = field(default_factory=list)
    reasons: dict[int, str] = field(default_factory=dict)
    columns: dict[str, bool] = field(default_factory=dict)
    vertices: int = 0

    def add(self, values: dict[str, object], geometry: shapely.Geometry | None, reason: str = _TOO_FEW) -> None:
        """Take one feature; ``reason`` counts where it has no geometry.

        Raises
        ------
        SurveyError
            There are more rows, columns or vertices than may be.
        """
        if geometry is None:
            self.reasons[len(self.rows)] = reason
        else:
            self.vertices += int(shapely.get_num_coordinates(geometry))
        self.rows.append(values)
        self.geometries.append(geometry)
        for name, value in values.items():
            self.columns[name] = self.columns.get(name, False) or value is not None
        if len(self.rows) > self.limits.rows:
            msg = f"文件超过 {self.limits.rows} 行;请分批上传"
            raise SurveyError(msg)
        if len(self.columns) > self.limits.columns:
            msg = f"文件有超过 {self.limits.columns} 个属性列;请只保留要上传的列"
            raise SurveyError(msg)
        if self.vertices > self.limits.vertices:
            msg = f"文件的顶点超过 {self.limits.vertices} 个;请分批上传"
            raise SurveyError(msg)

    def settle(
        self, wish: Wish, *, declared: str | None = None, declared_by: str = "", names: tuple[str, str] | None = None
    ) -> Datum:
        """Settle the system of what was gathered; what the format declares is ``declared``.

        Raises
        ------
        SurveyError
            Values contradict the system or leave several open.
        CoordinateError
            The stated system is unknown.
        """
        step = len(self.geometries) // _SAMPLE_ROWS + 1
        points = shapely.get_coordinates(self.geometries[::step])
        return settle_datum(
            points[:, 0], points[:, 1], stated=wish.crs, declared=declared, declared_by=declared_by,
            claim=Claim.FORMAT, names=names, metric_srid=wish.metric_srid, turnable=names is None,
        )  # fmt: skip

    def source(
        self, datum: Datum, *, driver: str, layer: str | None, encoding: Encoding, notes: tuple[str, ...]
    ) -> Source:
        """Make a source of what was gathered; columns that are empty throughout are left out."""
        columns = tuple(name for name, filled in self.columns.items() if filled)
        chunks = self._chunks(columns)
        return Source(
            columns, datum.crs, datum.evidence, datum.claim, encoding.codec, driver, layer, len(self.rows),
            turned_chunks(chunks) if datum.swapped else chunks, notes, encoding_evidence=encoding.evidence,
        )  # fmt: skip

    def _chunks(self, columns: tuple[str, ...]) -> Iterator[Chunk]:
        for start in range(0, len(self.rows), _CHUNK_ROWS):
            stop = start + _CHUNK_ROWS
            rows = [[values.get(name) for name in columns] for values in self.rows[start:stop]]
            reasons = {at - start: why for at, why in self.reasons.items() if start <= at < stop}
            yield Chunk(rows, _array(self.geometries[start:stop]), reasons)


def _array(geometries: list[shapely.Geometry | None]) -> NDArray[np.object_]:
    array = np.full(len(geometries), None, dtype=object)
    array[:] = geometries
    return array
