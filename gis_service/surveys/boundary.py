"""A community's boundary from a survey file."""

from __future__ import annotations

from pathlib import Path

import shapely
from shapely.geometry.base import BaseGeometry

from gis_service.errors import InputError
from gis_service.surveys.files.reading import SurveyError, read_survey


def read_boundary(path: Path, crs: str | None = None) -> BaseGeometry:
    """Return the one area that a file holds, in CGCS2000 degrees (EPSG:4490); its parts are joined.

    Raises
    ------
    InputError
        When the file can't be read, holds no area, or a broken one.
    """
    areas = []
    try:
        with read_survey(path, geometry="MULTIPOLYGON", crs=crs) as (_, batches):
            for batch in batches:
                for number, geometry, reason in zip(batch.row_numbers, batch.geometries, batch.reasons, strict=True):
                    if geometry is None:
                        raise InputError(
                            f"边界文件 {path.name} 第 {number} 行不能用:{reason or '没有几何'}",
                            f"Row {number} of the boundary file {path.name} can't be used.",
                        )
                    areas.append(shapely.from_wkb(geometry))
    except SurveyError as error:
        raise InputError(str(error), f"The boundary file {path.name} can't be used.") from error
    if not areas:
        raise InputError(f"边界文件 {path.name} 里没有面。", f"The boundary file {path.name} holds no area.")
    return shapely.union_all(areas)
