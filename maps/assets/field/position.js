// Where the phone is. Some phones' browsers answer in GCJ-02, about 490 m off: that shows at a known point only, so the
// phone is calibrated at one, and remembers. A place can always be set by hand.
import { fromGcj, metres, toGcj } from "./geometry.js";
import { remember, setting } from "./store.js";

const OLD_MS = 90_000;
const RENEW_MS = 30_000;
const PRECISE = { enableHighAccuracy: true, timeout: 20_000 };
export const ROUGH_M = 50;
const SAME_M = 120;

export class Position extends EventTarget {
  constructor() {
    super();
    Object.assign(this, { raw: null, problem: null, mode: null, watched: null });
  }

  async start() {
    this.mode = await setting("position-mode");
    if (!window.isSecureContext) {
      this.fail("没有用 https 打开这一页,浏览器不给位置");
    } else if (!navigator.geolocation) {
      this.fail("这个浏览器没有定位");
    } else {
      this.watch();
      // Some phones say nothing while they stand still: they are asked.
      window.setInterval(() => {
        if (this.raw && document.visibilityState === "visible" && Date.now() - this.raw.time > RENEW_MS) {
          navigator.geolocation.getCurrentPosition((found) => this.found(found), () => undefined, { ...PRECISE, maximumAge: 0 });
        }
      }, RENEW_MS / 2);
    }
  }

  found({ coords: { longitude, latitude, accuracy } }) {
    this.raw = { at: [longitude, latitude], accuracy, time: Date.now() };
    this.problem = null;
    this.dispatchEvent(new Event("change"));
  }

  watch() {
    if (this.watched !== null) {
      navigator.geolocation.clearWatch(this.watched);
    }
    this.watched = navigator.geolocation.watchPosition((found) => this.found(found), (error) => this.fail(error.code === 1 ? "没有允许定位;请在浏览器的网站设置里允许,或在地图上点选" : "暂时定不到位置;请到露天处,或在地图上点选"),
    { ...PRECISE, maximumAge: 5000 });
  }

  fail(problem) {
    this.problem = problem;
    this.dispatchEvent(new Event("change"));
  }

  // The position in CGCS2000, its accuracy in metres and whether it is fresh; null while there is none.
  get now() {
    if (!this.raw) {
      return null;
    }
    return {
      at: this.mode === "gcj02" ? fromGcj(this.raw.at) : this.raw.at, accuracy: this.raw.accuracy,
      fresh: Date.now() - this.raw.time < OLD_MS,
    };
  }

  // Takes where the phone truly stands; returns what that says of the phone in one sentence.
  async calibrate(truth) {
    if (!this.raw) {
      throw new Error("还没有定位,不能校准。");
    }
    const plain = metres(this.raw.at, truth);
    const shifted = metres(this.raw.at, toGcj(truth));
    const least = Math.max(SAME_M, this.raw.accuracy);
    if (Math.min(plain, shifted) > least) {
      throw new Error(`定位与所点的位置差 ${Math.round(plain)} 米,不像是坐标系的偏移;请到露天处,点准自己站的地方再试。`);
    }
    this.mode = shifted < plain ? "gcj02" : "wgs84";
    await remember("position-mode", this.mode);
    this.dispatchEvent(new Event("change"));
    return this.mode === "gcj02"
      ? `这台手机给的是 GCJ-02 坐标(偏约 ${Math.round(plain)} 米),以后自动改正。` : `这台手机的定位不偏(相差 ${Math.round(plain)} 米)。`;
  }

  // Why a position oughtn't be relied on, or null. `inside` says whether a place is one's own area.
  doubt(inside) {
    const here = this.now;
    if (!here) {
      return "没有定位";
    }
    if (!here.fresh) {
      return "定位是一分多钟以前的";
    }
    if (here.accuracy > ROUGH_M) {
      return `定位误差 ${Math.round(here.accuracy)} 米`;
    }
    if (!inside(here.at)) {
      return this.mode === null && inside(fromGcj(this.raw.at)) ? "定位可能偏了约 490 米(GCJ-02),请校准一次" : "定位不在自己的网格里";
    }
    return null;
  }
}
