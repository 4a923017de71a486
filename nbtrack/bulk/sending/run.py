"""One run's threads and its accounts: reader, encoders, senders."""

import itertools
import os
import queue
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol

from nbtrack.bulk.encoding.compiler import Compiler
from nbtrack.bulk.encoding.encoder import Body, Encoded
from nbtrack.bulk.plan import BackfillPlan
from nbtrack.bulk.report import Accounts
from nbtrack.bulk.sending.dead_letters import Letter, event_id
from nbtrack.bulk.sending.ledger import BEGIN_ANEW, Ledger, LedgerError
from nbtrack.bulk.sending.sender import Outcome, Sender
from nbtrack.bulk.sending.statistics import EXAMPLES, Hours, Keys
from nbtrack.bulk.sources.chunks import Chunk
from nbtrack.common.errors import NbtrackError
from nbtrack.delivery.http.transport import Transport

_POLL = 0.1  # seconds between looks at the progress
_LAST_REPLIES = 2.0  # seconds that requests under way get after an interrupt
_ENCODERS = 4
_AHEAD = 2  # chunks that wait: an encoder that finds none ends its query, and has to plan the next one
_QUIET = 2.0  # seconds without a body taken after which a fault is worth showing
_UNSENT = "not sent: the run ended early"


class InvalidRow(NbtrackError, ValueError):  # noqa: N818 - it names what was found
    """A row breaks a contract or a schema, and ``on_invalid="raise"`` was asked for.

    Examples
    --------
    >>> import pandas as pd
    >>> from nbtrack import backfill, col
    >>> from nbtrack.tracker import PageView
    >>> frame = pd.DataFrame({"address": ["https://acme.com/a", None]})
    >>> backfill(frame, PageView(col("address")), on_invalid="raise", dry_run=True)
    Traceback (most recent call last):
    nbtrack.bulk.sending.run.InvalidRow: row 1: url is empty
    """


class LetterBox(Protocol):
    """Keeps the rows that were not delivered."""

    def add(self, letters: Iterable[Letter]) -> None:
        """Keep letters."""


@dataclass(slots=True)
class _Open:
    """A chunk of which not every event has an outcome yet."""

    events: int
    left: int
    fingerprint: int
    clean: bool = True


