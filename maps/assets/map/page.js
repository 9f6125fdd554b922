// The page: reads the configuration, loads the layers, and hangs title, controls and address onto Folium's map.
(function (gis) {
  "use strict";

  gis.drawn = {};
  gis.ready = false;

  gis.readBlock = function (id) {
    const block = document.getElementById(id);
    return block ? JSON.parse(block.textContent) : null;
  };

  function prepare(layer) {
    layer.fields.forEach((field) => (field.codes = field.codes && new Map(field.codes)));
    layer.fieldsByName = new Map(layer.fields.map((field) => [field.name, field]));
    layer.paletteByCode = new Map(layer.style.palette.map((entry) => [entry.code, entry]));
    layer.on = layer.style.shown;
    layer.loaded = false;
    if (layer.squared) {
      layer.squares = new Map();
      layer.held = new Map();
      layer.style.minZoom = Math.max(layer.style.minZoom, gis.SQUARE_ZOOM);
    }
    return layer;
  }

  // The address keeps what one looks at: #map=zoom/lat/lon&on=layer,layer
  function readAddress() {
    const parts = new URLSearchParams(location.hash.slice(1));
    const on = parts.get("on");
    if (on !== null) {
      const names = new Set(on.split(","));
      gis.layers.forEach((layer) => (layer.on = names.has(layer.name)));
    }
    const view = (parts.get("map") || "").split("/").map(Number);
    return view.length === 3 && view.every(Number.isFinite) ? view : null;
  }

  let writing = null;

  // Browsers allow only so many changes of the address in a while, so it is written when the map rests.
  function writeAddress() {
    window.clearTimeout(writing);
    writing = window.setTimeout(writeNow, 150);
  }

  function writeNow() {
    if (!gis.ready) {
      return;
    }
    const at = gis.map.getCenter();
    const view = [Math.round(gis.map.getZoom() * 100) / 100, at.lat.toFixed(5), at.lng.toFixed(5)].join("/");
    const on = gis.layers.filter((layer) => layer.on).map((layer) => layer.name);
    history.replaceState(null, "", "#map=" + view + "&on=" + on.join(","));
  }

  async function fetchLayer(layer) {
    if (layer.url === null) {
      return gis.readBlock("gis-layer-" + layer.name);
    }
    return layer.squared ? { features: [] } : gis.fetchFeatures(layer.url);
  }

  gis.fetchFeatures = async function (url) {
    const response = await fetch(url, { headers: { Accept: "application/geo+json" }, credentials: "same-origin" });
    if (!response.ok) {
      throw new Error(response.status === 401 ? "登录已到期,请刷新页面重新登录" : "服务器回答 " + response.status);
    }
    return response.json();
  };

  // Loads a layer once; a failed one is told and may be tried again.
  gis.loadLayer = function (layer) {
    if (!layer.loading) {
      layer.failed = null;
      layer.loading = fetchLayer(layer)
        .then((collection) => {
          gis.readLayer(layer, collection);
          gis.react(layer.group_);
        })
        .catch((error) => {
          layer.failed = error.message;
          layer.loading = null;
        });
    }
    return layer.loading;
  };

  async function loadSeveral(layers) {
    const waiting = layers.filter((layer) => !layer.loaded);
    if (!waiting.length) {
      return;
    }
    let done = 0;
    const tell = () => gis.tell(done < waiting.length ? "正在载入 " + done + "/" + waiting.length + " 个图层" : "");
    tell();
    const queue = waiting.slice();
    const work = async () => {
      for (let layer = queue.shift(); layer; layer = queue.shift()) {
        await gis.loadLayer(layer);
        done += 1;
        tell();
        refresh(layer);
      }
    };
    // Four at a time: enough to fill the line, few enough that a small server answers other people too.
    await Promise.all([work(), work(), work(), work()]);
    const failed = waiting.filter((layer) => layer.failed);
    if (failed.length) {
      const names = failed.map((layer) => layer.title).join("、");
      gis.tell("图层载入失败:" + names + "(" + failed[0].failed + ")", "重试", () => loadSeveral(failed));
    }
    gis.forgetSearch();
  }

  gis.loadAll = () => loadSeveral(gis.layers);

  // The community's own ground, lighter than what lies around it; tiles take its place.
  function showGround() {
    const community = gis.layers.find((layer) => layer.name === "community");
    const bare = gis.map.options.renderer.fade === 1;
    if (!gis.ground && community && community.loaded && community.features.length) {
      const polygons = community.features.map((feature) => feature.paths[0].getLatLngs()).flat();
      const around = gis.boundsOf(community.features[0]).pad(20);
      const world = [around.getNorthWest(), around.getNorthEast(), around.getSouthEast(), around.getSouthWest()];
      const common = { stroke: false, fill: true, interactive: false };
      gis.ground = L.layerGroup([
        L.polygon(polygons, Object.assign({}, common, { rank: -1, fillColor: "#fbfaf7", fillOpacity: 1 })),
        // What lies beyond the boundary stays visible, but pale; points and outlines are drawn over this.
        L.polygon([world].concat(polygons.map((rings) => rings[0])), Object.assign({}, common, {
          rank: 49, fillColor: "#eceae5", fillOpacity: 0.72,
        })),
      ]);
    }
    if (gis.ground) {
      gis.ground[bare ? "addTo" : "removeFrom"](gis.map);
    }
  }

  function refresh(layer) {
    if (layer.name === "community") {
      showGround();
    }
    if (layer.loaded) {
      layer.group_[layer.on ? "addTo" : "removeFrom"](gis.map);
    }
    gis.labels.redraw();
    gis.tellPanel();
    writeAddress();
  }

  gis.switchLayer = async function (layer, on) {
    layer.on = on;
    // Areas of one choice would hide each other: the last one asked for stays.
    for (const other of on && layer.choice ? gis.layers : []) {
      if (other !== layer && other.choice === layer.choice && other.on) {
        other.on = false;
        refresh(other);
      }
    }
    if (on && !layer.loaded) {
      await loadSeveral([layer]);
    }
    if (!on && gis.opened && gis.opened.layer === layer) {
      gis.map.closePopup();
    }
    refresh(layer);
    await gis.loadSquares();
  };

  let baseTiles = null;

  gis.showBase = function (base) {
    if (baseTiles) {
      baseTiles.remove();
      baseTiles = null;
    }
    gis.map.options.renderer.fade = base ? 0.45 : 1;
    gis.map.getContainer().classList.toggle("gis-on-tiles", base !== null);
    if (base) {
      baseTiles = L.layerGroup(base.tiles.map((tiles) => L.tileLayer(tiles.url, {
        subdomains: tiles.subdomains, maxNativeZoom: tiles.max_native_zoom, maxZoom: 20,
      }))).addTo(gis.map);
      baseTiles.eachLayer((tiles) => tiles.once("tileerror", () => {
        gis.tell(base.name + " 连接不上,仍显示本地底图", "知道了", () => gis.tell(""));
      }));
    }
    showGround();
    gis.map.options.renderer._update();
    gis.tellAttribution(base ? base.attribution : "");
  };

  // One line at the top for progress and trouble; with a button where something can be done.
  gis.tell = function (text, button, action) {
    gis.message.replaceChildren();
    gis.message.hidden = !text;
    if (!text) {
      return;
    }
    gis.message.appendChild(gis.element("span", "", text));
    if (button) {
      const press = gis.element("button", "gis-button", button);
      press.type = "button";
      press.addEventListener("click", () => {
        gis.tell("");
        action();
      });
      gis.message.appendChild(press);
    }
  };

  gis.start = async function (map) {
    gis.map = map;
    gis.config = gis.readBlock("gis-config");
    gis.listed = gis.config.layers.map(prepare);
    gis.layers = gis.listed.slice().sort((a, b) => a.style.order - b.style.order);
    const [west, south, east, north] = gis.config.bbox;
    const view = readAddress();
    gis.makeFrame(map);
    if (view) {
      map.setView([view[1], view[2]], view[0], { animate: false });
    } else {
      gis.home = () => gis.fitHome(L.latLngBounds([south, west], [north, east]));
      gis.home();
    }
    gis.labels = new gis.Labels().addTo(map);
    if (gis.config.answer) {
      gis.makeLegend();
    }
    gis.makePanel();
    map.on("popupclose", () => {
      gis.unmark();
      gis.opened = null;
    });
    map.on("moveend", () => {
      writeAddress();
      gis.loadSquares();
    });
    map.on("zoomend", () => {
      gis.tellPanel();
      if (gis.opened) {
        gis.mark(gis.opened);
      }
    });
    document.addEventListener("keydown", (event) => {
      if (event.key === "Escape" && !gis.stopMeasuring()) {
        if (gis.opened) {
          map.closePopup();
        } else if (gis.closeAsking) {
          gis.closeAsking();
        }
      }
    });
    await loadSeveral(gis.layers.filter((layer) => layer.on || layer.theme));
    gis.startAnswer();
    // The legend stands there now, and takes some of the room.
    if (gis.config.answer && gis.home) {
      gis.home();
    }
    await gis.loadSquares();
    gis.ready = true;
    document.documentElement.dataset.gis = "ready";
    writeAddress();
  };
})((window.gis = window.gis || {}));
