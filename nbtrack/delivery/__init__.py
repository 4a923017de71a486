"""How payloads leave."""
