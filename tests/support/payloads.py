"""What a payload holds."""

import base64
import json
from typing import Any


def unpack(payload: dict[str, str]) -> tuple[str, Any]:
    """Give the schema and the data of a self-describing event."""
    event = json.loads(base64.urlsafe_b64decode(payload["ue_px"]))["data"]
    return event["schema"], event["data"]
