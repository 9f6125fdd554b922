// The queue: what was done on this phone, in its order, until the service has it. Nothing leaves it by itself: an edit
// that was written stays as a receipt for a while, one that clashed stays until the office has decided.
import { newId } from "../cases/requests.js";
import { all, answerOf, isFull, put, read, remove, write } from "./store.js";

export const CHUNK = 20;
const KEPT = 200;
const TRY_MS = 20_000;
const SMALLER = 1920;
const ASK_MS = 10 * 60_000;
// How long an answer may take, and how slowly a body may go: below twice this pace the service itself refuses it.
const HANGS_MS = 60_000;
const SLOWEST_BYTES_PER_S = 5_000;

// Mobile phones and citizens' numbers: the service takes no text that holds one, and says so only when it is reached.
const PERSONAL = /(^|[^0-9A-Za-z])((\+?86[- ]?)?1[3-9]\d([- ]?\d{4}){2}|\d{6}(19|20)\d\d(0[1-9]|1[0-2])([0-2]\d|3[01])\d{3}[0-9Xx])(?![0-9A-Za-z])/;
const FREE = ["detail", "remark", "note", "handler", "reference"];

export class FullError extends Error {}

// waiting → applied | conflict; a conflict that the office decided is settled or dropped.
export class Queue extends EventTarget {
  constructor(account, device, community) {
    super();
    Object.assign(this, { account, device, community: community || null, busy: false, said: "", ended: false, again: false, asked: 0 });
    window.addEventListener("online", () => this.sync({ ask: true }));
    document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && this.sync());
    // A round that lasts longer than this is no reason for another one.
    window.setInterval(() => this.busy || this.sync(), TRY_MS);
  }

  changed() {
    this.dispatchEvent(new Event("change"));
  }

  // Keeps an edit with its photos; it is on the disk when this returns. Raises FullError when the disk has no room, and
  // an Error while its text holds somebody's number: whoever wrote it can still mend it now.
  // `shows` says what the phone shows of a feature from now on: its layer, its id and the properties that change.
  async add(kind, body, { id = newId(), title = "", photos = [], suspect = null, shows = null } = {}) {
    if (FREE.some((name) => PERSONAL.test(body[name] || ""))) {
      throw new Error("文字里疑似有手机号或身份证号,没有保存;请删去后再保存。");
    }
    const edit = {
      id, kind, body, title, suspect, shows, made_at: new Date().toISOString(), account: this.account, community: this.community,
      state: "waiting",
      problem: null, result: null,
    };
    const kept = photos.map(({ stage, blob, of }) => ({
      id: newId(), edit: id, of: of || null, stage, blob, account: this.account, state: "waiting", problem: null,
    }));
    try {
      await write(["edits", "photos"], (edits, pictures) => Promise.all([
        answerOf(edits.add(edit)), ...kept.map((one) => answerOf(pictures.add(one))),
      ]));
    } catch (error) {
      throw isFull(error) ? new FullError("手机存储空间满了,这一条没有保存;请先清出空间,或把待传的改动导出为文件。") : error;
    }
    this.changed();
    this.sync();
    return edit;
  }

  // A photo of a case that the service knows already.
  async addPhoto(of, stage, blob) {
    const photo = { id: newId(), edit: null, of, stage, blob, account: this.account, state: "waiting", problem: null };
    try {
      await put("photos", photo);
    } catch (error) {
      throw isFull(error) ? new FullError("手机存储空间满了,照片没有保存;请先清出空间。") : error;
    }
    this.changed();
    this.sync();
  }

  async list() {
    const [edits, photos] = await Promise.all([all("edits"), all("photos")]);
    return { edits: edits.reverse(), photos };
  }

  async counts() {
    const { edits, photos } = await this.list();
    const of = (all, state) => all.filter((one) => one.state === state).length;
    return {
      waiting: of(edits, "waiting"), photos: of(photos, "waiting"), conflict: of(edits, "conflict"),
      refused: of(edits, "refused") + of(photos, "refused"),
    };
  }

  // Sends what waits; with `ask` it also asks about what clashed, which otherwise happens rarely.
  async sync({ ask = false } = {}) {
    this.asked = ask ? 0 : this.asked;
    if (this.busy) {
      this.again = true;
      return;
    }
    if (!navigator.onLine) {
      this.say("没有网络,改动都在手机里,有了信号自己上传");
      return;
    }
    this.busy = true;
    try {
      do {
        Object.assign(this, { again: false, left: null });
        await this.sendEdits();
        await this.sendPhotos();
        await this.ask();
      } while (this.again);
      this.say(await this.ending());
    } catch (error) {
      this.say(error instanceof Stop ? error.message : isFull(error) ? "手机存储空间满了,上传的结果没有记下;请先清出空间"
        : `上传中断了(${error.message}),改动都在手机里,稍后再试`);
    } finally {
      this.busy = false;
      this.changed();
    }
  }

  say(text) {
    if (this.said !== text) {
      this.said = text;
      this.changed();
    }
  }

  // How a round ended: why something stayed behind, or that nothing did.
  async ending() {
    const { waiting, refused } = await this.counts();
    return this.left || (refused ? `${refused} 项没有收下,原因写在下面` : waiting ? "还有别的账户的改动没有上传" : "改动都已上传");
  }

  async mine(name) {
    return (await all(name)).filter((one) => one.state === "waiting" && one.account === this.account);
  }

  async sendEdits() {
    // Communities that don't take edits of this account (any more); the others go on without them.
    const closed = new Set();
    for (;;) {
      // In their order, those of one community together; one by one where the service refused a message as a whole.
      const mine = (await this.mine("edits")).filter((one) => !closed.has(one.community));
      if (!mine.length) {
        this.singly = false;
        return;
      }
      const some = mine.filter((one) => one.community === mine[0].community).slice(0, this.singly ? 1 : CHUNK);
      this.say(`正在上传 ${some.length} 条……`);
      const answer = await this.send(`/sync${some[0].community ? `?community=${some[0].community}` : ""}`, {
        method: "POST", headers: { "Content-Type": "application/json", Accept: "application/json" },
        body: JSON.stringify({ device: this.device, account: this.account, edits: some.map(({ id, kind, made_at, body, suspect }) => (
          { id, kind, made_at, body, ...(suspect ? { suspect } : {}) })) }),
      });
      if ([400, 413, 422].includes(answer.status)) {
        const problem = await sentence(answer, "服务看不懂这一条");
        if (some.length === 1) {
          // It stays, visible and in the exported file; what stands behind it goes on.
          await write("edits", (edits) => answerOf(edits.put({ ...some[0], state: "refused", problem })));
          this.changed();
        }
        this.singly = true;
        continue;
      }
      if ([403, 404].includes(answer.status)) {
        closed.add(some[0].community);
        this.left ||= `有改动没有收下,还在手机里:${await sentence(answer, "服务不收这个社区的改动")}`;
        continue;
      }
      if (!answer.ok) {
        if (answer.status === 409) {
          this.dispatchEvent(new Event("account"));
        }
        throw new Stop(await sentence(answer, "服务没有收下改动,它们还在手机里,稍后再试"));
      }
      const outcomes = new Map((await answer.json().catch(() => {
        throw new Stop("回答的不是本服务,改动都在手机里,稍后再试");
      })).results.map((one) => [one.id, one]));
      await write("edits", (edits) => Promise.all(some.filter((one) => outcomes.has(one.id)).map((one) => {
        const { state, result, problem } = outcomes.get(one.id);
        return state === "taken" ? null : answerOf(edits.put({ ...one, state, result, problem, sent_at: new Date().toISOString() }));
      })));
      for (const one of some.filter((each) => outcomes.get(each.id)?.state === "taken")) {
        await this.rename(one.id);
      }
      await this.tidy();
      this.dispatchEvent(new Event("sent"));
      this.changed();
    }
  }

  // Somebody else's edit has this identifier: the edit takes another one, and what was made after it follows.
  async rename(before) {
    const after = newId();
    const [edits, photos] = await Promise.all([all("edits"), all("photos")]);
    await write(["edits", "photos"], (first, second) => Promise.all([
      ...edits.filter((one) => one.id === before).map((one) => answerOf(first.put({ ...one, id: after }))),
      ...edits.filter((one) => one.state === "waiting" && one.body.case?.endsWith(before))
        .map((one) => answerOf(first.put({ ...one, body: { ...one.body, case: one.body.case.replace(before, after) } }))),
      ...photos.filter((one) => one.edit === before).map((one) => answerOf(second.put({ ...one, edit: after }))),
    ]));
  }

  async sendPhotos() {
    const edits = new Map((await all("edits")).map((one) => [one.id, one]));
    // The small ones first, so that one which a weak signal never lets through holds up no other.
    for (const photo of (await this.mine("photos")).sort((a, b) => a.blob.size - b.blob.size)) {
      const edit = photo.edit ? edits.get(photo.edit) : null;
      const of = photo.of || edit?.result?.case;
      if (edit?.state === "dropped") {
        await put("photos", { ...photo, state: "dropped", problem: "社区没有采用这一条" });
        continue;
      }
      if (!of) {
        // Its case isn't with the service yet, or waits for a decision.
        continue;
      }
      this.say("正在上传照片……");
      const asked = new URLSearchParams({ case: of, stage: photo.stage, id: photo.id, account: this.account });
      const answer = await this.send(`/photos?${asked}`, {
        method: "POST", headers: { "Content-Type": photo.blob.type || "image/jpeg", Accept: "application/json" }, body: photo.blob,
      });
      const kept = answer.ok && (await answer.json().catch(() => ({}))).id === photo.id;
      if (kept) {
        await remove("photos", photo.id);
      } else if ([400, 404, 409, 413, 415, 422].includes(answer.status)) {
        await put("photos", { ...photo, state: "refused", problem: await sentence(answer, "服务不收这张照片") });
      } else if ([429, 503].includes(answer.status)) {
        throw new Stop(await sentence(answer, "照片还在手机里,稍后再试"));
      } else {
        this.left ||= `有照片没有传上去,还在手机里:${await sentence(answer, "服务没有收下,稍后再试")}`;
      }
      this.changed();
    }
  }

  async send(address, options) {
    const given = new AbortController();
    const bytes = options.body?.size || options.body?.length || 0;
    // It runs on while the answer is read; what has ended by then it doesn't touch.
    window.setTimeout(() => given.abort(), HANGS_MS + (bytes / SLOWEST_BYTES_PER_S) * 1000);
    let answer;
    try {
      answer = await fetch(address, { credentials: "same-origin", signal: given.signal, ...options });
    } catch {
      throw new Stop(given.signal.aborted ? "信号太弱,没有传完,都还在手机里,稍后再试" : "联系不上服务,改动都在手机里,有了信号自己上传");
    }
    this.ended = answer.status === 401;
    if (this.ended) {
      throw new Stop("登录已过期,改动都在手机里;请重新登录后上传");
    }
    return answer;
  }

  // Receipts of what was written long ago go; what waits or clashed never does.
  async tidy() {
    const done = (await all("edits")).filter((one) => one.state === "applied" || one.state === "settled" || one.state === "dropped");
    const photos = new Set((await all("photos")).map((one) => one.edit));
    const old = done.slice(0, Math.max(0, done.length - KEPT)).filter((one) => !photos.has(one.id));
    if (old.length) {
      await write("edits", (edits) => Promise.all(old.map((one) => answerOf(edits.delete(one.seq)))));
    }
  }

  // Lets what was refused be tried once more: the service may have been busy, or mended since.
  async retry() {
    const { edits, photos } = await this.list();
    await write(["edits", "photos"], (first, second) => Promise.all([
      ...edits.filter((one) => one.state === "refused").map((one) => answerOf(first.put({ ...one, state: "waiting", problem: null }))),
      ...photos.filter((one) => one.state === "refused").map((one) => answerOf(second.put({ ...one, state: "waiting", problem: null }))),
    ]));
    this.changed();
    this.sync();
  }

  // Lets go of what the service won't have, when whoever made it says so.
  async forget(edits, photos) {
    await write(["edits", "photos"], (first, second) => Promise.all([
      ...edits.map((one) => answerOf(first.delete(one.seq))), ...photos.map((one) => answerOf(second.delete(one.id))),
    ]));
    this.changed();
  }

  // Asks what the office decided about edits that clashed.
  async ask() {
    const clashed = (await all("edits")).filter((one) => one.state === "conflict" && one.account === this.account);
    if (!clashed.length || Date.now() - this.asked < ASK_MS) {
      return;
    }
    const communities = new Set(clashed.map((one) => one.community));
    for (const [community, state] of [...communities].flatMap((one) => [[one, "settled"], [one, "dropped"]])) {
      const answer = await this.send(`/sync/edits?state=${state}&limit=1000${community ? `&community=${community}` : ""}`, { headers: { Accept: "application/json" } });
      if (!answer.ok) {
        // A community that isn't theirs any more tells nothing; the others do.
        continue;
      }
      const known = new Map((await answer.json()).edits.map((one) => [one.id, one]));
      const decided = clashed.filter((one) => known.has(one.id));
      if (decided.length) {
        await write("edits", (edits) => Promise.all(decided.map((one) => answerOf(edits.put({ ...one, state, result: known.get(one.id).result })))));
        // Their photos have waited for it.
        this.again = true;
        this.changed();
      }
    }
    this.asked = Date.now();
  }

  // Everything that isn't with the service, as one JSON text; photos as data addresses.
  async exported() {
    const { edits, photos } = await this.list();
    const left = edits.filter((one) => ["waiting", "conflict", "refused"].includes(one.state));
    const cases = new Map(edits.map((one) => [one.id, one.result?.case]));
    const pictures = await Promise.all(photos.map(async ({ blob, ...rest }) => (
      { ...rest, of: rest.of || cases.get(rest.edit) || null, data: await asData(blob) })));
    return JSON.stringify({ format: "gis-field-queue", version: 1, device: this.device, edits: left.reverse(), photos: pictures });
  }

  // Takes in such a text; what is known already stays as it is.
  async imported(text) {
    let found;
    try {
      found = JSON.parse(text);
    } catch {
      throw new Error("这个文件不是导出的改动:不是 JSON。");
    }
    if (found?.format !== "gis-field-queue" || !Array.isArray(found.edits) || !Array.isArray(found.photos)) {
      throw new Error("这个文件不是本页导出的改动。");
    }
    const edits = new Set((await all("edits")).map((one) => one.id));
    const photos = new Set((await all("photos")).map((one) => one.id));
    const whole = (one) => /^[0-9a-f-]{36}$/.test(one.id) && typeof one.kind === "string" && one.body && one.made_at;
    const more = found.edits.filter((one) => whole(one) && !edits.has(one.id)).map(({ seq, ...rest }) => rest);
    const pictures = await Promise.all(found.photos.filter((one) => one.id && !photos.has(one.id))
      .map(async ({ data, ...rest }) => ({ ...rest, blob: await (await fetch(data)).blob() })));
    await write(["edits", "photos"], (first, second) => Promise.all([
      ...more.map((one) => answerOf(first.add(one))), ...pictures.map((one) => answerOf(second.add(one))),
    ]));
    this.changed();
    this.sync();
    return more.length + pictures.length;
  }
}

class Stop extends Error {}

async function sentence(answer, fallback) {
  const said = await answer.json().catch(() => ({}));
  return said.detail || fallback;
}

function asData(blob) {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(reader.result);
    reader.onerror = () => reject(reader.error);
    reader.readAsDataURL(blob);
  });
}

export const photosOf = (id) => read("photos", (store) => answerOf(store.getAll())).then((found) => found.filter((one) => one.edit === id));

// A photo as it is kept: no longer than the service keeps it, so that a day's photos fit into a phone. What a browser
// can't decode is kept as it came; the service says what is wrong with it.
export async function smaller(file) {
  try {
    const picture = await createImageBitmap(file, { imageOrientation: "from-image" });
    const scale = Math.min(1, SMALLER / Math.max(picture.width, picture.height));
    const canvas = document.createElement("canvas");
    canvas.width = Math.round(picture.width * scale);
    canvas.height = Math.round(picture.height * scale);
    canvas.getContext("2d").drawImage(picture, 0, 0, canvas.width, canvas.height);
    picture.close();
    const made = await new Promise((resolve) => { canvas.toBlob(resolve, "image/jpeg", 0.86); });
    return made && made.size < file.size ? made : file;
  } catch {
    return file;
  }
}
