// Asking the service: its refusals become errors with its own Chinese sentence; an ended login leads to the login page.

export class Problem extends Error {
  constructor(sentence, status = 0) {
    super(sentence);
    this.status = status;
  }
}

export function login() {
  location.assign(`/login?next=${encodeURIComponent(location.pathname + location.search)}`);
}

async function answered(address, options) {
  let answer;
  try {
    answer = await fetch(address, { credentials: "same-origin", ...options });
  } catch (error) {
    if (error.name === "AbortError") {
      throw error;
    }
    throw new Problem("联系不上服务,请检查网络后再试。");
  }
  if (answer.status === 401) {
    login();
    throw new Problem("登录已失效,正在转到登录页。", 401);
  }
  if (!answer.ok) {
    const said = await answer.json().catch(() => ({}));
    throw new Problem(said.detail || "服务没有完成这一步,请稍候再试。", answer.status);
  }
  return answer;
}

export async function ask(address, options = {}) {
  const answer = await answered(address, { headers: { Accept: "application/json" }, ...options });
  return answer.status === 204 ? null : answer.json();
}

export async function askText(address) {
  return (await answered(address, { headers: { Accept: "text/plain, application/problem+json;q=0.5" } })).text();
}

// What is asked together with its entity tag, which a change must bring back.
export async function askTagged(address, accept) {
  const answer = await answered(address, { headers: { Accept: accept } });
  return { tag: answer.headers.get("ETag"), found: await answer.json() };
}

export function send(address, body, { method = "POST", type = "application/json", headers = {}, signal } = {}) {
  return ask(address, {
    method, body: JSON.stringify(body), signal,
    headers: { Accept: "application/json", "Content-Type": type, ...headers },
  });
}

// An identifier for what must be made only once; crypto.randomUUID is missing on plain http.
export function newId() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}

// The clipboard; browsers have none on plain http, where a selected text is copied the old way.
export async function copy(text) {
  if (navigator.clipboard && window.isSecureContext) {
    try {
      await navigator.clipboard.writeText(text);
      return true;
    } catch {
      // Refused: the old way may still do.
    }
  }
  const held = document.createElement("textarea");
  held.value = text;
  held.setAttribute("readonly", "");
  // Whatever wraps or gathers blanks would change what is copied.
  Object.assign(held.style, { position: "fixed", top: "0", opacity: "0", whiteSpace: "pre" });
  const before = document.activeElement;
  document.body.append(held);
  held.select();
  const done = document.execCommand("copy");
  held.remove();
  if (before instanceof HTMLElement) {
    before.focus({ preventScroll: true });
  }
  return done;
}

// Gives a file to whoever sits at the browser.
export function save(name, blob) {
  const address = URL.createObjectURL(blob);
  const link = document.createElement("a");
  Object.assign(link, { href: address, download: name });
  document.body.append(link);
  link.click();
  link.remove();
  window.setTimeout(() => URL.revokeObjectURL(address), 10_000);
}
