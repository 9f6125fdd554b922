// The desk's map: what an upload would change over the community's pale ground, where rows would lie under each
// possible coordinate system, and the place that someone clicks for a row without one.

import { make } from "../cases/elements.js";
import { drawGround } from "../cases/ground.js";
import { config, ask, say, number } from "./desk_parts.js";

const LEGEND = ["added", "changed", "moved", "before", "removed", "conflict"];
const NAMES = { ...config.counted, before: "原位置" };
const HOLLOW = ["before", "removed"];
const GUESS = "#d55e00";
const MOST_DRAWN = 20000;
const NEAR_DEG = 0.05;

function kindOf(properties) {
  const kind = properties.role === "before" ? "before" : properties.step;
  return kind in config.colors ? kind : "changed";
}

export class DeskMap {
  constructor(element) {
    this.map = L.map(element, {
      preferCanvas: true, maxZoom: 20, zoomSnap: 0.5, attributionControl: false, zoomControl: false,
    });
    this.map.setView([30.7, 121.0], 14);
    L.control.zoom({ zoomInTitle: "放大", zoomOutTitle: "缩小" }).addTo(this.map);
    L.control.scale({ imperial: false }).addTo(this.map);
    this.changes = L.layerGroup().addTo(this.map);
    this.guesses = L.layerGroup().addTo(this.map);
    this.paths = new Map();
    this.bounds = null;
    this.waiting = null;
    this.legend = make("div", { class: "desk-legend", hidden: true });
    this.wanted = make("b", {});
    this.hint = make("div", { class: "desk-hint-pick", hidden: true }, this.wanted, "点一下地图选位置。",
      make("span", { class: "desk-keys" }, "用键盘:方向键移动,回车取十字处。"),
      make("button", { type: "button", onclick: () => this.pick(null) }, "取消"));
    element.append(this.legend, this.hint, make("div", { class: "desk-cross", "aria-hidden": "true" }));
    L.DomEvent.disableClickPropagation(this.hint);
    this.map.on("click", (event) => this.clicked(event.latlng));
    element.addEventListener("keydown", (event) => this.pressed(event));
  }

  drawGround(community) {
    this.ground = drawGround(this.map, config.ground, community, (bounds) => {
      if (this.bounds === null && !this.guesses.getLayers().length) {
        this.map.fitBounds(bounds, { animate: false });
      }
    });
    return this.ground;
  }

  // Draws the changes anew; the view stays when someone is at work on them.
  async drawChanges(upload, named, stay = false) {
    const found = await ask(`/uploads/${upload}/changes`);
    this.changes.clearLayers();
    this.guesses.clearLayers();
    this.paths.clear();
    const before = new Map();
    const drawn = L.geoJSON(found, {
      style: (feature) => this.styleOf(feature),
      pointToLayer: (feature, at) => L.circleMarker(at, this.styleOf(feature)),
      onEachFeature: (feature, path) => {
        const given = feature.properties;
        if (given.role === "after") {
          this.paths.set(given.row, path);
        } else if (path.getLatLng) {
          before.set(given.row, path.getLatLng());
        }
        const said = document.createElement("span");
        said.textContent = `${NAMES[kindOf(given)]} ${given.code}`;
        path.bindTooltip(said, { sticky: true });
        path.on("click", (event) => {
          if (this.waiting === null) {
            L.DomEvent.stop(event);
            named(given.row);
          }
        });
      },
    });
    for (const [row, from] of before) {
      const to = this.paths.get(row);
      if (to && to.getLatLng) {
        this.changes.addLayer(L.polyline([from, to.getLatLng()], {
          color: "#5c6770", weight: 1.5, dashArray: "4 4", interactive: false,
        }));
      }
    }
    this.changes.addLayer(drawn);
    this.bounds = drawn.getBounds().isValid() ? drawn.getBounds() : null;
    this.explain(LEGEND.filter((kind) => found.features.some((one) => kindOf(one.properties) === kind)),
      found.features.length >= MOST_DRAWN ? `图上最多画 ${number(MOST_DRAWN)} 个` : null);
    if (this.bounds && !stay) {
      // Nothing may lie under the buttons and the legend.
      this.map.fitBounds(this.bounds, {
        paddingTopLeft: [64, 32], paddingBottomRight: [this.legend.offsetWidth + 24, 40], maxZoom: 18, animate: false,
      });
    }
  }

