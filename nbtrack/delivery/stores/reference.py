"""The reference's four methods over the ones our engine works with."""

import time
from collections.abc import Sequence

from nbtrack.delivery.encoding import decode, encode
from nbtrack.delivery.models import PayloadDict, Row, RowId

OWN = "post * direct"
"""Where payloads go that are added by the reference's `add_event`."""


class ReferenceMethods:
    """Three of the four; `size` is each store's own."""

    max_events: int

    def add_event(self, payload: PayloadDict) -> bool:
        """Add a payload; False when the store is full."""
        body, event_id = encode(payload, "post")
        return self.add(OWN, body, event_id, anonymous=False, added=time.time()) is None

    def get_events_batch(self) -> list[PayloadDict]:
        """Take out the payloads that `add_event` put in."""
        rows = self.claim(OWN, "batch", events=self.max_events, size=2**60, cost=0)
        self.ack([row.id for row in rows])
        return [decode(row.body) for row in rows]

    def cleanup(self, batch: list[PayloadDict], need_retry: bool) -> None:
        """Put a batch back when it needs a retry."""
        for payload in batch if need_retry else ():
            self.add_event(payload)

    def add(self, route: str, body: bytes, event_id: str, anonymous: bool, added: float) -> str | None:
        """Keep an event; give the reason when it was not taken."""
        raise NotImplementedError

    def claim(self, route: str, token: str, *, events: int, size: int, cost: int) -> list[Row]:
        """Take the oldest waiting events of a route."""
        raise NotImplementedError

    def ack(self, ids: Sequence[RowId]) -> None:
        """Forget delivered events."""
        raise NotImplementedError
