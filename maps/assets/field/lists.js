// The lists of the page: where to go today, what is near and what is here, and what waits to be sent.
import { button, choice, make } from "../cases/elements.js";
import { save } from "../cases/requests.js";
import { bearing, said, wind } from "./geometry.js";
import { toast } from "./sheets.js";
import { remember, setting } from "./store.js";
import { moment, sinceOf, titleOf, today } from "./words.js";

const NEAR = ["rental_unit", "enterprise", "hazard", "waste_point", "facility", "parking"];
const HERE = ["grid", "estate", "building", "enterprise_plot", "parking"];

const OVER = { done: "今天办过了", vain: "今天去过,没有办成" };

// The day's walk; what was done on this phone is crossed out at once, whether it is sent or not.
export class TodayList {
  constructor(element, parts) {
    Object.assign(this, parts, { element });
    setting("done").then((held) => {
      if (held?.of === this.fresh().of) {
        held.things.forEach(([thing, how]) => this.done.things.set(thing, how));
        this.draw();
      }
    });
  }

  // What was done by one account on one day; the next day, or somebody else, begins with nothing.
  fresh() {
    const of = `${this.queue.account} ${today()}`;
    if (this.done?.of !== of) {
      this.done = { of, things: new Map() };
    }
    return this.done;
  }

  // How it went: "done", or "vain" where nobody was met.
  mark(layer, code, how) {
    const { of, things } = this.fresh();
    things.set(`${layer}/${code}`, how);
    remember("done", { of, things: [...things] }).catch(() => undefined);
    this.draw();
  }

  draw() {
    this.fresh();
    const held = this.snapshot.today;
    const hours = choice([1, 2, 3, 4, 6, 8].map((one) => [String(one), `${one} 小时`]), String(held?.hours || 3), { id: "today-hours" }, null);
    const plan = button(held ? "重新排" : "排今日走访", async () => {
      plan.disabled = true;
      try {
        if (!navigator.onLine) {
          throw new Error("没有网络,用的是手机里的清单。");
        }
        await this.snapshot.plan(Number(hours.value), this.position.now?.at);
      } catch (error) {
        toast(error.message, { wrong: true });
      } finally {
        plan.disabled = false;
      }
    }, { class: "field-second" });
    const head = make("div", { class: "field-bar" }, make("label", { for: "today-hours" }, "走"), hours, plan);
    if (!held) {
      this.element.replaceChildren(head, make("p", { class: "field-empty" }, navigator.onLine ? "还没有今天的清单,点“排今日走访”。" : "没有网络,也还没有取过清单;有信号后再来。"));
      return;
    }
    const { value } = held;
    this.element.replaceChildren(head,
      make("p", { class: "field-soft" }, `${value.on} 的清单,${sinceOf(held.at)}取得。${value.finding}`),
      make("ol", { class: "field-stops" }, value.stops.map((stop) => this.stop(stop))),
      ...(value.stops.length ? [] : [make("p", { class: "field-empty" }, "今天没有要走的地方。")]));
  }

  stop(stop) {
    return make("li", {}, make("span", { class: "field-number", "aria-hidden": "true" }, String(stop.number)),
      make("div", {}, [...stop.things, ...stop.left_here.map((thing) => ({ ...thing, later: true }))].map((thing) => {
        const over = OVER[this.done.things.get(`${thing.layer}/${thing.code}`)];
        return button([make("b", {}, thing.title), make("span", { class: "field-soft" }, ` ${thing.kind}${thing.later ? ",有空再办" : ""}`),
          make("span", { class: "field-why" }, over || thing.reasons.map((one) => one.sentence).join(";"))],
        () => this.openThing(thing), { class: over ? "field-row field-over" : "field-row", "data-layer": thing.layer, "data-code": thing.code });
      }), make("p", { class: "field-soft" }, `从上一处走 ${said(stop.metres)}`)));
  }

  openThing(thing) {
    const feature = this.snapshot.features(thing.layer).find((one) => one.id === thing.feature);
    if (feature) {
      this.open({ layer: thing.layer, feature }, thing.reasons.map((one) => one.sentence));
    } else {
      toast(thing.layer === "hazard" ? "这件案件已经办完;清单有信号后自动更新。" : "手机里没有这一处的资料;有信号后刷新再试。", { wrong: true });
    }
  }
}

export class NearList {
  constructor(element, parts) {
    Object.assign(this, parts, { element });
  }

