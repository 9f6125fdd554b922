"""One page in two forms: served by the service, or a single file that opens from a USB stick."""

from __future__ import annotations

import re
from html.parser import HTMLParser

from maps.page import Page, PageMap
from maps.static_files import STATIC_URL, MissingFileError, StaticFile, data_url, static_file

_ADDRESSES = {"src", "href", "srcset", "action", "data", "poster"}
_CSS_URL = re.compile(r"""url\(\s*["']?([^"')]+)["']?\s*\)""")


def to_served_page(page_map: PageMap) -> str:
    """Return the page whose scripts, styles and images come from the service, each with its version."""
    return page_map.page.render()


def to_single_file(page_map: PageMap) -> str:
    """Return the page with every script, style and image inside it.

    Raises
    ------
    LookupError
        When an asset is unknown, or anything in the page would still be fetched from elsewhere: better no file than
        one that is blank without internet.
    """
    page: Page = page_map.page
    html = page.render_with(_inlined)
    if outside := outside_references(html) | set(page_map.fetches):
        raise MissingFileError(
            f"导出的地图仍引用外部文件:{'、'.join(sorted(outside))};单文件地图不能带网络底图或外部资源"
        )
    return html


def outside_references(html: str) -> set[str]:
    """Return every address in a page's tags and styles that is not inside the page itself."""
    finder = _ReferenceFinder()
    finder.feed(html)
    finder.close()
    return finder.found


def _inlined(url: str, is_style: bool) -> str:
    if not url.startswith(STATIC_URL):
        raise MissingFileError(f"页面引用了外部文件 {url},无法放进单文件:请把它放到 maps/vendor 里")
    file = static_file(url.removeprefix(STATIC_URL).partition("?")[0])
    text = file.content.decode()
    if is_style:
        return f"<style>{_with_images(text, file)}</style>"
    # "</script" inside a library's text would end the block; a backslash before / means nothing in JavaScript texts.
    return f"<script>{text.replace('</script', '<' + chr(92) + '/script')}</script>"


def _with_images(css: str, file: StaticFile) -> str:
    folder = file.name.rpartition("/")[0]

    def as_data(match: re.Match[str]) -> str:
        target = match.group(1)
        if target.startswith(("data:", "#")):
            return match.group(0)
        return f"url({data_url(f'{folder}/{target}')})"

    return _CSS_URL.sub(as_data, css)


class _ReferenceFinder(HTMLParser):
    """Collects addresses from tags; script texts are left alone, they are ours and tested in a browser."""

    def __init__(self) -> None:
        super().__init__()
        self.found: set[str] = set()
        self._in_style = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._in_style = tag == "style"
        for name, value in attrs:
            if name in _ADDRESSES and value and not value.startswith(("data:", "#")):
                self.found.add(value)

    def handle_endtag(self, tag: str) -> None:
        if tag == "style":
            self._in_style = False

    def handle_data(self, data: str) -> None:
        if not self._in_style:
            return
        self.found |= {url for url in _CSS_URL.findall(data) if not url.startswith(("data:", "#"))}
        if "@import" in data:
            self.found.add("@import")
