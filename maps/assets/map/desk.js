// The survey desk: from a dropped file to stored features, and back.

import { make } from "../cases/elements.js";
import { checks, questions } from "./desk_checks.js";
import { head, nameOf, told, written } from "./desk_head.js";
import { DeskMap } from "./desk_map.js";
import { ask, config, number, say, send, sendForm } from "./desk_parts.js";
import { DeskRows } from "./desk_rows.js";

const POLL_MS = 800;
const form = document.getElementById("desk-form");
const one = document.getElementById("desk-one");
let map = null;
let rows = null;

function failed(error) {
  const box = document.getElementById("desk-error") || make("p", { id: "desk-error", role: "alert", class: "desk-error" });
  box.replaceChildren(error.message, " ", make("button", { type: "button", onclick: () => box.remove() }, "知道了"));
  document.querySelector("main").prepend(box);
  box.scrollIntoView({ block: "nearest" });
}

// One bar from the first byte to the last row; built once, so that it moves instead of blinking.
function busy(text, share, hint = "") {
  let box = one.querySelector(".desk-busy");
  if (!box) {
    box = make("div", { class: "desk-busy" }, make("p"), make("progress", { max: 1, "aria-label": "进度" }), make("p", { class: "desk-soft" }));
    one.hidden = false;
    one.replaceChildren(box);
  }
  const [said, bar, soft] = box.children;
  said.textContent = text;
  soft.textContent = hint;
  if (share === null) {
    bar.removeAttribute("value");
  } else {
    bar.value = share;
  }
}

async function upload(files) {
  if (!files.length) {
    return;
  }
  const body = new FormData(form);
  body.delete("file");
  for (const file of files) {
    body.append("file", file, file.name);
  }
  for (const [name, value] of [...body]) {
    if (value === "") {
      body.delete(name);
    }
  }
  form.classList.add("desk-sending");
  const error = document.getElementById("desk-error");
  if (error) {
    error.remove();
  }
  say(`正在传送 ${files[0].name}`);
  busy(`正在传送 ${files[0].name}`, 0);
  try {
    const found = await sendForm("/uploads", body, (share) => {
      busy(share < 1 ? `正在传送 ${files[0].name}` : `已收到 ${files[0].name},正在检查`, share < 1 ? share : null);
    });
    history.pushState({}, "", `/uploads/${found.id}`);
    await open(found);
    document.getElementById("desk-title").focus({ preventScroll: true });
  } catch (error) {
    one.replaceChildren();
    one.hidden = true;
    failed(error);
  } finally {
    form.classList.remove("desk-sending");
    document.getElementById("desk-file").value = "";
  }
}

function entitle(upload) {
  const name = nameOf(upload);
  document.title = `${name} · 上传台`;
  document.getElementById("desk-title").textContent = name;
  document.querySelector(".desk-path").replaceChildren(
    make("a", { href: "/" }, "首页"), " › ", make("a", { href: "/uploads" }, "上传台"), " › 一次上传");
}

// What a job is at, in words and as a share: reading row by row, then checks as a whole; or writing.
function stage(job) {
  const commits = job && job.kind === "commit";
  if (!job || !job.done) {
    return [commits ? "正在核对现有数据" : "正在处理", null];
  }
  const all = job.total ? `,共 ${number(job.total)} 行` : "";
  if (job.total && job.done >= job.total) {
    return [commits ? `已写 ${number(job.done)} 行,正在登记` : `已读 ${number(job.done)} 行,正在核对位置、重叠和现有数据`, null];
  }
  return [`${commits ? "正在入库,已写" : "正在读取,已读"} ${number(job.done)} 行${all}`, job.total ? job.done / job.total : null];
}

// Waits for a large file to be read or written, through a restart of the service too.
async function settled(found) {
  let upload = found;
  while (upload.state === "processing") {
    const job = upload.job;
    busy(...stage(job), "文件较大,由后台处理。可以关掉本页,稍后从上传记录里打开。");
    await new Promise((resolve) => { setTimeout(resolve, POLL_MS); });
    try {
      upload = await ask(`/uploads/${upload.id}`);
    } catch (error) {
      busy(`联系不上服务,继续等待(${error.message})`, null);
    }
  }
  return upload;
}

