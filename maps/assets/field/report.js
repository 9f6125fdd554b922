// Reporting a hazard: kind, photo, send. What is like it near by is shown first; a draft survives a killed browser.
import { button, choice, make } from "../cases/elements.js";
import { metres, middle, said } from "./geometry.js";
import { PlaceChoice } from "./place_choice.js";
import { smaller } from "./queue.js";
import { leave, sheet, toast } from "./sheets.js";
import { remember, setting } from "./store.js";
import { titleOf } from "./words.js";

export class Report {
  constructor(parts) {
    Object.assign(this, parts);
  }

  // The first touch: which kind of hazard. `about` is a thing it is reported of.
  async open(about = null) {
    this.about = about;
    const held = await setting("draft");
    const draft = held?.account === this.queue.account ? held : null;
    const tiles = this.config.common.map((code) => button(this.config.events[code], () => this.form(code), { class: "field-tile" }));
    const others = Object.entries(this.config.events).filter(([code]) => !this.config.common.includes(code));
    const more = choice(others, null, { "aria-label": "其他事件", onchange: (event) => event.target.value && this.form(event.target.value) }, "其他事件……");
    sheet("报隐患:是什么?", make("div", { class: "field-body" },
      draft ? make("div", { class: "field-note" }, make("p", {}, `上次没有报完:${this.config.events[draft.event_code] || ""}`),
        button("接着报", () => this.goOn(draft)), button("不要了", async () => { await remember("draft", null); this.open(about); }, { class: "field-second" })) : null,
      about ? make("p", {}, `关于:${titleOf(about.layer, about.feature, this)}`) : null,
      make("div", { class: "field-tiles" }, tiles), more), { name: "report" });
  }

  goOn(draft) {
    const feature = draft.about && this.snapshot.find(draft.about.layer, draft.about.code);
    this.about = feature ? { layer: draft.about.layer, feature } : this.about;
    this.form(draft.event_code, draft);
  }

  form(code, draft = null) {
    const about = this.about;
    const target = about ? middle(about.feature.geometry) : null;
    this.place?.end();
    this.place = new PlaceChoice({
      position: this.position, snapshot: this.snapshot, config: this.config, map: this.map, target, pick: (place) => this.pickPlace(place),
    });
    if (draft?.point) {
      this.place.set(draft.point);
    }
    this.code = code;
    // Of this form: a photo that is still being made smaller belongs to no other one.
    const photos = [];
    const making = new Set();
    Object.assign(this, { photos, making });
    const file = make("input", { type: "file", accept: "image/*", capture: "environment", id: "report-photo", class: "field-unseen" });
    this.pictures = make("div", { class: "field-photos", "aria-live": "polite" });
    file.addEventListener("change", async () => {
      for (const one of file.files) {
        const made = smaller(one).then((blob) => this.addPicture(blob, photos));
        making.add(made);
        made.finally(() => making.delete(made));
      }
      file.value = "";
    });
    this.detail = make("textarea", { id: "report-detail", rows: 2, maxlength: 2000, placeholder: "可不写。不要写姓名、电话、身份证号" });
    this.detail.value = draft?.detail || "";
    this.grave = make("input", { type: "checkbox", id: "report-grave", checked: draft?.level === "suspected" });
    // Kept as it grows, with its photos and what it is about: the camera may cost the browser its life.
    this.keep = () => remember("draft", {
      account: this.queue.account, event_code: code, detail: this.detail.value, level: this.grave.checked ? "suspected" : "01",
      point: this.place.source === "pin" ? this.place.point : null, photos, about: about ? { layer: about.layer, code: about.feature.properties.code } : null,
    }).catch(() => undefined);
    this.detail.addEventListener("input", this.keep);
    this.grave.addEventListener("change", this.keep);
    const go = button("提交", () => this.submit(go), { class: "field-main" });
    const like = make("div", { class: "field-like", "aria-live": "polite" });
    const showLike = () => this.drawLike(like);
    this.askLike().then(showLike);
    this.position.addEventListener("change", showLike);
    sheet(`报隐患:${this.config.events[code]}`, make("div", { class: "field-body" },
      like, make("label", { for: "report-photo", class: "field-camera" }, "拍照"), file, this.pictures, this.place.element,
      make("label", { for: "report-detail" }, "情况"), this.detail,
      make("label", { class: "field-check", for: "report-grave" }, this.grave, "疑似重大(立即上报,由有权的部门认定)"),
      make("div", { class: "field-foot" }, go)), {
      name: "report-form", closed: () => {
        this.position.removeEventListener("change", showLike);
        this.place.end();
      },
    });
    showLike();
    for (const blob of draft?.photos || []) {
      this.addPicture(blob);
    }
  }

