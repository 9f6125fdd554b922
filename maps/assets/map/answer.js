// The answer of an analysis: its sentence and figures, the legend of what is drawn, filters, months, table and CSV.
(function (gis) {
  "use strict";

  const themes = () => gis.listed.filter((layer) => layer.theme);
  const chosen = { values: new Map(), month: null };

  function passes(feature) {
    const layer = feature.layer;
    for (const [name, value] of chosen.values) {
      if (layer.fieldsByName.has(name) && !valuesOf(feature, name).includes(value)) {
        return false;
      }
    }
    return !chosen.month || !layer.timed || String(feature.properties[layer.timed] || "").startsWith(chosen.month);
  }

  // The values of a field as texts; a list has several.
  gis.valuesOf = function (feature, name) {
    const value = feature.properties[name];
    return (Array.isArray(value) ? value : [value]).map((item) => String(item));
  };
  const valuesOf = gis.valuesOf;

  // The features of a layer that the filters leave: those of the answer, and that of the layer itself.
  gis.filtered = function (layer) {
    const found = layer.theme ? layer.features.filter(passes) : layer.features;
    return layer.narrowed ? found.filter(layer.narrowed) : found;
  };

  function applyFilters() {
    themes().filter((one) => one.loaded).forEach(gis.redrawLayer);
    gis.map.closePopup();
    gis.tellPanel();
  }

  // A list to choose from; options are pairs of a value and its words. Its first place, `none`, tells null.
  gis.choiceOf = function (title, options, change, none) {
    const label = gis.element("label", "gis-choice");
    label.appendChild(gis.element("span", "", title));
    const select = gis.element("select");
    select.appendChild(gis.element("option", "", none || "全部"));
    for (const [value, text] of options) {
      const option = gis.element("option", "", text);
      option.value = value;
      select.appendChild(option);
    }
    select.addEventListener("change", () => change(select.selectedIndex ? select.value : null));
    label.appendChild(select);
    return label;
  };

  function filterBlock(block) {
    const columns = new Map();
    for (const layer of themes()) {
      for (const field of layer.fields.filter((one) => one.filtered)) {
        const known = columns.get(field.name) || { field: field, values: new Map() };
        for (const feature of layer.features) {
          for (const value of valuesOf(feature, field.name)) {
            if (value !== "undefined" && value !== "null") {
              known.values.set(value, gis.show(field, value));
            }
          }
        }
        columns.set(field.name, known);
      }
    }
    for (const [name, known] of columns) {
      if (known.values.size > 1) {
        const options = [...known.values].sort((a, b) => a[1].localeCompare(b[1], "zh-CN", { numeric: true }));
        block.appendChild(gis.choiceOf(known.field.title, options, (value) => {
          chosen.values.delete(name);
          if (value !== null) {
            chosen.values.set(name, value);
          }
          applyFilters();
        }));
      }
    }
  }

  // A slider over the months of a dated theme; its first place shows all of them.
  function monthBlock(block) {
    const months = new Set();
    for (const layer of themes().filter((one) => one.timed)) {
      layer.features.forEach((feature) => months.add(String(feature.properties[layer.timed] || "").slice(0, 7)));
    }
    const listed = [...months].filter((month) => /^\d{4}-\d{2}$/.test(month)).sort();
    if (listed.length < 2) {
      return;
    }
    const label = gis.element("label", "gis-choice gis-months");
    const text = gis.element("span", "", "月份:全部");
    const slider = gis.element("input");
    Object.assign(slider, { type: "range", min: "0", max: String(listed.length), value: "0", step: "1" });
    slider.setAttribute("aria-label", "按月份查看");
    slider.addEventListener("input", () => {
      chosen.month = Number(slider.value) ? listed[Number(slider.value) - 1] : null;
      text.textContent = "月份:" + (chosen.month || "全部");
      slider.setAttribute("aria-valuetext", chosen.month || "全部");
      applyFilters();
    });
    label.appendChild(text);
    label.appendChild(slider);
    block.appendChild(label);
  }

  // Whether a feature is one of those a figure counts; a square that stands for many tells its class only.
  function meets(feature, where) {
    return Object.entries(where || {}).every(([name, value]) =>
      name === "class"
        ? String(gis.codeOf(feature)) === value
        : !feature.layer.fieldsByName.has(name) || valuesOf(feature, name).includes(value));
  }

  // Leads from a figure to the features behind it: shows their theme and marks where they lie.
  async function showFact(fact) {
    const layer = themes().find((one) => one.theme === fact.theme);
    if (!layer) {
      return;
    }
    await gis.switchLayer(layer, true);
    const found = gis.filtered(layer).filter((feature) => meets(feature, fact.where));
    if (!found.length) {
      gis.tell("没有符合当前筛选的要素", "知道了", () => gis.tell(""));
      return;
    }
    const bounds = found.reduce((all, feature) => all.extend(gis.boundsOf(feature)), L.latLngBounds([]));
    gis.closePanelOnPhone();
    gis.fitHome(bounds.pad(0.1));
    if (found.length === 1) {
      gis.openPopup(found[0], gis.anchorOf(found[0]));
    }
  }

  function factList(facts) {
    const list = gis.element("dl", "gis-facts");
    for (const fact of facts) {
      const value = fact.value === null ? "无数据" : fact.value.toLocaleString("zh-CN", { maximumFractionDigits: 1 });
      const row = gis.element("div");
      row.appendChild(gis.element("dt", "", fact.title));
      const cell = gis.element("dd");
      const text = value + (fact.value === null ? "" : " " + fact.unit);
      if (fact.theme && fact.value) {
        const button = gis.element("button", "gis-link", text);
        button.type = "button";
        button.title = "在地图上看";
        button.addEventListener("click", () => showFact(fact));
        cell.appendChild(button);
      } else {
        cell.textContent = text;
      }
      row.appendChild(cell);
      if (fact.note) {
        row.appendChild(gis.element("dd", "gis-note", fact.note));
      }
      list.appendChild(row);
    }
    return list;
  }

  function basisBlock(answer) {
    const details = gis.element("details", "gis-basis");
    details.appendChild(gis.element("summary", "", "口径、阈值与依据(阈值表 " + answer.rulesVersion + " 版)"));
    details.appendChild(gis.element("p", "", answer.method));
    const list = gis.element("ul");
    for (const rule of answer.rules) {
      list.appendChild(gis.element("li", "", rule.title + ":" + rule.value + " " + rule.unit + "(" + rule.basis + ")"));
    }
    details.appendChild(list);
    return details;
  }

  // The part of the panel that speaks of the answer.
  gis.makeAnswer = function (body) {
    const answer = gis.config.answer;
    if (!answer) {
      return;
    }
    const block = gis.element("section", "gis-group gis-answer");
    block.appendChild(factList(answer.facts));
    answer.curves.forEach((curve) => block.appendChild(gis.drawCurve(curve)));
    gis.filters = gis.element("div", "gis-filters");
    block.appendChild(gis.filters);
    const ways = gis.element("div", "gis-answer-ways");
    for (const [title, action] of [["表格", openTable], ["下载 CSV", downloadTable]]) {
      const button = gis.element("button", "gis-button", title);
      button.type = "button";
      button.addEventListener("click", action);
      ways.appendChild(button);
    }
    block.appendChild(ways);
    block.appendChild(basisBlock(answer));
    body.appendChild(block);
  };

  // Filters know their values once the themes are loaded.
  gis.startAnswer = function () {
    if (gis.filters) {
      filterBlock(gis.filters);
      monthBlock(gis.filters);
    }
  };

  // The legend beside the map: the classes of the themes that are on, so that it can be read without opening anything.
  gis.makeLegend = function () {
    gis.legend = gis.element("section", "gis-legend");
    gis.legend.setAttribute("aria-label", "图例");
    L.DomEvent.disableClickPropagation(gis.legend);
    document.body.appendChild(gis.legend);
  };

  gis.tellLegend = function () {
    if (!gis.legend) {
      return;
    }
    gis.legend.replaceChildren();
    const on = themes().filter((layer) => layer.on && layer.loaded && layer.count);
    gis.legend.hidden = !on.length;
    document.body.classList.toggle("gis-with-legend", on.length > 0);
    for (const layer of on) {
      const counts = new Map();
      gis.filtered(layer).forEach((one) => counts.set(String(gis.codeOf(one)), (counts.get(String(gis.codeOf(one))) || 0) + 1));
      gis.legend.appendChild(gis.element("h2", "", layer.title));
      const list = gis.element("ul");
      for (const entry of layer.style.palette) {
        const item = gis.element("li");
        item.appendChild(gis.swatch(layer, entry.color, entry));
        item.appendChild(gis.element("span", "", entry.label));
        item.appendChild(gis.element("span", "gis-count", String(counts.get(entry.code) || 0)));
        list.appendChild(item);
      }
      gis.legend.appendChild(list);
    }
    // The scale bar stands above the legend on a phone.
    document.documentElement.style.setProperty("--legend-height", gis.legend.offsetHeight + "px");
  };

  function tableTheme() {
    return themes().find((layer) => layer.on) || themes()[0];
  }

  function tableOf(layer) {
    const heads = layer.fields.map((field) => field.title + (field.unit ? "(" + field.unit + ")" : "")).concat("分类");
    const rows = gis.filtered(layer).map((feature) => {
      const cells = layer.fields.map((field) => gis.show(Object.assign({}, field, { unit: null }), feature.properties[field.name]));
      const entry = layer.paletteByCode.get(String(gis.codeOf(feature)));
      return { feature: feature, cells: cells.concat(entry ? entry.label : "") };
    });
    return { heads: heads, rows: rows };
  }

  const MOST_ROWS = 2000;

  async function openTable() {
    const layer = tableTheme();
    await gis.loadLayer(layer);
    const table = tableOf(layer);
    const dialog = gis.element("dialog", "gis-table");
    dialog.setAttribute("aria-label", layer.title);
    const close = gis.element("button", "gis-button", "关闭");
    close.type = "button";
    close.addEventListener("click", () => dialog.close());
    const head = gis.element("div", "gis-table-head");
    head.appendChild(gis.element("h2", "", layer.title + "(" + table.rows.length.toLocaleString("zh-CN") + " 行)"));
    head.appendChild(close);
    dialog.appendChild(head);
    const scroll = gis.element("div", "gis-table-scroll");
    scroll.tabIndex = 0;
    const grid = gis.element("table");
    const top = grid.createTHead().insertRow();
    table.heads.forEach((title) => {
      const cell = gis.element("th", "", title);
      cell.scope = "col";
      top.appendChild(cell);
    });
    const rows = grid.createTBody();
    for (const line of table.rows.slice(0, MOST_ROWS)) {
      const row = rows.insertRow();
      line.cells.forEach((text, at) => {
        const cell = row.insertCell();
        if (at) {
          cell.textContent = text;
          return;
        }
        const way = gis.element("button", "gis-link", text || "查看");
        way.type = "button";
        way.addEventListener("click", () => {
          dialog.close();
          gis.map.setView(gis.anchorOf(line.feature), Math.max(17, gis.map.getZoom()), { animate: false });
          gis.openPopup(line.feature, gis.anchorOf(line.feature));
        });
        cell.appendChild(way);
      });
    }
    scroll.appendChild(grid);
    if (table.rows.length > MOST_ROWS) {
      scroll.appendChild(gis.element("p", "", "只列出前 " + MOST_ROWS + " 行,完整内容请下载 CSV。"));
    }
    if (!table.rows.length) {
      scroll.appendChild(gis.element("p", "", "没有符合条件的要素。"));
    }
    dialog.appendChild(scroll);
    dialog.addEventListener("close", () => dialog.remove());
    document.body.appendChild(dialog);
    dialog.showModal();
  }

  // A spreadsheet would run a text that begins like a formula; an apostrophe keeps it a text.
  function csvCell(text) {
    const safe = /^[=+\-@\t\r\n＝＋－＠]/.test(text) && !/^[-+]?[\d.,]+$/.test(text) ? "'" + text : text;
    return '"' + safe.replaceAll('"', '""') + '"';
  }

  async function downloadTable() {
    const layer = tableTheme();
    await gis.loadLayer(layer);
    const table = tableOf(layer);
    const lines = [table.heads].concat(table.rows.map((row) => row.cells)).map((cells) => cells.map(csvCell).join(","));
    const link = gis.element("a");
    link.href = URL.createObjectURL(new Blob(["\ufeff" + lines.join("\r\n") + "\r\n"], { type: "text/csv;charset=utf-8" }));
    link.download = gis.config.heading + "-" + layer.title + ".csv";
    link.click();
    URL.revokeObjectURL(link.href);
  }
})((window.gis = window.gis || {}));
