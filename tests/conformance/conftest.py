"""Two trackers, the reference and ours, that send to one recording collector."""

import logging
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import pytest
import snowplow_tracker as reference

import nbtrack.tracker as ours
from tests.support.recorder import Recorder, comparable, recording

logging.getLogger("snowplow_tracker.emitters").setLevel(logging.CRITICAL)
Call = Callable[[ModuleType, Any], Any]


@dataclass
class Pair:
    """Runs the same call through both."""

    recorder: Recorder
    emitters: dict[ModuleType, dict[str, Any]]

    def sent(
        self, library: ModuleType, call: Call, method: str = "post", base64: bool = False, **options: Any
    ) -> list[dict[str, Any]]:
        emitter = self.emitters[library][method]
        subject = options.pop("subject", lambda library: None)(library)
        tracker = library.Tracker("ns", emitter, subject, "app", base64, **options)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            warnings.simplefilter("ignore", ours.InvalidEventWarning)
            call(library, tracker)
        emitter.sync_flush()
        return [comparable(event) for event in self.recorder.take()]

    def both(self, call: Call, *arguments: Any, **options: Any) -> tuple[Any, Any]:
        return self.sent(reference, call, *arguments, **options), self.sent(ours, call, *arguments, **options)


@pytest.fixture(scope="session")
def pair() -> Iterator[Pair]:
    with recording() as recorder:
        made = {
            library: {
                method: library.Emitter(recorder.url, method=method, batch_size=1)
                for method in ("get", "post")
            }
            for library in (reference, ours)
        }
        yield Pair(recorder, made)
        for emitter in made[ours].values():
            emitter.close()
