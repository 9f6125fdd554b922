// The form of a step: made of what the step requires and offers, read into what the service is sent.
import { button, choice, make } from "./elements.js";
import { newId } from "./requests.js";

const LENGTHS = { note: 2000, handler: 120, reference: 80, main_code: 64 };
const LONG = new Set(["note"]);
let made = 0;

function control(name, id, words) {
  const given = { id, name, maxlength: LENGTHS[name] };
  if (name === "department" || name === "level") {
    return choice(name === "level" ? words.levels : words.departments, null, { id, name }, "请选择");
  }
  if (name === "due_on") {
    return make("input", { ...given, type: "date", min: words.today, max: "2199-12-31" });
  }
  if (LONG.has(name)) {
    return make("textarea", { ...given, rows: 3 });
  }
  const known = { handler: words.handlers, main_code: words.mains }[name] || [];
  const input = make("input", { ...given, type: "text", autocomplete: "off", list: known.length ? `${id}-known` : null });
  return known.length ? [input, make("datalist", { id: `${id}-known` }, known.map((one) => make("option", {
    value: Array.isArray(one) ? one[0] : one }, Array.isArray(one) ? one[1] : "")))] : input;
}

// step: {step, title, requires: [[name, title]], offers: [[name, title]]}, as the service tells of it.
// words: {departments, levels: [[code, title]], handlers, mains: suggestions, today}.
// submit(said) is given {id, step, …}; it may be slow, and whatever it throws stays in the form as one sentence.
export function stepForm(step, words, submit, cancel) {
  made += 1;
  const prefix = `step-${made}`;
  const identifier = newId();
  const wrong = make("p", { class: "desk-wrong", id: `${prefix}-wrong`, role: "alert", hidden: true });
  const rows = [...step.requires.map((one) => [...one, true]), ...step.offers.map((one) => [...one, false])]
    .map(([name, title, required]) => {
      const id = `${prefix}-${name}`;
      const input = control(name, id, words);
      const field = [input].flat()[0];
      field.required = required;
      return make("div", { class: "desk-field" },
        make("label", { for: id }, title, required ? null : make("span", { class: "desk-soft" }, "(可不填)")), input);
    });
  const go = make("button", { type: "submit", class: "desk-main" }, step.title);
  const form = make("form", { class: "desk-form", novalidate: true, "aria-label": step.title, "data-step": step.step },
    rows, wrong, make("div", { class: "desk-buttons" }, go, cancel ? button("取消", cancel) : null));

  function refuse(sentence, field) {
    wrong.textContent = sentence;
    wrong.hidden = false;
    if (field) {
      field.setAttribute("aria-invalid", "true");
      field.setAttribute("aria-describedby", wrong.id);
      field.focus();
    }
  }

  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    wrong.hidden = true;
    const said = { step: step.step, id: identifier };
    for (const field of form.querySelectorAll("[name]")) {
      const value = field.value.trim();
      const title = form.querySelector(`label[for="${field.id}"]`).firstChild.textContent;
      field.removeAttribute("aria-invalid");
      if (field.required && !value) {
        refuse(`请写明${title}。`, field);
        return;
      }
      if (!field.validity.valid) {
        refuse(field.type === "date" ? `“${title}”应为今天或以后的一天。` : `“${title}”不对:${field.validationMessage}`, field);
        return;
      }
      if (value) {
        said[field.name] = value;
      }
    }
    go.disabled = true;
    try {
      await submit(said);
    } catch (error) {
      refuse(error.message);
    } finally {
      go.disabled = false;
    }
  });
  return form;
}
