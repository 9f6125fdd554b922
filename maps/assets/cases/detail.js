// One case: how it stands, what may be done now, what was done, its photos, its text for a superior, its firm.
import { button, choice, make } from "./elements.js";
import { agreed, backFrom } from "./flow.js";
import { badge } from "./list.js";
import { ask, askText, copy, newId, save, send } from "./requests.js";
import { stepForm } from "./step_form.js";
import * as words from "./words.js";

export class Detail {
  constructor(element, { config, suggest, close, changed, say, failed }) {
    Object.assign(this, { element, config, suggest, close, changed, say, failed });
    this.one = null;
    this.firm = null;
    this.asked = 0;
    this.latest = {};
    this.sent = new Map();
    element.addEventListener("input", (event) => {
      const form = event.target.closest(".desk-form");
      if (form) {
        form.dataset.touched = "yes";
      }
    });
  }

  get busy() {
    return Boolean(this.element.querySelector(".desk-form[data-touched], .desk-slot .desk-form"));
  }

  // Returns the case, or null when another one was asked for meanwhile. What is opened quietly disturbs nobody who writes.
  open(id, { quiet = false } = {}) {
    const found = this.read(id, quiet);
    this.latest = { id, found };
    return found;
  }

  async read(id, quiet) {
    this.asked += 1;
    const turn = this.asked;
    if (!quiet) {
      this.element.hidden = false;
      this.element.setAttribute("aria-busy", "true");
      if (!this.one || this.one.id !== id) {
        this.element.replaceChildren(this.head(null), make("p", { class: "desk-loading" }, "正在读取案件……"));
      }
    }
    try {
      const one = await ask(`/cases/${encodeURIComponent(id)}`);
      if (turn !== this.asked) {
        return this.newer(id);
      }
      if (quiet && this.busy) {
        this.outdated();
        return null;
      }
      this.draw(one);
      return one;
    } catch (error) {
      if (turn !== this.asked) {
        return this.newer(id);
      }
      if (!(quiet && this.busy)) {
        this.one = null;
        this.element.replaceChildren(this.head(null), make("p", { class: "desk-wrong", role: "alert" }, error.message));
      }
      return null;
    } finally {
      this.element.removeAttribute("aria-busy");
    }
  }

  // Who opened a case that changes meanwhile waits for it as it is now.
  newer(id) {
    return this.latest.id === id ? this.latest.found : null;
  }

  hide() {
    this.asked += 1;
    this.latest = {};
    this.one = null;
    this.element.hidden = true;
    this.element.replaceChildren();
  }

  head(one) {
    return make("div", { class: "desk-one-head" },
      make("h2", { id: "desk-one-title", tabindex: "-1" }, one ? one.event_code_title || one.event_code : "案件", one ? badge(one, this.config.grave) : null),
      button("关闭", this.close, { class: "desk-close", "aria-keyshortcuts": "Escape", title: "关闭(Esc)" }));
  }

  draw(one) {
    const firm = this.firmOf(one);
    this.one = one;
    this.slot = make("div", { class: "desk-slot" });
    this.notice = make("div", {});
    this.element.replaceChildren(this.head(one), this.notice, this.facts(one), this.steps(one), this.slot, this.links(one),
      this.journal(one), this.photos(one), ...(firm ? [firm] : []));
    this.element.scrollTop = 0;
  }

  // The part of the case's firm; one in which somebody writes stays when the case is drawn anew.
  firmOf(one) {
    if (this.one?.id === one.id && this.one.enterprise_code === one.enterprise_code && this.firm?.querySelector("[data-touched]")) {
      return this.firm;
    }
    const firm = one.enterprise_code ? make("div", {}, make("p", { class: "desk-loading" }, "正在读取企业……")) : null;
    if (firm) {
      import("./enterprise.js")
        .then((part) => part.enterprisePanel(one, { ...this.config.enterprise, writes: this.config.offices.length > 0 }, this.say))
        .then((panel) => firm.replaceChildren(panel))
        .catch((error) => firm.replaceChildren(make("p", { class: "desk-wrong" }, `企业没有读到:${error.message}`)));
    }
    this.firm = firm;
    return firm;
  }

