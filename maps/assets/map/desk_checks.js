// The checks of a file as steps, the questions it leaves open, and its first rows.

import { make } from "../cases/elements.js";
import { number } from "./desk_parts.js";

const SAID = { done: "通过", asks: "请留意", bad: "有问题" };

function step(state, title, ...said) {
  const sign = { done: "✓", asks: "!", bad: "✕" }[state];
  return make("li", { class: `desk-check desk-check-${state}` },
    make("span", { class: "desk-sign", role: "img", "aria-label": SAID[state] }, sign),
    make("div", {}, make("b", {}, title), said.filter(Boolean).map((one) => make("div", {}, one))));
}

function listed(title, names) {
  return names && names.length ? `${title}:${names.join("、")}` : null;
}

function sample(found) {
  if (!found || !found.rows.length) {
    return null;
  }
  return make("details", { class: "desk-sample" }, make("summary", {}, "按这样读出来的前几行"),
    make("div", { class: "desk-scroll" }, make("table", {},
      make("thead", {}, make("tr", {}, found.columns.map((one) => make("th", {}, one)))),
      make("tbody", {}, found.rows.map((row) => make("tr", {}, row.map((cell) => make("td", {}, cell))))))));
}

// The four checks of a file that was read.
export function checks(upload) {
  const report = upload.report;
  if (!report.driver) {
    return null;
  }
  const left = report.not_imported;
  const evidence = report.crs_evidence || "";
  return make("section", { "aria-labelledby": "desk-checks" }, make("h2", { id: "desk-checks", class: "desk-unseen" }, "检查"),
    make("ol", { class: "desk-checks" },
    step("done", "文件", `${report.driver}${report.sheet ? `,${report.sheet}` : ""},${number(report.rows)} 行`),
    step("done", "编码", report.encoding_evidence || report.encoding || "这种格式只有一种编码", sample(report.sample)),
    step("done", "坐标", evidence.includes(report.crs_title) ? null : report.crs_title, evidence),
    step(left.personal.length ? "asks" : "done", "列",
      listed("对上", report.columns.map((one) => one.column === one.title ? one.title : `${one.column}→${one.title}`)),
      listed("用作坐标", report.coordinates), listed("个人信息,不导入", left.personal),
      listed("没有对上,不导入", left.unknown), listed("重复,不导入", left.doubled)),
    report.lost.length ? step("bad", "读不回来的数", ...report.lost.map((one) => one.message)) : null,
    report.notes.length ? step("asks", "请留意", ...report.notes) : null));
}

// One question after the other, as radio buttons; a coordinate system shows on the map where it would put the rows.
// None of those is chosen beforehand: what is clear isn't asked, and a wrong one is some hundred metres off.
export function questions(upload, showPoints, answer) {
  if (!upload.questions.length) {
    return null;
  }
  const form = make("form", {
    class: "desk-questions", "aria-label": "请回答",
    onsubmit: (event) => {
      event.preventDefault();
      answer(Object.fromEntries(new FormData(form)));
    },
  });
  for (const question of upload.questions) {
    const options = question.options.map((option, at) => make("label", { class: "desk-option" },
      make("input", {
        type: "radio", name: question.name, value: option.value, required: true, checked: at === 0 && question.name !== "crs",
        onchange: () => option.points.length && showPoints(option.points),
      }),
      make("span", {}, make("b", {}, option.title), option.reason ? make("span", { class: "desk-soft" }, option.reason) : null)));
    form.append(make("fieldset", {}, make("legend", {}, question.title), options));
  }
  form.append(make("button", { class: "desk-main" }, "就用选中的"));
  return form;
}
