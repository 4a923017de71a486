"""Nothing private leaves by default: a corpus of cells, searched for in every byte the collector got."""

import base64
import json
from pathlib import Path

from nbtrack.collector import LocalCollector
from tests.support.kernel import start_kernel

SECRETS = {
    "hunter2-password": "password = 'hunter2-password'",
    "sk-live-4f9a8b7c6d5e4f3a": "client = dict(api_key='sk-live-4f9a8b7c6d5e4f3a')",
    "bobs3cret": "url = 'postgres://bob:bobs3cret@db.internal/sales'",
    "/home/alice/private": "path = '/home/alice/private/plan.csv'",
    "AKIAIOSFODNN7EXAMPLE": "import os\nos.environ['AWS_ACCESS_KEY_ID'] = 'AKIAIOSFODNN7EXAMPLE'",
    "alice@example.com": "raise ValueError('no such customer: alice@example.com')",
    "42 Secret Street": "import pandas as pd\ndf = pd.DataFrame({'address': ['42 Secret Street']})\ndf",
    "the-salary-column": "import pandas as pd\nframe = pd.DataFrame({'the-salary-column': [1]})\nframe['x']",
    "eyJhbGciOiJIUzI1NiJ9": "token = 'eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl'",
    "super-secret-function": "def f():\n    raise RuntimeError('super-secret-function')\nf()",
}


def test_no_secret_of_a_cell_leaves_by_default(tmp_path: Path) -> None:
    with LocalCollector() as collector, start_kernel(
        tmp_path, NBTRACK_COLLECTOR=collector.url, NBTRACK_CELLS="all",
        JPY_SESSION_NAME="/home/alice/private/salaries.ipynb",
    ) as kernel:  # fmt: skip
        kernel.run("%load_ext nbtrack")
        for code in SECRETS.values():
            kernel.run(code)
        kernel.run("%nbtrack flush")
        assert collector.wait_for(len(SECRETS)) >= len(SECRETS)
        assert collector.counts()["bad"] == 0
        got = json.dumps(collector.payloads())
        for payload in collector.payloads():
            got += "".join(base64.urlsafe_b64decode(payload[key]).decode() for key in ("ue_px", "cx"))
        assert "cell_run" in got
        for secret in [*SECRETS, "salaries.ipynb", str(tmp_path)]:
            assert secret not in got


def test_what_is_asked_for_is_sent_redacted(tmp_path: Path) -> None:
    with LocalCollector() as collector, start_kernel(tmp_path, NBTRACK_COLLECTOR=collector.url) as kernel:
        kernel.run("%load_ext nbtrack")
        kernel.run("%config NBTrack.error_messages = True")
        kernel.run("%config NBTrack.tracebacks = True")
        kernel.run(
            "%%track asked --source\npassword = 'hunter2-password'\nraise ValueError('api_key=abcdef123456 is wrong')"
        )
        kernel.run("%nbtrack flush")
        collector.wait_for(2)
        assert collector.counts() == {"total": 2, "good": 2, "bad": 0}
        run, error = collector.payloads()
        data = json.loads(base64.urlsafe_b64decode(run["ue_px"]))["data"]["data"]
        assert "password = [redacted]" in data["source"]
        assert "is wrong" in data["error_message"]
        sent = json.dumps([data, json.loads(base64.urlsafe_b64decode(error["ue_px"]))])
        assert "hunter2" not in sent
        assert "abcdef123456" not in sent
        assert "application_error" in sent
        assert run["eid"] in base64.urlsafe_b64decode(error["cx"]).decode()
