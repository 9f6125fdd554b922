"""Fails when something isn't documented, a page is stale, a link leads nowhere, or a file says where it was written."""

from __future__ import annotations

import csv
import fnmatch
import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from fastapi.testclient import TestClient
from typer.core import TyperGroup

from api.app import all_routes, create_app
from api.cli import app as command_line
from docs.write_data_page import (
    CODE_COLUMNS,
    CODE_LISTS,
    GEOMETRIES,
    PAGE,
    RULE_COLUMNS,
    STATUSES,
    SYSTEM_FIELDS,
    data_page,
)
from gis_service.analysis.catalog import ANALYSES
from gis_service.database import Database
from gis_service.people.roles import ROLES
from gis_service.settings import Settings
from layers.layer import SYSTEM_COLUMNS
from layers.registry import LAYERS
from layers.rules import Rule, RuleStatus
from tests.local_client import local

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
SEEN_BY = {"community": "社区", "grid": "本网格"}
# Put together here, so that this file isn't the one that names them.
REGISTRIES = [
    ".".join(parts)
    for parts in (
        ("pypi", "org"), ("pythonhosted", "org"), ("npmjs", "org"), ("npmjs", "com"), ("yarnpkg", "com"),
        ("npmmirror", "com"), ("deb", "debian", "org"), ("archive", "ubuntu", "com"), ("tuna", "tsinghua"),
        ("mirrors", "aliyun"), ("docker", "io"), ("ghcr", "io"), ("quay", "io"),
    )
]  # fmt: skip
MACHINE_FOLDERS = [f"/{name}/" for name in ("root", "home", "work")]
PICTURE_BYTES = 400_000


def committed() -> Iterator[Path]:
    """Walk over what is or may be committed: every file that .gitignore doesn't leave out."""
    ignored = [*(ROOT / ".gitignore").read_text(encoding="utf-8").split(), ".git"]

    def left_out(folder: Path, name: str) -> bool:
        anchored = "/" + (folder / name).relative_to(ROOT).as_posix()
        return any(
            anchored == pattern.rstrip("/") if pattern.startswith("/") else fnmatch.fnmatch(name, pattern.rstrip("/"))
            for pattern in ignored
        )

    for place, folders, files in os.walk(ROOT):
        folder = Path(place)
        folders[:] = sorted(name for name in folders if not left_out(folder, name))
        yield from (folder / name for name in sorted(files) if not left_out(folder, name))


FILES = list(committed())
PAGES = [path for path in FILES if path.suffix == ".md"]


def section(heading: str) -> str:
    """Return one section of the README, without the headings below it being cut off."""
    found = re.search(rf"^## {heading}\n(.*?)(?=^## |\Z)", README, re.MULTILINE | re.DOTALL)
    assert found, f"README.md has no section {heading!r}"
    return found[1]


def documented(heading: str) -> dict[str, str]:
    """Return the first column of the section's table, in backticks, with the rest of its row."""
    return dict(re.findall(r"^\| `([^`]+)` \| (.*) \|$", section(heading), re.MULTILINE))


def commands(command: Any, name: str) -> dict[str, set[str]]:
    """Return every command that does something, with its long options."""
    if isinstance(command, TyperGroup):
        return {
            whole: options
            for part, inner in command.commands.items()
            for whole, options in commands(inner, f"{name} {part}").items()
        }
    options = {option for parameter in command.params for option in parameter.opts if option.startswith("--")}
    return {name: options - {"--help"}}


def test_every_layer_is_in_the_readme() -> None:
    declared = {
        layer.name: f"{layer.title} | {GEOMETRIES[layer.geometry]} | {SEEN_BY[layer.visibility]}"
        for layer in LAYERS.values()
    }
    assert documented("图层") == declared


def test_every_route_is_in_the_readme() -> None:
    served = {
        f"{method} {re.sub(r':path}', '}', route.path)}"
        for route in all_routes()
        for method in (route.methods or set()) - {"HEAD"}
    }
    assert set(documented("接口")) == served


def test_every_role_is_in_the_readme() -> None:
    assert documented("账户") == {role.name: f"{role.title} | {role.description}" for role in ROLES.values()}


def test_every_analysis_is_in_the_readme() -> None:
    rows = re.findall(r"^\| `(\w+)` \| ([^|]+) \| ([^|]+) \|$", README, re.MULTILINE)
    expected = [(one.name, one.title + ("(对外)" if one.public else ""), one.description) for one in ANALYSES.values()]
    assert [row for row in expected if row not in rows] == []


def test_every_command_is_in_the_readme() -> None:
    existing = commands(typer.main.get_command(command_line), "gis-service")
    rows = documented("命令")
    # A row may show arguments after the command's name.
    by_command = {
        name: first + rest for name in existing for first, rest in rows.items() if f"{first} ".startswith(f"{name} ")
    }
    assert set(by_command) == set(existing)
    assert len(rows) == len(existing), "README.md lists a command that isn't there"
    for name, options in existing.items():
        missing = {option for option in options if not re.search(rf"{option}(?![\w-])", by_command[name])}
        assert not missing, f"README.md doesn't name {missing} of {name}"


