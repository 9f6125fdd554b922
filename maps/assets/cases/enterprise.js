// The firm of a case: what became of it (整改, 关闭, 执照变更) is told apart from the closing of the case.
import { choice, make } from "./elements.js";
import { askTagged, Problem, send } from "./requests.js";

const MERGE = "application/merge-patch+json";
const FIELDS = ["status", "rectified", "rectified_on", "licence_status", "licence_change_on", "closed_on"];

export async function enterprisePanel(one, words, say) {
  const section = make("section", { class: "desk-part", "aria-label": "企业结果" });
  const asked = new URLSearchParams({ f: "json", community: one.community, code: one.enterprise_code, limit: "2" });
  const { found } = await askTagged(`/collections/enterprise/items?${asked}`, "application/geo+json");
  if (found.features.length !== 1) {
    section.append(make("h3", {}, "企业"), make("p", { class: "desk-soft" }, `企业 ${one.enterprise_code} 不在企业图层里,或有几家同一编码。`));
    return section;
  }
  const address = `/collections/enterprise/items/${encodeURIComponent(found.features[0].id)}`;
  draw(section, address, await askTagged(address, "application/geo+json"), words, say);
  return section;
}

function control(name, value, words) {
  const id = `firm-${name}`;
  if (name === "status" || name === "licence_status") {
    return choice(Object.entries(words[name]), value, { id, name }, null);
  }
  if (name === "rectified") {
    return choice([["true", "已整改"], ["false", "未整改"]], value === undefined || value === null ? "" : String(value), { id, name }, "未记");
  }
  return make("input", { id, name, type: "date", value: value || "" });
}

function draw(section, address, { tag, found }, words, say) {
  const given = found.properties;
  const wrong = make("p", { class: "desk-wrong", role: "alert", hidden: true });
  const form = make("form", { class: "desk-form desk-firm" },
    FIELDS.map((name) => make("div", { class: "desk-field" }, make("label", { for: `firm-${name}` }, words.titles[name]),
      control(name, given[name], words))),
    wrong,
    words.writes ? make("div", { class: "desk-buttons" }, make("button", { type: "submit" }, "保存企业结果")) : null);
  form.querySelectorAll("[name]").forEach((field) => { field.disabled = !words.writes; });
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const properties = {};
    for (const field of form.querySelectorAll("[name]")) {
      const value = field.name === "rectified" && field.value ? field.value === "true" : field.value || null;
      if (value !== (given[field.name] ?? null)) {
        properties[field.name] = value;
      }
    }
    if (!Object.keys(properties).length) {
      say("企业结果没有改动");
      return;
    }
    try {
      await send(address, { properties }, { method: "PATCH", type: MERGE, headers: { "If-Match": tag } });
      say("企业结果已保存");
    } catch (error) {
      if (!(error instanceof Problem) || error.status !== 412) {
        wrong.textContent = error.message;
        wrong.hidden = false;
        return;
      }
      say("这家企业刚被别人改过,没有保存;已读取最新的,请再看一遍");
    }
    draw(section, address, await askTagged(address, "application/geo+json"), words, say);
  });
  section.replaceChildren(
    make("h3", {}, "企业结果:", make("a", { href: `${address}?f=html` }, given.name || given.code)),
    make("p", { class: "desk-soft" }, "企业的整改、关闭和执照变更单独登记,与案件办结互不代替。"), form);
}
