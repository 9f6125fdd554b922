// Hears of changes as they happen; asks every 30 seconds while nothing can be heard, and every minute anyhow: limits pass
// without anybody's doing.

const POLL_MS = 30_000;
const SETTLE_MS = 300;
const HIDDEN_MS = 60_000;

export class Live {
  // concerns(table) tells whether what is shown depends on a table; refresh(why) brings it up to date; state(live) tells
  // whether it is by word or by asking.
  constructor(community, concerns, refresh, state) {
    Object.assign(this, { community, concerns, refresh, state });
    this.looked = 0;
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
      if (tables.some((one) => this.concerns(one))) {
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
    if (document.hidden) {
      return;
    }
    this.looked += 1;
    if (!this.live) {
      this.refresh("poll");
      this.reopen();
    } else if (this.looked % 2 === 0) {
      this.refresh("time");
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
