// The phone's map: the own area drawn from what the phone holds, where one stands, the walk of the day, open cases.
/* global L */
import { make } from "../cases/elements.js";
import { middle } from "./geometry.js";

const GROUND = {
  community: { stroke: true, color: "#7d766c", weight: 1.5, dashArray: "8 5", fill: false },
  water: { fillColor: "#c5dcea" }, green: { fillColor: "#d5e5c8" }, building: { fillColor: "#cfc8bd", stroke: true, color: "#a89f92", weight: 0.6 },
  road: { stroke: true, fill: false, color: "#ffffff", weight: 4 },
  grid: { stroke: true, color: "#14598c", weight: 2, dashArray: "6 5", fill: false },
};
const ORDER = ["water", "green", "building", "road", "grid", "community"];
const DOTS = {
  hazard: ["#b3201f", 7], waste_point: ["#2f7d4f", 5], rental_unit: ["#8a5a00", 4], enterprise: ["#5b4a9c", 5],
};
const NEAR_ZOOM = 17;

export class FieldMap {
  constructor(element, { tap, open, say }) {
    Object.assign(this, { tap, open, say, picking: null, follow: true });
    this.map = L.map(element, {
      preferCanvas: true, maxZoom: 20, minZoom: 11, zoomSnap: 0.5, attributionControl: false, zoomControl: false,
      tap: true,
    });
    this.map.setView([30.7, 121], 14);
    L.control.scale({ imperial: false, position: "bottomleft" }).addTo(this.map);
    this.map.createPane("ground").style.zIndex = 250;
    this.ground = L.canvas({ pane: "ground", padding: 0.3 });
    this.layers = new Map();
    this.dots = L.layerGroup().addTo(this.map);
    this.walk = L.layerGroup().addTo(this.map);
    this.mine = L.layerGroup().addTo(this.map);
    // Where one stands lies above all that is marked there.
    Object.assign(this.map.createPane("mine").style, { zIndex: 640, pointerEvents: "none" });
    this.own = { pane: "mine", renderer: L.svg({ pane: "mine" }), interactive: false };
    this.pin = L.layerGroup().addTo(this.map);
    this.map.on("click", (event) => this.picked([event.latlng.lng, event.latlng.lat]));
    this.map.on("dragstart", () => { this.follow = false; });
    this.map.on("zoomend", () => this.drawDots());
    new ResizeObserver(() => this.map.invalidateSize({ animate: false })).observe(element);
  }

  picked(point) {
    if (this.picking) {
      this.setPin(point);
      this.picking(point);
    } else {
      this.tap(point);
    }
  }

  // While somebody chooses a place, a touch sets the pin instead of asking what is there.
  pick(found) {
    this.picking = found;
  }

  setPin(point) {
    this.pin.clearLayers();
    if (point) {
      L.circleMarker([point[1], point[0]], { radius: 13, color: "#111111", weight: 4, fill: true, fillColor: "#ffd54a", fillOpacity: 0.9, interactive: false }).addTo(this.pin);
    }
  }

  draw(snapshot) {
    this.snapshot = snapshot;
    for (const name of ORDER) {
      const features = snapshot.features(name);
      const held = this.layers.get(name);
      if (held?.features === features) {
        continue;
      }
      held?.drawn.remove();
      const drawn = L.geoJSON(features, {
        renderer: this.ground, pane: "ground", interactive: false,
        style: { stroke: false, fill: true, fillOpacity: 1, ...GROUND[name] },
      }).addTo(this.map);
      this.layers.set(name, { features, drawn });
    }
    this.drawDots();
    if (!this.framed) {
      this.frame();
    }
  }

  // The own grids, or the community, fill the map at first.
  frame() {
    const start = this.snapshot?.start;
    if (!start) {
      return;
    }
    const own = this.snapshot.features("grid").filter((one) => start.areas.some((code) => one.properties.code.startsWith(code)));
    const shown = own.length ? own : this.snapshot.features("community");
    if (shown.length) {
      this.framed = true;
      this.map.fitBounds(L.geoJSON(shown).getBounds(), { padding: [12, 12], animate: false });
    }
  }

  drawDots() {
    this.dots.clearLayers();
    if (!this.snapshot) {
      return;
    }
    for (const [layer, [color, radius]] of Object.entries(DOTS)) {
      if (layer !== "hazard" && this.map.getZoom() < NEAR_ZOOM) {
        continue;
      }
      for (const feature of this.snapshot.features(layer)) {
        const [lon, lat] = middle(feature.geometry);
        const dot = L.circleMarker([lat, lon], { radius: radius + 2, color: "#ffffff", weight: 2, fill: true, fillColor: color, fillOpacity: 1 });
        dot.on("click", (event) => {
          L.DomEvent.stop(event);
          if (this.picking) {
            this.picked([lon, lat]);
          } else {
            this.open({ layer, feature });
          }
        });
        this.dots.addLayer(dot);
      }
    }
  }

  drawWalk(plan, open) {
    this.walk.clearLayers();
    if (!plan) {
      return;
    }
    if (plan.line) {
      L.geoJSON(plan.line, { interactive: false, style: { color: "#c2570c", weight: 5, opacity: 0.85 } }).addTo(this.walk);
    }
    for (const stop of plan.stops) {
      const icon = L.divIcon({ className: "field-stop", html: make("b", {}, String(stop.number)), iconSize: [32, 32] });
      L.marker([stop.lat, stop.lon], { icon, keyboard: false, alt: `第 ${stop.number} 站` })
        .on("click", () => (this.picking ? this.picked([stop.lon, stop.lat]) : open(stop))).addTo(this.walk);
    }
  }

  drawPosition(here) {
    this.mine.clearLayers();
    if (!here) {
      return;
    }
    const at = [here.at[1], here.at[0]];
    L.circle(at, { radius: here.accuracy, color: "#1565c0", weight: 1.5, fillColor: "#1565c0", fillOpacity: 0.12, ...this.own }).addTo(this.mine);
    L.circleMarker(at, { radius: 9, color: "#ffffff", weight: 3, fill: true, fillColor: here.fresh ? "#1565c0" : "#7b8794", fillOpacity: 1, ...this.own }).addTo(this.mine);
    if (this.follow && !this.map.getBounds().contains(at)) {
      this.map.panTo(at, { animate: false });
    }
  }

  show(point, zoom = 18) {
    this.map.setView([point[1], point[0]], Math.max(this.map.getZoom(), zoom), { animate: false });
  }
}
