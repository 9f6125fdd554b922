// Edits made offline that met another change: both are shown, and somebody decides which one holds.
import { button, make } from "./elements.js";
import { ask, send } from "./requests.js";
import * as words from "./words.js";

export async function waiting(community) {
  return (await ask(`/sync/edits?state=conflict&community=${community}`)).edits;
}

function shown(value) {
  if (value === null || value === undefined || value === "") {
    return make("span", { class: "desk-soft" }, "空");
  }
  return typeof value === "boolean" ? (value ? "是" : "否") : typeof value === "object" ? JSON.stringify(value) : String(value);
}

export function draw(element, edits, community, { writes, decided, say }) {
  const list = edits.map((edit) => {
    const wrong = make("p", { class: "desk-wrong", role: "alert", hidden: true });
    const decide = async (take, pressed) => {
      pressed.disabled = true;
      try {
        await send(`/sync/edits/${edit.id}?community=${community}`, { take });
        say(take === "mine" ? "已采用终端的改动" : "已保留现在的");
        await decided();
      } catch (error) {
        wrong.textContent = error.message;
        wrong.hidden = false;
        pressed.disabled = false;
      }
    };
    return make("article", { class: "desk-conflict", "aria-label": edit.kind_title },
      make("div", { class: "desk-line" }, make("b", {}, edit.kind_title), make("span", { class: "desk-soft" },
        `${edit.actor} ${words.moment(edit.made_at)} 改,${words.moment(edit.received_at)} 收到`)),
      edit.problem ? make("p", {}, edit.problem) : null,
      edit.differences.length ? make("div", { class: "desk-scroll", tabindex: "0", role: "region", "aria-label": "不同之处" },
        make("table", {}, make("thead", {}, make("tr", {}, ["字段", "改以前", "现在的", "终端的"].map((title) => make("th", { scope: "col" }, title)))),
          make("tbody", {}, edit.differences.map((one) => make("tr", {}, make("th", { scope: "row" }, one.title),
            ...[one.base, one.present, one.mine].map((value) => make("td", {}, shown(value)))))))) : null,
      wrong,
      writes ? make("div", { class: "desk-buttons" },
        button("采用终端的", (event) => decide("mine", event.target), { class: "desk-main" }),
        button("保留现在的", (event) => decide("present", event.target))) : null);
  });
  element.replaceChildren(make("h2", {}, "改动冲突"),
    ...(list.length ? list : [make("p", { class: "desk-empty" }, "没有要决定的冲突。终端离线时做的改动与别人的改动碰在一起时,会列在这里。")]));
}
