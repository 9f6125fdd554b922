// Places in degrees: distances in metres, what covers a point, and the way back from GCJ-02.

const RADIUS_M = 6_371_008.8;
const A = 6_378_245.0;
const EE = 0.006_693_421_622_965_943;
const rad = (degrees) => (degrees * Math.PI) / 180;

export function metres([lon1, lat1], [lon2, lat2]) {
  const x = rad(lon2 - lon1) * Math.cos(rad((lat1 + lat2) / 2));
  const y = rad(lat2 - lat1);
  return Math.hypot(x, y) * RADIUS_M;
}

export function bearing([lon1, lat1], [lon2, lat2]) {
  const x = (lon2 - lon1) * Math.cos(rad((lat1 + lat2) / 2));
  return (Math.atan2(x, lat2 - lat1) * 180 / Math.PI + 360) % 360;
}

const WINDS = ["北", "东北", "东", "东南", "南", "西南", "西", "西北"];

export const wind = (degrees) => WINDS[Math.round(degrees / 45) % 8];

export function said(distance) {
  return distance < 1000 ? `${Math.round(distance)} 米` : `${(distance / 1000).toFixed(1)} 公里`;
}

function inRing([x, y], ring) {
  let inside = false;
  for (let i = 0, j = ring.length - 1; i < ring.length; j = i, i += 1) {
    const [xi, yi] = ring[i];
    const [xj, yj] = ring[j];
    if (yi > y !== yj > y && x < ((xj - xi) * (y - yi)) / (yj - yi) + xi) {
      inside = !inside;
    }
  }
  return inside;
}

export function covers(geometry, point) {
  const areas = geometry.type === "Polygon" ? [geometry.coordinates] : geometry.type === "MultiPolygon" ? geometry.coordinates : [];
  return areas.some(([outer, ...holes]) => inRing(point, outer) && !holes.some((hole) => inRing(point, hole)));
}

// A point that stands for a geometry: itself, or the middle of its box.
export function middle(geometry) {
  if (geometry.type === "Point") {
    return geometry.coordinates;
  }
  let [west, south, east, north] = [180, 90, -180, -90];
  const look = (part) => {
    if (typeof part[0] === "number") {
      west = Math.min(west, part[0]);
      east = Math.max(east, part[0]);
      south = Math.min(south, part[1]);
      north = Math.max(north, part[1]);
    } else {
      part.forEach(look);
    }
  };
  (geometry.geometries || [geometry]).forEach((one) => look(one.coordinates));
  return [(west + east) / 2, (south + north) / 2];
}

// The published shift of GCJ-02 at a true position, in degrees.
function shift([lon, lat]) {
  const [x, y] = [lon - 105, lat - 35];
  const waves = (20 * Math.sin(6 * x * Math.PI) + 20 * Math.sin(2 * x * Math.PI)) * 2 / 3;
  let north = -100 + 2 * x + 3 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * Math.sqrt(Math.abs(x)) + waves;
  north += (20 * Math.sin(y * Math.PI) + 40 * Math.sin(y / 3 * Math.PI)) * 2 / 3;
  north += (160 * Math.sin(y / 12 * Math.PI) + 320 * Math.sin(y * Math.PI / 30)) * 2 / 3;
  let east = 300 + x + 2 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * Math.sqrt(Math.abs(x)) + waves;
  east += (20 * Math.sin(x * Math.PI) + 40 * Math.sin(x / 3 * Math.PI)) * 2 / 3;
  east += (150 * Math.sin(x / 12 * Math.PI) + 300 * Math.sin(x / 30 * Math.PI)) * 2 / 3;
  const magic = 1 - EE * Math.sin(rad(lat)) ** 2;
  const root = Math.sqrt(magic);
  return [
    (east * 180) / ((A / root) * Math.cos(rad(lat)) * Math.PI),
    (north * 180) / (((A * (1 - EE)) / (magic * root)) * Math.PI),
  ];
}

export function toGcj([lon, lat]) {
  const [east, north] = shift([lon, lat]);
  return [lon + east, lat + north];
}

// The true position of one in GCJ-02, to less than a millimetre.
export function fromGcj([lon, lat]) {
  let found = [lon, lat];
  for (let turn = 0; turn < 6; turn += 1) {
    const [east, north] = shift(found);
    found = [lon - east, lat - north];
  }
  return found;
}
