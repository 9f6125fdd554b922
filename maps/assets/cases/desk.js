// The desk of cases: its parts put together around what stands in the address.
import { askedOf, FILTERS, hrefOf, read, write } from "./address.js";
import { Batch } from "./batch.js";
import { Detail } from "./detail.js";
import { button, make } from "./elements.js";
import { Flows } from "./flow.js";
import { CaseList } from "./list.js";
import { Live } from "./live.js";
import { CaseMap } from "./map.js";
import { ask } from "./requests.js";
import * as words from "./words.js";

const config = JSON.parse(document.getElementById("desk-config").textContent);
const PAGE = 200;
const MOST = 1000;
const CASES = ["hazard", "case_step", "case_photo", "sync_edit"];
const ROUNDS = ["visit", "rental_unit", "enterprise"];
const TYPED_MS = 350;
const place = (id) => document.getElementById(id);
let state = read();
let grave = { count: null, known: null };
let loaded = { asked: null, limit: PAGE, matched: 0, turn: 0, stamps: new Map() };

function say(text) {
  place("desk-said").textContent = "";
  window.setTimeout(() => { place("desk-said").textContent = text; }, 50);
}

function failed(error) {
  place("desk-error").replaceChildren(make("div", { class: "desk-result desk-partly desk-buttons" },
    make("span", {}, error.message), button("知道了", () => place("desk-error").replaceChildren())));
}

const community = () => state.community || config.community;
const asked = () => askedOf({ ...state, community: community() });

function go(changes, { replace = false } = {}) {
  state = { ...state, ...changes };
  write(state, replace);
  show();
}

const list = new CaseList(place("desk-list"), {
  grave: config.grave, writes: config.offices.length > 0, open: (id) => go({ case: id }, { replace: Boolean(state.case) }),
  point: (one) => map.point(one),
  chosen: (ids) => batch.draw(ids.map((id) => list.caseOf(id)).filter(Boolean)),
});
const map = new CaseMap(place("desk-map"), {
  ground: config.ground, grave: config.grave, over: config.over, open: (id) => go({ case: id }, { replace: Boolean(state.case) }),
});
const detail = new Detail(place("desk-one"), {
  config, say, failed, suggest, changed: () => refresh("own"), close: () => close(),
});
let batch = { draw() {} };

function suggest() {
  const handlers = [...new Set(list.cases.map((one) => one.handler).filter(Boolean))].sort((a, b) => a.localeCompare(b, "zh-CN"));
  const open = list.cases.filter((one) => !config.over.includes(one.status) && one.id !== state.case);
  return {
    handlers, today: words.today(), mains: open.map((one) => [one.code, `${one.event_code_title || ""} ${one.place || ""}`]),
    departments: Object.entries(config.departments), levels: Object.entries(config.levels).filter(([level]) => level !== "suspected"),
  };
}

function close() {
  go({ case: undefined });
  list.focus();
}

function drawKinds(counts) {
  const nav = place("desk-kinds");
  if (!nav.children.length) {
    nav.append(...Object.entries(config.kinds).map(([kind, title]) => make("a", {
      "data-kind": kind, onclick: (event) => follow(event, { kind }) }, title, make("b"))));
  }
  // The links themselves stay: somebody may stand on one.
  for (const link of nav.children) {
    const { kind } = link.dataset;
    link.href = hrefOf({ ...state, kind, case: undefined });
    mark(link, kind === state.kind);
    link.querySelector("b").textContent = words.number(counts[kind] || 0);
  }
}

function mark(link, current) {
  if (current) {
    link.setAttribute("aria-current", "page");
  } else {
    link.removeAttribute("aria-current");
  }
}

// A link within the desk, unless somebody wants it in a tab of its own.
function follow(event, changes) {
  if (!event.ctrlKey && !event.metaKey && !event.shiftKey) {
    event.preventDefault();
    go({ ...changes, case: undefined });
  }
}