  facts(one) {
    const due = words.dueOf(one);
    const open = !this.config.over.includes(one.status);
    const rows = [
      ["编码", one.code],
      ["状态", `${one.status_title}(${one.flow_title})`],
      ["本环节时限", open && one.due_at ? words.limit(one.due_at) : null],
      ["整改期限", one.due_on || (one.limit_on && `${one.limit_on}(没有登记,按一般期限)`)],
      ["等级", one.level_title],
      ["地点", [one.place, words.grid(one.grid)].filter(Boolean).join(",")],
      ["类别", one.category_title],
      ["发现", [one.found_on, one.found_by_title].filter(Boolean).join(",")],
      ["处置岗位", one.handler || (open ? "未指派" : null)],
      ["移交", one.transferred_to ? [one.transferred_to_title, one.transferred_on, one.transferred_ref].filter(Boolean).join(",") : null],
      ["办结", one.closed_on],
    ].filter(([, value]) => value);
    return make("div", {},
      open && due !== null ? make("p", { class: one.overdue ? "desk-due-said desk-late" : one.soon ? "desk-due-said desk-near" : "desk-due-said" },
        `${words.leftOf(one)}(到 ${words.limit(due)})`) : null,
      open && one.assumed_years.length ? make("p", { class: "desk-soft" },
        `${one.assumed_years.join("、")} 年的节假日还没有装入,时限按周末推算。`) : null,
      one.detail ? make("p", { class: "desk-detail" }, one.detail) : null,
      make("dl", { class: "desk-facts" }, rows.map(([name, value]) => make("div", {}, make("dt", {}, name), make("dd", {}, value)))));
  }

  steps(one) {
    if (!one.steps.length) {
      return make("p", { class: "desk-soft" }, this.config.offices.length ? "这件案件现在没有您可以办的步骤。" : "您的身份只能查看,不能办理。");
    }
    return make("div", { class: "desk-steps", role: "group", "aria-label": "可以办的步骤" }, one.steps.map((step, index) =>
      button([index < 9 ? make("kbd", { "aria-hidden": "true" }, String(index + 1)) : null, step.title], () => this.form(step), {
        "data-step": step.step, "aria-expanded": "false", "aria-keyshortcuts": index < 9 ? String(index + 1) : null,
      })));
  }

  form(step) {
    for (const one of this.element.querySelectorAll(".desk-steps button")) {
      one.setAttribute("aria-expanded", String(one.dataset.step === step.step));
    }
    const form = stepForm(step, this.suggest(), (said) => this.make(step, said), () => this.unform(step));
    this.slot.replaceChildren(form);
    (form.querySelector("[name]") || form.querySelector("button")).focus();
    form.scrollIntoView({ block: "nearest" });
  }

  unform(step) {
    this.slot.replaceChildren();
    const pressed = this.element.querySelector(`.desk-steps button[data-step="${step.step}"]`);
    if (pressed) {
      pressed.setAttribute("aria-expanded", "false");
      pressed.focus();
    }
  }

  async make(step, said) {
    if (!agreed(step)) {
      return;
    }
    const { id } = this.one;
    const before = this.one.status_title;
    await send(`/cases/${encodeURIComponent(id)}/steps`, said);
    const after = await this.open(id);
    const sentence = after && after.status_title !== before ? `已办“${step.title}”,现在是“${after.status_title}”。` : `已办“${step.title}”。`;
    this.say(sentence);
    if (after) {
      const back = backFrom(step.step, after.steps);
      this.notice.replaceChildren(make("div", { class: "desk-result desk-buttons" }, make("b", {}, sentence),
        back ? button(`撤销:${back.title}`, () => this.form(back)) : null));
      this.element.querySelector("#desk-one-title").focus({ preventScroll: true });
    }
    this.changed();
  }

  // Somebody else made a step while a form is being filled in: it says so and keeps what was written.
  outdated() {
    this.notice.replaceChildren(make("div", { class: "desk-result desk-partly desk-buttons" },
      make("b", {}, "这件案件刚有变动。"), button("重新读取", () => {
        this.firm = null;
        this.open(this.one.id);
      })));
    this.say("打开的案件刚有变动");
  }

  links(one) {
    const map = `/?f=html&community=${one.community}#map=18/${one.lat.toFixed(5)}/${one.lon.toFixed(5)}&on=community,grid,building,road,hazard`;
    return make("div", { class: "desk-buttons desk-links" },
      button("复制上报文字", (event) => this.copy(one, event.target), { "data-copy": "", "aria-keyshortcuts": "c", title: "复制(C)" }),
      make("a", { href: map }, "在地图上看"), make("a", { href: `/collections/hazard/items/${one.id}?f=html` }, "全部字段"),
      make("div", { class: "desk-copied" }));
  }

  async copy(one, pressed) {
    try {
      const text = await askText(`/cases/${encodeURIComponent(one.id)}/report`);
      const slot = pressed.parentElement.querySelector(".desk-copied");
      if (await copy(text)) {
        this.say("上报文字已复制");
        slot.replaceChildren(make("span", { class: "desk-done" }, "已复制,可粘贴到上级系统"));
      } else {
        const held = make("textarea", { rows: 8, readonly: true, "aria-label": "上报文字" });
        held.value = text;
        slot.replaceChildren(make("p", { class: "desk-soft" }, "浏览器不让复制:请全选下面的文字,再按 Ctrl+C。"), held);
        held.select();
      }
    } catch (error) {
      this.failed(error);
    }
  }

