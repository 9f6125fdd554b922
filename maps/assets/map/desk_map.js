// The desk's map: what an upload would change over the community's pale ground, where rows would lie under each
// possible coordinate system, and the place that someone clicks for a row without one.
(function () {
  "use strict";

  const { config, ask } = window.desk;
  const COLORS = {
    added: "#009e73", changed: "#0072b2", moved: "#cc79a7", before: "#8a7f7f", removed: "#d55e00", conflict: "#6b4423",
  };

  class DeskMap {
    constructor(element) {
      this.map = L.map(element, { preferCanvas: true, maxZoom: 20, attributionControl: false });
      this.map.setView([30.7, 121.0], 14);
      this.map.createPane("ground").style.zIndex = 250;
      this.changes = L.layerGroup().addTo(this.map);
      this.guesses = L.layerGroup().addTo(this.map);
      this.paths = new Map();
      this.bounds = null;
      this.waiting = null;
      this.map.on("click", (event) => this.clicked(event.latlng));
    }

    async drawGround(community) {
      const renderer = L.canvas({ pane: "ground" });
      for (const layer of config.ground) {
        const found = await ask(`/maps/overview/layers/${layer}?community=${community}`, {
          headers: { Accept: "application/geo+json" },
        }).catch(() => null);
        if (found === null) {
          continue;
        }
        const looks = {
          water: { fillColor: "#d3e3ec" }, green: { fillColor: "#dfe8d6" }, building: { fillColor: "#dedad4" },
        }[layer];
        const drawn = L.geoJSON(found, {
          renderer, pane: "ground", interactive: false,
          style: looks ? { stroke: false, fill: true, fillOpacity: 1, ...looks } : { color: "#ffffff", weight: 2.5 },
        }).addTo(this.map);
        if (this.bounds === null && !this.guesses.getLayers().length && drawn.getBounds().isValid()) {
          this.map.fitBounds(drawn.getBounds(), { animate: false });
        }
      }
    }

    async drawChanges(upload, named) {
      this.changes.clearLayers();
      this.paths.clear();
      const found = await ask(`/uploads/${upload}/changes`);
      const drawn = L.geoJSON(found, {
        style: (feature) => this.styleOf(feature),
        pointToLayer: (feature, at) => L.circleMarker(at, this.styleOf(feature)),
        onEachFeature: (feature, path) => {
          const given = feature.properties;
          if (given.role === "after") {
            this.paths.set(given.row, path);
          }
          const said = document.createElement("span");
          said.textContent = `${config.counted[given.step]}${given.role === "before" ? "(原位置)" : ""} ${given.code}`;
          path.bindTooltip(said, { sticky: true });
          path.on("click", (event) => {
            if (this.waiting === null) {
              L.DomEvent.stop(event);
              named(given.row);
            }
          });
        },
      });
      this.changes.addLayer(drawn);
      this.bounds = drawn.getBounds().isValid() ? drawn.getBounds() : null;
      if (this.bounds) {
        this.map.fitBounds(this.bounds, { padding: [24, 24], maxZoom: 18, animate: false });
      }
    }

    styleOf(feature) {
      const given = feature.properties;
      const color = given.role === "before" ? COLORS.before : COLORS[given.step] || COLORS.changed;
      const faint = given.left_out ? 0.25 : 1;
      return {
        radius: 6, color: feature.geometry.type.endsWith("Point") ? "#ffffff" : color, weight: 1.8, fillColor: color,
        fill: !feature.geometry.type.endsWith("LineString"), opacity: faint, fillOpacity: (feature.geometry.type.endsWith("Point") ? 0.95 : 0.6) * faint,
        dashArray: given.role === "before" || given.step === "removed" ? "4 4" : null,
      };
    }

    drawGuess(points) {
      this.guesses.clearLayers();
      const places = points.map(([lon, lat]) => [lat, lon]);
      for (const place of places) {
        L.circleMarker(place, { radius: 4, color: "#ffffff", weight: 1, fillColor: "#d55e00", fillOpacity: 0.9 })
          .addTo(this.guesses);
      }
      if (places.length) {
        this.map.fitBounds(L.latLngBounds(places).pad(0.15), { maxZoom: 17, animate: false });
      }
    }

    show(row) {
      const path = this.paths.get(row.row);
      if (path && path.getBounds) {
        this.map.fitBounds(path.getBounds(), { maxZoom: 19, padding: [40, 40] });
      } else if (row.lat !== null && row.lat !== undefined) {
        this.map.setView([row.lat, row.lon], Math.max(this.map.getZoom(), 18));
      }
      if (path) {
        path.openTooltip();
      }
    }

    // Waits for a click on the map; null gives up.
    pick(chosen) {
      this.waiting = chosen;
      this.map.getContainer().classList.toggle("desk-picking", chosen !== null);
    }

    clicked(at) {
      const chosen = this.waiting;
      if (chosen !== null) {
        this.pick(null);
        chosen({ type: "Point", coordinates: [Number(at.lng.toFixed(8)), Number(at.lat.toFixed(8))] });
      }
    }
  }

  window.desk.DeskMap = DeskMap;
  window.desk.COLORS = COLORS;
})();