function drawFilter() {
  const form = place("desk-filter");
  for (const name of FILTERS) {
    const field = form.elements[name];
    const value = state[name] || "";
    if (field.tagName === "SELECT" && value && ![...field.options].some((one) => one.value === value)) {
      field.append(make("option", { value }, value));
    }
    if (document.activeElement !== field) {
      field.value = value;
    }
  }
  const used = FILTERS.filter((name) => state[name]).length;
  place("desk-clear").hidden = used === 0;
  place("desk-more-title").textContent = FILTERS.slice(0, -1).some((name) => state[name]) ? `筛选(${used})` : "筛选";
}

function stampOf(one) {
  return `${one.version} ${one.position || 0} ${one.photos} ${one.status} ${one.overdue} ${one.soon}`;
}

// Reads the list; what was asked for earlier and comes later is dropped.
async function load({ frame = false } = {}) {
  loaded.turn += 1;
  const turn = loaded.turn;
  const query = asked();
  query.set("limit", loaded.limit);
  place("desk-list").setAttribute("aria-busy", "true");
  try {
    const found = await ask(`/cases?${query}`);
    if (turn !== loaded.turn) {
      return null;
    }
    const before = loaded.stamps;
    await tellOfGrave(found.counts.grave);
    loaded.matched = found.numberMatched;
    loaded.stamps = new Map(found.cases.map((one) => [one.id, stampOf(one)]));
    drawKinds(found.counts);
    list.draw(found.cases, loaded.stamps);
    map.draw(found.cases, { frame });
    drawCount(found);
    if (state.case) {
      list.show(state.case, { scroll: frame });
    }
    return found.cases.filter((one) => before.get(one.id) !== loaded.stamps.get(one.id)).length
      + [...before.keys()].filter((id) => !loaded.stamps.has(id)).length;
  } finally {
    if (turn === loaded.turn) {
      place("desk-list").removeAttribute("aria-busy");
    }
  }
}

// What may be grave goes up at once, so that it isn't left to be found in the list, which may be narrowed to others.
async function tellOfGrave(count) {
  if (count === grave.count) {
    return;
  }
  const { cases } = await ask(`/cases?kind=grave&limit=${MOST}&community=${community()}`);
  const fresh = grave.known ? cases.filter((one) => !grave.known.has(one.id) && one.level === "suspected") : [];
  grave = { count, known: new Set(cases.map((one) => one.id)) };
  for (const one of fresh) {
    const said = `新报疑似重大:${[one.event_code_title || one.event_code, one.place].filter(Boolean).join(",")}`;
    say(said);
    const told = make("div", { class: "desk-result desk-partly desk-buttons", role: "alert" }, make("b", {}, said),
      button("打开", () => { told.remove(); go({ case: one.id }); }), button("知道了", () => told.remove()));
    place("desk-error").append(told);
  }
}

function drawCount({ numberMatched, numberReturned }) {
  const shown = numberReturned < numberMatched ? `,列出前 ${words.number(numberReturned)} 件` : "";
  place("desk-count").textContent = `${words.number(numberMatched)} 件${shown}`;
  const none = place("desk-none");
  const filtered = FILTERS.some((name) => state[name]);
  none.hidden = numberMatched > 0;
  none.replaceChildren(filtered ? "没有符合筛选的案件。" : `现在没有“${config.kinds[state.kind]}”的案件。`,
    filtered ? button("清除筛选", () => clearFilters()) : "");
  place("desk-more").hidden = numberReturned >= numberMatched;
  place("desk-more").textContent = loaded.limit < MOST ? `再列 ${PAGE} 件` : `最多列 ${MOST} 件,请用筛选缩小范围`;
  place("desk-more").disabled = loaded.limit >= MOST;
}

function clearFilters() {
  go(Object.fromEntries(FILTERS.map((name) => [name, undefined])));
}

