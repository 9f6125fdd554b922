// One thing of the own area: what is known of it, a visit in three touches, its counts put right, a case's next steps.
import { button, make } from "../cases/elements.js";
import { Flows } from "../cases/flow.js";
import { stepForm } from "../cases/step_form.js";
import { bearing, metres, middle, said, wind } from "./geometry.js";
import { smaller } from "./queue.js";
import { leave, sheet, toast } from "./sheets.js";
import { limit, titleOf, today } from "./words.js";

const VISITED = ["rental_unit", "enterprise", "building", "enterprise_plot", "waste_point", "parking", "facility"];

export class Thing {
  constructor(parts) {
    Object.assign(this, parts);
  }

  open(thing, reasons = []) {
    const { layer, feature } = thing;
    const given = feature.properties;
    const at = middle(feature.geometry);
    const here = this.position.now;
    const away = here ? `${said(metres(here.at, at))},${wind(bearing(here.at, at))}` : null;
    const rows = (this.config.shown[layer] || []).map(([name, title, codes, unit]) => [title, told(given[name], codes, unit)]).filter(([, value]) => value !== "");
    sheet(titleOf(layer, feature, this), make("div", { class: "field-body" },
      make("p", { class: "field-soft" }, [this.config.titles[layer], given.code, away].filter(Boolean).join(" · ")),
      reasons.length ? make("ul", { class: "field-reasons" }, reasons.map((one) => make("li", {}, one))) : null,
      layer === "hazard" ? this.caseParts(thing) : VISITED.includes(layer) ? this.visitParts(thing) : null,
      rows.length ? make("dl", {}, rows.flatMap(([title, value]) => [make("dt", {}, title), make("dd", {}, value)])) : null,
      make("div", { class: "field-buttons" },
        button("在地图上看", () => { leave(); this.showOnMap(at); }, { class: "field-second" }),
        layer === "hazard" ? null : button("报隐患", () => this.report(thing), { class: "field-second" }))), { name: "thing" });
  }

  // How the visit went: one touch; what was counted: a stepper; then save.
  visitParts({ layer, feature }) {
    const given = feature.properties;
    let outcome = null;
    const counts = {};
    const save = button("保存走访", () => send(), { class: "field-main", disabled: true });
    const outcomes = this.config.visits.filter((one) => !one.layers || one.layers.includes(layer)).map((one) => button(one.title, (event) => {
      outcome = one;
      for (const other of group.querySelectorAll("button")) {
        other.setAttribute("aria-pressed", String(other === event.currentTarget));
      }
      save.disabled = false;
      save.textContent = "保存走访";
    }, { class: "field-choice", "aria-pressed": "false", "data-outcome": one.outcome }));
    const group = make("div", { class: "field-choices", role: "group", "aria-label": "走访结果" }, outcomes);
    const counted = this.config.counted[layer] || [];
    // What a visit is called of which only the counts are given: it was counted anew, or what stood there was put right.
    const unsaid = counted.some(([, , , ofVisit]) => ofVisit) ? "清点" : "改正人数";
    const steppers = counted.map(([name, title, unit]) => stepper(title, unit, given[name], (value) => {
      counts[name] = value;
      if (!outcome) {
        save.disabled = Object.values(counts).every((one) => one === undefined);
        save.textContent = save.disabled ? "保存走访" : `保存${unsaid}`;
      }
    }));
    const remark = make("input", { id: "visit-remark", maxlength: 200, placeholder: "可不写" });
    const send = async () => {
      if (counts.correct_count > (counts.checked_count ?? 0)) {
        toast("正确数不能比检查数多,请改正后再保存。", { wrong: true });
        return;
      }
      save.disabled = true;
      // Some counts belong to the visit itself (bags, cars), the others to what was visited.
      const own = counted.filter(([name, , , ofVisit]) => ofVisit && counts[name] !== undefined).map(([name]) => [name, counts[name]]);
      const changes = Object.fromEntries(counted.filter(([name, , , ofVisit]) => !ofVisit && counts[name] !== undefined && counts[name] !== given[name])
        .map(([name]) => [name, counts[name]]));
      const differs = Object.keys(changes).length > 0;
      const result = layer === "rental_unit" && differs && (outcome?.check || "consistent") === "consistent" ? "count_differs" : outcome?.check;
      const body = {
        target_kind: layer, target_code: this.nameOf(layer, feature), outcome: outcome?.outcome || "01", ...Object.fromEntries(own),
        ...(this.config.purposes[layer] ? { purpose: this.config.purposes[layer] } : {}),
        ...(result ? { check_result: result } : {}), ...(remark.value.trim() ? { remark: remark.value.trim() } : {}),
        ...(differs ? {
          changes, base: given.version, before: Object.fromEntries(Object.keys(changes).map((name) => [name, given[name] ?? null])),
        } : {}),
      };
      const shows = { layer, feature: feature.id, properties: changes };
      try {
        await this.queue.add("visit", body, { title: `走访:${titleOf(layer, feature, this)}(${outcome?.title || unsaid})`, shows });
      } catch (error) {
        toast(error.message, { wrong: true });
        save.disabled = false;
        return;
      }
      if (differs) {
        // The edit itself is on the disk; without room for this the old count shows until it is sent.
        await this.snapshot.show(shows).catch(() => undefined);
      }
      this.done(layer, given.code, body.outcome === "01" ? "done" : "vain");
      leave();
      toast(navigator.onLine ? "已保存,正在上传" : "已保存在手机里,有信号后自动上传");
    };
    return make("section", { "aria-label": "走访" }, make("h3", {}, "走访结果"), group, steppers,
      make("label", { for: "visit-remark" }, "备注"), remark, make("div", { class: "field-foot" }, save));
  }

