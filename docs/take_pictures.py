# ruff: noqa: INP001 - a programme of its own, run by script/pictures
"""Photographs the sample as a visitor sees it: a temporary service, Chromium, the home page and every map."""

from __future__ import annotations

import argparse
import base64
import csv
import io
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import zlib
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import pypdfium2
from numpy.typing import NDArray
from playwright.sync_api import Browser, Page, sync_playwright

from gis_service.analysis.catalog import ANALYSES
from gis_service.database import connect
from gis_service.local_cluster import LocalCluster
from gis_service.people.accounts import add_account
from gis_service.people.logins import make_token
from gis_service.sample.load import COMMUNITY
from gis_service.scope import Scope

ROOT = Path(__file__).resolve().parent.parent
PICTURES = ROOT / "docs" / "pictures"
SAMPLE_DAY = "2020-06-30"
LARGEST_BYTES = 400_000
READY_MS = 30_000


@dataclass(frozen=True)
class Served:
    """Where the service is, and the header that lets a visitor in."""

    address: str
    login: dict[str, str]


@contextmanager
def running_service() -> Iterator[Served]:
    """Serve the sample from a data directory of its own on a free port, with one account for whoever looks."""
    folder = Path(tempfile.mkdtemp(prefix="gis-pictures-"))
    # Started by root, the database runs as user postgres, who must be able to enter the folder.
    folder.chmod(0o755)
    command = [str(ROOT / ".venv/bin/gis-service"), "serve", "--port", str(free_port()), "--data", str(folder / "data")]
    service = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=folder)  # noqa: S603 - our own command
    try:
        address = address_said_by(service)
        # Its log of requests is read on, or the pipe fills and the service stands still.
        threading.Thread(target=deque, args=(service.stdout or (), 0), daemon=True).start()
        yield Served(address, login_at(folder / "data"))
    finally:
        service.send_signal(signal.SIGTERM)
        service.wait(timeout=60)
        shutil.rmtree(folder, ignore_errors=True)


def login_at(data: Path) -> dict[str, str]:
    """Make an account of the community's staff in a running service's database; return the header of its token."""
    database = connect(LocalCluster(data).url("gis_app"))
    with database.write(Scope("operator", "operator", ())) as conn:
        add_account(conn, "pictures", "staff", (COMMUNITY,))
        token = make_token(conn, "pictures", "pictures", 1)
    database.close()
    return {"Authorization": f"Bearer {token}"}


def free_port() -> int:
    """Return a port that nobody listens on just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def address_said_by(service: subprocess.Popen[str]) -> str:
    """Wait for the line ``ready http://…`` and return its address; the programme ends when there is none."""
    for line in service.stdout or ():
        if line.startswith("ready "):
            return line.split()[1]
    sys.exit("示例服务没有启动:原因见上面的输出。")


@contextmanager
def opened(
    browser: Browser, served: Served, path: str, *, width: int, height: int, touch: bool = False
) -> Iterator[Page]:
    """Open a page in a window of ``width`` × ``height`` pixels and wait until the map is drawn."""
    context = browser.new_context(
        viewport={"width": width, "height": height}, has_touch=touch, is_mobile=touch, locale="zh-CN",
        extra_http_headers=served.login,
    )  # fmt: skip
    page = context.new_page()
    page.goto(served.address + path)
    page.wait_for_selector("html[data-gis=ready]", timeout=READY_MS)
    page.wait_for_timeout(800)  # labels and the panel fade in
    yield page
    context.close()


