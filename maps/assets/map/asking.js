// The card of questions of a page that holds all its layers, such as a file on a USB stick: what is nearest to a place,
// what covers it, and which features have a value. No service is asked.
(function (gis) {
  "use strict";

  const LISTED = 100;
  const COMPASS = ["北", "东北", "东", "东南", "南", "西南", "西", "西北"];

  gis.isWhole = () => gis.listed.every((layer) => layer.url === null);

  // What is asked is this page alone; an answer that finds nothing says so.
  gis.heldWords = function () {
    const config = gis.config;
    const left = config.leftOut.length ? ";" + config.leftOut.join("、") + "要素过多,没有放进来" : "";
    return "只查本页所含的 " + gis.listed.length + " 个图层(数据截至 " + (config.dataDate || "不详") + ")" + left + "。";
  };

  gis.loaded = (layers) => Promise.all(layers.map((layer) => layer.loaded || gis.loadLayer(layer)));

  gis.pressButton = function (text, action, className) {
    const button = gis.element("button", className || "gis-button", text);
    button.type = "button";
    button.addEventListener("click", action);
    return button;
  };

  // The features of an answer, each a button that leads to it, with a note at its end.
  gis.answerList = function (found) {
    const list = gis.element("ul", "gis-answers");
    for (const [feature, note] of found.slice(0, LISTED)) {
      const color = (feature.layer.paletteByCode.get(String(gis.codeOf(feature))) || {}).color;
      const button = gis.pressButton("", () => gis.goTo(feature), "gis-answer-way");
      const text = gis.element("span", "gis-result-text", gis.titleOf(feature));
      text.appendChild(gis.element("small", "", [feature.layer.title, feature.properties.code].filter(Boolean).join(" · ")));
      button.append(gis.swatch(feature.layer, color), text, gis.element("span", "gis-count", note || ""));
      list.appendChild(gis.element("li")).appendChild(button);
    }
    if (found.length > LISTED) {
      list.appendChild(gis.element("li", "gis-more", "还有 " + (found.length - LISTED) + " 个,在地图上看"));
    }
    return list;
  };

  function distanceText(answer) {
    if (answer.distance_m === 0) {
      return "就在这里";
    }
    const metres = answer.distance_m;
    const far = metres >= 1000 ? (metres / 1000).toFixed(2) + " 千米" : metres.toFixed(1) + " 米";
    return COMPASS[Math.round(answer.bearing_deg / 45) % 8] + " " + answer.bearing_deg.toFixed(0) + "° " + far;
  }

  // "121.0021, 30.7015" as [lon, lat]; null where it is no place.
  function readPlace(text) {
    const numbers = text.normalize("NFKC").split(/[,、\s]+/).filter(Boolean).map(Number);
    const [lon, lat] = numbers;
    return numbers.length === 2 && Math.abs(lon) <= 180 && Math.abs(lat) <= 85 ? [lon, lat] : null;
  }

  // On a phone the card lies over the middle of the map.
  function bringIntoSight(map, card, at) {
    const point = map.latLngToContainerPoint([at[1], at[0]]);
    const top = card.getBoundingClientRect().top;
    if (window.matchMedia("(max-width: 640px)").matches && point.y > top - 20) {
      map.panBy([0, point.y - top + 80], { animate: false });
    }
  }

  // Where one asks about: written, clicked on the map, or the middle of the map; all tell `ask`.
  function placeRow(map, card, ask) {
    const shown = L.layerGroup().addTo(map);
    const row = gis.element("div", "gis-place-row");
    const input = gis.element("input");
    Object.assign(input, { type: "text", placeholder: "经度,纬度", autocomplete: "off" });
    input.setAttribute("aria-label", "经度,纬度");
    const place = { row: row, at: null, forget: forget };

    function set(at) {
      place.at = at;
      shown.clearLayers();
      if (at) {
        shown.addLayer(L.circleMarker([at[1], at[0]], {
          interactive: false, rank: 9.6e4, radius: 7, weight: 3, color: "#fff", fillColor: "#c2255c", fillOpacity: 1,
        }));
      }
      ask();
    }

    function write(latLng) {
      input.value = latLng.lng.toFixed(7) + "," + latLng.lat.toFixed(7);
      set(readPlace(input.value));
    }

    // The click is taken before any feature gets it, so that no popup opens over the answer.
    const take = (event) => {
      if (gis.measuring) {
        pick(false);
      } else if (!event.target.closest(".leaflet-control, .leaflet-popup")) {
        event.stopPropagation();
        pick(false);
        write(map.mouseEventToLatLng(event));
      }
    };

    function pick(on) {
      picking.setAttribute("aria-pressed", String(on));
      card.classList.toggle("gis-picking", on);
      map.getContainer().classList.toggle("gis-crosshair", on);
      map.getContainer()[on ? "addEventListener" : "removeEventListener"]("click", take, true);
      if (on) {
        gis.stopMeasuring();
        map.closePopup();
      }
    }

    function forget() {
      pick(false);
      shown.clearLayers();
    }

    const picking = gis.pressButton("在图上点", () => pick(picking.getAttribute("aria-pressed") !== "true"));
    picking.setAttribute("aria-pressed", "false");
    input.addEventListener("change", () => set(readPlace(input.value)));
    row.append(input, picking, gis.pressButton("地图中心", () => write(map.getCenter())));
    place.show = () => place.at && set(place.at);
    place.inSight = () => place.at && bringIntoSight(map, card, place.at);
    place.written = () => input.value.trim() !== "";
    return place;
  }

  function nearestPart(say) {
    const part = gis.element("div", "gis-two");
    const asked = { layers: gis.nearLayers(), k: 5 };
    const options = gis.listed.filter((layer) => layer.count).map((layer) => [layer.name, layer.title]);
    const ask = async (place) => {
      await gis.loaded(asked.layers);
      const found = gis.nearest(asked.layers, place[0], place[1], asked.k);
      const words = found.length ? "最近的 " + found.length + " 个:" : "没有找到:20 公里以内没有这类要素。";
      say(words, found.map((one) => [one.feature, distanceText(one)]));
    };
    part.ask = ask;
    part.appendChild(gis.choiceOf("图层", options, (name) => {
      asked.layers = name === null ? gis.nearLayers() : gis.listed.filter((layer) => layer.name === name);
      part.again();
    }, "全部(区划、专题除外)"));
    part.appendChild(gis.choiceOf("个数", [10, 20, 50, 100].map((k) => [k, k + " 个"]), (k) => {
      asked.k = Number(k || 5);
      part.again();
    }, "5 个"));
    return part;
  }

  function coveringPart(say) {
    const part = gis.element("div");
    part.ask = async (place) => {
      await gis.loaded(gis.arealLayers());
      const found = gis.covering(place[0], place[1]);
      say(found.length ? "这里属于:" : "没有找到:这里不在任何网格、小区、楼栋、地块里。", found.map((one) => [one, ""]));
    };
    return part;
  }

  // The card, closed; returns what opens and closes it.
  gis.makeAsking = function (map) {
    const card = gis.element("section", "gis-asking");
    card.setAttribute("aria-label", "查询");
    card.hidden = true;
    const status = gis.element("p", "gis-asking-said");
    status.setAttribute("role", "status");
    const answers = gis.element("div", "gis-asking-answers");
    const say = (words, found) => {
      status.textContent = words;
      answers.replaceChildren(gis.answerList(found));
      place.inSight();
    };
    const place = placeRow(map, card, again);
    const parts = new Map([
      ["最近", nearestPart(say)],
      ["所在网格", coveringPart(say)],
      ["筛选", gis.narrowingPart(say)],
    ]);
    let shown = null;

    function again() {
      if (!shown.ask) {
        shown.again();
      } else if (place.at) {
        shown.ask(place.at);
      } else {
        say(place.written() ? "位置看不懂:请写经度,纬度,例如 121.0021,30.7015。" : "请在图上点一处,或写经度、纬度。", []);
      }
    }

    const tabs = gis.element("div", "gis-asking-tabs");
    const body = gis.element("div", "gis-asking-body");
    body.append(place.row);
    for (const [title, part] of parts) {
      part.again = part.again || again;
      const tab = gis.pressButton(title, () => show(title), "gis-tab");
      tabs.appendChild(tab);
      part.tab = tab;
      body.appendChild(part);
    }
    const close = gis.pressButton("关闭", () => open(false));
    tabs.appendChild(close);
    body.append(status, answers, gis.element("p", "gis-panel-foot", gis.heldWords()));
    card.append(tabs, body);
    document.body.appendChild(card);

    function show(title) {
      for (const [name, part] of parts) {
        part.hidden = name !== title;
        part.tab.setAttribute("aria-pressed", String(name === title));
      }
      shown = parts.get(title);
      place.row.hidden = !shown.ask;
      again();
    }

    let opener = null;

    function open(is) {
      card.hidden = !is;
      document.body.classList.toggle("gis-with-asking", is);
      if (is) {
        opener = document.activeElement;
        gis.closePanelOnPhone();
        place.show();
        shown.tab.focus();
      } else {
        place.forget();
        if (opener) {
          opener.focus();
        }
      }
    }

    gis.closeAsking = () => card.hidden || open(false);
    card.addEventListener("keydown", (event) => {
      if (event.key === "Escape") {
        event.stopPropagation();
        open(false);
      }
    });
    show("最近");
    return () => open(card.hidden);
  };
})((window.gis = window.gis || {}));
