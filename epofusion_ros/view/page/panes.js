// The four images: each asks for the next one when it has drawn one. What cannot be seen is not watched.
const STALE_MS = 2000;

class Pane {
  constructor(button) {
    this.button = button;
    this.name = button.dataset.pane;
    this.image = new Image();
    this.image.alt = "";
    this.note = Object.assign(document.createElement("span"), { className: "note", textContent: "no image yet" });
    this.title = Object.assign(document.createElement("span"), { textContent: button.dataset.title });
    this.drawnMs = null;
    this.problem = "";
    button.setAttribute("aria-pressed", "false");
    button.append(this.image, this.note, this.title);
    this.image.hidden = true;
  }

  async draw(jpeg) {
    const address = URL.createObjectURL(new Blob([jpeg], { type: "image/jpeg" }));
    this.image.src = address;
    try {
      await this.image.decode();
    } finally {
      URL.revokeObjectURL(address);
    }
    this.image.hidden = false;
    this.problem = "";
    this.drawnMs = performance.now();
    this.tell();
  }

  tell() {
    const { naturalWidth: width, naturalHeight: height } = this.image;
    this.title.textContent = this.button.dataset.title + (width ? `, ${width} x ${height}` : "");
    const silentMs = this.drawnMs === null ? null : performance.now() - this.drawnMs;
    const stale = silentMs === null || silentMs > STALE_MS;
    this.button.classList.toggle("stale", stale);
    const silence = silentMs === null ? "no image yet" : `no image for ${Math.round(silentMs / 1000)} s`;
    this.note.textContent = this.problem || (stale ? silence : "");
  }
}

export class Panes {
  constructor(element, send) {
    this.element = element;
    this.send = send;
    this.all = [...element.querySelectorAll(".pane")].map(button => new Pane(button));
    for (const pane of this.all) pane.button.addEventListener("click", () => this.enlarge(pane));
    document.addEventListener("keydown", event => event.key === "Escape" && this.enlarge(null));
    document.addEventListener("visibilitychange", () => this.watch());
    setInterval(() => this.all.forEach(pane => pane.tell()), 1000);
  }

  enlarge(pane) {
    const enlarged = pane && pane.button.getAttribute("aria-pressed") === "false";
    for (const each of this.all) each.button.setAttribute("aria-pressed", String(enlarged && each === pane));
    this.element.classList.toggle("one", Boolean(enlarged));
    this.watch();
  }

  watch() {
    const seen = this.all.filter(pane => !document.hidden && getComputedStyle(pane.button).display !== "none");
    this.send({ watch: seen.map(pane => pane.name) });
  }

  async show(message) {
    const pane = this.all[message[0]];
    await pane.draw(message.subarray(1)).catch(() => {});
    this.send({ next: pane.name });
  }

  complain(name, problem) {
    const pane = this.all.find(each => each.name === name);
    pane.problem = problem;
    pane.tell();
    this.send({ next: name });
  }
}