def save(page: Page, path: Path) -> None:
    """Photograph a page into a PNG of 256 colours: a map has few, and the file is half as large."""
    shot = base64.b64encode(page.screenshot()).decode()
    width, height, pixels = page.evaluate(
        """async (shot) => {
            const bytes = Uint8Array.from(atob(shot), (letter) => letter.charCodeAt(0));
            const image = await createImageBitmap(new Blob([bytes], { type: "image/png" }));
            const canvas = new OffscreenCanvas(image.width, image.height);
            const context = canvas.getContext("2d");
            context.drawImage(image, 0, 0);
            const data = context.getImageData(0, 0, image.width, image.height).data;
            let text = "";
            for (let at = 0; at < data.length; at += 32768) {
                text += String.fromCharCode(...data.subarray(at, at + 32768));
            }
            return [image.width, image.height, btoa(text)];
        }""",
        shot,
    )
    rgba = np.frombuffer(base64.b64decode(pixels), dtype=np.uint8).reshape(height, width, 4)
    path.write_bytes(palette_png(rgba[:, :, :3]))


def palette_of(colours: NDArray[np.int32]) -> NDArray[np.int32]:
    """Choose at most 256 of the colours (most frequent first): the frequent half as it is, the rest spread out.

    Frequency alone would lose the few pixels of a small symbol to the greys around it, and change its meaning.
    """
    frequent, rare = colours[:128], colours[128:]
    away = np.array([np.abs(frequent - colour).sum(axis=1).min() for colour in rare])
    for apart in range(0, 768, 3):
        chosen, left, distance = list(frequent), rare, away
        while len(chosen) <= 256:
            left, distance = left[distance > apart], distance[distance > apart]
            if not len(left):
                return np.array(chosen)
            chosen.append(left[0])
            distance = np.minimum(distance, np.abs(left - left[0]).sum(axis=1))
    raise AssertionError("black and white are 765 apart")


def palette_png(rgb: NDArray[np.uint8]) -> bytes:
    """Encode pixels (height, width, 3) as an indexed PNG of 256 colours."""
    height, width, _ = rgb.shape
    colours, index, counts = np.unique(rgb.reshape(-1, 3), axis=0, return_inverse=True, return_counts=True)
    palette = palette_of(colours[np.argsort(-counts, kind="stable")].astype(np.int32))
    nearest = np.array([np.abs(palette - colour).sum(axis=1).argmin() for colour in colours.astype(np.int32)])
    rows = np.zeros((height, width + 1), dtype=np.uint8)  # each row begins with its filter: 0, none
    rows[:, 1:] = nearest[index.reshape(-1)].reshape(height, width)
    header = struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)
    parts = (
        (b"IHDR", header),
        (b"PLTE", palette.astype(np.uint8).tobytes()),
        (b"IDAT", zlib.compress(rows.tobytes(), 9)),
        (b"IEND", b""),
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body)) for name, body in parts
    )


def take_home(browser: Browser, served: Served, path: Path) -> None:
    """Take the home page as it opens on a desk."""
    with opened(browser, served, "/", width=1440, height=900) as page:
        save(page, path)


def take_phone(browser: Browser, served: Served, path: Path) -> None:
    """Take the home page on a phone, its panel drawn up."""
    with opened(browser, served, "/", width=390, height=844, touch=True) as page:
        page.tap(".gis-panel-head")
        page.wait_for_timeout(600)
        save(page, path)


def take_popup(browser: Browser, served: Served, path: Path) -> None:
    """Take a waste point with its popup, among the houses; opened by a click, as a visitor would."""
    with opened(browser, served, "/", width=1440, height=900) as page:
        at = page.evaluate(
            """() => {
                const layer = gis.layers.find((one) => one.name === "waste_point");
                const feature = layer.features.find((one) => gis.titleOf(one).includes("2号投放点"));
                gis.map.setView(gis.anchorOf(feature), 17, { animate: false });
                const point = gis.map.latLngToContainerPoint(gis.anchorOf(feature));
                const box = gis.map.getContainer().getBoundingClientRect();
                return [box.left + point.x, box.top + point.y];
            }"""
        )
        page.wait_for_timeout(500)
        page.mouse.click(*at)
        page.wait_for_selector(".gis-popup")
        page.mouse.move(10, 890)
        page.wait_for_timeout(800)
        save(page, path)


