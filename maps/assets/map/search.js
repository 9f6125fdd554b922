// Search over names, codes and addresses of all layers; by keyboard too.
(function (gis) {
  "use strict";

  const SHOWN = 30;
  let index = null;

  // The searched texts of every feature, in lower case; layers that are not loaded yet are fetched first.
  async function buildIndex() {
    await gis.loadAll();
    index = [];
    for (const layer of gis.layers) {
      for (const feature of layer.features || []) {
        const texts = layer.search.map((name) => feature.properties[name]).filter((text) => text);
        index.push({ feature: feature, text: texts.join("\n").toLowerCase() });
      }
    }
  }

  function find(words) {
    const parts = words.toLowerCase().split(/\s+/).filter(Boolean);
    const found = [];
    for (const entry of index) {
      if (parts.every((part) => entry.text.includes(part))) {
        // Those that begin with the words come first, then the shorter.
        const score = (entry.text.startsWith(parts[0]) ? 0 : 1000) + Math.min(999, entry.text.length);
        found.push({ feature: entry.feature, score: score });
      }
    }
    return found.sort((a, b) => a.score - b.score).map((item) => item.feature);
  }

  gis.goTo = async function (feature) {
    await gis.switchLayer(feature.layer, true);
    const bounds = gis.boundsOf(feature);
    const fitting = gis.map.getBoundsZoom(bounds.pad(0.6));
    const zoom = Math.max(feature.layer.style.minZoom, Math.min(18, fitting));
    const anchor = gis.anchorOf(feature);
    gis.map.setView(anchor, zoom, { animate: false });
    gis.openPopup(feature, anchor);
  };

  gis.makeSearch = function (parent) {
    const box = gis.element("div", "gis-search");
    const input = gis.element("input");
    input.type = "search";
    input.placeholder = "搜索名称、编码、地址";
    input.autocomplete = "off";
    input.setAttribute("aria-label", "搜索名称、编码、地址");
    input.setAttribute("role", "combobox");
    input.setAttribute("aria-controls", "gis-results");
    input.setAttribute("aria-expanded", "false");
    const list = gis.element("ul", "gis-results");
    list.id = "gis-results";
    list.setAttribute("role", "listbox");
    list.hidden = true;
    box.appendChild(input);
    box.appendChild(list);
    parent.appendChild(box);
    let results = [];
    let chosen = -1;
    let asked = 0;

    function close() {
      list.hidden = true;
      input.setAttribute("aria-expanded", "false");
      chosen = -1;
    }

    function message(text) {
      list.replaceChildren(gis.element("li", "gis-result-none", text));
      list.hidden = false;
    }

    function choose(at) {
      chosen = at;
      Array.from(list.children).forEach((item, i) => {
        item.setAttribute("aria-selected", String(i === at));
        if (i === at) {
          item.scrollIntoView({ block: "nearest" });
        }
      });
    }

    function take(feature) {
      close();
      input.blur();
      gis.goTo(feature);
    }

    function show(found) {
      results = found.slice(0, SHOWN);
      if (!results.length) {
        const large = gis.layers.filter((layer) => layer.squared).map((layer) => layer.title);
        message("没有找到" + (large.length ? "(" + large.join("、") + "数量很大,只在已载入的范围里找)" : ""));
        return;
      }
      list.replaceChildren();
      results.forEach((feature) => {
        const item = gis.element("li");
        item.setAttribute("role", "option");
        item.appendChild(gis.swatch(feature.layer, (feature.layer.paletteByCode.get(String(gis.codeOf(feature))) || {}).color));
        const text = gis.element("span", "gis-result-text", gis.titleOf(feature));
        text.appendChild(gis.element("small", "", feature.layer.title + " · " + (feature.properties.code || "")));
        item.appendChild(text);
        item.addEventListener("mousedown", (event) => {
          event.preventDefault();
          take(feature);
        });
        list.appendChild(item);
      });
      if (found.length > SHOWN) {
        list.appendChild(gis.element("li", "gis-result-none", "还有 " + (found.length - SHOWN) + " 条,请多输入几个字"));
      }
      list.hidden = false;
      input.setAttribute("aria-expanded", "true");
      choose(0);
    }

    async function ask() {
      const words = input.value.trim();
      const mine = (asked += 1);
      if (!words) {
        close();
        return;
      }
      if (!index) {
        message("正在载入全部图层……");
        await buildIndex();
      }
      // Someone typed on while the layers were loading: the newer question answers itself.
      if (mine === asked) {
        show(find(words));
      }
    }

    input.addEventListener("input", ask);
    input.addEventListener("focus", () => input.value.trim() && ask());
    input.addEventListener("blur", close);
    input.addEventListener("keydown", (event) => {
      if (event.key === "ArrowDown" || event.key === "ArrowUp") {
        event.preventDefault();
        const step = event.key === "ArrowDown" ? 1 : results.length - 1;
        if (results.length && !list.hidden) {
          choose((chosen + step) % results.length);
        }
      } else if (event.key === "Enter" && !list.hidden && results[chosen]) {
        take(results[chosen]);
      } else if (event.key === "Escape") {
        event.stopPropagation();
        close();
        input.blur();
      }
    });
    // An upload may have changed a layer that was loaded again; a failed one may have come later.
    gis.forgetSearch = () => (index = null);
    document.addEventListener("keydown", (event) => {
      const typing = event.target.matches && event.target.matches("input, textarea");
      if (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey) {
        event.preventDefault();
        input.focus();
        input.select();
      }
    });
  };
})((window.gis = window.gis || {}));
