"""The fence around the child process that touches a stranger's file.

Inside of it GDAL has two drivers, there is no network where the system allows that, the environment is clean, and
memory, processor time and written bytes are bounded (reference: hostile-input-and-privacy §1.2).
"""

from __future__ import annotations

import ctypes
import os
import resource
import subprocess
import sys
from collections.abc import Collection
from pathlib import Path
from typing import Final

from gis_service.surveys.files.limits import ReadLimits

# All other formats are parsed by ourselves: GDAL is asked only for these.
ALLOWED_DRIVERS: Final = frozenset({"ESRI Shapefile", "GPKG"})

# GDAL picks a driver by content, and it can only be told which ones to leave out, before it is loaded. A driver that a
# new GDAL brings isn't in this list: then `drivers_as_agreed` refuses every file and a test fails.
_SKIPPED_DRIVERS: Final = (
    "ADBC", "AIVector", "AVCBin", "AVCE00", "AmigoCloud", "CSV", "CSW", "Carto", "DGN", "DXF", "EDIGEO", "EEDA",
    "ESRIJSON", "Elasticsearch", "FlatGeobuf", "GDALG", "GML", "GPSBabel", "GPX", "GTFS", "GeoJSON", "GeoJSONSeq",
    "GeoRSS", "HTTP", "Idrisi", "JML", "JSONFG", "KML", "LIBKML", "LVBAG", "MBTiles", "MEM", "MVT", "MapInfo File",
    "MapML", "MiraMonVector", "NGW", "OAPIF", "ODS", "OGCAPI", "OGR_GMT", "OGR_PDS", "OGR_VRT", "OSM", "OpenFileGDB",
    "PCIDSK", "PDF", "PDS4", "PGDUMP", "PLSCENES", "PMTiles", "S57", "SQLite", "SXF", "Selafin", "TopoJSON", "VDV",
    "VFK", "VICAR", "WAsP", "WFS", "XLSX",
)  # fmt: skip

_CLONE_NEWUSER: Final = 0x10000000
_CLONE_NEWNET: Final = 0x40000000
_OPEN_FILES: Final = 64


def child_environment() -> dict[str, str]:
    """Build the whole environment of the child: nothing of ours is handed on but where this package lies."""
    skipped = ",".join(_SKIPPED_DRIVERS)
    return {
        "PYTHONPATH": str(Path(__file__).resolve().parents[3]),
        "LC_ALL": "C.UTF-8",
        # Comma separated, so that names with a space count too.
        "GDAL_SKIP": skipped,
        "OGR_SKIP": skipped,
        "GDAL_DRIVER_PATH": "disable",
        "GDAL_PAM_ENABLED": "NO",
        "GDAL_HTTP_TIMEOUT": "1",
        "CPL_VSIL_CURL_ALLOWED_FILENAME": "/none",
        "CPL_LOG": "/dev/null",
        "PROJ_NETWORK": "OFF",
        # Threads would share the two processors with the service, and a process with threads can't be fenced.
        "OPENBLAS_NUM_THREADS": "1",
        "OMP_NUM_THREADS": "1",
        "GDAL_NUM_THREADS": "1",
    }


def close_network() -> bool:
    """Move this process into a network of its own, which has no interfaces that are up.

    Returns
    -------
    bool
        False where the system doesn't allow it (containers often don't).
    """
    unshare = ctypes.CDLL(None, use_errno=True).unshare
    flags = _CLONE_NEWNET if os.geteuid() == 0 else _CLONE_NEWNET | _CLONE_NEWUSER
    return bool(unshare(ctypes.c_int(flags)) == 0)


def limit_resources(limits: ReadLimits) -> None:
    """Bound memory, processor time, written bytes and open files of this process, for good."""
    cpu_s = int(limits.cpu_s)
    resource.setrlimit(resource.RLIMIT_AS, (limits.memory_bytes, limits.memory_bytes))
    resource.setrlimit(resource.RLIMIT_CPU, (cpu_s, cpu_s))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_NOFILE, (_OPEN_FILES, _OPEN_FILES))
    # Only our own unzipping writes; before GDAL opens anything this goes down to nothing.
    resource.setrlimit(resource.RLIMIT_FSIZE, (limits.unpacked_bytes, limits.unpacked_bytes))


def forbid_writing() -> None:
    """Let this process write no byte to any file any more (pipes still work)."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))


def drivers_as_agreed(drivers: Collection[str]) -> bool:
    """Say whether GDAL has exactly the allowed drivers: neither one more, nor one missing."""
    return frozenset(drivers) == ALLOWED_DRIVERS


def network_is_cut() -> bool:
    """Return whether a child of this process would have no network, by trying it in one."""
    tried = subprocess.run(
        [
            sys.executable,
            "-c",
            "import sys; from gis_service.surveys.files.fence import close_network; sys.exit(not close_network())",
        ],
        env=child_environment(),
        check=False,
    )
    return tried.returncode == 0