  // Its code; its identifier where several grids have that code, which alone says which one is meant.
  nameOf(layer, { id, properties }) {
    const same = this.snapshot.features(layer).filter((one) => one.properties.code === properties.code);
    return same.length > 1 ? id.split(".")[1] : properties.code;
  }

  caseParts({ feature }) {
    const given = feature.properties;
    const flows = new Flows(this.config.flows, this.snapshot.start?.offices || ["worker"], this.config.grave);
    const slot = make("div", {});
    const words = { departments: Object.entries(this.config.departments), levels: this.config.levels, handlers: [], mains: [], today: today() };
    const save = async (step, saidOf) => {
      const { id: _once, ...rest } = saidOf;
      const level = step.step === "suspect" ? "suspected" : rest.level || given.level;
      const shows = { layer: "hazard", feature: feature.id,
        properties: { status: step.to || given.status, flow: step.to_flow || given.flow, level } };
      await this.queue.add("step", { case: feature.id, ...rest }, { title: `${step.title}:${given.code}`, shows });
      await this.snapshot.show(shows).catch(() => undefined);
      if (step.attends.includes("worker")) {
        this.done("hazard", given.code, "done");
      }
      leave();
      toast(navigator.onLine ? "已保存,正在上传" : "已保存在手机里,有信号后自动上传");
    };
    const buttons = flows.stepsOf(given).map((step) => button(step.title, () => {
      slot.replaceChildren(stepForm(step, words, (one) => save(step, one), () => slot.replaceChildren()));
      slot.querySelector("[name], button").focus();
    }, { class: "field-choice" }));
    const file = make("input", { type: "file", accept: "image/*", capture: "environment", id: "case-photo", class: "field-unseen" });
    file.addEventListener("change", async () => {
      for (const one of file.files) {
        try {
          await this.queue.addPhoto(feature.id, "after", await smaller(one));
          toast("照片已保存,正在上传");
        } catch (error) {
          toast(error.message, { wrong: true });
        }
      }
      file.value = "";
    });
    return make("section", { "aria-label": "案件" },
      given.due_on ? make("p", {}, `期限 ${limit(`${given.due_on}T16:00:00Z`)}`) : null,
      make("div", { class: "field-choices" }, buttons), slot,
      make("label", { for: "case-photo", class: "field-camera" }, "拍处置后的照片"), file);
  }
}

// A number with a large − and +; touching the number lets it be typed.
function stepper(title, unit, value, changed) {
  const id = `count-${title}`;
  const input = make("input", { id, type: "number", inputmode: "numeric", min: "0", max: "2000", value: value ?? "" });
  const set = (next) => {
    // Whoever empties it has counted nothing after all.
    if (next === "") {
      input.value = value ?? "";
      changed(undefined);
      return;
    }
    const whole = Math.max(0, Math.min(2000, Math.round(Number(next) || 0)));
    input.value = whole;
    changed(whole);
  };
  input.addEventListener("change", () => set(input.value));
  return make("div", { class: "field-stepper" }, make("label", { for: id }, `${title}${unit ? `(${unit})` : ""}`),
    button("−", () => set(Number(input.value) - 1), { "aria-label": `${title}减一` }), input,
    button("+", () => set(Number(input.value) + 1), { "aria-label": `${title}加一` }));
}

function told(value, codes, unit) {
  if (value === null || value === undefined || value === "") {
    return "";
  }
  if (typeof value === "boolean") {
    return value ? "是" : "否";
  }
  return codes ? codes[value] || String(value) : `${value}${unit ? ` ${unit}` : ""}`;
}
