"""From encoded events to the collector, with every row accounted for."""
