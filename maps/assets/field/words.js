// How things of the own area are called on the phone.
export { limit, moment, today } from "../cases/words.js";

const KINDS = {
  rental_unit: "出租房", enterprise: "企业", hazard: "案件", waste_point: "投放点", building: "楼栋", facility: "设施",
  parking: "停车", enterprise_plot: "企业地块", grid: "网格", estate: "小区", community: "社区",
};

export const kindOf = (layer) => KINDS[layer] || layer;

export function titleOf(layer, feature, config) {
  const given = feature.properties;
  if (layer === "hazard") {
    return `${config.events[given.event_code] || given.event_code}${given.place ? ` · ${given.place}` : ""}`;
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
