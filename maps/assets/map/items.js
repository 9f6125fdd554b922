// The small map of a page of features: the features themselves over a pale background, and a line to their rows.
(function () {
  "use strict";

  const config = JSON.parse(document.getElementById("gis-items").textContent);
  const style = config.style;
  const map = L.map("gis-map", { preferCanvas: true, maxZoom: 20, attributionControl: false });
  const paths = new Map();
  let marked = null;

  function colorOf(properties) {
    return (style.by !== null && style.palette[properties[style.by]]) || style.fill || style.color;
  }

  // Points are drawn by pointOf, which styles them itself.
  function styleOf(feature) {
    if (!feature.geometry || feature.geometry.type.endsWith("Point")) {
      return {};
    }
    const area = feature.geometry.type.endsWith("Polygon");
    const color = colorOf(feature.properties);
    return {
      color: area ? style.color : color,
      weight: area ? Math.max(style.width, 1.2) : Math.max(style.width, 3),
      fill: area,
      fillColor: color,
      fillOpacity: Math.min(style.opacity, 0.75),
    };
  }

  function pointOf(feature, at) {
    return L.circleMarker(at, {
      radius: 6, color: "#fff", weight: 1.5, fill: true, fillColor: colorOf(feature.properties), fillOpacity: 0.95,
    });
  }

  function rowOf(id) {
    return Array.from(document.querySelectorAll("tr[data-feature]")).find((row) => row.dataset.feature === id) || null;
  }

  function mark(id) {
    if (marked !== null) {
      marked.classList.remove("gis-marked");
    }
    marked = rowOf(id);
    if (marked !== null) {
      marked.classList.add("gis-marked");
    }
  }

  // Text nodes only: names come from data.
  function nameOf(id) {
    const span = document.createElement("span");
    span.textContent = config.names[id] || id;
    return span;
  }

  const drawn = L.geoJSON(config.features, {
    style: styleOf,
    pointToLayer: pointOf,
    onEachFeature: (feature, path) => {
      const id = String(feature.id);
      paths.set(id, path);
      path.bindTooltip(() => nameOf(id), { sticky: true });
      path.on("click", () => {
        mark(id);
        if (marked !== null) {
          marked.scrollIntoView({ block: "center", behavior: "smooth" });
        }
      });
    },
  }).addTo(map);

  const bounds = drawn.getBounds();
  if (bounds.isValid()) {
    map.fitBounds(bounds, { padding: [18, 18], maxZoom: 18, animate: false });
  } else {
    document.querySelector(".gis-map-part").hidden = true;
  }

  document.querySelectorAll("tr[data-feature]").forEach((row) => {
    row.addEventListener("click", (event) => {
      const path = paths.get(row.dataset.feature);
      if (event.target.closest("a") || !path) {
        return;
      }
      mark(row.dataset.feature);
      if (path.getBounds) {
        map.fitBounds(path.getBounds(), { maxZoom: 19, padding: [40, 40] });
      } else {
        map.setView(path.getLatLng(), Math.max(map.getZoom(), 18));
      }
      path.openTooltip();
    });
  });

  map.createPane("ground").style.zIndex = 250;
  const ground = L.canvas({ pane: "ground" });
  config.background.forEach((address) => {
    fetch(address, { headers: { Accept: "application/geo+json" }, credentials: "same-origin" })
      .then((response) => (response.ok ? response.json() : null))
      .then((found) => {
        if (found === null) {
          return;
        }
        const water = address.includes("/water");
        L.geoJSON(found, {
          renderer: ground, pane: "ground", interactive: false,
          style: (feature) => feature.geometry.type.endsWith("Polygon")
            ? { color: "#9aa5ad", weight: water ? 0 : 1.2, fill: water, fillColor: "#d3e3ec", fillOpacity: 0.9 }
            : { color: "#ffffff", weight: 2, fill: false },
        }).addTo(map);
      })
      // The background is only a help: without it the features still show.
      .catch((error) => console.warn("background", address, error.message));
  });
  document.documentElement.dataset.gis = "ready";
})();