// What others did, or oneself: the list first, then the open case unless somebody writes in it.
async function refresh(why) {
  if (!["own", "time"].includes(why)) {
    drawConflicts().catch(failed);
  }
  if (state.view !== "cases") {
    loaded.asked = null;
    if (why !== "own" && ["figures", "coverage"].includes(state.view)) {
      await drawTable(state.view).catch(failed);
    }
    return;
  }
  const before = loaded.stamps;
  try {
    const changed = await load();
    if (why === "change" && changed) {
      say(`清单已更新:${changed} 件案件有变动`);
    }
  } catch (error) {
    failed(error);
    return;
  }
  const stamp = loaded.stamps.get(state.case);
  if (state.case && why !== "own" && (stamp !== before.get(state.case) || (why === "change" && stamp === undefined))) {
    // Not even asked for while somebody writes: it would be taken for what their own step asks for.
    if (detail.busy) {
      detail.outdated();
    } else {
      await detail.open(state.case, { quiet: true });
    }
  }
}

// What most people never open is fetched when somebody does.
async function drawTable(name) {
  const tables = await import("./tables.js");
  await tables[name](place(`desk-${name}`), { ...state, community: community() }, go);
}

const VIEWS = {
  cases: showCases, figures: () => drawTable("figures"), conflicts: drawConflicts, coverage: () => drawTable("coverage"),
};

async function show() {
  if (!Object.keys(VIEWS).includes(state.view)) {
    state.view = "cases";
  }
  for (const name of Object.keys(VIEWS)) {
    place(`desk-${name}`).hidden = name !== state.view;
  }
  for (const link of place("desk-views").children) {
    link.href = hrefOf({ ...state, view: link.dataset.view, case: undefined });
    mark(link, link.dataset.view === state.view);
  }
  try {
    await VIEWS[state.view]();
  } catch (error) {
    failed(error);
  }
}

async function showCases() {
  drawFilter();
  const query = asked().toString();
  const first = query !== loaded.asked;
  const opening = openCase();
  if (first) {
    loaded = { ...loaded, asked: query, limit: PAGE, stamps: new Map() };
    await load({ frame: true });
    if (state.case) {
      map.point(detail.one || list.caseOf(state.case), { near: true });
    }
  }
  await opening;
}

async function openCase() {
  const id = state.case;
  place("desk-split").classList.toggle("desk-opened", Boolean(id));
  document.title = id ? "案件 · 案件台" : "案件台";
  if (!id) {
    detail.hide();
    list.show(null);
    map.point(null);
    return;
  }
  list.show(id, { scroll: true });
  if (detail.one && detail.one.id === id) {
    return;
  }
  const known = list.caseOf(id);
  if (known) {
    map.point(known);
  }
  const one = await detail.open(id);
  if (one) {
    document.title = `${one.code} · 案件台`;
    // A link may name a case by its code.
    state.case = one.id;
    write(state, true);
    map.point(one);
    // Somebody may write in it by now, when it changed while it was read.
    if (!detail.busy) {
      list.show(one.id, { scroll: true });
      place("desk-one-title").focus({ preventScroll: true });
    }
  }
}

async function drawConflicts() {
  const conflicts = await import("./conflicts.js");
  const edits = await conflicts.waiting(community());
  place("desk-views").querySelector("[data-view=conflicts]").replaceChildren(
    "改动冲突", edits.length ? make("b", {}, edits.length < conflicts.MOST ? String(edits.length) : `${conflicts.MOST}+`) : "");
  if (state.view === "conflicts") {
    await conflicts.draw(place("desk-conflicts"), edits, community(), { writes: config.offices.length > 0, decided: drawConflicts, say });
  }
}

