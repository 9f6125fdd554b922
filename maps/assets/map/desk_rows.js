// The table of an upload's rows: which change, what is wrong with which, and what a person decides for each.

import { make } from "../cases/elements.js";
import { config, ask, send, say, shown, number } from "./desk_parts.js";

const PAGE = 100;
const WRITTEN = ["added", "changed", "moved", "removed"];
const HEADS = ["行(不算表头)", "编码、名称", "会怎样", "改什么、哪里有问题", "决定"];

export class DeskRows {
  // changed() is called after each decision, failed(error) when one couldn't be taken.
  constructor(upload, map, changed, failed) {
    this.upload = upload;
    this.map = map;
    this.changed = changed;
    this.failed = failed;
    this.filter = null;
    this.turn = 0;
    this.bar = make("div", { class: "desk-tabs", role: "group", "aria-label": "看哪些行" });
    this.body = make("tbody");
    this.more = make("button", { type: "button", class: "desk-more", hidden: true }, "再看一些");
    this.element = make("section", { class: "desk-rows", "aria-labelledby": "desk-rows-title" },
      make("h2", { id: "desk-rows-title", class: "desk-unseen" }, "逐行"), this.bar,
      make("div", { class: "desk-scroll", tabindex: "0", role: "region", "aria-labelledby": "desk-rows-title" },
        make("table", {}, make("thead", {}, make("tr", {}, HEADS.map((one) => make("th", { scope: "col" }, one)))), this.body)),
      this.more);
  }

  async draw(counts) {
    this.filter = ["conflict", "refused", "unplaced"].find((step) => counts[step] > 0) || "";
    this.drawBar(counts);
    await this.load(null);
  }

  drawBar(counts) {
    const focused = this.bar.contains(document.activeElement);
    const filters = [
      ["", "全部会改的", counts.to_write + counts.written + counts.left_out],
      ...["conflict", "refused", "unplaced", ...WRITTEN].map((step) => [step, config.counted[step], counts[step]]),
      ["flagged", "有提醒", counts.warnings],
    ].filter(([name, , count]) => name === "" || name === this.filter || count > 0);
    this.bar.replaceChildren(...filters.map(([name, title, count]) => make("button", {
      type: "button", "aria-pressed": String(name === this.filter),
      onclick: () => {
        this.filter = name;
        this.map.pick(null);
        this.drawBar(counts);
        this.load(null).catch(this.failed);
      },
    }, `${title} ${number(count)}`)));
    if (focused) {
      this.bar.querySelector("[aria-pressed=true]").focus();
    }
  }

  query(after) {
    const asked = new URLSearchParams({ limit: PAGE });
    if (this.filter === "flagged") {
      asked.set("flagged", "true");
      asked.set("step", "added,changed,moved,unchanged");
    } else {
      asked.set("step", this.filter || WRITTEN.join(","));
    }
    if (after !== null) {
      asked.set("after", after);
    }
    return `/uploads/${this.upload.id}/rows?${asked}`;
  }

  async load(after) {
    this.turn += 1;
    const turn = this.turn;
    const page = await ask(this.query(after));
    if (turn !== this.turn) {
      return;
    }
    const lines = page.rows.map((row) => this.rowOf(row));
    if (after === null) {
      this.body.replaceChildren(...lines);
    } else {
      this.body.append(...lines);
    }
    if (!this.body.children.length) {
      this.body.append(make("tr", {}, make("td", { colspan: 5, class: "desk-empty" }, "这里没有行。")));
    }
    this.more.hidden = page.after === null;
    this.more.onclick = () => this.load(page.after).catch(this.failed);
  }

  rowOf(row) {
    const cells = [
      row.row > 0 ? String(row.row) : "—",
      [make("button", {
        type: "button", class: "desk-link", title: "在地图上看", disabled: row.lat === null, onclick: () => this.map.show(row),
      }, row.code || "(没有编码)"), row.label && row.label !== row.code ? make("div", { class: "desk-soft" }, row.label) : null],
      make("span", { class: `desk-step desk-${row.step}` }, config.counted[row.step]),
      this.told(row),
      this.choices(row),
    ];
    return make("tr", { "data-row": row.row, class: row.left_out ? "desk-left-out" : null },
      cells.map((cell, at) => make("td", { "data-label": HEADS[at] }, cell)));
  }

  told(row) {
    const layer = this.upload.layer;
    const told = Object.entries(row.changes).map(([field, [old, now]]) =>
      make("div", {}, make("b", {}, config.layers[layer].fields[field].title), " ",
        make("del", {}, shown(layer, field, old)), " → ", make("ins", {}, shown(layer, field, now))));
    if (row.moved_m !== null) {
      told.push(make("div", {}, make("b", {}, "位置"), ` 移动 ${row.moved_m.toFixed(row.moved_m < 10 ? 2 : 0)} 米`));
    }
    if (row.step === "removed" && this.upload.grid) {
      told.push(make("div", {}, `在网格 ${this.upload.grid} 里,文件里没有`));
    }
    const bad = ["refused", "conflict"].includes(row.step);
    return [...told, ...row.problems.map((one) => make("div", { class: bad ? "desk-bad" : "desk-warn" }, one.message))];
  }

  choices(row) {
    if (row.written) {
      return make("span", { class: "desk-soft" }, this.upload.state === "reverted" ? "写入后已撤回" : "已写入");
    }
    if (this.upload.state === "reverted") {
      return null;
    }
    const button = (title, body, said) => make("button", {
      type: "button", "aria-label": `${title}:${row.code || `第 ${row.row} 行`}`, onclick: () => this.decide(row, body, said),
    }, title);
    if (row.step === "conflict") {
      return [button("用文件的", { take: "file" }, "用文件的值,入库时写入"), button("留现在的", { take: "present" }, "保留现在的值")];
    }
    if (row.step === "unplaced") {
      if (!["POINT", "GEOMETRY"].includes(config.layers[this.upload.layer].geometry)) {
        return make("span", { class: "desk-soft" }, "请补上编码或几何后重传");
      }
      return make("button", { type: "button", class: "desk-place", onclick: () => this.place(row) }, "在图上点位置");
    }
    if (WRITTEN.includes(row.step)) {
      return row.left_out ? button("还是要", { left_out: false }, "入库时写入") : button("不要", { left_out: true }, "入库时不写");
    }
    return null;
  }

  place(row) {
    this.map.pick((geometry) => this.decide(row, { geometry }, "已落图,入库时写入"), () => this.focus(row.row),
      [`第 ${row.row} 行`, row.code, row.label].filter(Boolean).join(" "));
  }

  async decide(row, body, said) {
    try {
      const found = await send(`/uploads/${this.upload.id}/rows/${row.row}`, "PATCH", body);
      const line = this.lineOf(row.row);
      if (line) {
        line.replaceWith(this.rowOf(found));
        this.focus(row.row);
      }
      await this.changed();
      say(`${row.code || `第 ${row.row} 行`}:${said}`);
    } catch (error) {
      this.failed(error);
    }
  }

  lineOf(row) {
    return this.body.querySelector(`tr[data-row="${row}"]`);
  }

  focus(row) {
    const line = this.lineOf(row);
    const button = line && (line.querySelector("td:last-child button") || line.querySelector(".desk-link"));
    if (button) {
      button.focus({ preventScroll: true });
    }
  }

  mark(row) {
    this.element.querySelectorAll(".desk-marked").forEach((one) => one.classList.remove("desk-marked"));
    const line = this.lineOf(row);
    if (line) {
      line.classList.add("desk-marked");
      line.scrollIntoView({ block: "center", behavior: "smooth" });
    }
  }
}
