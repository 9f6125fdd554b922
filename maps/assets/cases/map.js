// The desk's map: the cases of the list over the community's pale ground, which the service itself draws.
/* global L */
import { make } from "./elements.js";
import { drawGround } from "./ground.js";

const LOOKS = {
  late: ["超期", "#b3201f", 8], near: ["临期", "#e69f00", 7], open: ["未办结", "#14598c", 6.5], over: ["已办结", "#84909a", 5],
};

export class CaseMap {
  constructor(element, { ground, grave, over, open }) {
    Object.assign(this, { grave, over, open });
    this.map = L.map(element, {
      preferCanvas: true, maxZoom: 20, minZoom: 9, zoomSnap: 0.5, attributionControl: false, zoomControl: false,
    });
    this.map.setView([30.7, 121.0], 14);
    L.control.zoom({ zoomInTitle: "放大", zoomOutTitle: "缩小" }).addTo(this.map);
    L.control.scale({ imperial: false }).addTo(this.map);
    this.names = ground;
    this.markers = new Map();
    this.drawn = L.layerGroup().addTo(this.map);
    this.shape = L.layerGroup().addTo(this.map);
    this.ring = null;
    this.legend = make("div", { class: "desk-legend", hidden: true });
    element.append(this.legend);
    new ResizeObserver(() => {
      this.map.invalidateSize({ animate: false });
      if (this.ring && !this.map.getBounds().contains(this.ring.getLatLng())) {
        this.map.panTo(this.ring.getLatLng(), { animate: false });
      }
    }).observe(element);
  }

  drawGround(community) {
    return drawGround(this.map, this.names, community, (bounds) => {
      if (!this.framed) {
        this.map.fitBounds(bounds, { animate: false });
      }
    });
  }

  kindOf(one) {
    if (this.over.includes(one.status)) {
      return "over";
    }
    return one.overdue ? "late" : one.soon ? "near" : "open";
  }

  // The view stays once somebody has seen it, so that an update doesn't move what is looked at.
  draw(cases, { frame = false } = {}) {
    this.drawn.clearLayers();
    this.markers.clear();
    const placed = cases.filter((one) => Number.isFinite(one.lon));
    const counts = {};
    let grave = 0;
    // What matters most is drawn last, on top.
    for (const one of [...placed].reverse()) {
      const kind = this.kindOf(one);
      const [, color, radius] = LOOKS[kind];
      const heavy = this.grave.includes(one.level) && kind !== "over";
      counts[kind] = (counts[kind] || 0) + 1;
      grave += heavy;
      const marker = L.circleMarker([one.lat, one.lon], {
        radius, fill: true, fillColor: color, fillOpacity: 0.95, color: heavy ? "#111111" : "#ffffff", weight: heavy ? 3.5 : 1.5,
      });
      const said = make("span", {}, `${one.event_code_title || one.event_code} · ${one.status_title}`);
      marker.bindTooltip(said, { direction: "top", offset: [0, -6] });
      marker.on("click", () => this.open(one.id));
      this.markers.set(one.id, marker);
      this.drawn.addLayer(marker);
    }
    const rows = Object.entries(LOOKS).filter(([kind]) => counts[kind])
      .map(([kind, [title, color]]) => make("div", {}, make("i", { style: `background: ${color}`, "aria-hidden": "true" }), `${title} ${counts[kind]}`));
    if (grave) {
      rows.push(make("div", {}, make("i", { class: "desk-heavy", "aria-hidden": "true" }), `黑圈:重大、疑似 ${grave}`));
    }
    this.legend.replaceChildren(...rows);
    this.legend.hidden = !rows.length;
    if (frame && placed.length) {
      this.framed = true;
      this.map.fitBounds(L.latLngBounds(placed.map((one) => [one.lat, one.lon])), {
        padding: [36, 36], maxZoom: 17, animate: false,
      });
    }
  }

  // Rings a case and brings it into view; null takes the ring away.
  point(one, { near = false } = {}) {
    if (this.ring) {
      this.ring.remove();
      this.ring = null;
    }
    this.shape.clearLayers();
    if (one === null || !Number.isFinite(one.lon)) {
      return;
    }
    const at = L.latLng(one.lat, one.lon);
    this.ring = L.circleMarker(at, { radius: 14, color: "#b45309", weight: 4, fill: false, interactive: false }).addTo(this.map);
    if (one.geometry && !one.geometry.type.endsWith("Point")) {
      this.shape.addLayer(L.geoJSON(one.geometry, { interactive: false, style: { color: "#b45309", weight: 2, fillOpacity: 0.15 } }));
    }
    const calm = window.matchMedia("(prefers-reduced-motion: reduce)").matches;
    if (near && this.map.getZoom() < 16) {
      this.map.setView(at, 17, { animate: !calm });
    } else if (near || !this.map.getBounds().pad(-0.15).contains(at)) {
      this.map.panTo(at, { animate: !calm });
    }
  }
}
