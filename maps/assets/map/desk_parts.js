// What the scripts of the survey desk share: asking the service, and what a value is called.

export const config = JSON.parse(document.getElementById("desk-config").textContent);

export async function ask(address, options = {}) {
  const answer = await fetch(address, { credentials: "same-origin", headers: { Accept: "application/json" }, ...options });
  if (answer.status === 204) {
    return null;
  }
  const said = await answer.json().catch(() => ({ detail: "服务没有给出可读的回答,请稍候再试。" }));
  if (answer.status === 401) {
    throw new Error("登录已失效,请刷新页面重新登录;没有上传完的文件要再选一次。");
  }
  if (!answer.ok) {
    throw new Error(said.detail || "服务没有完成这一步,请稍候再试。");
  }
  return said;
}

export function send(address, method, body) {
  return ask(address, {
    method, body: JSON.stringify(body),
    headers: { Accept: "application/json", "Content-Type": "application/json" },
  });
}

// A form by XMLHttpRequest, which tells how much of it has gone.
export function sendForm(address, form, progress) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", address);
    request.setRequestHeader("Accept", "application/json");
    request.upload.addEventListener("progress", (event) => {
      if (event.lengthComputable) {
        progress(event.loaded / event.total);
      }
    });
    request.addEventListener("error", () => reject(new Error("网络断了,文件没有传完;请再传一次。")));
    request.addEventListener("load", () => {
      let said = {};
      try {
        said = JSON.parse(request.responseText);
      } catch {
        said = { detail: "服务没有给出可读的回答,请稍候再试。" };
      }
      if (request.status < 300) {
        resolve(said);
      } else {
        reject(new Error(said.detail || "文件没有收下,请稍候再试。"));
      }
    });
    request.send(form);
  });
}

export function shown(layer, field, value) {
  if (value === null || value === undefined || value === "") {
    return "空";
  }
  const known = config.layers[layer].fields[field] || {};
  if (Array.isArray(value)) {
    return value.map((one) => shown(layer, field, one)).join("、");
  }
  if (typeof value === "boolean") {
    return value ? "是" : "否";
  }
  const label = known.codes ? known.codes[value] || value : value;
  return known.unit ? `${label} ${known.unit}` : String(label);
}

export function number(value) {
  return Number(value).toLocaleString("zh-CN");
}

// Tells those who listen to the page rather than look at it.
export function say(text) {
  document.getElementById("desk-said").textContent = text;
}
