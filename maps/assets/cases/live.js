// Hears of changes as they happen; asks every 30 seconds while nothing can be heard.

const POLL_MS = 30_000;
const SETTLE_MS = 300;
const HIDDEN_MS = 60_000;

export class Live {
  // refresh(why) brings what is shown up to date; state(live) tells whether it is by word or by asking.
  constructor(community, tables, refresh, state) {
    Object.assign(this, { community, tables: new Set(tables), refresh, state });
    this.heard = 0;
    this.timer = null;
    this.hidden = null;
    this.open();
    window.setInterval(() => this.look(), POLL_MS);
    document.addEventListener("visibilitychange", () => this.seen());
    window.addEventListener("pagehide", () => this.close());
  }

  open() {
    this.close();
    const source = new EventSource(`/changes?community=${this.community}`);
    source.addEventListener("listening", () => {
      this.set(true);
      // What happened before anybody listened isn't told any more.
      this.soon("listening");
    });
    source.addEventListener("change", (event) => {
      const tables = JSON.parse(event.data)[this.community] || [];
      if (tables.some((one) => this.tables.has(one))) {
        this.soon("change");
      }
    });
    for (const name of ["ended", "away"]) {
      source.addEventListener(name, () => {
        this.close();
        this.refresh("poll");
      });
    }
    source.addEventListener("error", () => this.set(false));
    this.source = source;
  }

  close() {
    if (this.source) {
      this.source.close();
      this.source = null;
    }
    this.set(false);
  }

  set(live) {
    this.live = live;
    this.state(live);
  }

  look() {
    if (!this.live && !document.hidden) {
      this.refresh("poll");
      this.reopen();
    }
  }

  reopen() {
    if (!this.source || this.source.readyState === EventSource.CLOSED) {
      this.open();
    }
  }

  // Several commits in a row are one refresh.
  soon(why) {
    window.clearTimeout(this.timer);
    this.timer = window.setTimeout(() => this.refresh(why), SETTLE_MS);
  }

  // A page that nobody looks at gives its connection back: browsers have six for each service.
  seen() {
    window.clearTimeout(this.hidden);
    if (document.hidden) {
      this.hidden = window.setTimeout(() => this.close(), HIDDEN_MS);
    } else {
      this.reopen();
    }
  }
}
