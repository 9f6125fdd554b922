"""``gis-service uploads`` and ``revert``: from the list of uploads back to what was there before."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from tests.api.conftest import Command, State
from tests.api.test_upload_command import buildings, clean, one_sentence, upload

__all__ = ["clean"]

NAMES = text("select code, name from gis.building where community = :c order by code")


@pytest.fixture
def stored(superuser: Engine, area: str) -> Callable[[], list[tuple[str, str]]]:
    """Read codes and names of the community's buildings."""

    def read() -> list[tuple[str, str]]:
        with superuser.connect() as conn:
            return [(code, name) for code, name in conn.execute(NAMES, {"c": area})]

    return read


@pytest.mark.usefixtures("clean")
def test_the_way_back_and_forth_again(
    command: Command, stored: Callable[[], list[tuple[str, str]]], state: State, superuser: Engine, tmp_path: Path
) -> None:
    first = buildings(tmp_path / "一.geojson", "AB")
    assert upload(command, first, "--commit").code == 0
    before = stored()
    second = buildings(tmp_path / "二.geojson", "ABC")
    second.write_text(second.read_text("utf-8").replace("A 楼", "甲楼").replace("B 楼", "乙楼"), "utf-8")
    assert upload(command, second, "--commit").code == 0
    after = stored()
    with superuser.begin() as conn:
        conn.execute(text("update gis.building set name = '后来改的' where code = 'B'"))
    listed = command("uploads", "--layer", "building").out
    assert "二.geojson:新增 1、变更 2" in listed
    identifier = re.findall(r"编号 ([0-9a-f-]{36})", listed)[0]
    untouched = state()
    looked = command("revert", identifier, "--preview")
    assert looked.code == 0, looked.err
    assert "冲突 编码 B(名称):之后又改过,保持现在的值" in looked.out
    assert "没有写入" in looked.out
    assert state() == untouched
    done = command("revert", identifier)
    assert done.code == 0, done.err
    assert stored() == [before[0], ("B", "后来改的")]
    again = one_sentence(command("revert", identifier))
    assert "已经撤回过" in again
    listed = command("uploads").out
    assert f"撤回 {identifier}" in listed
    assert "已撤回" in listed
    back = re.findall(r"这次撤回的编号 ([0-9a-f-]{36})", done.out)[0]
    assert command("revert", back).code == 0
    assert stored() == [after[0], ("B", "后来改的"), after[2]]


@pytest.mark.parametrize(
    ("words", "said"),
    [(("revert", "abc"), "36 位"), (("revert", "00000000-0000-0000-0000-000000000000"), "没有编号为"),
     (("uploads", "--community", "330482999999"), "330482999999")],
)  # fmt: skip
def test_what_is_not_there_is_said(command: Command, area: str, words: tuple[str, ...], said: str) -> None:
    assert area
    assert said in one_sentence(command(*words))
