"""The room a file of events may take: caps by number, bytes and age, for what waits and for dead letters."""

import sqlite3
from collections import Counter
from dataclasses import dataclass, field


@dataclass(slots=True)
class Room:
    """Caps, and what is known of how full it is.

    Attributes
    ----------
    max_bytes, max_events
        For waiting events and dead letters together.
    max_age
        Seconds after which an event is given up, dead letters too: they are personal data.
    events, bytes
        How many there are, as far as this process knows; other processes add and take too.
    drops
        Events given up, by reason, since `take_drops`.
    """

    max_bytes: int
    max_events: int
    max_age: float
    events: int = 0
    bytes: int = 0
    drops: Counter[str] = field(default_factory=Counter)

    def fits(self, size: int) -> bool:
        """Tell whether an event of so many bytes fits."""
        return self.events < self.max_events and self.bytes + size <= self.max_bytes

    def recount(self, connection: sqlite3.Connection) -> None:
        """Look how full it really is."""
        self.events, self.bytes = connection.execute(
            "SELECT count(*), coalesce(sum(size), 0)"
            " FROM (SELECT size FROM events UNION ALL SELECT size FROM dead)"
        ).fetchone()

    def make(self, connection: sqlite3.Connection, size: int) -> bool:
        """Give up the oldest dead letters until an event fits; False when none is left to give up."""
        self.recount(connection)
        while not self.fits(size):
            oldest = connection.execute("SELECT id, size FROM dead ORDER BY id LIMIT 1").fetchone()
            if oldest is None:
                return False
            connection.execute("DELETE FROM dead WHERE id = ?", oldest[:1])
            self.drops["dead_letters_full"] += 1
            self.events -= 1
            self.bytes -= oldest[1]
        return True

    def expire(self, connection: sqlite3.Connection, now: float) -> None:
        """Give up what is too old."""
        for table in ("events", "dead"):
            gone = connection.execute(f"DELETE FROM {table} WHERE added < ?", (now - self.max_age,)).rowcount  # noqa: S608
            if gone:
                self.drops["expired"] += gone

    def take_drops(self) -> dict[str, int]:
        """Tell, once, how many events were given up."""
        drops, self.drops = dict(self.drops), Counter()
        return drops
