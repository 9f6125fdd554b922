"""What the two commands stand on: locks with hashes and without addresses, scripts that parse, licences that fit."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SCRIPTS = sorted([*(ROOT / "script").iterdir(), ROOT / ".ci" / "run"])
LOCKS = sorted(ROOT.glob("requirements*.txt"))


def run(*command: str | Path, cwd: Path = ROOT, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a command to its end and keep what it said."""
    return subprocess.run(
        command, cwd=cwd, env=os.environ | environment, capture_output=True, text=True, check=False, timeout=60
    )


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_scripts_are_executable_and_parse(script: Path) -> None:
    assert os.access(script, os.X_OK)
    first = script.read_text(encoding="utf-8").splitlines()[0]
    if first.endswith("bash"):
        assert "set -euo pipefail" in script.read_text(encoding="utf-8") or script.name == "run"
        parsed = run("bash", "-n", script)
    else:
        parsed = run(sys.executable, "-c", "import ast, sys; ast.parse(open(sys.argv[1]).read())", script)
    assert (parsed.returncode, parsed.stderr) == (0, "")


@pytest.mark.parametrize("lock", LOCKS, ids=lambda path: path.name)
def test_python_locks_have_hashes_and_no_address(lock: Path) -> None:
    text = lock.read_text(encoding="utf-8")
    entries = re.split(r"\n(?=\S)", text.strip())
    assert entries
    for entry in entries:
        assert re.match(r"[\w.-]+==\S+", entry), entry
        assert "--hash=sha256:" in entry, entry
    assert not re.search(r"://|--index|--extra-index|--find-links| @ ", text)


def test_the_development_lock_contains_the_runtime_lock() -> None:
    pinned = {
        lock.name: set(re.findall(r"^[\w.-]+==[^\s;\\]+", lock.read_text(encoding="utf-8"), re.MULTILINE))
        for lock in LOCKS
    }
    assert pinned["requirements.txt"] <= pinned["requirements-dev.txt"]


def test_npm_lock_has_integrity_hashes_and_no_address() -> None:
    path = ROOT / "maps" / "vendor" / "package-lock.json"
    text = path.read_text(encoding="utf-8")
    assert "resolved" not in text
    assert "://" not in text
    packages = {name: entry for name, entry in json.loads(text)["packages"].items() if name}
    assert packages
    assert all(entry["integrity"].startswith("sha512-") for entry in packages.values())


def test_fetched_files_have_the_locked_versions() -> None:
    vendor = ROOT / "maps" / "vendor"
    fetched = json.loads((vendor / "assets" / "versions.json").read_text(encoding="utf-8"))
    assert fetched == json.loads((vendor / "package.json").read_text(encoding="utf-8"))["dependencies"]
    # What a style sheet names must have been fetched too, or the page would ask in vain.
    for sheet in (vendor / "assets").rglob("*.css"):
        for name in re.findall(r"url\([\"']?(?!data:|#)([^\"')]+)", sheet.read_text(encoding="utf-8")):
            assert (sheet.parent / name).is_file(), f"{sheet}: {name}"


def test_licences_fit() -> None:
    checked = run(sys.executable, ROOT / "script" / "licences")
    assert checked.returncode == 0, checked.stderr


@pytest.mark.parametrize(
    ("expression", "fits"),
    [
        ("MIT", True),
        ("MPL-2.0 AND (Apache-2.0 OR MIT)", True),
        ("GPL-3.0-only OR MIT", True),
        ("GPL-3.0-only", False),
        ("AGPL-3.0-or-later", False),
        ("MIT AND (GPL-2.0-only AND BSD-3-Clause)", False),
        ("LGPL-3.0-only", False),
        ("Apache-2.0 WITH LLVM-exception", False),
        ("", False),
    ],
)
def test_licence_expressions(expression: str, fits: bool) -> None:
    code = "import runpy, sys; m = runpy.run_path(sys.argv[1]); print(m['fits'](sys.argv[2], set()))"
    assert run(sys.executable, "-c", code, ROOT / "script" / "licences", expression).stdout.strip() == str(fits)


@pytest.mark.parametrize("script", ["setup", "test"])
def test_an_unknown_option_is_refused_with_a_sentence(script: str, tmp_path: Path) -> None:
    refused = run(ROOT / "script" / script, "--nonsense", cwd=tmp_path)
    assert refused.returncode == 2
    assert "不认识参数 --nonsense" in refused.stderr
