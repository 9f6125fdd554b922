// What the desk shows stands in the address, so that a link, a reload and the back button bring it back.

export const FILTERS = ["status", "level", "event", "grid", "handler", "department", "since", "until", "q"];
const DEFAULTS = { kind: "open", view: "cases", by: "grid" };
const NAMES = ["community", "view", "by", "kind", ...FILTERS, "case"];

export function read() {
  const given = new URLSearchParams(location.search);
  return { ...DEFAULTS, ...Object.fromEntries(NAMES.filter((name) => given.get(name)).map((name) => [name, given.get(name)])) };
}

export function hrefOf(state) {
  const asked = new URLSearchParams();
  for (const name of NAMES) {
    if (state[name] && state[name] !== DEFAULTS[name]) {
      asked.set(name, state[name]);
    }
  }
  const text = asked.toString();
  return `/desk${text ? `?${text}` : ""}`;
}

export function write(state, replace) {
  const href = hrefOf(state);
  if (href !== location.pathname + location.search) {
    history[replace ? "replaceState" : "pushState"]({}, "", href);
  }
}

// The part of the address that the list of cases takes as it is.
export function askedOf(state) {
  const asked = new URLSearchParams({ kind: state.kind });
  for (const name of ["community", ...FILTERS]) {
    if (state[name]) {
      asked.set(name, state[name]);
    }
  }
  return asked;
}
