// Where something is: the own position while it can be relied on, the thing that it is about, or a pin set by hand.
import { button, make } from "../cases/elements.js";
import { titleOf } from "./words.js";

export class PlaceChoice {
  constructor({ position, snapshot, config, map, target, pick }) {
    Object.assign(this, { position, snapshot, config, map, pick });
    this.target = target;
    this.point = target || null;
    this.source = target ? "target" : "gps";
    this.element = make("div", { class: "field-place" });
    this.draw = this.draw.bind(this);
    position.addEventListener("change", this.draw);
    this.draw();
  }

  // [lon, lat], or null while there is none.
  get at() {
    return this.source === "gps" ? this.position.now?.at || null : this.point;
  }

  // Why the office should look at the place before it counts; null where it can be relied on.
  get suspect() {
    return this.source === "gps" ? this.position.doubt((point) => this.snapshot.inside(point)) : null;
  }

  get accuracy() {
    return this.source === "gps" ? "C" : null;
  }

  set(point) {
    this.point = point;
    this.source = "pin";
    this.draw();
  }

  draw() {
    const here = this.position.now;
    const at = this.at;
    const near = at && this.snapshot.near(at, ["building"], 1)[0];
    const where = near && near.distance < 60 ? `,${titleOf("building", near.feature, this.config)}旁` : "";
    let said = "还没有位置";
    if (this.source === "gps" && here) {
      said = `我的位置(误差约 ${Math.round(here.accuracy)} 米)${where}`;
    } else if (this.source === "pin") {
      said = `地图上点选的位置${where}`;
    } else if (this.source === "target") {
      said = "对象所在的位置";
    }
    const doubt = this.suspect;
    this.element.replaceChildren(...[
      make("p", {}, make("b", {}, "位置:"), said),
      doubt ? make("p", { class: "field-doubt", role: "status" }, `${doubt}。请在地图上点一下实际位置;不点也能提交,由社区核对。`) : null,
      button(this.source === "gps" ? "在地图上点选" : "重新点选", () => this.pick(this), { class: "field-second" }),
      this.source === "gps" ? null : button("用我的位置", () => { this.source = "gps"; this.draw(); }, { class: "field-second" }),
    ].filter(Boolean));
  }

  end() {
    this.position.removeEventListener("change", this.draw);
  }
}