def waste_survey(page: Page, address: str) -> str:
    """Return a CSV of waste points as a survey might bring it: some changed, one moved, some new, two refused."""
    answer = page.request.get(f"{address}/collections/waste_point/items?limit=all&f=json").json()
    kinds = {"timed": "定时定点", "missed": "误时投放", "bulky": "大件垃圾", "renovation": "装修垃圾",
             "hazardous": "有害垃圾", "recycling": "可回收物"}  # fmt: skip
    grid = answer["features"][0]["properties"]["grid"]
    stored = [one for one in answer["features"] if one["properties"]["grid"] == grid]
    rows: list[list[object]] = []
    for one in stored:
        given, (lon, lat) = one["properties"], one["geometry"]["coordinates"]
        rows.append([given["code"], given["name"], kinds[given["kind"]], given["bins"], given["open_hours"], lon, lat])
    rows[0][3], rows[3][3], rows[6][4] = 12, 6, "06:00—08:30,17:30—20:30"
    rows[2][5] += 0.0005
    rows[4][3] = -4
    east, north = rows[1][5], rows[1][6]
    rows += [[f"LJ90{at}", f"新增{at}号投放点", "定时定点", 6, "06:30—08:30", east + 0.0004 * at, north - 0.0002 * at]
             for at in (1, 2, 3)]  # fmt: skip
    rows.append(["LJ904", "类型写错的点", "随便扔", 4, "全天", east, north])
    text = io.StringIO()
    csv.writer(text).writerows([["编号", "名称", "点位类型", "垃圾桶数", "投放时段", "经度", "纬度"], *rows])
    return text.getvalue()


def take_uploads(browser: Browser, served: Served, path: Path) -> None:
    """Take the survey desk with a proposal: its checks, what would change on the map, and the rows."""
    context = browser.new_context(
        viewport={"width": 1440, "height": 900}, locale="zh-CN", extra_http_headers=served.login
    )
    page = context.new_page()
    page.goto(f"{served.address}/uploads")
    page.wait_for_selector("html[data-desk=ready]", timeout=READY_MS)
    survey = {
        "name": "11月投放点复核.csv",
        "mimeType": "text/csv",
        "buffer": waste_survey(page, served.address).encode(),
    }
    page.select_option("#desk-layer", "waste_point")
    page.set_input_files("#desk-file", survey)
    page.click(".desk-tabs button >> nth=0", timeout=READY_MS)
    page.mouse.wheel(0, 150)
    page.mouse.move(720, 5)
    page.wait_for_timeout(1500)
    save(page, path)
    page.request.delete(page.url)
    context.close()


def take_field(browser: Browser, served: Served, path: Path) -> None:
    """Take the field page on a phone three times, side by side: the walk of the day, a hazard, a visit."""
    context = browser.new_context(
        viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True, locale="zh-CN",
        extra_http_headers=served.login, permissions=["geolocation"],
        geolocation={"longitude": 120.9968, "latitude": 30.7032, "accuracy": 6},
    )  # fmt: skip
    page = context.new_page()
    page.goto(f"{served.address}/field")
    page.wait_for_selector("html[data-offline=yes]", timeout=READY_MS)
    shots = []
    for taps in (("#tab-today",), ("#field-report", ".field-tile >> nth=0"),
                 ("#tab-near", "#field-near .field-row:has-text('出租房') >> nth=0")):  # fmt: skip
        for one in taps:
            page.tap(one)
            page.wait_for_timeout(500)
        shots.append(base64.b64encode(page.screenshot()).decode())
        if page.locator(".field-close").count():
            page.tap(".field-close")
            page.wait_for_timeout(300)
    board = context.new_page()
    board.set_viewport_size({"width": 390 * len(shots) + 24 * (len(shots) + 1), "height": 844 + 48})
    pictures = "".join(f'<img src="data:image/png;base64,{one}" width=390 height=844>' for one in shots)
    board.set_content(f"<body style='margin:24px;display:flex;gap:24px;background:#dfe5e8'>{pictures}")
    board.wait_for_timeout(300)
    save(board, path)
    context.close()