class Run:
    """Sends the events of chunks, or only counts them.

    Parameters
    ----------
    plan
        What to send, and where to.
    accounts
        Where to count.
    letters
        Where to put the rows that are not delivered.
    ledger
        Of delivered chunks; None for none.
    dry
        Whether to send nothing.
    """

    def __init__(
        self,
        plan: BackfillPlan,
        accounts: Accounts,
        letters: LetterBox,
        *,
        ledger: Ledger | None = None,
        dry: bool = False,
    ) -> None:
        self.accounts = accounts
        self.interrupted = False
        self._plan, self._letters, self._ledger, self._dry = plan, letters, ledger, dry
        self._lock = threading.Lock()
        self._keys, self._hours = Keys(), Hours()
        self._open: dict[int, _Open] = {}
        self._error: BaseException | None = None
        self._closed = False
        self._chunks: queue.Queue[Chunk | None] = queue.Queue(_AHEAD)
        self._sender: Sender | None = None

    @property
    def fault(self) -> str | None:
        """What is between here and the collector now; None when bodies are taken."""
        if self._sender is None or self._sender.stats.last_error is None:
            return None
        quiet = time.monotonic() - self._sender.stats.last_success
        if quiet <= _QUIET:
            return None
        plan = self._plan
        return (
            f"waits for {plan.target.url} ({self._sender.stats.last_error}), {plan.give_up_after:g} s at most"
        )

    def execute(
        self, chunks: Iterable[Chunk], compiler: Compiler, rows: int | None, tick: Callable[[], None]
    ) -> None:
        """Send all chunks.

        Parameters
        ----------
        chunks
            Read on the calling thread.
        compiler
            Of the plan.
        rows
            How many there are; None where that is not known.
        tick
            Called now and then on the calling thread.
        """
        transport = Transport(
            self._plan.target.url, headers=self._plan.target.headers, pool=self._plan.connections
        )
        if not self._dry:
            self._sender = self._make_sender(transport)
        encoders = [
            threading.Thread(
                target=self._work, args=(compiler,), name=f"nbtrack-encode-{number}", daemon=True
            )
            for number in range(min(_ENCODERS, os.cpu_count() or 1))
        ]
        try:
            self._feed(chunks, encoders, tick)
            if self._sender is not None:
                self._sender.close()
                while not self._sender.join(_POLL):
                    tick()
        except KeyboardInterrupt:
            self.interrupted = True
        finally:
            self._stop()
            transport.close()
        if self._error is not None:
            raise self._error
        self._settle_accounts(rows)

    def _make_sender(self, transport: Transport) -> Sender:
        plan = self._plan
        return Sender(
            transport,
            plan.connections,
            self._settle,
            rate=plan.rate,
            byte_rate=plan.byte_rate,
            give_up_after=plan.give_up_after,
        )

    def _feed(
        self, chunks: Iterable[Chunk], encoders: list[threading.Thread], tick: Callable[[], None]
    ) -> None:
        """Read, here, and hand over to the encoders."""
        for thread in encoders:
            thread.start()
        for chunk in itertools.chain(chunks, [None]):
            while not self._is_stopping():
                tick()
                try:
                    self._chunks.put(chunk, timeout=_POLL)
                except queue.Full:
                    continue
                break
            if self._is_stopping():
                break
        for thread in encoders:
            while thread.is_alive():
                thread.join(_POLL)
                tick()

    def _is_stopping(self) -> bool:
        return self._closed or (self._sender is not None and self._sender.stopping.is_set())

    def _stop(self) -> None:
        """End the senders: those of a run that came to its end have ended already."""
        if self._sender is not None:
            self.interrupted = self.interrupted or self._sender.stopping.is_set()
            self._sender.stop()
            self._sender.join(_LAST_REPLIES)
        with self._lock:
            self._closed = True

    def _work(self, compiler: Compiler) -> None:
        """Encode chunks, on a thread of its own."""
        encoder = self._plan.encoder(compiler)
        try:
            while (chunk := self._next_chunk(wait=True)) is not None:
                for encoded in encoder.encode(self._ready(chunk)):
                    self._take(encoded)
        except BaseException as error:  # noqa: BLE001 - raised again on the caller's thread
            self._error = self._error or error
            self._closed = True
        finally:
            encoder.close()

    def _ready(self, chunk: Chunk | None) -> Iterator[Chunk]:
        """Give a chunk and those that are there by then: to wait for one would hold up what is encoded already."""
        while chunk is not None:
            yield chunk
            chunk = self._next_chunk(wait=False)

    def _next_chunk(self, *, wait: bool) -> Chunk | None:
        """Give the next chunk; None at the end of all, and at an early end."""
        while not self._is_stopping():
            try:
                chunk = self._chunks.get(wait, _POLL)
            except queue.Empty:
                if wait:
                    continue
                break
            if chunk is None:
                self._chunks.put(None)  # for the other encoders, and this one's next look
            return chunk
        return None

    def _take(self, encoded: Encoded) -> None:
        """Count a chunk, and hand over its bodies."""
        if encoded.invalid and self._plan.on_invalid == "raise":
            first = encoded.letters[0]
            raise InvalidRow(f"row {first.row}: {first.reason}")
        chunk, events = encoded.chunk, encoded.events
        with self._lock:
            if self._closed:  # too late: its rows are counted as not sent
                return
            self._count(encoded)
            delivered = self._is_delivered(encoded)
            if delivered or self._dry:
                self.accounts.sent += events
                self.accounts.resumed += events * delivered
                if self._dry:
                    self.accounts.bytes += sum(len(body.data) for body in encoded.bodies)
                    self.accounts.requests += len(encoded.bodies)
                return
            self._open[chunk.number] = _Open(events, events, encoded.fingerprint)
            if not events:
                self._finish(chunk.number)
        for body in encoded.bodies:
            if self._sender is None or not self._sender.put(body):
                return

    def _is_delivered(self, encoded: Encoded) -> bool:
        """Tell whether the run that is resumed delivered a chunk; refuse one that changed."""
        if self._ledger is None or (known := self._ledger.fingerprint(encoded.chunk.number)) is None:
            return False
        if known != encoded.fingerprint:
            first = encoded.chunk.first_row
            raise LedgerError(
                f"the backfill in {self._ledger.path} cannot be resumed: rows {first:,} to "
                f"{first + encoded.chunk.table.num_rows - 1:,} changed since; {BEGIN_ANEW}"
            )
        return True

    def _count(self, encoded: Encoded) -> None:
        accounts, moments = self.accounts, encoded.moments
        accounts.rows += encoded.chunk.table.num_rows
        accounts.skipped += len(encoded.letters)
        accounts.invalid += encoded.invalid
        accounts.reasons.update(letter.reason for letter in encoded.letters)
        accounts.null_keys += len(encoded.null_keys)
        accounts.null_rows = sorted([*accounts.null_rows, *map(int, encoded.null_keys[:EXAMPLES])])[:EXAMPLES]
        self._hours.add(moments)
        if len(moments):
            accounts.widen(int(moments.min()), int(moments.max()))
        self._letters.add(encoded.letters)
        self._keys.parts.append((encoded.chunk.first_row, encoded.ids))

    def _settle(self, outcome: Outcome) -> None:
        """Count what became of a body; on a sender's thread."""
        body = outcome.body
        with self._lock:
            if self._closed:  # too late: its rows are counted as not sent
                return
            chunk = self._open[body.chunk]
            chunk.left -= body.events
            if outcome.reason is None:
                self.accounts.sent += body.events
                self.accounts.bytes += outcome.bytes
            else:
                chunk.clean = False
                self.accounts.failed += body.events
                self.accounts.reasons[outcome.reason] += body.events
                self._letters.add(_refused(body, outcome.reason))
            if not chunk.left:
                self._finish(body.chunk)

    def _finish(self, number: int) -> None:
        chunk = self._open.pop(number)
        if self._ledger is not None and chunk.clean:
            self._ledger.finish(number, chunk.fingerprint, chunk.events)

    def _settle_accounts(self, rows: int | None) -> None:
        """Close the accounts: what is neither sent nor skipped nor refused was not sent."""
        accounts = self.accounts
        accounts.rows = max(accounts.rows, rows or 0)
        accounts.unsent = accounts.rows - accounts.sent - accounts.skipped - accounts.failed
        accounts.failed += accounts.unsent
        if accounts.unsent:
            accounts.reasons[_UNSENT] += accounts.unsent
        self._keys.count(accounts)
        accounts.hours.update(self._hours.count())
        if self._sender is not None:
            stats = self._sender.stats
            accounts.requests, accounts.retries = stats.requests, stats.retries
            accounts.last_error = stats.last_error


def _refused(body: Body, reason: str) -> list[Letter]:
    events = [body.payload(place) for place in range(body.events)]
    return [
        Letter(int(row), event_id(event), reason, event.decode(), refused=True)
        for row, event in zip(body.rows, events, strict=True)
    ]
