"""Statistics over all events of a run."""

from collections import Counter

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from nbtrack.bulk.sending.statistics import HourCounter

HOUR = 3_600_000
near = st.integers(-(10**11), 10**11)
far = st.integers(-62_135_596_800_000, 253_402_300_799_999)  # the years 1 to 9999


@settings(max_examples=50, deadline=None)
@given(st.lists(st.lists(near | far, max_size=8), max_size=8))
def test_events_are_counted_by_the_hour_however_far_apart_they_are(parts: list[list[int]]) -> None:
    hours = HourCounter()
    for part in parts:
        hours.add(np.array(part, np.int64))
    assert hours.count() == Counter(time // HOUR for part in parts for time in part)
