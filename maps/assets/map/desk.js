// The survey desk: from a dropped file to stored features, and back.
(function () {
  "use strict";

  const { config, make, ask, send, sendForm, number, checks, questions, DeskMap, DeskRows } = window.desk;
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

  function busy(text, share) {
    const bar = make("progress", share === null ? {} : { value: share, max: 1 });
    one.hidden = false;
    one.replaceChildren(make("p", { class: "desk-busy", role: "status" }, text, bar));
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
    busy(`正在传送 ${files[0].name}`, 0);
    try {
      const found = await sendForm("/uploads", body, (share) => {
        busy(share < 1 ? `正在传送 ${files[0].name}` : `已收到 ${files[0].name},正在检查`, share < 1 ? share : null);
      });
      history.pushState({}, "", `/uploads/${found.id}`);
      await open(found);
    } catch (error) {
      one.hidden = true;
      failed(error);
    } finally {
      form.classList.remove("desk-sending");
      document.getElementById("desk-file").value = "";
    }
  }

  async function open(found) {
    form.hidden = true;
    document.getElementById("desk-list").hidden = true;
    let upload = found;
    while (upload.state === "processing") {
      const job = upload.job;
      const share = job && job.total ? job.done / job.total : null;
      const told = job && job.done ? `,已读 ${number(job.done)} 行${job.total ? `,共 ${number(job.total)} 行` : ""}` : "";
      busy(`正在处理 ${upload.file_name}${told}`, share);
      await new Promise((resolve) => { setTimeout(resolve, POLL_MS); });
      upload = await ask(`/uploads/${upload.id}`);
    }
    await draw(upload);
  }

  async function reopen() {
    await open(await ask(`/uploads/${config.upload}`));
  }

  async function draw(upload) {
    config.upload = upload.id;
    document.getElementById("desk-title").textContent = upload.file_name;
    one.hidden = false;
    const layer = config.layers[upload.layer];
    const place = make("div", { class: "desk-map", role: "region", "aria-label": "地图" });
    const head = make("div", { class: "desk-head" },
      make("span", { class: `desk-state desk-${upload.state}` }, config.states[upload.state]),
      layer ? make("span", {}, layer.title) : null,
      upload.problem && upload.state !== "needs_answer" ? make("p", { class: "desk-error" }, upload.problem) : null);
    const report = upload.report && upload.report.driver ? checks(upload) : null;
    map = null;
    rows = null;
    const left = make("div", { class: "desk-left" });
    one.replaceChildren(head, make("div", { class: "desk-columns" }, left, place));
    map = new DeskMap(place);
    map.drawGround(upload.community);
    left.append(...[questions(upload, map, (given) => act(() => send(`/uploads/${upload.id}/answers`, "POST", given))),
      report, actions(upload)].filter(Boolean));
    if (upload.counts && upload.layer && ["proposed", "committed"].includes(upload.state) && upload.report.driver) {
      rows = new DeskRows(upload, map, () => reopen(), failed);
      one.append(rows.element);
      await Promise.all([rows.draw(upload.counts), map.drawChanges(upload.id, (row) => rows.mark(row))]);
    }
  }

  // Runs a step that answers with the upload as it then stands.
  async function act(step) {
    one.querySelectorAll("button").forEach((button) => { button.disabled = true; });
    try {
      const found = await step();
      await open(found);
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
    const bar = make("div", { class: "desk-actions" });
    const counts = upload.counts;
    if (!counts) {
      return reverting(upload, bar);
    }
    if (upload.state === "proposed" || upload.state === "committed") {
      bar.append(counted(counts));
    }
    const open = ["added", "changed", "moved", "removed"].filter((step) => counts[step]);
    const left = open.reduce((sum, step) => sum + counts[step], 0) - counts.written - counts.left_out;
    if (upload.state === "proposed" || (upload.state === "committed" && left > 0)) {
      bar.append(committing(upload, open, left));
    }
    if (upload.state === "committed") {
      bar.append(reverting(upload, make("div")));
    }
    if (["proposed", "committed", "reverted"].includes(upload.state)) {
      bar.append(make("nav", { class: "desk-files" },
        make("a", { href: `/uploads/${upload.id}/workbook` }, "下载标好问题的表格"),
        make("a", { href: `/uploads/${upload.id}/map`, target: "_blank" }, "前后对比地图"),
        make("a", { href: `/uploads/${upload.id}/changes`, download: "changes.geojson" }, "改动(GeoJSON)")));
    }
    if (["proposed", "needs_answer", "refused"].includes(upload.state)) {
      bar.append(make("button", {
        type: "button", class: "desk-quiet",
        onclick: async () => {
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
    const refused = upload.state === "proposed" && upload.counts.refused;
    const title = left || upload.counts.unchanged ? (refused ? `入库(${number(refused)} 行拒收的不写)` : "入库") : "没有可以入库的行";
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

  if (form) {
    const drop = document.getElementById("desk-drop");
    const file = document.getElementById("desk-file");
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
      grid.querySelector("input").value = replace ? grid.querySelector("input").value : "";
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
})();
