"""What doesn't fit on a page as it stands in Chromium: sideways scrolling, and what can't be brought into view."""

from __future__ import annotations

from playwright.sync_api import Page

_CUT_OFF = """() => {
  const root = document.documentElement;
  const found = [];
  if (Math.max(root.scrollWidth, document.body.scrollWidth) > innerWidth + 1) {
    found.push(`the page scrolls sideways: ${Math.max(root.scrollWidth, document.body.scrollWidth)} of ${innerWidth}`);
  }
  const scrolls = (element, axis) => ["auto", "scroll"].includes(getComputedStyle(element)[`overflow${axis}`]);
  const clips = (element, axis) => ["hidden", "clip"].includes(getComputedStyle(element)[`overflow${axis}`]);
  const pageScrolls = root.scrollHeight > innerHeight && ![root, document.body].some((one) => clips(one, "Y"));
  const told = (element) => `${element.tagName.toLowerCase()}#${element.id}.${element.className} `
    + (element.textContent.trim() || element.getAttribute("aria-label") || "").slice(0, 30);
  const important = "button, a[href], input, select, textarea, summary, h1, h2, h3, [role=alert], [role=status]";
  for (const element of document.querySelectorAll(important)) {
    const box = element.getBoundingClientRect();
    // What is there for screen readers only is a point, or within one; what lies on a map goes out of view with it.
    const open = document.querySelector("dialog[open]");
    if (open && !open.contains(element)) {
      continue;
    }
    if (!element.checkVisibility({ visibilityProperty: true, opacityProperty: true }) || box.width < 3 || box.height < 3
      || element.closest(".leaflet-pane, .field-unseen, .desk-unseen")) {
      continue;
    }
    const sides = [["X", box.left, box.right, innerWidth], ["Y", box.top, box.bottom, innerHeight]];
    let still = true;
    for (const [axis, from, to, size] of sides) {
      let reached = axis === "Y" && pageScrolls;
      let cut = null;
      for (let above = element.parentElement; above && !reached && !cut; above = above.parentElement) {
        if (above === document.body || above === root) {
          continue;
        }
        const frame = above.getBoundingClientRect();
        if (frame.width < 3 && clips(above, "X")) {
          reached = true;
          break;
        }
        const [start, end] = axis === "X" ? [frame.left, frame.right] : [frame.top, frame.bottom];
        if (scrolls(above, axis)) {
          reached = true;
        } else if (clips(above, axis) && (from < start - 2 || to > end + 2)) {
          cut = above;
        }
      }
      still &&= !reached && !cut;
      if (cut) {
        found.push(`${axis}: ${told(element)} is cut off by ${told(cut)}`);
      } else if (!reached && (from < -2 || to > size + 2)) {
        found.push(`${axis}: ${told(element)} lies at ${Math.round(from)} to ${Math.round(to)} of ${size}`);
      }
    }
    const top = still && document.elementFromPoint((box.left + box.right) / 2, (box.top + box.bottom) / 2);
    const own = (one) => element.contains(one) || one.contains(element) || [...(element.labels || [])].includes(one);
    if (top && !own(top)) {
      found.push(`${told(element)} is covered by ${told(top)}`);
    }
    if (clips(element, "X") && element.scrollWidth > element.clientWidth + 2 && !element.matches("input, select")) {
      found.push(`X: the words of ${told(element)} are cut off`);
    }
  }
  return found;
}"""


def cut_off(page: Page) -> list[str]:
    """Return what is out of reach: what to use or read that no scrolling brings into view, and sideways scrolling."""
    found: list[str] = page.evaluate(_CUT_OFF)
    return found
