"""A program that creates an emitter for each event: slow, but no flood of threads, and one line that says so."""

import threading

import pytest

from nbtrack.delivery import AsyncEmitter, Emitter
from tests.support.delivery import track
from tests.support.fault_server import free_port


@pytest.mark.parametrize("kind", [Emitter, AsyncEmitter])
def test_retries_of_many_emitters_share_a_few_threads(
    kind: type[Emitter], caplog: pytest.LogCaptureFixture
) -> None:
    before, port = threading.active_count(), free_port()
    emitters = [kind("127.0.0.1", "http", port, batch_size=1) for _ in range(300)]
    for emitter in emitters:
        track(emitter, 1)
        emitter.flush(0.01)
    assert threading.active_count() - before < 20
    assert {emitter.stats().pending for emitter in emitters} == {1}
    for emitter in emitters:
        emitter.close(timeout=0)
    assert [record.message for record in caplog.records if "emitters send to" in record.message] == [
        f"51 emitters send to http://127.0.0.1:{port}; create one emitter and share it"
    ]
