// What the phone keeps: edits that aren't sent yet, their photos, the last known data, and settings of this device.
// Stores are only ever added: a newer page must find what an older one kept.

const NAME = "gis-field";
const VERSION = 1;

let opened = null;

function open() {
  opened ||= new Promise((resolve, reject) => {
    const asked = indexedDB.open(NAME, VERSION);
    asked.onupgradeneeded = () => {
      const held = asked.result;
      if (!held.objectStoreNames.contains("edits")) {
        held.createObjectStore("edits", { keyPath: "seq", autoIncrement: true }).createIndex("id", "id", { unique: true });
      }
      for (const [name, key] of [["photos", "id"], ["data", "name"], ["settings", "name"]]) {
        if (!held.objectStoreNames.contains(name)) {
          held.createObjectStore(name, { keyPath: key });
        }
      }
    };
    asked.onsuccess = () => {
      // Another tab with a newer page must be able to add its stores.
      asked.result.onversionchange = () => {
        asked.result.close();
        opened = null;
      };
      // Some systems close it behind the page's back: the next one who asks opens it anew.
      asked.result.onclose = () => { opened = null; };
      resolve(asked.result);
    };
    asked.onerror = () => {
      opened = null;
      reject(asked.error);
    };
  });
  return opened;
}

function answerOf(request) {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

// Runs what `work` asks of the named stores in one transaction; it is on the disk when the promise is kept.
export async function write(names, work) {
  const held = await open();
  return new Promise((resolve, reject) => {
    const all = held.transaction(names, "readwrite", { durability: "strict" });
    let result;
    all.oncomplete = () => resolve(result);
    all.onabort = () => reject(all.error || new DOMException("aborted", "AbortError"));
    Promise.resolve(work(...[names].flat().map((name) => all.objectStore(name)))).then((found) => { result = found; }, (error) => {
      try {
        all.abort();
      } catch {
        // It has ended already.
      }
      reject(error);
    });
  });
}

export async function read(name, work) {
  const held = await open();
  return work(held.transaction(name, "readonly").objectStore(name));
}

export const all = (name) => read(name, (store) => answerOf(store.getAll()));
export const get = (name, key) => read(name, (store) => answerOf(store.get(key)));
export const put = (name, value) => write(name, (store) => answerOf(store.put(value)));
export const remove = (name, key) => write(name, (store) => answerOf(store.delete(key)));
export { answerOf };

export async function setting(name, fallback = null) {
  const found = await get("settings", name);
  return found === undefined ? fallback : found.value;
}

export const remember = (name, value) => put("settings", { name, value });

// What a browser says when the disk is full, by whatever name.
export function isFull(error) {
  return error && (error.name === "QuotaExceededError" || /quota|disk|space/i.test(String(error.message)));
}
