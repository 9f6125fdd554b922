// Tables beside the list: the figures of handling, how far each grid and each post is round; with what each number means.
import { button, choice, make } from "./elements.js";
import { ask, save } from "./requests.js";
import * as words from "./words.js";

const COUNTS = [
  ["found", "发现", "期间发现的案件"], ["registered", "已登记", "已登记的案件(不含已发现、不予受理、已并案)"],
  ["closed", "已办结", "已办结的案件"],
];
const BY = [["grid", "按网格"], ["event", "按事件"], ["month", "按月"], ["all", "合计"]];

export function download(name, rows) {
  save(name, new Blob([words.csv(rows)], { type: "text/csv" }));
}

function table(caption, heads, rows) {
  return make("div", { class: "desk-scroll", tabindex: "0", role: "region", "aria-label": `${caption}的表格` },
    make("table", { class: "desk-figures" }, make("caption", { class: "desk-unseen" }, caption),
      make("thead", {}, make("tr", {}, heads.map(({ title, definition }) => make("th", { scope: "col", title: definition }, title)))),
      make("tbody", {}, rows)));
}

function footnote(definitions) {
  return make("dl", { class: "desk-notes" }, definitions.map(({ title, definition }) =>
    make("div", {}, make("dt", {}, title), make("dd", {}, definition))));
}

export async function figures(element, state, go) {
  const asked = new URLSearchParams({ by: state.by });
  for (const name of ["community", "since", "until"]) {
    if (state[name]) {
      asked.set(name, state[name]);
    }
  }
  const found = await ask(`/cases/figures?${asked}`);
  const heads = [
    { title: BY.find(([by]) => by === state.by)[1].replace("按", ""), definition: "" },
    ...COUNTS.map(([, title, definition]) => ({ title, definition })), ...found.definitions,
  ];
  const shown = (row, { name }) => {
    const value = row[name];
    return value !== null && typeof value === "object"
      ? [words.percent(value.value), make("small", {}, `${words.number(value.counted)}/${words.number(value.of)}`)] : words.number(value);
  };
  const titled = (row) => (state.by === "grid" && row.key ? words.grid(row.key) : row.title);
  const rows = found.rows.map((row) => make("tr", {},
    make("th", { scope: "row" }, ["grid", "event"].includes(state.by) && row.key
      ? button(titled(row), () => go({ view: "cases", kind: "all", [state.by]: row.key }), { class: "desk-link", title: "看这些案件" }) : titled(row)),
    COUNTS.map(([name]) => make("td", {}, words.number(row[name]))), found.definitions.map((one) => make("td", {}, shown(row, one)))));
  const frame = frameOf(element, state, go);
  frame.csv = () => download(`办理指标_${words.today()}.csv`, [
    heads.flatMap(({ title }, at) => (at > COUNTS.length && title !== "超期数" ? [title, `${title}(分子)`, `${title}(分母)`] : [title])),
    ...found.rows.map((row) => [titled(row), ...COUNTS.map(([name]) => row[name]), ...found.definitions.flatMap(({ name }) => {
      const value = row[name];
      return value !== null && typeof value === "object" ? [value.value, value.counted, value.of] : [value];
    })]),
  ]);
  [...element.children].slice(1).forEach((one) => one.remove());
  element.append(
    found.rows.length ? table("办理指标", heads, rows) : make("p", { class: "desk-empty" }, "这段时间没有发现案件。"),
    make("h3", {}, "口径"), footnote([...COUNTS.map(([, title, definition]) => ({ title, definition })), ...found.definitions]));
}

let framed = null;

// What the figures are asked by stays while they change, as somebody may be typing in it.
function frameOf(element, state, go) {
  if (!framed) {
    const by = choice(BY, state.by, { onchange: () => go({ by: by.value }) }, null);
    const day = (name) => make("input", {
      // A date that is being typed is of the year 2 for a while.
      type: "date", min: "1900-01-01", max: "2199-12-31",
      onchange: ({ target }) => target.validity.valid && go({ [name]: target.value || undefined }) });
    framed = { fields: { by, since: day("since"), until: day("until") } };
    element.replaceChildren(make("div", { class: "desk-buttons" }, make("h2", {}, "办理指标"),
      make("label", {}, "分组", by), make("label", {}, "发现自", framed.fields.since), make("label", {}, "到", framed.fields.until),
      button("下载 CSV", () => framed.csv(), { class: "desk-csv" })));
  }
  for (const [name, field] of Object.entries(framed.fields)) {
    if (field.type !== "date" || document.activeElement !== field) {
      field.value = state[name] || "";
    }
  }
  return framed;
}

export async function coverage(element, state) {
  const asked = state.community ? `?community=${state.community}` : "";
  const found = await ask(`/today/coverage${asked}`);
  const shown = (row, { name, unit }) => {
    const value = row[name];
    return value === null || value === undefined ? "—" : unit === "%" ? `${value}%` : typeof value === "string" ? value : words.number(value);
  };
  const all = [...found.grids, { name: "合计", ...found.total }];
  element.replaceChildren(
    make("div", { class: "desk-buttons" }, make("h2", {}, `走访进度(${found.on})`),
      button("下载 CSV", () => download(`走访进度_${found.on}.csv`, [
        ["网格", ...found.definitions.map(({ title }) => title)],
        ...all.map((row) => [row.name, ...found.definitions.map(({ name }) => row[name])]),
      ]), { class: "desk-csv" })),
    table("走访进度", [{ title: "网格" }, ...found.definitions], all.map((row) => make("tr", {},
      make("th", { scope: "row" }, row.name), found.definitions.map((one) => make("td", {}, shown(row, one)))))),
    make("h3", {}, "口径"), footnote(found.definitions), ...(found.workers.length ? byWorker(found, shown) : []));
}

// The same by who went; the service tells it to the office only.
function byWorker(found, shown) {
  const { workers, worker_definitions: definitions } = found;
  const title = `各岗位的走访(${found.on})`;
  return [
    make("div", { class: "desk-buttons" }, make("h2", {}, title),
      button("下载 CSV", () => download(`各岗位的走访_${found.on}.csv`, [
        ["岗位", ...definitions.map((one) => one.title)],
        ...workers.map((row) => [row.name, ...definitions.map(({ name }) => row[name])]),
      ]), { class: "desk-csv" })),
    table("各岗位的走访", [{ title: "岗位" }, ...definitions], workers.map((row) => make("tr", { "data-worker": row.worker || "" },
      make("th", { scope: "row" }, row.name), definitions.map((one) => make("td", {}, shown(row, one)))))),
    make("h3", {}, "口径"), footnote(definitions),
  ];
}
