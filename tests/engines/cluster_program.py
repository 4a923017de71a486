"""A backfill on a Spark cluster of two executors with speculation, one of which is killed, in a process of its own."""

import os
import sys
import threading

import pandas as pd
import psutil
from pyspark.sql import SparkSession

from nbtrack import backfill, col
from nbtrack.tracker import PageView
from tests.support.fault_server import FaultServer

ROWS = 20_000


def find_executors() -> list[psutil.Process]:
    """Return the executors' processes, which Spark started for this program."""
    return [
        process
        for process in psutil.Process().children(recursive=True)
        if any("CoarseGrainedExecutorBackend" in word for word in process.cmdline())
        and process.name() == "java"
    ]


def main() -> None:
    os.environ["PYSPARK_PYTHON"] = os.environ["PYSPARK_DRIVER_PYTHON"] = sys.executable
    os.environ["SPARK_LOCAL_IP"] = "127.0.0.1"
    session = (
        SparkSession.builder.master("local-cluster[2,1,1024]")
        .config("spark.driver.bindAddress", "127.0.0.1")
        .config("spark.driver.host", "127.0.0.1")
        .config("spark.executor.memory", "512m")
        .config("spark.ui.enabled", "false")
        .config("spark.speculation", "true")
        .config("spark.speculation.interval", "100ms")
        .config("spark.speculation.multiplier", "1.1")
        .config("spark.speculation.quantile", "0.3")
        .getOrCreate()
    )
    pages = pd.DataFrame({"page": [f"https://acme.com/{number}" for number in range(ROWS)]})
    frame = session.createDataFrame(pages).repartition(4)
    killed = []
    with FaultServer() as server:

        def kill_one() -> None:
            if server.wait_for(ROWS // 8, 200):
                executor = find_executors()[0]
                executor.kill()
                killed.append(executor.pid)

        killer = threading.Thread(target=kill_one)
        killer.start()
        report = backfill(
            frame,
            PageView(col("page")),
            key="page",
            collector=server.url,
            rate=ROWS / 4,
            max_body_bytes=50_000,
        )
        killer.join()
        again = sum(server.delivered.values()) - len(server.delivered)
        print(
            *(report.rows, report.sent, report.ok, len(server.delivered)),
            *(again, report.resent, len(killed)),
        )
    session.stop()


main()