function listenToForm() {
  const form = place("desk-filter");
  let timer = null;
  // Closed details can't be shown by styles, so the script opens them where there is room.
  const wide = window.matchMedia("(min-width: 901px)");
  const unfold = () => { form.querySelector("details").open = wide.matches; };
  wide.addEventListener("change", unfold);
  unfold();
  const given = () => Object.fromEntries(FILTERS.map((name) => [name, form.elements[name].value.trim() || undefined]));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    window.clearTimeout(timer);
    go(given());
  });
  form.addEventListener("change", (event) => {
    // A date that is being typed is of the year 2 for a while.
    if (event.target.name !== "q" && event.target.validity.valid) {
      go(given());
    }
  });
  form.elements.q.addEventListener("input", () => {
    window.clearTimeout(timer);
    timer = window.setTimeout(() => go(given(), { replace: true }), TYPED_MS);
  });
  place("desk-clear").addEventListener("click", clearFilters);
  place("desk-more").addEventListener("click", () => {
    loaded.limit = Math.min(MOST, loaded.limit + PAGE);
    load().catch(failed);
  });
  const areas = place("desk-community");
  if (areas) {
    areas.addEventListener("change", () => location.assign(`/desk?community=${areas.value}`));
  }
  for (const link of place("desk-views").children) {
    link.addEventListener("click", (event) => follow(event, { view: link.dataset.view }));
  }
}

// What there is to filter by: only grids and events that have cases.
async function offerFilters() {
  const form = place("desk-filter");
  await Promise.all(["grid", "event"].map(async (by) => {
    const { rows } = await ask(`/cases/figures?by=${by}&community=${community()}`);
    const chosen = state[by] || "";
    const field = form.elements[by];
    field.replaceChildren(field.options[0], ...rows.filter((row) => row.key).map((row) =>
      make("option", { value: row.key }, by === "grid" ? words.grid(row.key) : `${row.title}(${row.found})`)));
    if (chosen && ![...field.options].some((one) => one.value === chosen)) {
      field.append(make("option", { value: chosen }, chosen));
    }
    field.value = chosen;
  }));
}

document.addEventListener("keydown", (event) => {
  const typing = event.target.closest("input:not([type=checkbox]), textarea, select");
  if (event.key === "Escape" && state.case) {
    const form = event.target.closest(".desk-slot .desk-form");
    if (form) {
      detail.unform({ step: form.dataset.step });
    } else {
      close();
    }
    event.preventDefault();
  } else if (state.view === "cases" && ["Enter", "ArrowDown"].includes(event.key) && event.target === place("desk-filter").elements.q) {
    go({ q: event.target.value.trim() || undefined }, { replace: true });
    list.focus();
    event.preventDefault();
  } else if (!typing && state.view === "cases" && ["ArrowDown", "ArrowUp"].includes(event.key) && event.target === document.body) {
    list.focus();
    event.preventDefault();
  } else if (!typing && state.view === "cases" && event.key === "/") {
    place("desk-filter").elements.q.focus();
    event.preventDefault();
  } else if (!typing && state.case && detail.pressed(event)) {
    event.preventDefault();
  }
});
window.addEventListener("popstate", () => {
  state = read();
  show();
});

async function start() {
  listenToForm();
  const { flows } = await ask("/flows");
  batch = new Batch(place("desk-batch"), {
    flows: new Flows(flows, config.offices, config.grave), words: suggest, say,
    clear: () => list.keep([]), name: (id) => (list.caseOf(id) || { code: id }).code,
    done: async (left) => {
      await load();
      list.keep(left);
    },
  });
  await Promise.all([show(), offerFilters(), state.view !== "conflicts" ? drawConflicts() : null]);
  map.drawGround(community());
  new Live(community(), (table) => CASES.includes(table) || (state.view === "coverage" && ROUNDS.includes(table)), refresh, (live) => {
    place("desk-live").textContent = live ? "实时更新" : "每 30 秒更新";
    place("desk-live").classList.toggle("desk-on", live);
    document.documentElement.dataset.live = live ? "yes" : "no";
  });
}

start().catch(failed).finally(() => { document.documentElement.dataset.desk = "ready"; });
