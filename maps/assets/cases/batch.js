// One step for several cases at once, and what couldn't be done.
import { button, choice, make } from "./elements.js";
import { agreed } from "./flow.js";
import { send } from "./requests.js";
import { stepForm } from "./step_form.js";

export class Batch {
  constructor(element, { flows, words, done, say, clear, name }) {
    Object.assign(this, { element, flows, words, done, say, clear, name });
    this.result = null;
    this.slot = make("div", { class: "desk-slot" });
  }

  // Shows what may be done with the cases; a form that is being filled in stays.
  draw(cases) {
    this.cases = cases;
    const same = cases.map((one) => one.id).join();
    if (same === this.drawn && !this.element.hidden) {
      return;
    }
    this.drawn = same;
    this.element.hidden = !cases.length && !this.result;
    const steps = this.flows.stepsOfAll(cases);
    const held = this.select ? this.select.value : "";
    this.select = choice(steps.map(({ step, count }) => [step.step, `${step.title}(${count}/${cases.length} 件可办)`]),
      held, { id: "desk-batch-step", onchange: () => this.form() }, "选一步……");
    this.element.replaceChildren(...[this.result, cases.length ? make("div", { class: "desk-buttons" },
      make("b", {}, `已选 ${cases.length} 件`), make("label", { for: "desk-batch-step" }, "一起办"), this.select,
      button("不选了", () => this.clear())) : null, this.slot].filter(Boolean));
    this.form();
  }

  // A form of this step that somebody has begun stays: it is about whatever is chosen when it is sent.
  form() {
    if (this.slot.querySelector(`form[data-step="${this.select.value}"]`)) {
      return;
    }
    const found = this.flows.stepsOfAll(this.cases).find(({ step }) => step.step === this.select.value);
    if (!found) {
      this.slot.replaceChildren();
      return;
    }
    const form = stepForm(found.step, this.words(), (said) => this.make(found.step, said));
    this.slot.replaceChildren(form);
    const first = form.querySelector("[name]");
    if (first) {
      first.focus();
    }
  }

  async make(step, said) {
    const cases = this.cases.map((one) => one.id);
    if (!agreed(step, cases.length)) {
      return;
    }
    const results = [];
    let broken = null;
    // The service takes two hundred at a time. Their identifier is the form's: sent once more, it is the same step.
    for (let at = 0; at < cases.length && !broken; at += 200) {
      try {
        results.push(...(await send("/cases/steps", { cases: cases.slice(at, at + 200), step: said })).results);
      } catch (error) {
        broken = error;
      }
    }
    if (broken && !results.length) {
      throw broken;
    }
    const failed = results.filter((each) => !each.done);
    const rest = cases.slice(results.length);
    const sentence = `“${step.title}”办好 ${results.length - failed.length} 件${failed.length ? `,${failed.length} 件没有办成` : ""}${
      rest.length ? `,${rest.length} 件还没有办(${broken.message})` : ""}。`;
    if (!rest.length) {
      this.slot.replaceChildren();
      this.select = null;
    }
    this.result = make("div", { class: failed.length || rest.length ? "desk-result desk-partly" : "desk-result" },
      make("div", { class: "desk-buttons" }, make("b", {}, sentence), button("知道了", () => this.forget())),
      failed.length ? make("ul", {}, failed.map((each) => make("li", {}, `${this.name(each.case)}:${each.problem}`))) : null);
    this.drawn = null;
    this.say(sentence);
    await this.done([...failed.map((each) => each.case), ...rest]);
  }

  forget() {
    this.result = null;
    this.drawn = null;
    this.draw(this.cases);
  }
}
