// Making elements out of text. Text becomes text nodes only: names and values come from files and from people.

export function make(tag, given = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(given)) {
    if (name.startsWith("on")) {
      made.addEventListener(name.slice(2), value);
    } else if (value === true) {
      made.setAttribute(name, "");
    } else if (value !== false && value !== null && value !== undefined) {
      made.setAttribute(name, value);
    }
  }
  made.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return made;
}

export function button(text, onclick, given = {}) {
  return make("button", { type: "button", onclick, ...given }, text);
}

// A choice out of [value, title]; the empty one stands first.
export function choice(options, chosen, given = {}, empty = "不限") {
  return make("select", given, empty === null ? null : make("option", { value: "" }, empty),
    options.map(([value, title]) => make("option", { value, selected: value === chosen }, title)));
}
