"""The mapping as a clerk keeps it: written for Excel, read as Excel saves it, guessed where a label is a title."""

from __future__ import annotations

from pathlib import Path

import pytest

from gis_service.errors import InputError
from gis_service.reports.figure import Catalogue, Group, figure_of, spelling_of
from gis_service.reports.files.found import Found, FoundMark, FoundPlace
from gis_service.reports.filling import plan_of
from gis_service.reports.mapping import Row, guessed, mapping_file, read_mapping

HAZARDS, TOTALS = Group("hazards", "隐患"), Group("reported", "上报")
CATALOGUE = Catalogue(
    [
        figure_of(HAZARDS, "未办结", 12, "起", method="m", by_grid={"330482002011001": 12}),
        figure_of(HAZARDS, "企业", 1, "家", method="m"), figure_of(TOTALS, "企业", 2, "家", method="m"),
    ],
    ["330482002011001"],
)  # fmt: skip
FOUND = Found(
    "XLSX",
    (FoundMark("hazards/未办结", "甲!A1"), FoundMark("本月未办", "甲!A2"), FoundMark("本月未办", "甲!A3")),
    (
        FoundPlace("未办结", "甲!B1", named=True), FoundPlace("=甲!B2", "=甲!B2", ("未办结\uff08起\uff09", "x")),
        FoundPlace("甲!B3", "甲!B3", ("企业",)), FoundPlace("甲!B4", "甲!B4", ("隐患/未办结@001",)),
    ),
    (),
)  # fmt: skip


def test_what_a_name_or_a_label_says_is_guessed_and_nothing_else() -> None:
    rows = {row.place: row for row in guessed(FOUND, CATALOGUE)}
    assert {place: row.figure for place, row in rows.items()} == {
        "{{hazards/未办结}}": "hazards/未办结", "{{本月未办}}": "", "未办结": "hazards/未办结",
        "=甲!B2": "hazards/未办结",
        # Two figures are called so: which of them is meant is for people to say.
        "甲!B3": "", "甲!B4": "hazards/未办结@330482002011001",
    }  # fmt: skip
    assert "甲!A2、甲!A3" in rows["{{本月未办}}"].note


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-8", "gb18030"])
def test_a_mapping_is_read_as_excel_saves_it(tmp_path: Path, encoding: str) -> None:
    written = mapping_file(guessed(FOUND, CATALOGUE))
    assert written.startswith(b"\xef\xbb\xbf")
    path = tmp_path / "m.csv"
    path.write_bytes(written.decode("utf-8-sig").encode(encoding))
    assert read_mapping(path) == guessed(FOUND, CATALOGUE)
    # A sheet may be called like a formula; a spreadsheet must not run it.
    assert "\n'=甲!B2," in written.decode()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("甲,乙\n1,2\n", "应有“位置”和“指标”两列"),
        ("", "应有“位置”和“指标”两列"),
        ("位置,指标\n甲!A1,a\n甲!A1,b\n", "第 3 行的位置“甲!A1”前面已经有了"),
        ("位置,指标\n,hazards/未办结\n", "第 2 行有指标,没有位置"),
        ('位置,指标\n"甲', "不是完好的 CSV"),
        ("位置,指标\n" + "x" * 3_000_000, "超过 2 MB"),
    ],
)
def test_a_mapping_that_cannot_be_read_is_said(tmp_path: Path, content: str, said: str) -> None:
    path = tmp_path / "m.csv"
    path.write_text(content, "utf-8")
    with pytest.raises(InputError, match=said):
        read_mapping(path)
    with pytest.raises(InputError, match="打不开对照表"):
        read_mapping(tmp_path / "none.csv")


def test_a_plan_takes_the_mapping_before_what_placeholders_name() -> None:
    rows = [
        Row("{{本月未办}}", "hazards/未办结"),
        Row("{{ hazards/未办结 }}", ""),
        Row("甲!B3", "reported/企业"),
        Row("甲!B4", ""),
    ]
    plan = plan_of(FOUND, rows)
    assert plan.marks == {spelling_of("本月未办"): "hazards/未办结"}
    assert plan.places == {"甲!B3": "reported/企业"}
    assert plan.left == ("hazards/未办结",)
    assert plan.groups == {"hazards", "reported"}


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([Row("{{没有}}", "hazards/未办结")], "占位符“{{没有}}”表里没有"),
        ([Row("{{hazards/未办结}}", ""), Row("{{本月未办}}", "")], "没有要填的地方"),
    ],
)
def test_a_mapping_that_does_not_fit_the_form_is_said(rows: list[Row], said: str) -> None:
    with pytest.raises(InputError, match=said):
        plan_of(FOUND, rows)


def test_a_form_with_a_problem_is_not_filled() -> None:
    with pytest.raises(InputError, match="甲(另有 1 处)".replace("(", r"\(").replace(")", r"\)")):
        plan_of(Found("XLSX", FOUND.marks, (), ("甲", "乙")), [])


def test_placeholders_of_ones_own_are_told_apart_by_their_numbers() -> None:
    marks = tuple(FoundMark(asked, "甲!A1") for asked in ("行/1", "行/2", "\uff38 / 3"))
    rows = [Row("{{行/1}}", "hazards/未办结"), Row("{{行/2}}", "reported/企业"), Row("{{x/3}}", "hazards/企业")]
    plan = plan_of(Found("XLSX", marks, (), ()), rows)
    assert plan.marks == {"行/1": "hazards/未办结", "行/2": "reported/企业", "x/3": "hazards/企业"}
