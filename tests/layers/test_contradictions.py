"""A declaration that contradicts itself is refused, by a sentence that names its file."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import pytest
from pydantic import Field, create_model

import layers
from layers.code import Code, CodeList, read_code_list
from layers.errors import DeclarationError
from layers.layer import Layer
from layers.record import Record, Survey, Unit
from layers.style import Style

PACKAGE = Path(layers.__file__).parent


def declare(*, doc: str | None = "A thing.", record: dict[str, Any] | None = None, **layer: Any) -> Layer:
    """Declare a layer as if by ``layers/catalog/broken.py``: sound, but for what the caller passes."""
    fields: dict[str, Any] = record or {}
    made = create_model("Broken", __base__=Record, __module__="layers.catalog.broken", __doc__=doc, **fields)
    declared: dict[str, Any] = {
        "name": "broken",
        "title": "坏图层",
        "summary": "坏图层,只为试验。",
        "group": "设施",
        "record": made,
        "geometry": "POINT",
        "visibility": "community",
        "label": "name",
        "style": Style(color="#112233"),
    }
    return Layer(**(declared | layer))


def copy_package(folder: Path) -> Path:
    """Copy ``layers`` into a folder, so that a test may break one of its files."""
    copy = folder / "layers"
    shutil.copytree(PACKAGE, copy, ignore=shutil.ignore_patterns("__pycache__"))
    return copy


def import_copy(copy: Path, module: str) -> subprocess.CompletedProcess[str]:
    """Import a module of the copied package in a process of its own; its stderr says why it can't be imported."""
    code = f"import sys; sys.path.insert(0, {str(copy.parent)!r}); import {module}; print({module}.__file__)"
    return subprocess.run([sys.executable, "-B", "-c", code], capture_output=True, text=True, check=False, timeout=60)


class Colour(Code):
    """Two codes."""

    RED = "red", "红"
    BLUE = "blue", "蓝"


class Blurred(Code):
    """A word that stands for two codes."""

    DARK = "dark", "深", "暗"
    DIM = "dim", "暗"


def of(hint: Any) -> dict[str, Any]:
    """Declare one more field, ``thing``."""
    return {"thing": (hint, None)}


def coloured(**style: Any) -> Layer:
    """Declare a layer with a code field ``thing`` and a style."""
    return declare(record=of(Annotated[Colour | None, Field(title="颜色")]), style=Style(color="#112233", **style))


CONTRADICTIONS: dict[str, tuple[Callable[[], Layer], str]] = {
    "minimum above maximum": (
        lambda: declare(record=of(Annotated[int | None, Field(title="数", ge=5, le=4)])),
        "field thing has a minimum 5 above its maximum 4",
    ),
    "bound on a text": (
        lambda: declare(record=of(Annotated[str | None, Field(title="文"), Unit("m")])),
        "is no number",
    ),
    "field without title": (
        lambda: declare(record=of(Annotated[int | None, Field(ge=0)])),
        "field thing needs a title",
    ),
    "type no column holds": (
        lambda: declare(record=of(Annotated[dict[str, int] | None, Field(title="表")])),
        "which no column can hold",
    ),
    "mixed types": (lambda: declare(record=of(Annotated[int | str | None, Field(title="数")])), "mixes types"),
    "list of numbers": (lambda: declare(record=of(Annotated[list[int] | None, Field(title="数")])), "list of texts"),
    "code list on a number": (
        lambda: declare(record=of(Annotated[int | None, Field(title="数"), CodeList("event")])),
        "must be a text",
    ),
    "header twice": (
        lambda: declare(record=of(Annotated[int | None, Field(title="数"), Survey("名字")])),
        "the header '名字' stands for both name and thing",
    ),
    "header twice but for case": (
        lambda: declare(record=of(Annotated[int | None, Field(title="数"), Survey("OSM_ID")])),
        "stands for both code and thing",
    ),
    "second key": (
        lambda: declare(record=of(Annotated[int | None, Field(title="数"), Survey(identifies=True)])),
        "only code may identify",
    ),
    "system column": (
        lambda: declare(record={"geom": (Annotated[str | None, Field(title="形")], None)}),
        "the service itself keeps the field 'geom'",
    ),
    "no docstring": (lambda: declare(doc=None), "needs a docstring of its own"),
    "label is no field": (lambda: declare(label="nowhere"), "the label 'nowhere' is no field"),
    "name in capitals": (lambda: declare(name="Broken"), "must be lower case"),
    "name is not the file's": (lambda: declare(name="other"), "file and layer have one name"),
    "colour in capitals": (lambda: declare(style=Style(color="#AABBCC")), "must be #rrggbb"),
    "colour by no code field": (lambda: declare(style=Style(color="#112233", by="name")), "which is no code field"),
    "colour missing": (
        lambda: coloured(by="thing", palette={"red": "#ff0000"}),
        "the palette has no colour for blue",
    ),
    "colour of an unknown code": (
        lambda: coloured(by="thing", palette={"red": "#ff0000", "blue": "#0000ff", "green": "#00ff00"}),
        "the palette colours unknown codes green",
    ),
}


