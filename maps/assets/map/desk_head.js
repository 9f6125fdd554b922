// What an opened upload is: its file, who sent it and when, and what was written of it.

import { make } from "../cases/elements.js";
import { config, number } from "./desk_parts.js";

const BEIJING = new Intl.DateTimeFormat("sv-SE", { timeZone: "Asia/Shanghai", dateStyle: "short", timeStyle: "short" });

function when(moment) {
  return moment ? `${BEIJING.format(new Date(moment))}(北京时间)` : null;
}

function size(bytes) {
  if (bytes === undefined) {
    return null;
  }
  return bytes < 1e6 ? `${number(Math.max(1, Math.round(bytes / 1e3)))} kB` : `${number((bytes / 1e6).toFixed(1))} MB`;
}

export function nameOf(upload) {
  return upload.reverts ? `撤回:${upload.file_name}` : upload.file_name;
}

export function told(counts) {
  return Object.entries(config.counted).filter(([step]) => counts[step])
    .map(([step, title]) => `${title} ${number(counts[step])}`).join("、") || "没有改动";
}

export function head(upload) {
  const layer = config.layers[upload.layer];
  const mode = config.modes[upload.mode];
  const facts = [
    ["图层", layer ? layer.title : "未定"],
    ["方式", mode && (upload.grid ? `${mode} ${upload.grid}` : mode)],
    ["来源", config.sources[upload.source]],
    ["大小", size(upload.bytes)],
    ["谁", upload.actor],
    ["时间", when(upload.created_at || upload.committed_at)],
    ["SHA-256", make("span", { title: upload.sha256 }, upload.sha256.slice(0, 12))],
  ].filter(([, value]) => value);
  return make("div", { class: "desk-head" },
    make("span", { class: `desk-state desk-${upload.state}` }, config.states[upload.state]),
    make("dl", { class: "desk-facts" }, facts.map(([title, value]) =>
      make("div", {}, make("dt", {}, title), make("dd", {}, value)))),
    upload.reverts ? make("a", { href: `/uploads/${upload.reverts}` }, "被撤回的那次上传") : null,
    upload.problem && upload.state !== "needs_answer" ? make("p", { class: "desk-error" }, upload.problem) : null);
}

// The commits of a file and their reverts; each can be opened, and taken back, by itself.
export function written(upload) {
  const listed = upload.uploads || [];
  if (!listed.length) {
    return null;
  }
  return make("section", { class: "desk-written", "aria-labelledby": "desk-written" },
    make("h2", { id: "desk-written" }, "写入记录"),
    make("ul", {}, listed.map((one) => {
      const what = one.reverts ? "撤回" : "入库";
      return make("li", {},
        one.id === upload.id ? make("b", {}, what) : make("a", { href: `/uploads/${one.id}` }, what), " ",
        told(one.counts), one.state === "reverted" ? make("b", {}, " 已撤回") : null,
        make("span", { class: "desk-soft" }, `${when(one.committed_at)} ${one.actor}`));
    })));
}
