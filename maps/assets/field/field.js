// The field page: its parts put together. What is shown comes from what the phone holds; the service is asked behind it.
import { button, make } from "../cases/elements.js";
import { newId } from "../cases/requests.js";
import { NearList, TodayList, WaitingList } from "./lists.js";
import { FieldMap } from "./map.js";
import { Position } from "./position.js";
import { Queue } from "./queue.js";
import { Report } from "./report.js";
import { close, sheet, toast } from "./sheets.js";
import { Snapshot } from "./snapshot.js";
import { remember, setting } from "./store.js";
import { Thing } from "./thing.js";
import { sinceOf, titleOf, today } from "./words.js";

const config = JSON.parse(document.getElementById("field-config").textContent);
const place = (id) => document.getElementById(id);
const VIEWS = ["today", "map", "near", "queue"];
const PLANNED_MS = 15 * 60_000;
const HEARD_MS = 60_000;
const position = new Position();
const snapshot = new Snapshot(config.layers, config.over);
let view = "map";
let kept = false;

async function device() {
  const known = await setting("device");
  if (known) {
    return known;
  }
  const made = `${/iPhone|iPad|Android/.exec(navigator.userAgent)?.[0] || "电脑"} ${newId().slice(0, 8)}`;
  await remember("device", made);
  return made;
}

// Without what a browser needs to keep things, the page says so and why, instead of losing work later.
async function begin() {
  try {
    await device();
  } catch (error) {
    place("field-trouble").replaceChildren(make("p", { class: "field-doubt" },
      `这个浏览器现在存不了东西(${error?.name || "未知原因"}),改动无法离线保存;请关闭无痕模式或清出存储空间后重开本页。`));
    return;
  }
  await snapshot.open();
  const queue = new Queue(snapshot.start?.account || config.account, await device(), snapshot.start?.community);
  run(queue);
}

