// One event or attempt, fetched from the kernel when asked for, and never kept with the notebook.

class Panel {
  constructor(store, onClose) {
    this.store = store;
    this.onClose = onClose;
    this.forget = null;
    this.title = element("h3", "nbm-title");
    this.note = element("p", "nbm-note");
    this.json = element("pre", "nbm-json");
    this.json.tabIndex = 0;
    this.json.setAttribute("role", "region");
    this.json.setAttribute("aria-label", "Content");
    this.copyJson = this.copier("Copy JSON", () => this.json.textContent);
    this.copyCurl = this.copier("Copy as curl", () => this.curl);
    this.shut = button("", "Close", () => this.close());
    this.root = element("section", "nbm-panel", element("div", "nbm-bar", this.title, element("span", "nbm-buttons", this.copyJson, this.copyCurl, this.shut)), this.note, this.json);
    this.root.hidden = true;
    this.root.setAttribute("aria-label", "Details");
  }

  copier(label, text) {
    const made = button("", label, async () => {
      say(made, (await copyText(text())) ? "Copied" : "Could not copy");
      setTimeout(() => say(made, label), 1500);
    });
    return made;
  }

  // `known`: what can be shown until the kernel answers, and when it knows no more.
  open(title, message, known = null) {
    this.forget?.();
    this.root.hidden = false;
    say(this.title, visible(title));
    if (this.store.lost?.why === "ended") this.put(known, "The kernel has ended; it cannot be asked for more.", null);
    else this.ask(message, known);
    this.shut.focus({ preventScroll: true });
  }

  ask(message, known) {
    this.put(known, `Asked the kernel.${this.store.head.direct ? "" : " It answers when the running cell ends at the latest."}`, null);
    this.forget = this.store.ask(message, (answer) => {
      this.put(answer.content ?? known, answer.missing ?? answer.note ?? "", answer.curl ?? null);
    });
  }

  put(data, note, curl) {
    this.curl = curl;
    say(this.note, note);
    this.note.hidden = !note;
    say(this.json, data === null ? "" : pretty(data));
    this.json.hidden = this.copyJson.hidden = data === null;
    this.copyCurl.hidden = !curl;
  }

  close() {
    if (this.root.hidden) return;
    this.forget?.();
    this.root.hidden = true;
    this.onClose();
  }
}
