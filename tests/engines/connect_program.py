"""Two backfills of a DataFrame of Spark Connect, in their own process: a process has sessions of one kind only."""

import os
import sys

import pandas as pd
from pyspark.sql import SparkSession

from nbtrack import backfill, col
from nbtrack.tracker import PageView
from tests.support.fault_server import FaultServer


def main() -> None:
    os.environ["PYSPARK_PYTHON"] = os.environ["PYSPARK_DRIVER_PYTHON"] = sys.executable
    os.environ["SPARK_LOCAL_IP"] = "127.0.0.1"
    session = SparkSession.builder.remote("local[2]").config("spark.ui.enabled", "false").getOrCreate()
    pages = pd.DataFrame({"page": [f"https://acme.com/{number}" for number in range(1_000)]})
    frame = session.createDataFrame(pages).repartition(3)
    for options in ({}, {"rate": 100_000}):
        with FaultServer() as server:
            report = backfill(frame, PageView(col("page")), key="page", collector=server.url, **options)
            print(report.rows, report.sent, report.ok, len(server.delivered))
    session.stop()


main()
