// The search box: names, codes, addresses and pinyin of all layers; by keyboard too. A served page asks the service, and
// looks by itself only through what stands in the page; a file looks through everything (named.js).
(function (gis) {
  "use strict";

  const SHOWN = 30;

  // What the service finds, as far as it is of this community and on this map.
  async function hitsOf(words) {
    const found = await gis.fetchFeatures(gis.config.search + "?limit=100&q=" + encodeURIComponent(words));
    return found.features.filter((hit) => hit.id.startsWith(gis.config.community + ".") && layerOf(hit));
  }

  function layerOf(hit) {
    return gis.layers.find((layer) => !layer.theme && layer.name === hit.properties.layer);
  }

  async function goToHit(hit) {
    const layer = layerOf(hit);
    const [lng, lat] = hit.geometry.coordinates;
    if (layer.squared) {
      gis.map.setView([lat, lng], 18, { animate: false });
    }
    await gis.switchLayer(layer, true);
    // A road of several segments is named by its code.
    const feature =
      layer.features.find((one) => one.id === hit.id) ||
      layer.features.find((one) => one.properties.code === hit.properties.code);
    if (feature) {
      gis.goTo(feature);
    } else {
      gis.tell(hit.properties.label + " 刚才还在,现在没有了", "知道了", () => gis.tell(""));
    }
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

    function take(result) {
      close();
      input.blur();
      if (result.layer) {
        gis.goTo(result.feature);
      } else {
        goToHit(result);
      }
    }

    // The colour, the words and the small print of a hit of this page or of the service.
    function wordsOf(result) {
      if (!result.layer) {
        const layer = layerOf(result);
        return [layer, undefined, result.properties.label, layer.title + " · " + result.properties.code];
      }
      const color = (result.layer.paletteByCode.get(String(gis.codeOf(result.feature))) || {}).color;
      const segments = result.segments > 1 ? result.segments + " 段" : "";
      const small = [result.layer.title, result.code, segments].filter(Boolean).join(" · ");
      return [result.layer, color, result.label || gis.titleOf(result.feature), small];
    }

    function show(found) {
      results = found.slice(0, SHOWN);
      if (!results.length) {
        message("没有找到“" + input.value.trim() + "”。" + (gis.config.search ? "" : gis.heldWords()));
        return;
      }
      list.replaceChildren();
      results.forEach((result) => {
        const [layer, color, title, small] = wordsOf(result);
        const item = gis.element("li");
        item.setAttribute("role", "option");
        item.appendChild(gis.swatch(layer, color));
        const text = gis.element("span", "gis-result-text", title);
        text.appendChild(gis.element("small", "", small));
        item.appendChild(text);
        item.addEventListener("mousedown", (event) => {
          event.preventDefault();
          take(result);
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
      // Nobody wants an answer to each letter of a word that is being typed.
      await new Promise((resolve) => window.setTimeout(resolve, gis.config.search ? 150 : 0));
      if (mine !== asked) {
        return;
      }
      const spelled = gis.spellingOf(words);
      if (spelled.refused) {
        message(spelled.refused);
        return;
      }
      if (list.hidden) {
        message("正在查找……");
      }
      await gis.indexNames();
      let hits = [];
      let failed = "";
      try {
        hits = gis.config.search ? await hitsOf(words) : [];
      } catch (error) {
        failed = error.message;
      }
      // Someone typed on while the answer was under way: the newer question answers itself.
      if (mine !== asked) {
        return;
      }
      show(gis.findNamed(spelled).concat(hits));
      if (failed) {
        message("搜索失败(" + failed + "),请稍候再试");
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
