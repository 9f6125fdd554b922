// How moments, limits and numbers are said: in Chinese, and in Shanghai's time wherever the browser stands.

const PARTS = new Intl.DateTimeFormat("en-CA", {
  timeZone: "Asia/Shanghai", year: "numeric", month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit",
  hourCycle: "h23",
});
const DAY_MS = 86_400_000;

function local(at) {
  const found = Object.fromEntries(PARTS.formatToParts(at).map((part) => [part.type, part.value]));
  return { day: `${found.year}-${found.month}-${found.day}`, hour: `${found.hour}:${found.minute}` };
}

export function today() {
  return local(new Date()).day;
}

export function moment(iso) {
  const { day, hour } = local(new Date(iso));
  return `${day} ${hour}`;
}

// A limit; the first moment of a day is the 24:00 of the one before.
export function limit(iso) {
  const at = new Date(iso);
  const { day, hour } = local(at);
  return hour === "00:00" ? `${local(new Date(at.getTime() - DAY_MS)).day} 24:00` : `${day} ${hour}`;
}

// When a case is due: by the limit of its state or by its own day, whichever comes first; null without either.
export function dueOf(one) {
  const ends = [];
  if (one.due_at) {
    ends.push(Date.parse(one.due_at));
  }
  if (one.limit_on) {
    ends.push(Date.parse(`${one.limit_on}T00:00:00+08:00`) + DAY_MS);
  }
  return ends.length ? Math.min(...ends) : null;
}

function span(ms) {
  const minutes = Math.floor(ms / 60_000);
  if (minutes < 60) {
    return `${Math.max(minutes, 1)} 分钟`;
  }
  return minutes < 48 * 60 ? `${Math.floor(minutes / 60)} 小时` : `${Math.floor(minutes / (24 * 60))} 天`;
}

// How much time a case has; what is due the moment it begins is to be done at once.
export function leftOf(one) {
  const due = dueOf(one);
  if (due === null) {
    return null;
  }
  const atOnce = one.due_at && one.step_at && Date.parse(one.due_at) <= Date.parse(one.step_at) && due >= Date.parse(one.due_at);
  return atOnce && Date.now() - due < DAY_MS ? "应立即办" : left(due);
}

export function left(due, now = Date.now()) {
  return due < now ? `超期 ${span(now - due)}` : `还剩 ${span(due - now)}`;
}

export function number(value) {
  return Number(value).toLocaleString("zh-CN");
}

export function percent(value) {
  return value === null || value === undefined ? "—" : `${(value * 100).toFixed(1)}%`;
}

export function grid(code) {
  return code ? `第 ${Number(code.slice(12))} 网格` : "未划入网格";
}

// A table as CSV that a spreadsheet opens as it is: with a mark of its encoding, and no cell that would be reckoned.
export function csv(rows) {
  const cell = (value) => {
    const text = value === null || value === undefined ? "" : String(value);
    const safe = /^[=+\-@\t\r\n＝＋－＠]/.test(text) && typeof value !== "number" ? `'${text}` : text;
    return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
  };
  return `\ufeff${rows.map((row) => row.map(cell).join(",")).join("\r\n")}\r\n`;
}
