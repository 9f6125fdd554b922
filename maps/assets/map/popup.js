// Popups, tooltips and the highlight. Data becomes text nodes only, so no value can turn into markup.
(function (gis) {
  "use strict";

  gis.element = function (tag, className, text) {
    const element = document.createElement(tag);
    if (className) {
      element.className = className;
    }
    if (text !== undefined) {
      element.textContent = text;
    }
    return element;
  };

  function fieldRows(feature, own) {
    const rows = [];
    for (const field of feature.layer.fields) {
      if (field.own === own && field.name !== "code" && field.name !== feature.layer.label) {
        const text = gis.show(field, feature.properties[field.name]);
        if (text) {
          rows.push([field.title, text]);
        }
      }
    }
    return rows;
  }

  function tableOf(rows, className) {
    const table = gis.element("table", className);
    for (const [title, text] of rows) {
      const row = table.insertRow();
      row.appendChild(gis.element("th", "", title));
      row.appendChild(gis.element("td", "", text));
    }
    return table;
  }

  // The name of the grid a feature lies in, when the grids are loaded; else the number at the end of its code.
  function gridName(code) {
    const grids = gis.layers.find((layer) => layer.name === "grid");
    const grid = grids && grids.loaded && grids.features.find((item) => item.properties.code === code);
    return grid ? gis.titleOf(grid) : String(code);
  }

  gis.popupContent = function (feature) {
    const box = gis.element("div", "gis-popup");
    const head = gis.element("div", "gis-popup-head");
    const kind = gis.element("span", "gis-popup-kind");
    const entry = feature.layer.paletteByCode.get(String(gis.codeOf(feature)));
    kind.appendChild(gis.swatch(feature.layer, entry ? entry.color : null, entry));
    kind.appendChild(document.createTextNode(feature.layer.title));
    head.appendChild(kind);
    head.appendChild(gis.element("h2", "", gis.titleOf(feature)));
    box.appendChild(head);
    const rows = fieldRows(feature, true);
    if (feature.layer.theme && entry) {
      rows.unshift(["分类", entry.label]);
    }
    if (feature.properties.grid && !feature.layer.fieldsByName.has("grid")) {
      rows.push(["所属网格", gridName(feature.properties.grid)]);
    }
    const body = gis.element("div", "gis-popup-body");
    body.appendChild(tableOf(rows, "gis-popup-fields"));
    const common = fieldRows(feature, false);
    if (common.length) {
      const details = gis.element("details");
      details.appendChild(gis.element("summary", "", "数据信息"));
      details.appendChild(tableOf(common, "gis-popup-fields gis-popup-common"));
      body.appendChild(details);
    }
    box.appendChild(body);
    if (feature.properties.code) {
      box.appendChild(codeLine(String(feature.properties.code)));
    }
    return box;
  };

  function codeLine(code) {
    const line = gis.element("div", "gis-popup-foot");
    line.appendChild(gis.element("span", "gis-code", code));
    const button = gis.element("button", "gis-button", "复制编码");
    button.type = "button";
    button.addEventListener("click", () => {
      copy(code).then(
        () => (button.textContent = "已复制"),
        () => (button.textContent = "无法复制,请手工选取"),
      );
    });
    line.appendChild(button);
    return line;
  }

  function copy(text) {
    if (navigator.clipboard && window.isSecureContext) {
      return navigator.clipboard.writeText(text);
    }
    // Files and plain http have no clipboard of their own; the old command still works there.
    const area = gis.element("textarea", "gis-offscreen", text);
    document.body.appendChild(area);
    area.select();
    const done = document.execCommand("copy");
    area.remove();
    return done ? Promise.resolve() : Promise.reject(new Error("copy refused"));
  }

  let marked = null;

  gis.unmark = function () {
    if (marked) {
      marked.forEach((path) => path.remove());
      marked = null;
    }
  };

  // Draws a bright outline around a feature, above everything, without moving it in the drawing order.
  gis.mark = function (feature) {
    gis.unmark();
    const paths = feature.paths.slice(0, feature.paths[0] instanceof gis.Line ? 1 : undefined);
    marked = paths.map((path) => {
      const common = { interactive: false, rank: 9e4, color: "#e8590c", fill: false };
      if (path instanceof gis.Symbol) {
        return L.circleMarker(path.getLatLng(), Object.assign(common, { radius: path._radius + 5, weight: 2.5 }));
      }
      return path instanceof gis.Area
        ? L.polygon(path.getLatLngs(), Object.assign(common, { weight: 3 }))
        : L.polyline(path.getLatLngs(), Object.assign(common, { weight: 5, opacity: 0.85 }));
    });
    marked.forEach((path) => path.addTo(gis.map));
  };

  gis.openPopup = function (feature, latLng) {
    gis.closeTip();
    // Room for the title above, and for the sheet or status line below.
    const phone = window.matchMedia("(max-width: 640px)").matches;
    L.popup({
      minWidth: phone ? 250 : 290,
      maxWidth: 320,
      autoPanPaddingTopLeft: phone ? [56, 126] : [60, 24],
      autoPanPaddingBottomRight: phone ? [8, 80] : [310, 40],
    })
      .setLatLng(latLng)
      .setContent(gis.popupContent(feature))
      .openOn(gis.map);
    gis.mark(feature);
    gis.opened = feature;
  };

  let tip = null;

  gis.closeTip = function () {
    if (tip) {
      tip.remove();
      tip = null;
    }
  };

  function openTip(path, latLng) {
    const feature = path.feature;
    const size = gis.map.getSize();
    // An area that fills the screen says nothing when one moves over it; its name stands on the map anyway.
    if (path instanceof gis.Area && path._pxBounds && path._pxBounds.getSize().x > size.x * 0.5) {
      return;
    }
    const content = gis.element("div");
    content.appendChild(gis.element("b", "", gis.titleOf(feature).slice(0, 80)));
    content.appendChild(gis.element("span", "", feature.layer.title));
    gis.closeTip();
    tip = L.tooltip({ direction: "top", offset: [0, -8], className: "gis-tip" }).setLatLng(latLng).setContent(content);
    tip.addTo(gis.map);
  }

  // Hangs the reactions on a layer's group: one set of listeners for all of its features.
  gis.react = function (group) {
    group.on("click", (event) => {
      L.DomEvent.stopPropagation(event);
      const path = event.propagatedFrom || event.layer;
      gis.openPopup(path.feature, path instanceof gis.Symbol ? path.getLatLng() : event.latlng);
    });
    if (window.matchMedia("(hover: hover)").matches) {
      group.on("mouseover", (event) => {
        const path = event.propagatedFrom || event.layer;
        openTip(path, path instanceof gis.Symbol ? path.getLatLng() : event.latlng);
      });
      group.on("mouseout", gis.closeTip);
    }
  };
})((window.gis = window.gis || {}));