  addPicture(blob, photos = this.photos) {
    photos.push(blob);
    const address = URL.createObjectURL(blob);
    const picture = make("img", { src: address, alt: `照片 ${photos.length}`, onload: () => URL.revokeObjectURL(address) });
    const frame = make("figure", {}, picture, button("删去", () => {
      photos.splice(photos.indexOf(blob), 1);
      frame.remove();
      this.keep();
    }, { class: "field-second" }));
    if (photos === this.photos) {
      this.pictures.append(frame);
      this.keep();
    }
  }

  // What others have filed since the phone last heard; without a signal what the phone holds must do.
  async askLike() {
    this.like = [];
    const at = this.place.at;
    if (at && navigator.onLine) {
      const asked = new URLSearchParams({ event: this.code, lon: at[0].toFixed(6), lat: at[1].toFixed(6), community: this.snapshot.start?.community || "" });
      const found = await fetch(`/cases/similar?${asked}`, { credentials: "same-origin", headers: { Accept: "application/json" } })
        .then((answer) => (answer.ok ? answer.json() : { cases: [] })).catch(() => ({ cases: [] }));
      this.like = found.cases.map((one) => ({
        id: one.id, geometry: { type: "Point", coordinates: [one.lon, one.lat] }, properties: one,
      }));
    }
  }

  // Open cases of the same kind near by, so that nobody reports one twice.
  drawLike(element) {
    const at = this.place.at;
    const held = this.snapshot.features("hazard");
    const known = [...held, ...this.like.filter((one) => !held.some((other) => other.id === one.id))];
    const found = at ? known.filter((one) => one.properties.event_code === this.code)
      .map((feature) => ({ feature, distance: metres(at, middle(feature.geometry)) }))
      .filter((one) => one.distance <= (this.snapshot.start?.duplicate_m || 0)).sort((a, b) => a.distance - b.distance).slice(0, 3) : [];
    element.replaceChildren(...(found.length ? [make("p", {}, "附近已有同类未办结的案件,是同一件就不用再报:"),
      ...found.map(({ feature, distance }) => button(`${feature.properties.code}(${said(distance)},${feature.properties.found_on || "日期未记"} 发现)`,
        () => this.openThing({ layer: "hazard", feature }), { class: "field-second" }))] : []));
  }

  pickPlace(place) {
    this.choose((point) => {
      place.set(point);
      this.reopen();
    }, () => this.reopen());
  }

  // After the map: the same form again, with what was in it.
  async reopen() {
    const { code, photos, making, detail, grave, place } = this;
    // Photos that are still being made smaller belong to it too.
    await Promise.all(making);
    this.form(code, { detail: detail.value, level: grave.checked ? "suspected" : "01", point: place.source === "pin" ? place.point : null, photos });
  }

  async submit(go) {
    const at = this.place.at;
    if (!at) {
      toast("还没有位置,请在地图上点选。", { wrong: true });
      return;
    }
    go.disabled = true;
    await Promise.all(this.making);
    const { about } = this;
    const given = about?.feature.properties || {};
    const body = {
      event_code: this.code, lon: at[0], lat: at[1], level: this.grave.checked ? "suspected" : "01", register: true,
      ...(this.detail.value.trim() ? { detail: this.detail.value.trim() } : {}),
      ...(this.place.accuracy ? { accuracy: this.place.accuracy } : {}),
      ...(about?.layer === "rental_unit" ? { rental_code: given.code, ...(given.building_code ? { building_code: given.building_code } : {}) } : {}),
      ...(about?.layer === "enterprise" ? { enterprise_code: given.code } : {}),
      ...(about?.layer === "building" ? { building_code: given.code } : {}),
    };
    try {
      await this.queue.add("case", body, {
        title: `报隐患:${this.config.events[this.code]}`, suspect: this.place.suspect,
        photos: this.photos.map((blob) => ({ stage: "before", blob })),
      });
    } catch (error) {
      // Whatever it is, what was written stays on the screen.
      toast(error.message, { wrong: true });
      go.disabled = false;
      return;
    }
    await remember("draft", null).catch(() => undefined);
    leave();
    toast(navigator.onLine ? "已保存,正在上传" : "已保存在手机里,有信号后自动上传");
  }
}
