// The field page without a signal: the page and its files come from the phone, all of the version that was fetched last
// as a whole. Until a new version is there as a whole, the one of before stays as it is.
// VERSION and FILES stand before this text; the service writes them, so that a new file makes a new worker.
/* global VERSION, FILES */
const CACHE = `field-${VERSION}`;
const PAGE = "/field";

self.addEventListener("install", (event) => {
  event.waitUntil((async () => {
    const cache = await caches.open(CACHE);
    const ended = await Promise.allSettled(FILES.map((address) => keep(cache, address)));
    const failed = ended.find((one) => one.status === "rejected");
    if (failed) {
      throw failed.reason;
    }
    await keep(cache, PAGE);
    await self.skipWaiting();
  })());
});

self.addEventListener("activate", (event) => {
  event.waitUntil((async () => {
    for (const name of await caches.keys()) {
      if (name.startsWith("field-") && name !== CACHE) {
        await caches.delete(name);
      }
    }
    await self.clients.claim();
  })());
});

// What has arrived stays, so that the next try goes on from there on a weak signal; a login page that an ended login leads
// to isn't what was asked for.
async function keep(cache, address) {
  if (await cache.match(address)) {
    return;
  }
  const answer = await fetch(address, { cache: "reload", credentials: "same-origin" });
  if (!answer.ok || answer.redirected) {
    throw new Error(`${address} wasn't to be had (${answer.status})`);
  }
  await cache.put(address, answer);
}

async function page(request) {
  return (await (await caches.open(CACHE)).match(PAGE)) || fetch(request);
}

self.addEventListener("fetch", (event) => {
  const { request } = event;
  const { origin, pathname } = new URL(request.url);
  if (request.method !== "GET" || origin !== self.location.origin) {
    return;
  }
  if (request.mode === "navigate") {
    if (pathname === PAGE) {
      event.respondWith(page(request));
    }
    return;
  }
  if (FILES.includes(pathname)) {
    event.respondWith(caches.open(CACHE).then((cache) => cache.match(pathname)).then((held) => held || fetch(request)));
  }
});