def take_desk(browser: Browser, served: Served, path: Path) -> None:
    """Take the desk of cases with a case opened that somebody has begun to see to."""
    context = browser.new_context(
        viewport={"width": 1440, "height": 900}, locale="zh-CN", extra_http_headers=served.login
    )
    page = context.new_page()
    case = page.request.get(f"{served.address}/cases?kind=grave&level=suspected").json()["cases"][0]
    steps = f"{served.address}/cases/{case['id']}/steps"
    for said in (
        {"step": "assign", "handler": "网格岗4", "note": "请今天到现场复核"},
        {"step": "track", "note": "应急管理站已受理", "reference": "应急〔2026〕12 号"},
    ):
        answer = page.request.post(steps, data=said)
        if not answer.ok:
            sys.exit(f"没有办成步骤 {said['step']},图片 desk 没有拍:{answer.status} {answer.text()}")
    page.goto(f"{served.address}/desk?case={case['id']}")
    page.wait_for_selector("html[data-desk=ready]", timeout=READY_MS)
    page.wait_for_timeout(2000)
    save(page, path)
    context.close()


def take_map(browser: Browser, served: Served, path: Path, *, name: str) -> None:
    """Take one thematic map as it opens on a desk, reckoned for the last day of the sample."""
    with opened(browser, served, f"/maps/{name}?on={SAMPLE_DAY}", width=1280, height=800) as page:
        save(page, path)


def take_file(browser: Browser, served: Served, path: Path) -> None:
    """Take the single file of all layers as it opens from a stick, with the card that answers what is near."""
    with tempfile.TemporaryDirectory() as folder:
        context = browser.new_context(viewport={"width": 1280, "height": 800}, extra_http_headers=served.login)
        file = Path(folder) / "一张图.html"
        asked = context.request.get(f"{served.address}/maps/overview/file?community={COMMUNITY}", timeout=READY_MS)
        file.write_bytes(asked.body())
        context.close()
        context = browser.new_context(viewport={"width": 1280, "height": 800}, locale="zh-CN", offline=True)
        page = context.new_page()
        page.goto(file.as_uri())
        page.wait_for_selector("html[data-gis=ready]", timeout=READY_MS)
        page.click(".gis-icon-ask")
        page.click("text=在图上点")
        page.mouse.click(760, 600)
        page.wait_for_timeout(1000)
        save(page, path)
        context.close()


@dataclass(frozen=True)
class Exported:
    """An export to be shown: what is asked for, which of its pages, in how many columns, and how wide each is."""

    wanted: dict[str, str]
    pages: tuple[int, ...]
    columns: int
    width: int


