// The list of cases: a grid of rows for mouse, touch and keyboard, of which several may be chosen.
import { make } from "./elements.js";
import * as words from "./words.js";

function limitOf(one) {
  if (one.closed_on) {
    return [`${one.closed_on} 办结`, "desk-soft"];
  }
  const due = words.dueOf(one);
  if (due === null) {
    return ["没有时限", "desk-soft"];
  }
  return [words.leftOf(one), one.overdue ? "desk-late" : one.soon ? "desk-near" : null];
}

export function badge(one, grave) {
  return grave.includes(one.level) ? make("span", { class: "desk-badge" }, one.level === "02" ? "重大" : "疑似重大") : null;
}

export class CaseList {
  constructor(table, { grave, open, point, chosen, writes }) {
    Object.assign(this, { table, grave, open, point, tell: chosen, writes });
    this.body = table.querySelector("tbody");
    this.cases = [];
    this.chosen = new Set();
    this.current = null;
    this.last = null;
    table.addEventListener("keydown", (event) => this.pressed(event));
    this.body.addEventListener("click", (event) => this.clicked(event));
    this.all = table.querySelector("thead input");
    if (this.all) {
      this.all.addEventListener("change", () => this.chooseAll(this.all.checked));
    }
  }

  // Draws what changed; the focus, the row that is shown and what is chosen stay where they are.
  draw(cases, stamps) {
    const had = this.body.contains(document.activeElement) ? document.activeElement.closest("tr").dataset.case : null;
    this.cases = cases;
    const known = new Set(cases.map((one) => one.id));
    this.chosen = new Set([...this.chosen].filter((id) => known.has(id)));
    if (!known.has(this.at)) {
      this.at = cases.length ? cases[0].id : null;
    }
    const rows = new Map([...this.body.children].map((row) => [row.dataset.stamp, row]));
    // How much time is left is part of what a row says.
    const stamp = (one) => `${one.id} ${stamps.get(one.id)} ${limitOf(one)[0]}`;
    const wanted = cases.map((one) => rows.get(stamp(one)) || this.row(one, stamp(one)));
    // A row under somebody's finger isn't taken away while nothing changed.
    if (wanted.length !== rows.size || wanted.some((row, at) => row !== this.body.children[at])) {
      this.body.replaceChildren(...wanted);
    }
    this.mark();
    if (had && known.has(had)) {
      this.rowOf(had).focus({ preventScroll: true });
    }
  }

  row(one, stamp) {
    const [said, look] = limitOf(one);
    const name = `${one.code} ${one.event_code_title || one.event_code} ${one.status_title} ${said}`;
    const box = this.writes ? make("td", { class: "desk-pick" }, make("input", {
      type: "checkbox", tabindex: "-1", "aria-label": `选择 ${one.code}`,
    })) : null;
    const due = words.dueOf(one);
    return make("tr", { "data-case": one.id, "data-stamp": stamp, tabindex: "-1", "aria-label": name },
      box,
      make("td", { class: "desk-what" },
        make("div", { class: "desk-line" }, make("b", {}, one.event_code_title || one.event_code), badge(one, this.grave)),
        make("div", { class: "desk-soft desk-clip", title: one.detail }, [one.code, one.detail].filter(Boolean).join(" · "))),
      make("td", { class: "desk-where" }, make("div", { class: "desk-clip", title: one.place }, one.place || "—"), make("div", { class: "desk-soft" }, words.grid(one.grid))),
      make("td", { class: "desk-stands" }, make("span", { class: `desk-state desk-${one.status}` }, one.status_title)),
      make("td", { class: "desk-due", title: due === null ? null : words.limit(due) }, make("span", { class: look }, said)),
      make("td", { class: one.handler ? "desk-who" : "desk-who desk-soft" }, one.handler || "未指派"));
  }

  rowOf(id) {
    return [...this.body.children].find((row) => row.dataset.case === id) || null;
  }

  caseOf(id) {
    return this.cases.find((one) => one.id === id) || null;
  }

  mark() {
    for (const row of this.body.children) {
      const id = row.dataset.case;
      row.tabIndex = id === this.at ? 0 : -1;
      row.classList.toggle("desk-current", id === this.current);
      row.setAttribute("aria-selected", this.writes ? this.chosen.has(id) : id === this.current);
      const box = row.querySelector("input");
      if (box) {
        box.checked = this.chosen.has(id);
      }
    }
    if (this.all) {
      this.all.checked = this.cases.length > 0 && this.chosen.size === this.cases.length;
      this.all.indeterminate = this.chosen.size > 0 && !this.all.checked;
    }
    this.tell([...this.chosen]);
  }

  // Shows which case is open, and brings its row into view.
  show(id, { scroll = false } = {}) {
    this.current = id;
    if (id !== null && this.caseOf(id)) {
      this.at = id;
    }
    this.mark();
    const row = id === null ? null : this.rowOf(id);
    if (row && scroll) {
      row.scrollIntoView({ block: "nearest" });
    }
  }

  focus() {
    const row = this.rowOf(this.at);
    (row || this.table).focus();
  }

  move(to, { choose = false } = {}) {
    const index = Math.max(0, Math.min(this.cases.length - 1, to));
    const one = this.cases[index];
    if (!one) {
      return;
    }
    if (choose && this.writes) {
      this.chosen.add(this.at);
      this.chosen.add(one.id);
    }
    this.at = one.id;
    this.mark();
    const row = this.rowOf(one.id);
    row.focus();
    row.scrollIntoView({ block: "nearest" });
    this.point(one);
  }

  choose(id, { range = false } = {}) {
    const ids = this.cases.map((one) => one.id);
    if (range && this.last !== null && ids.includes(this.last)) {
      const [from, to] = [ids.indexOf(this.last), ids.indexOf(id)].sort((a, b) => a - b);
      const on = this.chosen.has(this.last);
      ids.slice(from, to + 1).forEach((one) => (on ? this.chosen.add(one) : this.chosen.delete(one)));
    } else if (!this.chosen.delete(id)) {
      this.chosen.add(id);
    }
    this.last = id;
    this.mark();
  }

  chooseAll(on) {
    this.chosen = new Set(on ? this.cases.map((one) => one.id) : []);
    this.mark();
  }

  keep(ids) {
    this.chosen = new Set(ids);
    this.mark();
  }

  clicked(event) {
    const row = event.target.closest("tr");
    if (!row) {
      return;
    }
    const id = row.dataset.case;
    if (this.writes && (event.target.closest(".desk-pick") || event.shiftKey || event.ctrlKey || event.metaKey)) {
      this.at = id;
      this.choose(id, { range: event.shiftKey });
      row.focus();
    } else {
      this.open(id);
    }
  }

  pressed(event) {
    const index = this.cases.findIndex((one) => one.id === this.at);
    const moves = { ArrowDown: 1, ArrowUp: -1, PageDown: 10, PageUp: -10, Home: -Infinity, End: Infinity };
    if (event.key in moves && !event.ctrlKey && !event.metaKey) {
      this.move(index + moves[event.key], { choose: event.shiftKey });
    } else if (event.key === "Enter" && this.at && this.body.contains(event.target)) {
      this.open(this.at);
    } else if (event.key === " " && this.writes && this.body.contains(event.target)) {
      this.choose(this.at);
    } else if (event.key === "a" && (event.ctrlKey || event.metaKey) && this.writes) {
      this.chooseAll(true);
    } else {
      return;
    }
    event.preventDefault();
  }
}