def test_the_sound_declaration_is_sound() -> None:
    assert declare().where == "layers/catalog/broken.py"
    assert coloured(by="thing", palette={"red": "#ff0000", "blue": "#0000ff"}).style.by == "thing"


def test_a_word_stands_for_one_code() -> None:
    field = (Annotated[Blurred, Field(title="样子")], Blurred.DARK)
    with pytest.raises(DeclarationError, match=r"^layers/catalog/broken\.py: .*a word that stands for two codes"):
        _ = declare(record={"look": field}).fields


@pytest.mark.parametrize(("make", "sentence"), CONTRADICTIONS.values(), ids=CONTRADICTIONS.keys())
def test_a_contradiction_names_its_file(make: Callable[[], Layer], sentence: str) -> None:
    with pytest.raises(DeclarationError) as caught:
        make()
    assert str(caught.value).startswith("layers/catalog/broken.py: ")
    assert sentence in str(caught.value)


def test_a_missing_code_list_names_its_file() -> None:
    with pytest.raises(DeclarationError, match=r"^layers/codes/nowhere\.csv: the code list does not exist$"):
        read_code_list("nowhere")


BROKEN_FILES: dict[str, tuple[str, str, str, str]] = {
    "code twice": (
        "codes/event.csv",
        "01-02,暴露垃圾",
        "01-01,暴露垃圾",
        "layers/codes/event.csv line 3: code 01-01 stands twice",
    ),
    "no label": (
        "codes/event.csv",
        "01-02,暴露垃圾",
        "01-02,",
        "layers/codes/event.csv line 3: needs a code and a label",
    ),
    "no column": (
        "codes/event.csv",
        "code,label",
        "code,name",
        "layers/codes/event.csv line 2: needs a code and a label",
    ),
    "no layer": ("catalog/green.py", "LAYER = Layer(", "GREEN = Layer(", "layers/catalog/green.py: declares no LAYER"),
    "title of another": (
        "catalog/green.py",
        'title="绿地",',
        'title="水系",',
        "the title 水系 is that of layers/catalog/",
    ),
    "bounds": (
        "catalog/estate.py",
        "ge=1900, le=2100",
        "ge=2100, le=1900",
        "layers/catalog/estate.py: field built_year has a minimum",
    ),
}


@pytest.mark.parametrize(("file", "old", "new", "sentence"), BROKEN_FILES.values(), ids=BROKEN_FILES.keys())
def test_a_broken_file_stops_the_import(tmp_path: Path, file: str, old: str, new: str, sentence: str) -> None:
    copy = copy_package(tmp_path)
    text = (copy / file).read_text(encoding="utf-8")
    assert text.count(old) == 1
    (copy / file).write_text(text.replace(old, new), encoding="utf-8")
    done = import_copy(copy, "layers.registry")
    assert done.returncode != 0
    assert sentence in done.stderr.strip().splitlines()[-1]


def test_the_unbroken_copy_is_imported(tmp_path: Path) -> None:
    copy = copy_package(tmp_path)
    done = import_copy(copy, "layers.registry")
    assert (done.returncode, done.stdout.strip()) == (0, str(copy / "registry.py"))


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ('code = "waste.radius_timed"', 'code = "waste.radius_point"', "code waste.radius_point stands twice"),
        ('code = "waste.radius_timed"\n', "", "layers/rules.toml rule 4: code: Field required"),
        ('code = "waste.radius_timed"\n', 'code = "waste.radius_timed"\ncolour = 1\n', "rule 4: colour: Extra inputs"),
    ],
    ids=["code twice", "code missing", "unknown key"],
)
def test_a_broken_rule_stops_the_import(tmp_path: Path, old: str, new: str, sentence: str) -> None:
    copy = copy_package(tmp_path)
    text = (copy / "rules.toml").read_text(encoding="utf-8")
    assert text.count(old) == 1
    (copy / "rules.toml").write_text(text.replace(old, new), encoding="utf-8")
    done = import_copy(copy, "layers.rules")
    assert done.returncode != 0
    assert sentence in done.stderr.strip().splitlines()[-1]
