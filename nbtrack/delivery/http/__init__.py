"""Requests to a collector over HTTP."""