def test_every_setting_is_in_the_readme() -> None:
    rows = documented("设置")
    assert set(rows) == {f"GIS_{name.upper()}" for name in Settings.model_fields}
    for name, field in Settings.model_fields.items():
        if field.default is not None:
            assert rows[f"GIS_{name.upper()}"].startswith(f"`{field.default}` |")


def test_the_data_page_is_what_the_declarations_say() -> None:
    assert PAGE.read_text(encoding="utf-8") == data_page(), "run script/docs"
    text = data_page()
    for layer in LAYERS.values():
        part = text.partition(f"\n## {layer.name} {layer.title}\n")[2].partition("\n## ")[0]
        own = {field.name for field in layer.all_fields} - {field.name for field in LAYERS["water"].all_fields}
        assert all(f"| `{name}` |" in part for name in own), layer.name


def test_every_column_of_rules_and_code_lists_is_explained() -> None:
    assert set(RULE_COLUMNS) == set(Rule.model_fields)
    assert set(STATUSES) == set(RuleStatus)
    assert [name for name, _, _ in SYSTEM_FIELDS] == list(SYSTEM_COLUMNS)
    for path in CODE_LISTS:
        with path.open(encoding="utf-8", newline="") as file:
            assert set(next(csv.reader(file))) <= set(CODE_COLUMNS), path.name


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_links_and_pictures_lead_somewhere(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    targets = re.findall(r"\]\(([^)\s]+)\)", text) + re.findall(r'\b(?:src|href)="([^"]+)"', text)
    here = [target.partition("#")[0] for target in targets if not re.match(r"[a-z]+:|#", target)]
    assert [target for target in here if not (page.parent / target).is_file()] == []


def test_pictures_are_small() -> None:
    pictures = sorted((ROOT / "docs" / "pictures").glob("*.png"))
    expected = [
        "book",
        "desk",
        "field",
        "file",
        "home",
        *(f"map_{name}" for name in ANALYSES),
        "phone",
        "popup",
        "sheet_due",
        "sheet_hazards",
        "sheet_overview",
        "slides",
        "uploads",
        "workbook",
    ]
    assert sorted(picture.stem for picture in pictures) == sorted(expected)
    assert all(picture.stat().st_size < PICTURE_BYTES for picture in pictures)


def test_notice_names_every_package_that_is_run() -> None:
    notice = (ROOT / "NOTICE").read_text(encoding="utf-8")
    locked = re.findall(r"^([\w.-]+)==", (ROOT / "requirements.txt").read_text(encoding="utf-8"), re.MULTILINE)
    npm = json.loads((ROOT / "maps/vendor/package-lock.json").read_text(encoding="utf-8"))["packages"]
    names = [*locked, *(path.rpartition("node_modules/")[2] for path in npm if path)]
    assert [name for name in names if not re.search(rf"(?<![\w.-]){re.escape(name)}(?![\w-])", notice)] == []


def test_no_file_says_where_it_was_written() -> None:
    registries = "|".join(re.escape(host) for host in REGISTRIES)
    # Within a longer path such a word means something else: /var/lib/home/, $folder/work/.
    folders = rf"(?<![\w.}})])(?:{'|'.join(MACHINE_FOLDERS)})"
    pattern = re.compile(f"{registries}|{folders}")
    found = []
    for path in FILES:
        text = path.read_bytes().decode("utf-8", errors="ignore")
        found += [f"{path.relative_to(ROOT)}: {match[0]}" for match in pattern.finditer(text)]
    assert found == []


def test_the_queries_of_the_readme_answer_on_the_sample(sample: Database) -> None:
    block = section("四种用法")
    addresses = re.findall(r'curl (?:-H "\$T" )?"\$B(/[^"]+)"', block)
    assert len(addresses) >= 5
    with TestClient(create_app(sample), **local(sample)) as client:
        for address in addresses:
            answer = client.get(address)
            assert answer.status_code == 200, f"{address}: {answer.text}"
            if "items?" in address and "as_of" not in address:
                assert answer.json()["numberReturned"] > 0, address
        asked = re.findall(r'curl -G (?:-H "\$T" )?"\$B(/[^"]+)"((?:[ \\\n]+--data-urlencode[ \\\n]+"[^"]+")+)', block)
        assert len(asked) >= 4
        for address, options in asked:
            parameters = [tuple(option.split("=", 1)) for option in re.findall(r'"([^"]+)"', options)]
            answer = client.get(address, params=dict(parameters))
            assert answer.json()["numberReturned"] > 0, f"{address}: {answer.text}"
