// Edits made offline that met another change: both are shown, and somebody decides which one holds.
import { button, make } from "./elements.js";
import { ask, send } from "./requests.js";
import * as words from "./words.js";

const SAID = {
  note: "情况说明", handler: "处置岗位", department: "移交部门", reference: "编号或文号", due_on: "期限",
  level: "等级", main_code: "主案编码", event_code: "事件类别", detail: "描述", check_result: "核对结果", outcome: "走访结果",
};
const NEW = ["case", "feature"];
const schemas = new Map();
// What was decided last, until something else is.
let last = null;

export const MOST = 1000;

export async function waiting(community) {
  return (await ask(`/sync/edits?state=conflict&limit=${MOST}&community=${community}`)).edits;
}

// Titles and codes of a layer's fields; without them names are shown as they are.
async function fieldsOf(layer) {
  if (layer && !schemas.has(layer)) {
    schemas.set(layer, await ask(`/collections/${encodeURIComponent(layer)}/schema`, {
      headers: { Accept: "application/schema+json, application/json;q=0.9" },
    }).catch(() => ({ properties: {} })));
  }
  return layer ? schemas.get(layer) : { properties: {} };
}

function shown(value, field = {}) {
  if (value === null || value === undefined || value === "") {
    return make("span", { class: "desk-soft" }, "空");
  }
  if (Array.isArray(value)) {
    return value.map((one) => shown(one, field.items || field)).flatMap((one, at) => (at ? ["、", one] : [one]));
  }
  if (typeof value === "boolean") {
    return value ? "是" : "否";
  }
  const code = (field.oneOf || []).find((one) => one.const === value);
  return code ? code.title : typeof value === "object" ? JSON.stringify(value) : String(value);
}

function subject({ body }, schema) {
  if (Number.isFinite(body.lon) && Number.isFinite(body.lat)) {
    return make("a", { href: `/#map=19/${body.lat}/${body.lon}&on=community,building,road,grid,hazard`, target: "_blank", rel: "noopener" },
      `在地图上看终端给的位置(${body.lon.toFixed(6)},${body.lat.toFixed(6)})`);
  }
  if (body.case) {
    return make("a", { href: `/desk?case=${encodeURIComponent(body.case)}` }, "打开案件");
  }
  if (body.layer && body.feature) {
    return make("a", { href: `/collections/${encodeURIComponent(body.layer)}/items/${encodeURIComponent(body.feature)}?f=html` },
      `看现在的${schema.title || "要素"}`);
  }
  return null;
}

// What the terminal wanted, where no fields clash: the step, or the values.
function wish({ body }, schema) {
  const given = body.properties || body.changes
    ? Object.entries(body.properties || body.changes).map(([name, value]) => {
      const field = schema.properties[name] || {};
      return [field.title || name, shown(value, field)];
    })
    : Object.entries(body).filter(([name]) => name in SAID).map(([name, value]) => [SAID[name], shown(value, schema.properties[name])]);
  return given.length ? make("p", { class: "desk-soft" }, "终端的:", given.flatMap(([title, value], at) => [at ? ";" : "", `${title} `, value])) : null;
}

function table(differences, schema) {
  const rows = differences.map((one) => make("tr", {}, make("th", { scope: "row" }, one.title),
    ...[one.base, one.present, one.mine].map((value) => make("td", {}, shown(value, schema.properties[one.field])))));
  return make("div", { class: "desk-scroll", tabindex: "0", role: "region", "aria-label": "不同之处" }, make("table", {},
    make("thead", {}, make("tr", {}, ["字段", "改以前", "现在的", "终端的"].map((title) => make("th", { scope: "col" }, title)))),
    make("tbody", {}, rows)));
}

async function article(edit, decide, writes) {
  const schema = await fieldsOf(edit.body.layer || edit.body.target_kind || (["case", "step"].includes(edit.kind) ? "hazard" : null));
  const wrong = make("p", { class: "desk-wrong", role: "alert", hidden: true });
  let deciding = false;
  const pressed = (take) => async () => {
    // A button that is disabled would lose the focus.
    if (deciding) {
      return;
    }
    deciding = true;
    try {
      await decide(edit, take);
    } catch (error) {
      wrong.textContent = error.message;
      wrong.hidden = false;
    } finally {
      deciding = false;
    }
  };
  return make("article", { class: "desk-conflict", "aria-label": edit.kind_title, "data-edit": edit.id },
    make("div", { class: "desk-line" }, make("b", {}, edit.kind_title), subject(edit, schema), make("span", { class: "desk-soft" },
      `${edit.actor} ${words.moment(edit.made_at)} 改,${words.moment(edit.received_at)} 收到`)),
    edit.problem ? make("p", {}, edit.problem) : null,
    edit.differences.length ? table(edit.differences, schema) : wish(edit, schema),
    wrong,
    writes ? make("div", { class: "desk-buttons" },
      button(NEW.includes(edit.kind) ? "登记" : "采用终端的", pressed("mine")),
      button(NEW.includes(edit.kind) ? "不登记" : "保留现在的", pressed("present"))) : null);
}

export async function draw(element, edits, community, { writes, decided, say }) {
  const decide = async (edit, take) => {
    const { result } = await send(`/sync/edits/${edit.id}?community=${community}`, { take });
    const sentence = take === "mine" ? `已采用${edit.actor}的${edit.kind_title}` : `没有采用${edit.actor}的${edit.kind_title}`;
    say(sentence);
    last = make("div", { class: "desk-result desk-buttons" }, make("b", {}, sentence),
      take === "mine" && result?.case ? make("a", { href: `/desk?case=${encodeURIComponent(result.case)}` }, "打开案件") : null);
    await decided();
  };
  const known = new Map([...element.querySelectorAll("article")].map((one) => [one.dataset.edit, one]));
  const list = await Promise.all(edits.map((edit) => known.get(edit.id) || article(edit, decide, writes)));
  const had = element.contains(document.activeElement) ? document.activeElement : null;
  const at = [...element.querySelectorAll("article")].findIndex((one) => one.contains(had));
  const heading = make("h2", { tabindex: "-1" }, "改动冲突");
  element.replaceChildren(heading, ...(last ? [last] : []),
    ...(list.length ? list : [make("p", { class: "desk-empty" }, "没有要决定的冲突。终端离线时做的改动与别人的改动碰在一起时,会列在这里。")]));
  if (had) {
    // Where one stood, or on the edit that comes next.
    const next = list[Math.min(at, list.length - 1)]?.querySelector("button, a");
    (had.isConnected ? had : next || heading).focus();
  }
}
