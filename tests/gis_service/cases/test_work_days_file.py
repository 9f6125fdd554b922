"""A year's holidays as a file: what is read however Excel saved it, and what is refused with its row."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from gis_service.cases.work_calendar import WorkDay
from gis_service.cases.work_days_file import read_days_file
from gis_service.errors import InputError

HEAD = "日期,类型,名称,依据\n"
GOOD = (
    HEAD + "2027-01-01,休,元旦,国办通知\n2027/1/2,班,元旦调休,国办通知\n\n2027年5月1日, 休 ,劳动节,“国办,通知”\n,,,\n"
)


def file(folder: Path, content: str | bytes) -> Path:
    path = folder / "明年.csv"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gbk"])
@pytest.mark.parametrize("ends", ["\n", "\r\n"])
def test_a_file_is_read_however_it_was_saved(tmp_path: Path, encoding: str, ends: str) -> None:
    written = GOOD.replace("“国办,通知”", '"国办,通知"').replace("\n", ends)
    assert read_days_file(file(tmp_path, written.encode(encoding))) == [
        WorkDay(date(2027, 1, 1), working=False, name="元旦", basis="国办通知", own=True),
        WorkDay(date(2027, 1, 2), working=True, name="元旦调休", basis="国办通知", own=True),
        WorkDay(date(2027, 5, 1), working=False, name="劳动节", basis="国办,通知", own=True),
    ]


def test_columns_may_stand_in_another_order_and_beside_others(tmp_path: Path) -> None:
    (day,) = read_days_file(file(tmp_path, "备注,依据,名称,类型,日期\nx,街道通知,社区日,休,2026-11-30\n"))
    assert (day.day, day.working, day.name, day.basis) == (date(2026, 11, 30), False, "社区日", "街道通知")


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("", "明年.csv 的第一行缺少列“日期、类型、名称、依据”;四列是:日期、类型、名称、依据。"),
        ("日期,类型,名称\n2027-01-01,休,元旦\n", "明年.csv 的第一行缺少列“依据”;四列是:日期、类型、名称、依据。"),
        (HEAD, "明年.csv 里没有日期;请每天写一行。"),
        (HEAD + "2027-01-01,休,元旦,国办\n2027-02-30,休,春节,国办\n",
         "明年.csv 第 3 行的日期 '2027-02-30' 看不懂;请写成 2027-01-01。"),
        (HEAD + "01/01/2027,休,元旦,国办\n", "明年.csv 第 2 行的日期 '01/01/2027' 看不懂;请写成 2027-01-01。"),
        (HEAD + "2999-01-01,休,元旦,国办\n", "明年.csv 第 2 行的日期 '2999-01-01' 看不懂;请写成 2027-01-01。"),
        (HEAD + ",休,元旦,国办\n", "明年.csv 第 2 行的日期 '' 看不懂;请写成 2027-01-01。"),
        (HEAD + "2027-01-01,放假,元旦,国办\n", "明年.csv 第 2 行的类型 '放假' 不对;请写“休”或“班”。"),
        (HEAD + "2027-01-01\n", "明年.csv 第 2 行的类型 '' 不对;请写“休”或“班”。"),
        (HEAD + "2027-01-01,休,,国办\n",
         "明年.csv 第 2 行的“名称”为空、太长或有看不见的字符;请写明,最多 200 个字。"),
        (HEAD + "2027-01-01,休,元旦,\n",
         "明年.csv 第 2 行的“依据”为空、太长或有看不见的字符;请写明,最多 200 个字。"),
        (HEAD + "2027-01-01,休,元\x1b[31m旦,国办\n",
         "明年.csv 第 2 行的“名称”为空、太长或有看不见的字符;请写明,最多 200 个字。"),
        (HEAD + "2027-01-01,休,元旦,国办\n2027/1/1,班,元旦,国办\n",
         "明年.csv 第 3 行的日期 2027-01-01 与第 2 行重复;请只留一行。"),
        (HEAD + '2027-01-01,休,"元旦,国办\n', "明年.csv 不是完好的 CSV;请在 Excel 里另存为 CSV UTF-8。"),
        (HEAD + "2027-01-01,休,元旦,国办\n" * 2001, "明年.csv 超过 2,000 行,不像是日历;请核对文件。"),
        (b"\xff\xfe" + HEAD.encode("utf-16-le"), "明年.csv 的编码看不懂;请在 Excel 里另存为 CSV UTF-8。"),
        (b"x" * ((1 << 20) + 1), "明年.csv 超过 1 MB,不像是日历;请核对文件。"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_in_one_sentence(tmp_path: Path, content: str | bytes, sentence: str) -> None:
    with pytest.raises(InputError) as error:
        read_days_file(file(tmp_path, content))
    assert str(error.value) == sentence


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="打不开日历文件"):
        read_days_file(tmp_path / "没有.csv")
