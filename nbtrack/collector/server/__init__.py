"""The collector's HTTP server."""
