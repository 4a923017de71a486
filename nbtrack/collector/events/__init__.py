"""From a request to stored events: unpack, validate, store, query, and the columns a pipeline would fill."""