def take_export(browser: Browser, served: Served, path: Path, *, shown: Exported) -> None:
    """Take pages of an export, asked for and made as anybody's is; office files as LibreOffice shows them."""
    context = browser.new_context(extra_http_headers=served.login)
    page = context.new_page()
    asked = page.request.post(f"{served.address}/exports", data={**shown.wanted, "on": SAMPLE_DAY}).json()
    while page.request.get(f"{served.address}/jobs/{asked['id']}").json()["state"] != "done":
        page.wait_for_timeout(500)
    file = page.request.get(f"{served.address}/exports/{asked['id']}/file").body()
    document = pypdfium2.PdfDocument(as_pdf(file, shown.wanted["format"]))
    images = []
    for number in shown.pages:
        image = document[number].render(scale=shown.width / document[number].get_width()).to_pil()
        held = io.BytesIO()
        image.save(held, "PNG")
        images.append(f'<img src="data:image/png;base64,{base64.b64encode(held.getvalue()).decode()}">')
    document.close()
    rows = -(-len(images) // shown.columns)
    page.set_viewport_size({"width": shown.width * shown.columns, "height": rows * image.height})
    style = f"margin:0;display:grid;grid-template-columns:repeat({shown.columns},{shown.width}px)"
    page.set_content(f'<body style="{style}">{"".join(images)}')
    page.wait_for_timeout(800)
    save(page, path)
    context.close()


def as_pdf(file: bytes, kind: str) -> bytes:
    """Return a file as PDF; what isn't one is opened by LibreOffice, which script/setup --all installs."""
    if kind == "pdf":
        return file
    with tempfile.TemporaryDirectory() as folder:
        held = Path(folder) / f"export.{kind}"
        held.write_bytes(file)
        command = ["soffice", f"-env:UserInstallation=file://{folder}/profile", "--headless", "--convert-to", "pdf"]
        subprocess.run([*command, "--outdir", folder, str(held)], check=True, stdout=subprocess.DEVNULL, timeout=240)  # noqa: S603
        return held.with_suffix(".pdf").read_bytes()


GRID = f"{COMMUNITY}003"
EXPORTS = {
    "sheet_overview": Exported({"name": "overview", "paper": "A3", "format": "pdf"}, (0,), 1, 1500),
    "sheet_hazards": Exported(
        {"name": "hazards", "paper": "A4", "orientation": "portrait", "grid": GRID, "format": "pdf"}, (0,), 1, 1061
    ),
    "sheet_due": Exported(
        {"name": "due", "paper": "A4", "orientation": "portrait", "grid": GRID, "format": "pdf"}, (0,), 1, 1061
    ),
    "book": Exported({"name": "drainage", "paper": "A4", "grid": "all", "format": "pdf"}, (0, 1, 2, 3, 4, 5), 3, 500),
    "slides": Exported({"name": "hazards", "format": "pptx"}, (1, 2, 4, 10), 2, 750),
    "workbook": Exported({"name": "crowding", "format": "xlsx"}, (0,), 1, 900),
}


def main(folder: Path, only: str | None) -> int:
    """Take all pictures into a folder, or one by its name; return 1 when one has become too large to be committed."""
    folder.mkdir(parents=True, exist_ok=True)
    takers: dict[str, Callable[[Browser, Served, Path], None]] = {
        take.__name__.removeprefix("take_"): take
        for take in (take_home, take_phone, take_popup, take_uploads, take_file, take_field)
    }
    takers |= {f"map_{name}": partial(take_map, name=name) for name in ANALYSES}
    takers |= {name: partial(take_export, shown=shown) for name, shown in EXPORTS.items()}
    # The last one: it makes steps of a case, which no other picture is to show.
    takers["desk"] = take_desk
    if only is not None and only not in takers:
        sys.exit(f"没有图片 {only};有:{'、'.join(takers)}。")
    with running_service() as served, sync_playwright() as playwright:
        chromium = shutil.which("chromium") or shutil.which("google-chrome")
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-quic"])
        for name, take in takers.items():
            if only in {None, name}:
                take(browser, served, folder / f"{name}.png")
        browser.close()
    sizes = {path.name: path.stat().st_size for path in sorted(folder.glob("*.png"))}
    for name, size in sizes.items():
        sys.stdout.write(f"{name} {size / 1000:,.0f} kB\n")
    large = [name for name, size in sizes.items() if size > LARGEST_BYTES]
    if large:
        sys.stderr.write(f"图片 {'、'.join(large)} 超过 {LARGEST_BYTES // 1000} kB:请减少画面里的内容再拍。\n")
    return 1 if large else 0


if __name__ == "__main__":
    # Ended from outside, it still stops the service.
    signal.signal(signal.SIGTERM, lambda _number, _frame: sys.exit(143))
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("folder", nargs="?", type=Path, default=PICTURES, help="where to write; docs/pictures")
    arguments.add_argument("--only", help="one picture by its name, such as home, uploads or map_density")
    given = arguments.parse_args()
    sys.exit(main(given.folder.resolve(), given.only))
