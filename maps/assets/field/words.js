// How things of the own area are called on the phone.
export { limit, moment, today } from "../cases/words.js";

export function titleOf(layer, feature, { config, snapshot }) {
  const given = feature.properties;
  if (layer === "hazard") {
    const place = snapshot.called([["rental_unit", given.rental_code], ["enterprise", given.enterprise_code], ["building", given.building_code]]);
    return `${config.events[given.event_code] || given.event_code}${place ? ` · ${place}` : ""}`;
  }
  if (layer === "grid") {
    return given.name || `第 ${Number(given.code.slice(12))} 网格`;
  }
  return given.address || given.name || given.code;
}

export function sinceOf(iso) {
  const minutes = Math.round((Date.now() - iso) / 60_000);
  if (minutes < 2) {
    return "刚刚";
  }
  return minutes < 60 ? `${minutes} 分钟前` : minutes < 2880 ? `${Math.round(minutes / 60)} 小时前` : `${Math.round(minutes / 1440)} 天前`;
}
