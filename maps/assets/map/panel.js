// The one panel: layer control and legend together; a bottom sheet on a phone.
(function (gis) {
  "use strict";

  function groupsOf(layers) {
    const groups = new Map();
    for (const layer of layers) {
      groups.set(layer.group, (groups.get(layer.group) || []).concat(layer));
    }
    return groups;
  }

  function checkbox(checked, label, change) {
    const box = gis.element("input");
    box.type = "checkbox";
    box.checked = checked;
    box.setAttribute("aria-label", label);
    box.addEventListener("change", () => change(box.checked));
    return box;
  }

  function layerRow(layer) {
    const row = gis.element("div", layer.count ? "gis-layer" : "gis-layer gis-pale");
    const line = gis.element("div", "gis-layer-line");
    const name = gis.element("label", "gis-layer-name");
    layer.box = checkbox(layer.on, layer.title, (on) => gis.switchLayer(layer, on));
    name.appendChild(layer.box);
    if (!layer.theme) {
      name.appendChild(gis.swatch(layer, null));
    }
    const title = gis.element("span", "gis-layer-title", layer.title);
    layer.note = gis.element("small");
    title.appendChild(layer.note);
    name.appendChild(title);
    line.appendChild(name);
    layer.countText = gis.element("span", "gis-count", layer.count.toLocaleString("zh-CN"));
    line.appendChild(layer.countText);
    row.appendChild(line);
    if (layer.style.palette.length) {
      const toggle = gis.element("button", "gis-expand");
      toggle.type = "button";
      toggle.setAttribute("aria-label", layer.title + " 图例");
      toggle.setAttribute("aria-expanded", "false");
      const entries = gis.element("ul", "gis-entries");
      entries.hidden = true;
      toggle.addEventListener("click", () => {
        entries.hidden = !entries.hidden;
        toggle.setAttribute("aria-expanded", String(!entries.hidden));
        fillEntries(layer, entries);
      });
      layer.entries = entries;
      line.appendChild(toggle);
      row.appendChild(entries);
    } else {
      line.appendChild(gis.element("span", "gis-expand-none"));
    }
    return row;
  }

  // All entries of a palette, each with the number of features once the layer is loaded.
  function fillEntries(layer, list) {
    const counts = new Map();
    for (const feature of layer.loaded ? gis.filtered(layer) : []) {
      const code = String(gis.codeOf(feature));
      counts.set(code, (counts.get(code) || 0) + 1);
    }
    list.replaceChildren();
    // Of long code lists most entries have no feature: those come last, and pale.
    const missing = (entry) => layer.loaded && !counts.has(entry.code);
    const entries = layer.style.palette.slice().sort((a, b) => missing(a) - missing(b));
    for (const entry of entries) {
      const item = gis.element("li", missing(entry) ? "gis-pale" : "");
      item.appendChild(gis.swatch(layer, entry.color, entry));
      item.appendChild(gis.element("span", "gis-layer-title", entry.label));
      item.appendChild(gis.element("span", "gis-count", layer.loaded ? String(counts.get(entry.code) || 0) : ""));
      list.appendChild(item);
    }
  }

  function groupBlock(title, layers) {
    const block = gis.element("section", "gis-group");
    const head = gis.element("div", "gis-group-head");
    head.appendChild(gis.element("h3", "", title));
    if (layers.length > 1 && !layers.some((layer) => layer.choice)) {
      const all = gis.element("button", "gis-link", "");
      all.type = "button";
      const tell = () => (all.textContent = layers.every((layer) => layer.on) ? "全关" : "全开");
      all.addEventListener("click", () => {
        const on = !layers.every((layer) => layer.on);
        layers.forEach((layer) => gis.switchLayer(layer, on));
      });
      layers.forEach((layer) => (layer.tellGroup = tell));
      tell();
      head.appendChild(all);
    }
    block.appendChild(head);
    layers.forEach((layer) => block.appendChild(layerRow(layer)));
    return block;
  }

  function baseBlock() {
    const block = gis.element("section", "gis-group");
    const head = gis.element("div", "gis-group-head");
    head.appendChild(gis.element("h3", "", "底图"));
    block.appendChild(head);
    for (const base of [null].concat(gis.config.base)) {
      const label = gis.element("label", "gis-layer-name gis-base");
      const radio = gis.element("input");
      radio.type = "radio";
      radio.name = "gis-base";
      radio.checked = base === null;
      radio.addEventListener("change", () => gis.showBase(base));
      label.appendChild(radio);
      label.appendChild(gis.element("span", "gis-layer-title", base ? base.name : "本地底图(不联网)"));
      block.appendChild(label);
    }
    return block;
  }

  gis.makePanel = function () {
    const panel = gis.element("aside", "gis-panel");
    panel.setAttribute("aria-label", "图层与图例");
    const head = gis.element("button", "gis-panel-head");
    head.type = "button";
    head.appendChild(gis.element("span", "gis-panel-title", "图层与图例"));
    head.appendChild(gis.element("span", "gis-panel-arrow"));
    const body = gis.element("div", "gis-panel-body");
    const open = (is) => {
      panel.classList.toggle("gis-closed", !is);
      head.setAttribute("aria-expanded", String(is));
    };
    head.addEventListener("click", () => open(panel.classList.contains("gis-closed")));
    if (!gis.config.answer && gis.layers.every((layer) => layer.count === 0 || layer.name === "community")) {
      body.appendChild(gis.element("p", "gis-empty", "本社区还没有数据:用 gis-service upload 导入。"));
    }
    gis.makeAnswer(body);
    for (const [title, layers] of groupsOf(gis.listed)) {
      body.appendChild(groupBlock(title, layers));
    }
    if (gis.config.base.length) {
      body.appendChild(baseBlock());
    }
    body.appendChild(gis.element("p", "gis-panel-foot", "右侧数字为您看得到的要素数。"));
    panel.appendChild(head);
    panel.appendChild(body);
    document.body.appendChild(panel);
    open(!window.matchMedia("(max-width: 640px)").matches);
    gis.closePanel = () => open(false);
    gis.closePanelOnPhone = () => window.matchMedia("(max-width: 640px)").matches && open(false);
    gis.tellPanel();
  };

  // Brings the panel's words in line with what is drawn now.
  gis.tellPanel = function () {
    const zoom = gis.map.getZoom();
    for (const layer of gis.layers) {
      layer.box.checked = layer.on;
      const hidden = layer.on && zoom < layer.style.minZoom;
      layer.note.textContent = layer.failed ? "载入失败" : hidden ? "放大后显示" : "";
      layer.note.className = layer.failed ? "gis-bad" : "";
      if (layer.loaded && !layer.squared) {
        const left = gis.filtered(layer).length.toLocaleString("zh-CN");
        layer.countText.textContent = layer.narrowed ? left + "/" + layer.features.length.toLocaleString("zh-CN") : left;
      }
      if (layer.entries && !layer.entries.hidden) {
        fillEntries(layer, layer.entries);
      }
      if (layer.tellGroup) {
        layer.tellGroup();
      }
    }
    gis.tellLegend();
  };
})((window.gis = window.gis || {}));