  photos(one) {
    const more = this.config.offices.length ? this.morePhotos(one) : null;
    if (!one.photos.length) {
      return make("section", { class: "desk-part", "aria-label": "照片" }, make("p", { class: "desk-soft" }, "没有照片。"), more);
    }
    const group = (stage, title) => {
      const mine = one.photos.filter((photo) => photo.stage === stage);
      return mine.length ? make("div", {}, make("h4", {}, `${title}(${mine.length})`), make("div", { class: "desk-photos" },
        mine.map((photo, at) => make("a", { href: photo.href, target: "_blank", rel: "noopener" },
          make("img", { src: `${photo.href}?small=true`, alt: `${title}照片 ${at + 1}`, loading: "lazy" }))))) : null;
    };
    return make("section", { class: "desk-part", "aria-label": "照片" }, make("h3", {}, "照片"),
      make("div", { class: "desk-buttons" }, button("下载全部照片", () => this.download(one), { title: "连同上报文字交给上级系统" })),
      make("div", { class: "desk-stages" }, group("before", "处置前"), group("after", "处置后")), more);
  }

  // The pictures that belong to the text for a superior, each as a file of its own.
  async download(one) {
    for (const [at, photo] of one.photos.entries()) {
      const answer = await fetch(photo.href, { credentials: "same-origin" });
      if (!answer.ok) {
        this.failed(new Error(`第 ${at + 1} 张照片没有取到(${answer.status}),请刷新后再试。`));
        return;
      }
      save(`${one.code}-${photo.stage === "before" ? "处置前" : "处置后"}-${at + 1}.jpg`, await answer.blob());
    }
    this.say(`下载了 ${one.photos.length} 张照片`);
  }

  morePhotos(one) {
    const begun = !["found", "registered"].includes(one.status);
    const stage = choice([["before", "处置前"], ["after", "处置后"]], begun ? "after" : "before", { "aria-label": "照片是处置前还是处置后的" }, null);
    const file = make("input", { type: "file", multiple: true, accept: "image/jpeg,image/png,image/webp", "aria-label": "加照片" });
    file.addEventListener("change", async () => {
      file.disabled = true;
      try {
        for (const each of file.files) {
          // Chosen again after the network broke off, a file is the same photo.
          const known = `${one.id} ${each.name} ${each.size} ${each.lastModified}`;
          this.sent.set(known, this.sent.get(known) || newId());
          const asked = new URLSearchParams({ case: one.id, stage: stage.value, id: this.sent.get(known) });
          await ask(`/photos?${asked}`, {
            method: "POST", headers: { Accept: "application/json", "Content-Type": each.type || "image/jpeg" }, body: each,
          });
        }
        this.say("照片已加上");
        await this.open(one.id, { quiet: true });
        this.changed();
      } catch (error) {
        this.failed(error);
      } finally {
        Object.assign(file, { disabled: false, value: "" });
      }
    });
    return make("div", { class: "desk-buttons" }, make("span", { class: "desk-soft" }, "加照片"), stage, file);
  }

  journal(one) {
    const said = (step) => [
      step.note, step.handler && `岗位:${step.handler}`,
      step.department && `移交:${this.config.departments[step.department] || step.department}`,
      step.reference && `编号:${step.reference}`, step.due_on && `期限:${step.due_on}`,
      step.level && `等级:${this.config.levels[step.level] || step.level}`, step.main_code && `主案:${step.main_code}`,
    ].filter(Boolean).join(";");
    return make("section", { class: "desk-part", "aria-label": "经过" }, make("h3", {}, "经过"),
      one.journal.length ? make("ol", { class: "desk-journal" }, [...one.journal].reverse().map((step) => make("li", {},
        make("div", { class: "desk-line" }, make("b", {}, step.title), make("time", { datetime: step.at, class: "desk-soft" }, words.moment(step.at)),
          make("span", { class: "desk-soft" }, step.actor)),
        said(step) ? make("div", {}, said(step)) : null,
        step.due_at ? make("div", { class: "desk-soft" }, `时限 ${words.limit(step.due_at)}`) : null)))
        : make("p", { class: "desk-soft" }, "还没有办过任何一步。"));
  }

  // Keys of the open case; returns whether one was meant.
  pressed(event) {
    if (!this.one || event.ctrlKey || event.metaKey || event.altKey) {
      return false;
    }
    if (/^[1-9]$/.test(event.key) && this.one.steps[Number(event.key) - 1]) {
      this.form(this.one.steps[Number(event.key) - 1]);
      return true;
    }
    if (event.key === "c") {
      this.element.querySelector("[data-copy]").click();
      return true;
    }
    return false;
  }
}
