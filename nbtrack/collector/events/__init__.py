"""From a request to stored events: unpack, validate, store, query."""
