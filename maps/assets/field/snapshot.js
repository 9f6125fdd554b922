// The own area's data as it was last heard of: fetched again with its entity tag, so that what didn't change costs nothing.
import { covers, metres, middle } from "./geometry.js";
import { all, answerOf, isFull, put, write } from "./store.js";

const READ_MS = 5 * 60_000;
const CUT = "网络断了,资料没有取全,显示的是手机里的数据";

export class Snapshot extends EventTarget {
  constructor(layers, over) {
    super();
    Object.assign(this, { layers, over });
    this.start = null;
    this.today = null;
    this.held = new Map();
    this.problem = null;
  }

  // What the phone has; null where it never heard of anything.
  async open() {
    for (const one of await all("data")) {
      if (one.name === "start") {
        this.start = one.value;
      } else if (one.name === "today") {
        this.today = one;
      } else {
        this.held.set(one.name, one);
      }
    }
    return this.start;
  }

  features(layer) {
    return this.held.get(layer)?.features || [];
  }

  // Whether the phone holds all of it, so that it can do without a signal.
  get whole() {
    return Boolean(this.start && this.today) && Object.keys(this.layers).every((layer) => this.held.has(layer));
  }

  // When the oldest part was last confirmed.
  get asOf() {
    const times = [...this.held.values()].map((one) => one.at);
    return times.length ? Math.min(...times) : null;
  }

  async refresh({ force = false } = {}) {
    if (!navigator.onLine || this.reading) {
      this.wanted ||= force;
      return;
    }
    Object.assign(this, { reading: true, wanted: false });
    try {
      const start = await this.json("/field/start");
      if (start === null) {
        return;
      }
      const other = this.start && this.start.account !== start.account;
      if (other) {
        // Somebody else's area and list are no business of whoever holds the phone now.
        this.held.clear();
        this.today = null;
      }
      this.start = start;
      await write("data", (store) => {
        if (other) {
          store.clear();
        }
        return answerOf(store.put({ name: "start", value: start }));
      });
      this.dispatchEvent(new Event("start"));
      for (const [layer, properties] of Object.entries(this.layers)) {
        const held = this.held.get(layer);
        if (force || !held || Date.now() - held.at > READ_MS) {
          await this.layer(layer, properties, held);
        }
      }
      this.problem = null;
      this.dispatchEvent(new Event("change"));
    } catch (error) {
      this.problem = isFull(error) ? "手机存储空间满了,资料没有更新;请清出空间" : error.message;
      this.dispatchEvent(new Event("change"));
    } finally {
      this.reading = false;
    }
    if (this.wanted) {
      await this.refresh({ force: true });
    }
  }

  async layer(layer, properties, held) {
    const asked = new URLSearchParams({ community: this.start.community, limit: "all", properties });
    if (layer === "hazard") {
      asked.set("filter", `status NOT IN (${this.over.map((one) => `'${one}'`).join(",")})`);
    }
    const headers = { Accept: "application/geo+json", ...(held?.tag ? { "If-None-Match": held.tag } : {}) };
    const answer = await fetch(`/collections/${layer}/items?${asked}`, { credentials: "same-origin", headers }).catch(() => null);
    if (answer === null) {
      throw new Error(CUT);
    }
    if (answer.status === 304) {
      this.held.set(layer, { ...held, at: Date.now() });
    } else if (answer.ok) {
      const found = await answer.json().catch(() => { throw new Error(CUT); });
      const changed = await this.showWaiting(layer, found.features);
      this.held.set(layer, { name: layer, tag: changed ? null : answer.headers.get("ETag"), at: Date.now(), features: found.features });
    } else {
      throw new Error(answer.status === 401 ? "登录已过期,显示的是手机里的数据" : "服务没有给出数据,显示的是手机里的数据");
    }
    await put("data", this.held.get(layer));
  }

  // Puts what waits to be sent into what the service tells otherwise; returns whether there is any.
  async showWaiting(layer, features) {
    const waiting = (await all("edits")).filter(({ state, account, shows }) => (
      state === "waiting" && account === this.start.account && shows?.layer === layer));
    for (const { shows } of waiting) {
      Object.assign(features.find((one) => one.id === shows.feature)?.properties || {}, shows.properties);
    }
    return waiting.length > 0;
  }

  // What was just done here stays after a reload; without its tag the layer is read anew once it is sent.
  async show({ layer, feature, properties }) {
    Object.assign(this.features(layer).find((one) => one.id === feature)?.properties || {}, properties);
    const held = { ...this.held.get(layer), tag: null };
    this.held.set(layer, held);
    await put("data", held);
    this.dispatchEvent(new Event("change"));
  }

  // The list of the day for so many hours, from where the phone is.
  async plan(hours, at) {
    const asked = new URLSearchParams({ community: this.start.community, hours });
    if (at) {
      asked.set("start", at.map((one) => one.toFixed(6)).join(","));
    }
    const found = await this.json(`/today?${asked}`);
    if (found !== null) {
      this.today = { name: "today", value: found, hours, at: Date.now() };
      await put("data", this.today);
      this.dispatchEvent(new Event("today"));
    }
  }

  async json(address) {
    let answer;
    try {
      answer = await fetch(address, { credentials: "same-origin", headers: { Accept: "application/json" } });
    } catch {
      return null;
    }
    if (answer.status === 401) {
      throw new Error("登录已过期,显示的是手机里的数据");
    }
    if (!answer.ok) {
      const said = await answer.json().catch(() => ({}));
      throw new Error(said.detail || "服务没有给出数据,显示的是手机里的数据");
    }
    return answer.json();
  }

  find(layer, code) {
    return this.features(layer).find((one) => one.properties.code === code);
  }

  // The address or name of the first of these things, given as [layer, code], that the phone knows.
  called(things) {
    for (const [layer, code] of things) {
      const found = code && this.find(layer, code)?.properties;
      if (found && (found.address || found.name)) {
        return found.address || found.name;
      }
    }
    return "";
  }

  // What covers a place, by layer in the order that is asked for.
  at(point, layers) {
    return layers.flatMap((layer) => this.features(layer).filter((one) => covers(one.geometry, point)).map((feature) => ({ layer, feature })));
  }

  // The nearest things, each with its distance in metres.
  near(point, layers, most = 40) {
    return layers.flatMap((layer) => this.features(layer).map((feature) => {
      const place = middle(feature.geometry);
      return { layer, feature, place, distance: metres(point, place) };
    })).sort((a, b) => a.distance - b.distance).slice(0, most);
  }

  // Whether a place lies in one's own grids; without grids nothing is known to lie outside.
  inside(point) {
    const areas = this.start?.areas || [];
    const own = this.features("grid").filter((one) => areas.some((code) => one.properties.code.startsWith(code)));
    return !own.length || own.some((one) => covers(one.geometry, point));
  }
}