function run(queue) {
  const parts = { config, position, snapshot, queue };
  const open = (thing, reasons) => things.open(thing, reasons);
  const map = new FieldMap(place("field-map"), { tap: (point) => here(point), open, say: toast });
  const lists = {
    today: new TodayList(place("field-today"), { ...parts, open }),
    near: new NearList(place("field-near"), { ...parts, open, center: () => { const at = map.map.getCenter(); return [at.lng, at.lat]; } }),
    queue: new WaitingList(place("field-queue"), parts),
  };
  const report = new Report({ ...parts, map, choose, openThing: open });
  const things = new Thing({
    ...parts, report: (thing) => report.open(thing), done: (layer, code, how) => lists.today.mark(layer, code, how),
    showOnMap: (at) => { go("map"); map.follow = false; map.show(at); },
  });

  function go(next) {
    view = next;
    for (const name of VIEWS) {
      const hidden = name === "map" ? false : name !== next;
      place(`field-${name}`).hidden = hidden;
      place(`tab-${name}`).setAttribute("aria-current", name === next ? "page" : "false");
    }
    place("field-map-tools").hidden = next !== "map";
    lists[next]?.draw();
  }

  function here(point) {
    const found = snapshot.at(point, ["grid", "estate", "building", "enterprise_plot", "parking"]);
    const near = snapshot.near(point, ["rental_unit", "enterprise", "hazard"], 12).filter((one) => one.distance < 40);
    sheet("这里有什么", make("div", { class: "field-body" }, found.length || near.length
      ? make("ul", { class: "field-list" }, [...found, ...near].map((one) => make("li", {}, button([
        make("b", {}, titleOf(one.layer, one.feature, parts)), make("span", { class: "field-soft" }, config.titles[one.layer])],
      () => open(one), { class: "field-row" }))))
      : make("p", { class: "field-empty" }, "这里没有登记的东西。")), { name: "here" });
  }

  // Lets somebody set a place on the map; the page's lists and sheets give way meanwhile.
  function choose(found, cancelled) {
    close();
    const before = view;
    go("map");
    let chosen = null;
    const sure = button("用这个位置", () => end(() => found(chosen)), { class: "field-main", disabled: true });
    const bar = make("div", { class: "field-choose", role: "dialog", "aria-label": "点选位置" }, make("p", {}, "在地图上点一下实际位置"),
      sure, button("取消", () => end(cancelled), { class: "field-second" }));
    const end = (then) => {
      map.pick(null);
      map.setPin(null);
      bar.remove();
      go(before);
      then?.();
    };
    document.body.append(bar);
    map.pick((point) => {
      chosen = point;
      sure.disabled = false;
    });
    const now = position.now;
    if (now) {
      map.show(now.at);
    }
  }

  function calibrate() {
    if (!position.now) {
      toast(position.problem || "还没有定位,不能校准。", { wrong: true });
      return;
    }
    choose(async (point) => {
      try {
        toast(await position.calibrate(point));
      } catch (error) {
        toast(error.message, { wrong: true });
      }
    });
  }

  async function bar() {
    const counts = await queue.counts();
    const waiting = counts.waiting + counts.photos;
    const said = [[waiting, "没有上传"], [counts.refused, "没有收下"], [counts.conflict, "待社区决定"]].filter(([count]) => count);
    place("tab-queue-count").textContent = said.length ? String(said.reduce((sum, [count]) => sum + count, 0)) : "";
    place("tab-queue").setAttribute("aria-label", ["待传", ...said.map(([count, how]) => `${count} 项${how}`)].join(","));
    const start = snapshot.start;
    place("field-who").textContent = start ? `${start.title || start.account} · ${start.scope}` : "还没有取得资料";
    const age = snapshot.asOf;
    const [text, look] = !navigator.onLine ? ["离线", "field-off"] : waiting ? [`${waiting} 项待传`, "field-wait"]
      : counts.refused ? [`${counts.refused} 项没有收下`, "field-off"] : ["已同步", "field-ok"];
    place("field-net").textContent = text;
    place("field-net").className = look;
    place("field-net").title = age ? `资料 ${sinceOf(age)}确认${snapshot.whole && kept ? ",没有信号也能用" : ""}` : "";
    document.documentElement.dataset.offline = snapshot.whole && kept ? "yes" : "no";
    const troubles = [];
    if (!window.isSecureContext) {
      troubles.push(make("p", { class: "field-doubt" }, "没有用 https 打开:浏览器不给定位,也不能离线使用。", make("a", { href: "/trust" }, "怎样改用 https")));
    } else if (!("serviceWorker" in navigator)) {
      troubles.push(make("p", { class: "field-doubt" }, "这个浏览器不能离线使用;请换 Chrome、Edge、Safari 或 Firefox 的新版本。"));
    }
    if (queue.ended || /过期/.test(snapshot.problem || "")) {
      troubles.push(make("p", { class: "field-doubt" }, "登录已过期,改动都在手机里。", make("a", { href: "/login?next=/field" }, "重新登录")));
    } else if (snapshot.problem) {
      troubles.push(make("p", { class: "field-doubt" }, snapshot.problem));
    }
    place("field-trouble").replaceChildren(...troubles);
  }

  // The list is planned anew on another day, for somebody else who holds the phone now, and when others may have done
  // what stands on it.
  function planToday() {
    const held = snapshot.today;
    if (snapshot.start && (held?.value.on !== today() || Date.now() - held.at > PLANNED_MS)) {
      snapshot.plan(snapshot.today?.hours || 3, position.now?.at).catch((error) => toast(error.message, { wrong: true }));
    }
  }

  for (const name of VIEWS) {
    place(`tab-${name}`).addEventListener("click", () => go(name));
  }
  place("field-report").addEventListener("click", () => report.open());
  place("field-locate").addEventListener("click", () => {
    map.follow = true;
    if (position.now) {
      map.show(position.now.at);
    } else {
      toast(position.problem || "正在定位……", { wrong: Boolean(position.problem) });
    }
  });
  place("field-calibrate").addEventListener("click", calibrate);
  const draw = () => {
    map.draw(snapshot);
    map.drawWalk(snapshot.today?.value, (stop) => lists.today.openThing(stop.things[0]));
    lists[view]?.draw();
    bar();
  };
  position.addEventListener("change", () => {
    map.drawPosition(position.now);
    place("field-locate").title = position.problem || "";
    if (view === "near") {
      lists.near.draw();
    }
  });
  snapshot.addEventListener("start", () => {
    queue.account = snapshot.start.account;
    queue.community = snapshot.start.community;
    bar();
  });
  snapshot.addEventListener("change", () => {
    draw();
    planToday();
  });
  snapshot.addEventListener("today", draw);
  queue.addEventListener("change", () => {
    bar();
    if (view === "queue") {
      lists.queue.draw();
    }
  });
  // Several messages in a row are one reading.
  let timer = 0;
  queue.addEventListener("sent", () => {
    window.clearTimeout(timer);
    timer = window.setTimeout(() => snapshot.refresh({ force: true }), 800);
  });
  queue.addEventListener("account", () => snapshot.refresh({ force: true }));
  for (const name of ["online", "offline"]) {
    window.addEventListener(name, bar);
  }
  if ("serviceWorker" in navigator && window.isSecureContext) {
    navigator.serviceWorker.ready.then(() => caches.match("/field")).then((found) => {
      kept = Boolean(found);
      bar();
    });
  }
  go(snapshot.today ? "today" : "map");
  draw();
  document.documentElement.dataset.ready = "yes";
  window.setInterval(() => document.visibilityState === "visible" && snapshot.refresh(), HEARD_MS);
  position.start();
  snapshot.refresh().then(() => queue.sync());
  window.addEventListener("online", () => snapshot.refresh());
  // An installed page stays open overnight.
  document.addEventListener("visibilitychange", () => {
    if (document.visibilityState === "visible") {
      draw();
      snapshot.refresh();
    }
  });
  navigator.storage?.persist?.();
}

if ("serviceWorker" in navigator && window.isSecureContext) {
  navigator.serviceWorker.register("/field.worker.js", { scope: "/field" }).catch((error) => {
    toast(`离线功能没有装上:${error.message}`, { wrong: true });
  });
}
begin();
