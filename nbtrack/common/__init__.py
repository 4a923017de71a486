"""Ground services: what every other package of nbtrack may use, and what uses none of them."""