async function open(found) {
  form.hidden = true;
  document.getElementById("desk-list").hidden = true;
  entitle(found);
  if (found.state === "processing") {
    say("正在处理,文件较大");
  }
  await draw(await settled(found));
}

async function reopen() {
  await open(await ask(`/uploads/${config.upload}`));
}

async function draw(upload) {
  config.upload = upload.id;
  one.hidden = false;
  const asks = questions(upload, (points) => map && map.drawGuess(points), (given) =>
    act(() => send(`/uploads/${upload.id}/answers`, "POST", given)));
  const listed = upload.counts && upload.layer && upload.report && upload.report.driver
    && ["proposed", "committed", "reverted"].includes(upload.state);
  const left = make("div", { class: "desk-left" },
    ...[asks, upload.report ? checks(upload) : null, actions(upload), written(upload)].filter(Boolean));
  const mapped = listed || upload.questions.some((question) => question.options.some((option) => option.points.length));
  const place = make("div", { class: "desk-map", role: "region", "aria-label": "地图" });
  one.replaceChildren(head(upload), make("div", { class: mapped ? "desk-columns" : null }, left, mapped ? place : null));
  map = mapped ? new DeskMap(place) : null;
  if (map) {
    map.drawGround(upload.community);
    preview(upload);
  }
  rows = null;
  if (listed) {
    rows = new DeskRows(upload, map, refresh, failed);
    one.append(rows.element);
    await Promise.all([rows.draw(upload.counts), map.drawChanges(upload.id, (row) => rows.mark(row))]);
  }
  say(`${config.states[upload.state]}${upload.counts && upload.layer ? `:${told(upload.counts)}` : ""}`);
}

function preview(upload) {
  if (upload.questions.some((question) => question.options.some((option) => option.points.length))) {
    map.askGuess();
  }
}

// After a decision on one row: counts, buttons and map follow, the table and the view stay where they are.
async function refresh() {
  const upload = await ask(`/uploads/${config.upload}`);
  one.querySelector(".desk-actions").replaceWith(actions(upload));
  rows.drawBar(upload.counts);
  await map.drawChanges(upload.id, (row) => rows.mark(row), true);
}

// Runs a step that answers with the upload as it then stands.
async function act(step) {
  one.querySelectorAll("button").forEach((button) => { button.disabled = true; });
  try {
    await open(await step());
    document.getElementById("desk-title").focus({ preventScroll: true });
    document.getElementById("desk-title").scrollIntoView({ block: "nearest" });
  } catch (error) {
    failed(error);
    one.querySelectorAll("button").forEach((button) => { button.disabled = false; });
  }
}

function counted(counts) {
  return make("ul", { class: "desk-counts" }, Object.entries(config.counted)
    .filter(([step]) => counts[step])
    .map(([step, title]) => make("li", { class: `desk-count desk-${step}` }, make("b", {}, number(counts[step])), title)));
}

function actions(upload) {
  const bar = make("section", { class: "desk-actions", "aria-labelledby": "desk-actions" },
    make("h2", { id: "desk-actions", class: "desk-unseen" }, "会怎样,怎么处理"));
  const counts = upload.counts;
  if (["proposed", "committed", "reverted"].includes(upload.state)) {
    bar.append(counted(counts));
  }
  const open = ["added", "changed", "moved", "removed"].filter((step) => counts[step]);
  const left = counts.to_write;
  if (upload.state === "proposed" || (upload.state === "committed" && left > 0)) {
    bar.append(committing(upload, open, left));
  }
  if (upload.state === "committed" && !(upload.upload && upload.upload.state === "reverted")) {
    bar.append(reverting(upload, make("div")));
  }
  if (["proposed", "committed", "reverted"].includes(upload.state) && upload.report) {
    bar.append(make("div", { class: "desk-files" },
      make("a", { href: `/uploads/${upload.id}/workbook` }, "下载标好问题的表格"),
      make("a", { href: `/uploads/${upload.id}/map`, target: "_blank" }, "前后对比地图"),
      make("a", { href: `/uploads/${upload.id}/changes`, download: "changes.geojson" }, "改动(GeoJSON)")));
  }
  if (["proposed", "needs_answer", "refused"].includes(upload.state)) {
    (bar.querySelector(".desk-files") || bar).append(make("button", {
      type: "button", class: "desk-quiet",
      onclick: async () => {
        if (!window.confirm(`丢弃“${upload.file_name}”?文件和已做的决定都会删除,库里没有改动。`)) {
          return;
        }
        try {
          await ask(`/uploads/${upload.id}`, { method: "DELETE" });
          location.assign("/uploads");
        } catch (error) {
          failed(error);
        }
      },
    }, "丢弃,不入库"));
  }
  return bar;
}