  explain(kinds, note) {
    this.legend.replaceChildren(...kinds.map((kind) => make("div", {},
      make("i", {
        class: HOLLOW.includes(kind) ? "desk-hollow" : null, style: `color: ${config.colors[kind]}`, "aria-hidden": "true",
      }), NAMES[kind])), ...(note ? [make("div", {}, note)] : []));
    this.legend.hidden = !this.legend.children.length;
  }

  styleOf(feature) {
    const given = feature.properties;
    const color = config.colors[kindOf(given)];
    const faint = given.left_out ? 0.25 : 1;
    const hollow = HOLLOW.includes(kindOf(given));
    if (feature.geometry.type.endsWith("Point")) {
      return {
        radius: hollow ? 5.5 : 6.5, color: hollow ? color : "#ffffff", weight: hollow ? 3 : 2,
        fill: true, fillColor: hollow ? "#ffffff" : color, opacity: faint, fillOpacity: faint,
      };
    }
    return {
      color, weight: 2, fill: !feature.geometry.type.endsWith("LineString"), fillColor: hollow ? "#ffffff" : color,
      opacity: faint, fillOpacity: 0.6 * faint, dashArray: hollow ? "4 4" : null,
    };
  }

  askGuess() {
    this.legend.replaceChildren("选一种坐标系,看文件里的点会落在哪里");
    this.legend.hidden = false;
  }

  drawGuess(points) {
    this.guesses.clearLayers();
    const places = points.map(([lon, lat]) => [lat, lon]);
    for (const place of places) {
      L.circleMarker(place, { radius: 5, color: "#ffffff", weight: 1.5, fillColor: GUESS, fillOpacity: 0.95 })
        .addTo(this.guesses);
    }
    this.legend.replaceChildren(make("div", {}, make("i", { style: `color: ${GUESS}`, "aria-hidden": "true" }),
      `按选中的坐标系,文件里的点(${number(places.length)} 个)`));
    this.legend.hidden = false;
    // A row that is far off, such as one with its numbers exchanged, doesn't decide what is seen.
    const middle = [0, 1].map((at) => places.map((place) => place[at]).sort((a, b) => a - b)[Math.floor(places.length / 2)]);
    const together = places.filter((place) => place.every((value, at) => Math.abs(value - middle[at]) < NEAR_DEG));
    if (together.length) {
      this.map.fitBounds(L.latLngBounds(together).pad(0.15), { maxZoom: 17, animate: false });
    }
  }

  show(row) {
    const path = this.paths.get(row.row);
    if (path && path.getBounds) {
      this.map.fitBounds(path.getBounds(), { maxZoom: 19, padding: [40, 40] });
    } else if (row.lat !== null && row.lat !== undefined) {
      this.map.setView([row.lat, row.lon], Math.max(this.map.getZoom(), 18));
    } else {
      return;
    }
    this.bring();
    if (path) {
      path.openTooltip();
    }
  }

  bring() {
    this.map.getContainer().scrollIntoView({ block: "nearest" });
  }

  // Waits for a place; null gives up.
  async pick(chosen, given = () => {}, wanted = "") {
    if (chosen !== null) {
      // The ground brings the view to the community; it mustn't move under a hand that points.
      await this.ground;
    }
    const left = this.map.getContainer().contains(document.activeElement) ? this.left : null;
    this.waiting = chosen;
    this.left = chosen === null ? null : given;
    this.wanted.textContent = wanted && `${wanted}:`;
    this.hint.hidden = chosen === null;
    this.map.getContainer().classList.toggle("desk-picking", chosen !== null);
    if (chosen !== null) {
      this.map.getContainer().focus({ preventScroll: true });
      this.bring();
      say("请在地图上选位置");
    } else if (left) {
      left();
    }
  }

  clicked(at) {
    const chosen = this.waiting;
    if (chosen !== null) {
      this.left = null;
      this.pick(null);
      chosen({ type: "Point", coordinates: [Number(at.lng.toFixed(8)), Number(at.lat.toFixed(8))] });
    }
  }

  pressed(event) {
    if (this.waiting === null || event.target !== this.map.getContainer()) {
      return;
    }
    if (event.key === "Enter") {
      event.preventDefault();
      this.clicked(this.map.getCenter());
    } else if (event.key === "Escape") {
      this.pick(null);
    }
  }
}
