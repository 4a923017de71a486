"""The monitor's script in a page of its own, with a stub in place of Jupyter's model."""

import time
from typing import Any

from nbtrack.widget.model import Monitor

PLACE = "http://127.0.0.1:9/"
HTML = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>monitor</title>
<style>%s</style></head><body><main><h1>A notebook</h1><div id="one"></div><div id="two"></div></main></body></html>"""
START = """async ([script, summary]) => {
  const handlers = new Set();
  const state = { summary };
  window.sent = [];
  window.state = state;
  window.model = {
    get: (name) => state[name],
    set: (name, value) => { state[name] = value; },
    on: (name, handler) => { if (name === 'msg:custom') handlers.add(handler); },
    off: (name, handler) => handlers.delete(handler),
    send: (message) => window.sent.push(message),
  };
  window.hear = (message) => { for (const handler of handlers) handler(message); };
  const address = URL.createObjectURL(new Blob([script], { type: 'text/javascript' }));
  window.widget = (await import(address)).default();
  await window.widget.initialize({ model: window.model });
  window.ends = [];
  window.show = async (place) => {
    window.ends.push(await window.widget.render({ model: window.model, el: document.getElementById(place) }));
  };
  await window.show('one');
}"""
SETTLE = (
    "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(done))))"
)


def row(number: int, name: str = "page_view", attempts: int = 0) -> list[Any]:
    return [number, 1_790_000_000 + number, "pv", name, 1_500, attempts]


def logged(number: int, error: str | None = None) -> list[Any]:
    status = None if error else 200
    return [number, 1_790_000_000 + number, 10, 15_000, status, 12.3, 3.0 if error else None, error]


def ran(number: int, status: str) -> list[Any]:
    seconds = None if status == "running" else 1.0
    return [
        *(number, 1_790_000_000 + number, "cell", f"cell {number}", 0, status, "", seconds, 9, 3),
        *("delivered", "valid", number, ["rows: 3"]),
    ]


class Bare:
    """A page with the monitor; messages are numbered as the kernel numbers them."""

    def __init__(self, page: Any) -> None:
        self.page = page
        self.seq = 0
        self.errors: list[str] = []
        page.on("console", lambda message: message.type == "error" and self.errors.append(message.text))
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.route(
            "**/*",
            lambda route: (
                route.fulfill(content_type="text/html", body=HTML % Monitor._css)
                if route.request.url == PLACE
                else route.abort()
            ),
        )

    def start(self, tab: str = "Buffer", **summary: Any) -> None:
        self.page.goto(PLACE)
        self.page.evaluate(START, [str(Monitor._esm), self.message(fresh=True, partial=True, **summary)])
        self.settle()
        if tab != "Activity":  # the one that is there at first
            self.tab(tab)

    def message(self, **changes: Any) -> dict[str, Any]:
        counters = {"accepted": 9, "waiting": 0, "in flight": 0, "sent": 9, "retried": 0, "refused": 0}
        return {
            "kind": "tick",
            "seq": self.seq,
            "time": time.time(),
            "destination": "local",
            "state": "ok",
            "reason": "",
            "retry_at": None,
            "local": True,
            "counters": {**counters, **changes.pop("counters", {})},
            "fresh": False,
            "log": changes.pop("log", []),
            "buffer": {"add": changes.pop("add", []), "gone": changes.pop("gone", [])},
            **changes,
        }

    def tell(self, **changes: Any) -> None:
        self.seq += 1
        self.page.evaluate("(message) => window.hear(message)", self.message(**changes))
        self.settle()

    def settle(self) -> None:
        self.page.evaluate(SETTLE)

    def sent(self, kind: str) -> list[dict[str, Any]]:
        return [message for message in self.page.evaluate("() => window.sent") if message["kind"] == kind]

    def answer(self, kind: str, **values: Any) -> None:
        mark = self.sent(kind)[-1]["mark"]
        self.page.evaluate("(message) => window.hear(message)", {"kind": "content", "mark": mark, **values})

    def rows(self, place: str = "one") -> Any:
        return self.page.locator(f"#{place} .nbm-home tbody:not(.nbm-space) tr")

    def names(self, place: str = "one") -> list[str]:
        return [text.split("\t")[2] for text in self.rows(place).all_inner_texts()]

    def tab(self, name: str, place: str = "one") -> None:
        self.page.locator(f"#{place} [role=tab]:text-is({name!r})").click()
        self.settle()