function committing(upload, open, left) {
  const box = make("fieldset", { class: "desk-accept" }, make("legend", {}, "收下哪些"));
  for (const step of open) {
    box.append(make("label", {}, make("input", { type: "checkbox", value: step, checked: true }), config.counted[step]));
  }
  const without = ["refused", "unplaced"].filter((step) => upload.state === "proposed" && upload.counts[step])
    .map((step) => `${number(upload.counts[step])} 行${config.counted[step]}`).join("、");
  const title = left || upload.counts.unchanged ? `入库${without && `(${without}的不写)`}` : "没有可以入库的行";
  const commit = make("button", {
    type: "button", class: "desk-main", id: "desk-commit", disabled: !(left || upload.counts.unchanged),
    onclick: () => {
      const chosen = [...box.querySelectorAll("input:checked")].map((input) => input.value);
      const accept = chosen.length === open.length ? "valid" : chosen;
      act(() => send(`/uploads/${upload.id}/commit`, "POST", { accept }));
    },
  }, title);
  return make("div", {}, open.length > 1 ? box : make("div", { hidden: true }, box), commit);
}

function reverting(upload, bar) {
  if (upload.state === "committed") {
    bar.append(make("button", {
      type: "button", class: "desk-quiet", id: "desk-revert",
      onclick: async () => {
        if (!window.confirm(`撤回“${upload.file_name}”?之后的修改会保留,撤回也可以再撤回。`)) {
          return;
        }
        await act(async () => {
          const done = await send(`/uploads/${upload.id}/revert`, "POST", {});
          if (done.conflicts.length) {
            failed(new Error(`已撤回;${number(done.conflicts.length)} 个要素之后又改过,保持现在的样子。`));
          }
          return ask(`/uploads/${upload.id}`);
        });
      },
    }, "撤回这次上传"));
  }
  return bar;
}

// The grids of the community by name, for nobody knows fifteen digits by heart.
async function offerGrids() {
  const community = form.elements.community ? form.elements.community.value : config.areas[0];
  const found = await ask(`/collections/grid/items?f=json&limit=1000&community=${community}&properties=code,name`);
  document.getElementById("desk-grids").replaceChildren(...found.features
    .filter((one) => /^\d{15}$/.test(one.properties.code))
    .map((one) => make("option", { value: one.properties.code }, one.properties.name || "")));
}

if (form) {
  const drop = document.getElementById("desk-drop");
  const file = document.getElementById("desk-file");
  // A file that misses the zone mustn't replace the page.
  for (const name of ["dragover", "drop"]) {
    window.addEventListener(name, (event) => event.preventDefault());
  }
  file.addEventListener("change", () => upload([...file.files]));
  for (const name of ["dragenter", "dragover"]) {
    drop.addEventListener(name, (event) => { event.preventDefault(); drop.classList.add("desk-over"); });
  }
  for (const name of ["dragleave", "drop"]) {
    drop.addEventListener(name, (event) => { event.preventDefault(); drop.classList.remove("desk-over"); });
  }
  drop.addEventListener("drop", (event) => upload([...event.dataTransfer.files]));
  document.getElementById("desk-mode").addEventListener("change", (event) => {
    const replace = event.target.value === "replace";
    const grid = document.getElementById("desk-grid");
    grid.hidden = !replace;
    grid.querySelector("input").required = replace;
    grid.querySelector("input").value = replace ? grid.querySelector("input").value : "";
    if (replace) {
      offerGrids().catch(failed);
    }
  });
  document.getElementById("desk-layer").addEventListener("change", (event) => {
    const blank = document.getElementById("desk-blank");
    blank.href = event.target.value ? `/collections/${event.target.value}/form` : "/collections?f=html";
  });
}
window.addEventListener("popstate", () => location.reload());
if (config.upload) {
  reopen().catch(failed).finally(() => { document.documentElement.dataset.desk = "ready"; });
} else {
  document.documentElement.dataset.desk = "ready";
}
