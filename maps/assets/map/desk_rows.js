// The table of an upload's rows: which change, what is wrong with which, and what a person decides for each.
(function () {
  "use strict";

  const { config, make, ask, send, shown, number } = window.desk;
  const PAGE = 100;

  class DeskRows {
    constructor(upload, map, changed, failed) {
      this.upload = upload;
      this.map = map;
      this.changed = changed;
      this.failed = failed;
      this.filter = null;
      this.element = make("section", { class: "desk-rows", "aria-label": "逐行" });
    }

    async draw(counts) {
      const tabs = [
        ["", "全部会改的", counts.added + counts.changed + counts.moved + counts.removed],
        ...["refused", "unplaced", "conflict", "added", "changed", "moved", "removed"].map((step) => [
          step, config.counted[step], counts[step],
        ]),
        ["flagged", "有提醒", counts.warnings],
      ].filter(([name, , count]) => name === "" || count > 0);
      if (!tabs.some(([name]) => name === this.filter)) {
        const first = ["conflict", "refused", "unplaced"].find((step) => counts[step] > 0);
        this.filter = first || "";
      }
      const bar = make("div", { class: "desk-tabs", role: "tablist" }, tabs.map(([name, title, count]) =>
        make("button", {
          type: "button", role: "tab", "aria-selected": String(name === this.filter),
          onclick: () => { this.filter = name; this.draw(counts); },
        }, `${title} ${number(count)}`)));
      const body = make("tbody");
      const more = make("button", { type: "button", class: "desk-more", hidden: true }, "再看一些");
      const table = make("div", { class: "desk-scroll", tabindex: "0", role: "region", "aria-label": "各行" },
        make("table", {},
          make("thead", {}, make("tr", {}, ["行", "编码、名称", "会怎样", "改什么、哪里有问题", "决定"].map((one) => make("th", {}, one)))),
          body));
      this.element.replaceChildren(bar, table, more);
      await this.load(body, more, null);
    }

    query(after) {
      const asked = new URLSearchParams({ limit: PAGE });
      if (this.filter === "flagged") {
        asked.set("flagged", "true");
        asked.set("step", "added,changed,moved,unchanged");
      } else {
        asked.set("step", this.filter || "added,changed,moved,removed");
      }
      if (after !== null) {
        asked.set("after", after);
      }
      return `/uploads/${this.upload.id}/rows?${asked}`;
    }

    async load(body, more, after) {
      const page = await ask(this.query(after));
      body.append(...page.rows.map((row) => this.rowOf(row)));
      if (!body.children.length) {
        body.append(make("tr", {}, make("td", { colspan: 5, class: "desk-empty" }, "这里没有行。")));
      }
      more.hidden = page.after === null;
      more.onclick = () => this.load(body, more, page.after).catch(this.failed);
    }

    rowOf(row) {
      const layer = this.upload.layer;
      const changes = Object.entries(row.changes).map(([field, [old, now]]) =>
        make("div", {}, make("b", {}, config.layers[layer].fields[field].title), " ",
          make("del", {}, shown(layer, field, old)), " → ", make("ins", {}, shown(layer, field, now))));
      if (row.moved_m !== null) {
        changes.push(make("div", {}, make("b", {}, "位置"), ` 移动 ${row.moved_m.toFixed(row.moved_m < 10 ? 2 : 0)} 米`));
      }
      const bad = ["refused", "conflict"].includes(row.step);
      const problems = row.problems.map((one) => make("div", { class: bad ? "desk-bad" : "desk-warn" }, one.message));
      const line = make("tr", { "data-row": row.row, class: row.left_out ? "desk-left-out" : null },
        make("td", {}, row.row > 0 ? String(row.row) : "—"),
        make("td", {}, make("button", {
          type: "button", class: "desk-link", title: "在地图上看", onclick: () => this.map.show(row),
        }, row.code || "(没有编码)"), row.label && row.label !== row.code ? make("div", { class: "desk-soft" }, row.label) : null),
        make("td", {}, make("span", { class: `desk-step desk-${row.step}` }, config.counted[row.step])),
        make("td", {}, changes, problems),
        make("td", {}, this.choices(row)));
      return line;
    }

    choices(row) {
      if (row.written) {
        return make("span", { class: "desk-soft" }, "已写入");
      }
      const button = (title, body) => make("button", { type: "button", onclick: () => this.decide(row, body) }, title);
      if (row.step === "conflict") {
        return [button("用文件的", { take: "file" }), button("留现在的", { take: "present" })];
      }
      if (row.step === "unplaced") {
        if (config.layers[this.upload.layer].geometry !== "POINT" && config.layers[this.upload.layer].geometry !== "GEOMETRY") {
          return make("span", { class: "desk-soft" }, "请补上编码或几何后重传");
        }
        return make("button", { type: "button", class: "desk-place", onclick: (event) => this.place(row, event.target) }, "在图上点位置");
      }
      if (["added", "changed", "moved", "removed"].includes(row.step)) {
        return button(row.left_out ? "还是要" : "不要", { left_out: !row.left_out });
      }
      return null;
    }

    place(row, button) {
      const waiting = this.map.waiting !== null;
      document.querySelectorAll(".desk-place").forEach((one) => { one.textContent = "在图上点位置"; });
      if (waiting && this.picking === row.row) {
        this.map.pick(null);
        return;
      }
      this.picking = row.row;
      button.textContent = "请点地图……(再按取消)";
      this.map.pick((geometry) => this.decide(row, { geometry }));
      this.map.map.getContainer().scrollIntoView({ block: "nearest", behavior: "smooth" });
    }

    async decide(row, body) {
      try {
        await send(`/uploads/${this.upload.id}/rows/${row.row}`, "PATCH", body);
        await this.changed();
      } catch (error) {
        this.failed(error);
      }
    }

    mark(row) {
      this.element.querySelectorAll(".desk-marked").forEach((one) => one.classList.remove("desk-marked"));
      const line = this.element.querySelector(`tr[data-row="${row}"]`);
      if (line) {
        line.classList.add("desk-marked");
        line.scrollIntoView({ block: "center", behavior: "smooth" });
      }
    }
  }

  window.desk.DeskRows = DeskRows;
})();
