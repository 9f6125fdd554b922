"""What processes used, read from ``/proc``: CPU time, and memory now and at its peak."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from gis_service.local_cluster import LocalCluster

_TICKS = os.sysconf("SC_CLK_TCK")
_RESET_PEAK = "5"


@dataclass(frozen=True)
class Tree:
    """A process with its children: a server with its workers, PostgreSQL with its backends."""

    root: int

    def pids(self) -> list[int]:
        """Return the processes that are alive now."""
        return [self.root, *(pid for pid, fields in _all_processes() if int(fields[1]) == self.root)]

    def cpu(self) -> float:
        """Return the CPU seconds used so far, by user and system.

        A child's time moves to its parent when it ends, so a backend that goes away is never lost.
        """
        ticks = 0
        for pid, fields in _all_processes():
            if pid == self.root:
                ticks += sum(int(field) for field in fields[11:15])
            elif int(fields[1]) == self.root:
                ticks += int(fields[11]) + int(fields[12])
        return ticks / _TICKS

    def resident(self) -> float:
        """Return the resident memory now, in MB."""
        return sum(_status(pid, "VmRSS:") for pid in self.pids()) / 1024

    def private(self) -> float:
        """Return the memory that isn't shared nor a file's, in MB: for backends, without the shared buffers."""
        return sum(_status(pid, "RssAnon:") for pid in self.pids()) / 1024

    def peak(self) -> float:
        """Return the highest resident memory since ``reset_peak``, in MB."""
        return sum(_status(pid, "VmHWM:") for pid in self.pids()) / 1024

    def reset_peak(self) -> None:
        """Let the peak begin again from now."""
        for pid in self.pids():
            Path(f"/proc/{pid}/clear_refs").write_text(_RESET_PEAK, encoding="ascii")


def database_tree(cluster: LocalCluster) -> Tree:
    """Return the tree of a cluster's server."""
    return Tree(int((cluster.cluster / "postmaster.pid").read_text(encoding="utf-8").split()[0]))


@contextmanager
def watched(tree: Tree) -> Iterator[list[float]]:
    """Note the private memory of a tree, in MB, twenty times a second; for processes whose peak isn't ours to reset."""
    seen = [tree.private()]
    stop = threading.Event()

    def watch() -> None:
        while not stop.wait(0.05):
            seen.append(tree.private())

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield seen
    finally:
        stop.set()
        thread.join()


def _all_processes() -> Iterator[tuple[int, list[str]]]:
    """Yield every process with the fields of its ``stat`` after the name; one that ends meanwhile is left out."""
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with suppress(FileNotFoundError, ProcessLookupError):
                yield int(entry.name), (entry / "stat").read_text(encoding="utf-8").rpartition(")")[2].split()


def _status(pid: int, name: str) -> int:
    """Return a figure of a process's ``status`` in kB; 0 when it has ended."""
    with suppress(FileNotFoundError, ProcessLookupError):
        for line in Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines():
            if line.startswith(name):
                return int(line.split()[1])
    return 0
