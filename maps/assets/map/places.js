// What lies near a place, and what covers it: reckoned as the service does (gis_service/features/nearby.py and at.py),
// with the nearest place of each feature and geodesic metres.
(function (gis) {
  "use strict";

  const A = gis.ELLIPSOID.a;
  const E2 = gis.ELLIPSOID.e2;
  const F = 1 - Math.sqrt(1 - E2);
  const RADIAN = Math.PI / 180;
  const MAX_NEAREST_M = 20000;
  const ON_IT = 1e-9; // degrees: coordinates of a file have eight digits

  // Metres and bearing from one place to another by Vincenty's inverse formula: over 20 km good to a thousandth of a
  // millimetre. Each place is [lon, lat] in degrees.
  gis.geodesic = function (from, to) {
    const turn = (to[0] - from[0]) * RADIAN;
    const [u1, u2] = [from[1], to[1]].map((lat) => Math.atan((1 - F) * Math.tan(lat * RADIAN)));
    const [sin1, cos1, sin2, cos2] = [Math.sin(u1), Math.cos(u1), Math.sin(u2), Math.cos(u2)];
    let lambda = turn;
    for (let round = 0; round < 50; round += 1) {
      const [sinL, cosL] = [Math.sin(lambda), Math.cos(lambda)];
      const [east, north] = [cos2 * sinL, cos1 * sin2 - sin1 * cos2 * cosL];
      const sinS = Math.hypot(east, north);
      if (sinS === 0) {
        return { metres: 0, degrees: 0 };
      }
      const cosS = sin1 * sin2 + cos1 * cos2 * cosL;
      const sigma = Math.atan2(sinS, cosS);
      const sinAlpha = (cos1 * cos2 * sinL) / sinS;
      const cos2Alpha = 1 - sinAlpha * sinAlpha;
      const middle = cos2Alpha ? cosS - (2 * sin1 * sin2) / cos2Alpha : 0;
      const c = (F / 16) * cos2Alpha * (4 + F * (4 - 3 * cos2Alpha));
      const before = lambda;
      lambda = turn + (1 - c) * F * sinAlpha * (sigma + c * sinS * (middle + c * cosS * (2 * middle * middle - 1)));
      if (Math.abs(lambda - before) < 1e-14) {
        const u = (cos2Alpha * E2) / (1 - E2);
        const k1 = 1 + (u / 16384) * (4096 + u * (-768 + u * (320 - 175 * u)));
        const k2 = (u / 1024) * (256 + u * (-128 + u * (74 - 47 * u)));
        const four = cosS * (2 * middle * middle - 1);
        const six = (k2 / 6) * middle * (4 * sinS * sinS - 3) * (4 * middle * middle - 3);
        const metres = A * (1 - F) * k1 * (sigma - k2 * sinS * (middle + (k2 / 4) * (four - six)));
        return { metres: metres, degrees: (Math.atan2(east, north) / RADIAN + 360) % 360 };
      }
    }
    return { metres: Infinity, degrees: 0 };
  };

  // The length of a degree eastwards over that of one northwards: the nearest place is sought where both are as long.
  function degreeRatio(lat) {
    const sine = Math.sin(lat * RADIAN);
    return (Math.cos(lat * RADIAN) * (1 - E2 * sine * sine)) / (1 - E2);
  }

  // Looks along a line from the origin of `near`, which keeps the nearest place so far.
  function alongLine(line, near) {
    let [ax, ay] = near.offset(line[0]);
    for (let i = 1; i < line.length; i += 1) {
      const [bx, by] = near.offset(line[i]);
      const [dx, dy] = [bx - ax, by - ay];
      const length = dx * dx + dy * dy;
      const part = length ? Math.min(1, Math.max(0, -(ax * dx + ay * dy) / length)) : 0;
      near.take(part === 1 ? bx : ax + part * dx, part === 1 ? by : ay + part * dy);
      [ax, ay] = [bx, by];
    }
  }

  // Whether the origin lies inside the rings of a polygon: crossings of all rings, so that holes are outside.
  function isInside(rings, near) {
    let inside = false;
    for (const ring of rings) {
      let [ax, ay] = near.offset(ring[ring.length - 1]);
      for (const place of ring) {
        const [bx, by] = near.offset(place);
        if (ay > 0 !== by > 0 && ax + ((bx - ax) * ay) / (ay - by) > 0) {
          inside = !inside;
        }
        [ax, ay] = [bx, by];
      }
    }
    return inside;
  }

  function into(geometry, near) {
    const parts = geometry.coordinates;
    if (geometry.type === "GeometryCollection") {
      geometry.geometries.forEach((part) => into(part, near));
    } else if (geometry.type === "Point") {
      near.take(...near.offset(parts));
    } else if (geometry.type === "MultiPoint") {
      parts.forEach((place) => near.take(...near.offset(place)));
    } else if (geometry.type === "LineString") {
      alongLine(parts, near);
    } else if (geometry.type === "MultiLineString") {
      parts.forEach((line) => alongLine(line, near));
    } else {
      for (const rings of geometry.type === "Polygon" ? [parts] : parts) {
        if (isInside(rings, near)) {
          near.take(0, 0);
          return;
        }
        rings.forEach((ring) => alongLine(ring, near));
      }
    }
  }

  // The nearest place of a geometry: its offset from [lon, lat] in degrees of latitude, and the square of that.
  function nearestPlace(geometry, from, narrow) {
    const near = {
      square: Infinity,
      offset: (place) => [(place[0] - from[0]) * narrow, place[1] - from[1]],
      take: (x, y) => {
        const square = x * x + y * y;
        if (square < near.square) {
          Object.assign(near, { square: square, x: x, y: y });
        }
      },
    };
    into(geometry, near);
    return near;
  }

  function nearestOf(layer, from, narrow, k) {
    const found = layer.features.map((feature) => ({ feature: feature, at: nearestPlace(feature.geometry, from, narrow) }));
    const squares = found.map((one) => one.at.square).sort((a, b) => a - b);
    // The nearest in metres are among those that are nearest in degrees, and a little farther.
    const reach = (squares[Math.min(k, squares.length) - 1] || 0) * 1.05 + ON_IT * ON_IT;
    const measured = found.filter((one) => one.at.square <= reach).map((one) => {
      const inside = one.at.square === 0;
      const way = inside ? { metres: 0, degrees: 0 } : gis.geodesic(from, [from[0] + one.at.x / narrow, from[1] + one.at.y]);
      return { feature: one.feature, metres: Math.round(way.metres * 1e8) / 1e8, degrees: way.degrees };
    });
    return measured
      .filter((one) => one.metres <= MAX_NEAREST_M)
      .sort((a, b) => a.metres - b.metres || (a.feature.id < b.feature.id ? -1 : 1))
      .slice(0, k);
  }

  // The k features of layers nearest to a place within 20 km, with metres and degrees from north.
  gis.nearest = function (layers, lon, lat, k) {
    const narrow = degreeRatio(lat);
    const found = layers.flatMap((layer) => nearestOf(layer, [lon, lat], narrow, k));
    return found.sort((a, b) => a.metres - b.metres).slice(0, k).map((one) => ({
      feature: one.feature,
      distance_m: Math.round(one.metres * 100) / 100,
      bearing_deg: (Math.round(one.degrees * 10) / 10) % 360,
    }));
  };

  // The layers that are asked when none is chosen: nobody looks for the nearest grid.
  gis.nearLayers = () => gis.listed.filter((layer) => layer.near);

  // The layers that cover something.
  gis.arealLayers = () => gis.listed.filter((layer) => !layer.theme && layer.geometry === "MULTIPOLYGON");

  // The features that cover a place, in the order of their layers and codes; a boundary belongs to both sides.
  gis.covering = function (lon, lat) {
    const narrow = degreeRatio(lat);
    const code = (feature) => String(feature.properties.code);
    return gis.arealLayers().flatMap((layer) =>
      layer.features
        .filter((feature) => nearestPlace(feature.geometry, [lon, lat], narrow).square <= ON_IT * ON_IT)
        .sort((a, b) => (code(a) < code(b) ? -1 : 1)));
  };
})((window.gis = window.gis || {}));
