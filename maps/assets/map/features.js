// Features: from a FeatureCollection to paths on the map, and what a person reads of a feature.
(function (gis) {
  "use strict";

  // A stored value as a person reads it. Values may be anything; they only ever become text nodes.
  gis.show = function (field, value) {
    if (value === null || value === undefined || value === "") {
      return "";
    }
    if (Array.isArray(value)) {
      return value.map((item) => gis.show(field, item)).join("、");
    }
    if (typeof value === "boolean") {
      return value ? "是" : "否";
    }
    if (field.codes) {
      return field.codes.get(String(value)) || String(value);
    }
    if (typeof value === "number") {
      const text = value.toLocaleString("zh-CN", { maximumFractionDigits: 3, useGrouping: Math.abs(value) >= 10000 });
      return field.unit ? text + " " + field.unit : text;
    }
    if (field.kind === "time") {
      const time = new Date(value);
      return Number.isNaN(time.getTime())
        ? String(value)
        : time.toLocaleString("zh-CN", { timeZone: "Asia/Shanghai", hour12: false });
    }
    return field.unit ? String(value) + " " + field.unit : String(value);
  };

  // The label of a feature, or "" when the row leaves it empty.
  gis.labelOf = function (feature) {
    const layer = feature.layer;
    return gis.show(layer.fieldsByName.get(layer.label), feature.properties[layer.label]);
  };

  gis.titleOf = function (feature) {
    return gis.labelOf(feature) || feature.properties.name || feature.layer.title + " " + (feature.properties.code || "");
  };

  gis.codeOf = function (feature) {
    const by = feature.layer.style.by;
    return by === null ? null : feature.properties[by];
  };

  function entryOf(layer, properties) {
    const style = layer.style;
    return style.by === null ? undefined : layer.paletteByCode.get(String(properties[style.by]));
  }

  const latLngs = L.GeoJSON.coordsToLatLngs;
  const DEPTH = { LineString: 0, MultiLineString: 1, Polygon: 1, MultiPolygon: 2 };

  // The paths of one geometry; a GeometryCollection or MultiPoint becomes several.
  function pathsOf(layer, geometry, properties) {
    if (!geometry) {
      return [];
    }
    if (geometry.type === "GeometryCollection") {
      return geometry.geometries.flatMap((part) => pathsOf(layer, part, properties));
    }
    const style = layer.style;
    const entry = entryOf(layer, properties);
    const coded = entry ? entry.color : null;
    const shared = { rank: style.order, minZoom: style.minZoom };
    if (geometry.type === "Point" || geometry.type === "MultiPoint") {
      const points = geometry.type === "Point" ? [geometry.coordinates] : geometry.coordinates;
      const options = Object.assign({}, shared, {
        shape: (entry && entry.marker) || style.marker,
        size: style.size,
        fill: true,
        fillColor: coded || style.fill || style.color,
        fillOpacity: 0.95,
        color: entry && entry.outlined ? gis.OUTLINED : style.color,
        outline: style.width * (entry && entry.outlined ? 2.4 : 1),
      });
      return points.map((point) => new gis.Symbol(L.GeoJSON.coordsToLatLng(point), options));
    }
    const coordinates = latLngs(geometry.coordinates, DEPTH[geometry.type]);
    if (geometry.type === "Polygon" || geometry.type === "MultiPolygon") {
      const fill = coded || style.fill;
      if (fill === null && style.dash !== null) {
        return dashedOutline(layer, coordinates, Object.assign({}, shared, {
          color: style.color, base: style.width, dashArray: style.dash, fill: false, lineCap: "butt", smoothFactor: 0,
        }));
      }
      return [
        new gis.Area(coordinates, Object.assign({}, shared, {
          color: style.color,
          base: style.width,
          stroke: style.width > 0,
          dashArray: style.dash,
          fill: fill !== null,
          fillColor: fill,
          fillOpacity: style.opacity,
          smoothFactor: 0.5,
          lineJoin: "round",
        })),
      ];
    }
    const metres = layer.widthField === null ? null : Number(properties[layer.widthField]) || null;
    const line = Object.assign({}, shared, { base: style.width, metres: metres, smoothFactor: 0.6, lineCap: "round" });
    if (style.fill === null) {
      return [new gis.Line(coordinates, Object.assign({}, line, { color: coded || style.color, dashArray: style.dash }))];
    }
    // A line with a fill is a street: a casing in the outline's colour under a lighter line; all casings of the layer
    // lie under all its lines, so crossings stay open.
    return [
      new gis.Line(coordinates, Object.assign({}, line, { color: style.color, extra: 1.8, lineCap: "butt" })),
      new gis.Line(coordinates, Object.assign({}, line, { color: coded || style.fill, rank: style.order + 0.5 })),
    ];
  }

  // Neighbours share a border; drawn twice, its dashes would fill each other's gaps. Each edge is drawn once, in runs as
  // long as possible, and the area itself stays as what is labelled and clicked.
  function dashedOutline(layer, coordinates, options) {
    layer.edges = layer.edges || new Set();
    const polygons = Array.isArray(coordinates[0][0]) ? coordinates : [coordinates];
    const runs = [];
    const key = (point) => point.lng.toFixed(7) + "," + point.lat.toFixed(7);
    for (const ring of polygons.flat()) {
      let run = [];
      for (let i = 1; i < ring.length; i += 1) {
        const ends = [key(ring[i - 1]), key(ring[i])].sort().join(" ");
        if (!layer.edges.has(ends)) {
          layer.edges.add(ends);
          run = run.length ? run : [ring[i - 1]];
          run.push(ring[i]);
        } else if (run.length) {
          runs.push(run);
          run = [];
        }
      }
      if (run.length) {
        runs.push(run);
      }
    }
    const area = new gis.Area(coordinates, Object.assign({}, options, { stroke: false }));
    return runs.length ? [area, new gis.Line(runs, options)] : [area];
  }

  function makePaths(feature) {
    feature.paths = pathsOf(feature.layer, feature.geometry, feature.properties);
    feature.paths.forEach((path) => (path.feature = feature));
  }

  // Puts one feature into the layer's group; null where there is nothing to draw.
  gis.addFeature = function (layer, item) {
    const feature = { layer: layer, id: item.id, properties: item.properties || {}, geometry: item.geometry };
    makePaths(feature);
    feature.paths.forEach((path) => layer.group_.addLayer(path));
    return feature.paths.length ? feature : null;
  };

  // Draws what the filters leave of a layer.
  gis.redrawLayer = function (layer) {
    layer.group_.clearLayers();
    const edges = layer.edges;
    if (edges) {
      edges.clear();
    }
    for (const feature of gis.filtered(layer)) {
      // An edge that two areas share was drawn by the first of them, which may be left out now.
      if (edges) {
        makePaths(feature);
      }
      feature.paths.forEach((path) => layer.group_.addLayer(path));
    }
  };

  // Turns a FeatureCollection into the layer's features; nothing is on the map yet.
  gis.readLayer = function (layer, collection) {
    layer.group_ = L.featureGroup();
    layer.features = collection.features.map((item) => gis.addFeature(layer, item)).filter((feature) => feature);
    layer.loaded = true;
    gis.drawn[layer.name] = layer.features.length;
  };

  gis.boundsOf = function (feature) {
    const bounds = L.latLngBounds([]);
    for (const path of feature.paths) {
      bounds.extend(path.getBounds ? path.getBounds() : path.getLatLng());
    }
    return bounds;
  };

  // A place that is on the feature: the point, the middle of the longest line, the inside of the largest area.
  gis.anchorOf = function (feature) {
    if (!feature.anchor) {
      const path = feature.paths[0];
      if (path instanceof gis.Symbol) {
        feature.anchor = path.getLatLng();
      } else if (path instanceof gis.Area) {
        feature.anchor = insideOf(largestRing(path.getLatLngs()));
      } else {
        const lines = path.getLatLngs();
        const line = Array.isArray(lines[0]) ? lines.reduce((a, b) => (b.length > a.length ? b : a)) : lines;
        feature.anchor = line[Math.floor(line.length / 2)];
      }
    }
    return feature.anchor;
  };

  function largestRing(nested) {
    const polygons = Array.isArray(nested[0]) && Array.isArray(nested[0][0]) ? nested : [nested];
    const rings = polygons.map((polygon) => polygon[0]).filter((ring) => ring && ring.length);
    return rings.reduce((a, b) => (Math.abs(ringArea(b)) > Math.abs(ringArea(a)) ? b : a));
  }

  function ringArea(ring) {
    let sum = 0;
    for (let i = 0, j = ring.length - 1; i < ring.length; j = i, i += 1) {
      sum += ring[j].lng * ring[i].lat - ring[i].lng * ring[j].lat;
    }
    return sum;
  }

  // The middle of the widest stretch inside the ring on a few level lines: always inside, near the visual centre.
  function insideOf(ring) {
    const bounds = L.latLngBounds(ring);
    let best = null;
    for (const part of [0.5, 0.42, 0.58, 0.3, 0.7]) {
      const lat = bounds.getSouth() + (bounds.getNorth() - bounds.getSouth()) * part;
      const crossings = [];
      for (let i = 0, j = ring.length - 1; i < ring.length; j = i, i += 1) {
        if (ring[i].lat > lat !== ring[j].lat > lat) {
          crossings.push(ring[i].lng + ((lat - ring[i].lat) / (ring[j].lat - ring[i].lat)) * (ring[j].lng - ring[i].lng));
        }
      }
      crossings.sort((a, b) => a - b);
      for (let i = 0; i + 1 < crossings.length; i += 2) {
        // Lines far from the middle must be clearly wider to be preferred.
        const width = (crossings[i + 1] - crossings[i]) * (1 - Math.abs(part - 0.5));
        if (!best || width > best.width * 1.05) {
          best = { width: width, at: L.latLng(lat, (crossings[i] + crossings[i + 1]) / 2) };
        }
      }
    }
    return best ? best.at : bounds.getCenter();
  }
})((window.gis = window.gis || {}));
