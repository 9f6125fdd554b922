"""Blank forms from the address, from the list of layers and from the command line."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import unquote

import pytest
from fastapi.testclient import TestClient

from gis_service.exports.formats import XLSX
from gis_service.surveys.forms.table import blank_table
from gis_service.surveys.forms.xlsform import xlsform
from layers.registry import LAYERS
from tests.api.conftest import Command
from tests.api.test_upload_command import one_sentence

WASTE_POINT = LAYERS["waste_point"]
ADDRESS = "/collections/waste_point/form"


@pytest.mark.parametrize(
    ("asked", "content", "plain", "chinese"),
    [
        ("", blank_table(WASTE_POINT), "waste_point_blank.xlsx", "垃圾投放点_空白表格.xlsx"),
        ("?f=xlsx", blank_table(WASTE_POINT), "waste_point_blank.xlsx", "垃圾投放点_空白表格.xlsx"),
        ("?f=xlsform", xlsform(WASTE_POINT), "waste_point_xlsform.xlsx", "垃圾投放点_手机表单.xlsx"),
    ],
)
def test_a_form_is_a_file_with_a_chinese_name(
    client: TestClient, asked: str, content: bytes, plain: str, chinese: str
) -> None:
    answer = client.get(f"{ADDRESS}{asked}")
    assert (answer.status_code, answer.headers["content-type"]) == (200, XLSX.media_type)
    assert answer.content == content
    said = answer.headers["content-disposition"]
    assert f'filename="{plain}"' in said
    assert unquote(said.partition("filename*=UTF-8''")[2]) == chinese
    again = client.get(f"{ADDRESS}{asked}", headers={"If-None-Match": answer.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize(
    ("address", "status", "words"),
    [
        (f"{ADDRESS}?f=csv", 400, "f"),
        (f"{ADDRESS}?g=1", 400, "不认识参数"),
        ("/collections/nope/form", 404, "没有图层"),
    ],
)
def test_what_is_no_form_is_refused(client: TestClient, address: str, status: int, words: str) -> None:
    answer = client.get(address)
    assert answer.status_code == status
    assert words in answer.json()["detail"]


def test_every_layer_leads_to_its_forms(client: TestClient) -> None:
    page = client.get("/collections?f=html").text
    for one in client.get("/collections?f=json").json()["collections"]:
        links = [link for link in one["links"] if link["rel"] == "create-form"]
        assert [link["title"] for link in links] == [f"{one['title']}的空白表格", f"{one['title']}的手机表单"]
        for link in links:
            assert client.get(link["href"]).status_code == 200
            assert f'href="{link["href"]}"' in page


def test_the_command_writes_a_form(command: Command, tmp_path: Path) -> None:
    table, phone = tmp_path / "表格.xlsx", tmp_path / "手机.xlsx"
    done = command("form", "垃圾投放点", "--out", table)
    assert (done.code, done.out) == (0, f"已写出 {table}({len(blank_table(WASTE_POINT)) / 1e3:.0f} KB)。\n")
    assert command("form", "waste_point", "--out", phone, "--xlsform").code == 0
    assert (table.read_bytes(), phone.read_bytes()) == (blank_table(WASTE_POINT), xlsform(WASTE_POINT))
    for layer, out, words in (
        ("nope", table, "没有图层"), ("waste_point", tmp_path / "a.csv", "请用 .xlsx"),
        ("waste_point", tmp_path / "无" / "a.xlsx", "没有文件夹"),
    ):  # fmt: skip
        assert words in one_sentence(command("form", layer, "--out", out))
    assert {path.name for path in tmp_path.iterdir()} == {"表格.xlsx", "手机.xlsx"}
