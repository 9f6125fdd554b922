// A sheet over the page: a heading, what is in it, and a large way back. Only one is open; Escape and the phone's back
// button close it.
import { button, make } from "../cases/elements.js";

let open = null;

export function close() {
  if (open) {
    const { dialog, closed, before } = open;
    open = null;
    // What is being said stays when the sheet goes.
    document.body.append(document.getElementById("field-said"));
    dialog.close();
    dialog.remove();
    if (before?.isConnected) {
      before.focus({ preventScroll: true });
    }
    closed?.();
  }
}

window.addEventListener("popstate", () => {
  if (open) {
    open.popped = true;
    close();
  }
});

export function sheet(title, content, { closed, name = "" } = {}) {
  const before = open ? open.before : document.activeElement;
  if (open) {
    open.closed = null;
    const held = open;
    open = null;
    document.body.append(document.getElementById("field-said"));
    held.dialog.close();
    held.dialog.remove();
  } else {
    history.pushState({ sheet: true }, "");
  }
  const heading = make("h2", { id: "sheet-title", tabindex: "-1" }, title);
  const dialog = make("dialog", { class: "field-sheet", "aria-labelledby": "sheet-title", "data-sheet": name },
    make("header", {}, heading, button("关闭", () => history.back(), { class: "field-close", "aria-label": "关闭" })), content);
  dialog.addEventListener("cancel", (event) => {
    event.preventDefault();
    history.back();
  });
  document.body.append(dialog);
  open = { dialog, closed, before };
  dialog.showModal();
  heading.focus({ preventScroll: true });
  return dialog;
}

// Closes by the way that the back button takes, so that the address keeps in step.
export const leave = () => (open ? history.back() : undefined);

let timer = 0;

// One sentence that comes and goes; it is read out.
export function toast(text, { wrong = false } = {}) {
  const element = document.getElementById("field-said");
  element.textContent = text;
  element.classList.toggle("field-wrong", wrong);
  element.hidden = false;
  // Above an open sheet too: the top layer shows what was opened last.
  (open ? open.dialog : document.body).append(element);
  window.clearTimeout(timer);
  timer = window.setTimeout(() => {
    element.hidden = true;
    document.body.append(element);
  }, wrong ? 9000 : 4000);
}
