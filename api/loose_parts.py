"""The parts of a shapefile that were sent one by one, as the one file that the desk takes."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from gis_service.errors import InputError
from gis_service.surveys.files.reading import SurveyError
from gis_service.surveys.files.shapefile_parts import pack_parts


@contextmanager
def packed(files: Mapping[str, Path]) -> Iterator[tuple[BinaryIO, str]]:
    """Open the parts as one archive, with the name of the shapefile.

    Raises
    ------
    InputError
        When they aren't the parts of one shapefile.
    """
    with tempfile.TemporaryDirectory(prefix="parts-") as folder:
        try:
            archive = pack_parts(files, Path(folder))
        except SurveyError as error:
            raise InputError(str(error), "The files aren't the parts of one shapefile.") from error
        with archive.open("rb") as opened:
            yield opened, f"{PurePosixPath(min(files, key=len)).stem}.zip"
