// The field page without a signal: its files come from the phone, of the version that was fetched last as a whole.
// VERSION and FILES stand before this text; the service writes them, so that a new file makes a new worker.
/* global VERSION, FILES */
const CACHE = `field-${VERSION}`;
const PAGE = "/field";

self.addEventListener("install", (event) => {
  event.waitUntil((async () => {
    const cache = await caches.open(CACHE);
    await cache.addAll(FILES.map((address) => new Request(address, { cache: "reload", credentials: "same-origin" })));
    await keepPage(cache, await fetch(PAGE, { cache: "reload", credentials: "same-origin" }).catch(() => null));
    await self.skipWaiting();
  })());
});

self.addEventListener("activate", (event) => {
  event.waitUntil((async () => {
    const current = await caches.open(CACHE);
    for (const name of await caches.keys()) {
      if (name.startsWith("field-") && name !== CACHE) {
        // Whoever has no signal right now keeps the page of before until the new one could be fetched.
        const held = await (await caches.open(name)).match(PAGE);
        if (held && !(await current.match(PAGE))) {
          await current.put(PAGE, held);
        }
        await caches.delete(name);
      }
    }
    await self.clients.claim();
  })());
});

// Only the page itself: not a login page that an ended login led to.
async function keepPage(cache, answer) {
  if (answer && answer.ok && !answer.redirected) {
    await cache.put(PAGE, answer.clone());
  }
}

async function page(event) {
  const cache = await caches.open(CACHE);
  const held = await cache.match(PAGE);
  const asked = fetch(event.request).then(async (answer) => {
    await keepPage(cache, answer);
    return answer;
  });
  if (!held) {
    return asked;
  }
  event.waitUntil(asked.catch(() => undefined));
  return held;
}

self.addEventListener("fetch", (event) => {
  const { request } = event;
  const { origin, pathname } = new URL(request.url);
  if (request.method !== "GET" || origin !== self.location.origin) {
    return;
  }
  if (request.mode === "navigate") {
    if (pathname === PAGE) {
      event.respondWith(page(event));
    }
    return;
  }
  if (FILES.includes(pathname)) {
    event.respondWith(caches.open(CACHE).then((cache) => cache.match(pathname)).then((held) => held || fetch(request)));
  }
});