  draw() {
    const at = this.position.now?.at || this.center();
    const here = this.snapshot.at(at, HERE);
    const near = this.snapshot.near(at, NEAR);
    this.element.replaceChildren(
      make("p", { class: "field-soft" }, this.position.now ? "离我的位置最近的" : "还没有定位,列的是地图中心附近的"),
      make("section", { "aria-label": "这里是" }, make("h2", {}, "这里是"), here.length ? make("ul", { class: "field-list" }, here.map((one) => make("li", {}, this.row(one, this.config.titles[one.layer]))))
        : make("p", { class: "field-empty" }, "这里不在任何网格、楼栋或地块里。")),
      make("section", { "aria-label": "附近" }, make("h2", {}, "附近"), near.length ? make("ul", { class: "field-list" }, near.map((one) => make("li", {},
        this.row(one, `${this.config.titles[one.layer]} · ${said(one.distance)} · ${wind(bearing(at, one.place))}`))))
        : make("p", { class: "field-empty" }, "手机里还没有资料;有信号后自动取得。")));
  }

  row({ layer, feature }, soft) {
    return button([make("b", {}, titleOf(layer, feature, this)), make("span", { class: "field-soft" }, soft)],
      () => this.open({ layer, feature }), { class: "field-row" });
  }
}

const STATES = { refused: "没有收下", waiting: "待传", applied: "已写入", conflict: "待社区决定", settled: "社区已采用", dropped: "社区没有采用" };

export class WaitingList {
  constructor(element, parts) {
    Object.assign(this, parts, { element });
  }

  async draw() {
    const { edits, photos } = await this.queue.list();
    const file = make("input", { type: "file", accept: ".json,application/json", id: "queue-file", class: "field-unseen" });
    file.addEventListener("change", async () => {
      try {
        toast(`已恢复 ${await this.queue.imported(await file.files[0].text())} 项。`);
      } catch (error) {
        toast(error.message, { wrong: true });
      }
      file.value = "";
    });
    const left = photos.filter((one) => one.state === "waiting").length;
    this.element.replaceChildren(...[
      make("div", { class: "field-buttons" }, button("现在上传", () => this.queue.sync({ ask: true }), { class: "field-main" }),
        button("导出为文件", () => this.export(), { class: "field-second" }),
        [...edits, ...photos].some((one) => one.state === "refused") ? button("没收下的再传一次", () => this.queue.retry(), { class: "field-second" }) : null,
        make("label", { for: "queue-file", class: "field-second field-like-button" }, "从文件恢复"), file),
      make("p", { class: "field-soft", role: "status" }, `${this.queue.said || "改动先存在手机里,有信号后自动上传。"}${left ? `;还有 ${left} 张照片没有上传。` : ""}`),
      this.queue.ended ? make("p", { class: "field-doubt" }, "登录已过期,改动都在手机里。", make("a", { href: "/login?next=/field" }, "重新登录")) : null,
      edits.length ? make("ul", { class: "field-list" }, edits.map((one) => this.row(one, photos)))
        : make("p", { class: "field-empty" }, "这台手机上还没有做过改动。"),
      ...photos.filter((one) => one.state === "refused").map((one) => make("p", { class: "field-doubt" }, `一张照片没有收下:${one.problem}`,
        this.forgetting([], [one])))].filter(Boolean));
  }

  forgetting(edits, photos) {
    return button("不要了", () => window.confirm("从手机里删去?删去后不能恢复。") && this.queue.forget(edits, photos), { class: "field-second" });
  }

  row(edit, photos) {
    const own = photos.filter((one) => one.edit === edit.id);
    const mine = own.filter((one) => one.state === "waiting").length;
    return make("li", { class: `field-edit field-${edit.state}` },
      make("div", {}, make("b", {}, edit.title || edit.kind), make("span", { class: "field-state" }, STATES[edit.state] || edit.state)),
      make("p", { class: "field-soft" }, `${moment(edit.made_at)}${mine ? ` · ${mine} 张照片待传` : ""}${edit.result?.code ? ` · ${edit.result.code}` : ""}${
        edit.account === this.queue.account ? "" : ` · 属于账户 ${edit.account},请用它登录后上传`}`),
      edit.problem && ["conflict", "refused"].includes(edit.state) ? make("p", {}, edit.problem) : null,
      edit.state === "refused" ? this.forgetting([edit], own) : null,
      edit.suspect && edit.state === "waiting" ? make("p", { class: "field-soft" }, `位置可疑:${edit.suspect}`) : null);
  }

  async export() {
    const text = await this.queue.exported();
    const stamp = new Date().toISOString().slice(0, 16).replaceAll(/[-:T]/g, "");
    save(`待传改动-${stamp}.json`, new Blob([text], { type: "application/json" }));
  }
}

