"""Stores: where events wait until they are delivered."""
