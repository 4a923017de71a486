"""Two backfills on a Spark cluster of two workers, in a process of its own.

In the first an executor is killed when a task has sent a part of its rows. In the second Spark starts a copy of a slow task,
and the slow one is done first. Tasks wait for files, so both happen in the same way in each run.
"""

import contextlib
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pyarrow as pa
import pyspark
from pyspark.sql import DataFrame, SparkSession

from nbtrack import backfill, col
from nbtrack.bulk import BackfillReport
from nbtrack.tracker import PageView
from tests.support.fault_server import FaultServer, free_port

PARTS = 4
ROWS = PARTS * 25_000
"""Each partition is more than one chunk: a task sends its first one while it waits for the other rows."""
TIMEOUT = 200.0


@contextlib.contextmanager
def run_cluster(folder: Path) -> Iterator[str]:
    """Run a master and two workers, and yield the master's address.

    Each worker has an address of its own: Spark starts no copy of a task on the host that runs it.
    """
    port = free_port()
    master = f"spark://127.0.0.1:{port}"
    worker = ["--cores", "1", "--memory", "1g", "--webui-port", "0", "--work-dir", str(folder / "work")]
    commands = {
        "127.0.0.1": ["master.Master", "--port", str(port), "--webui-port", "0"],
        "127.0.0.2": ["worker.Worker", *worker, master],
        "127.0.0.3": ["worker.Worker", *worker, master],
    }
    program = Path(pyspark.__file__).parent / "bin" / "spark-class"
    with contextlib.ExitStack() as stack:
        log = stack.enter_context((folder / "cluster.log").open("wb"))
        for host, (name, *options) in commands.items():
            process = subprocess.Popen(
                [program, f"org.apache.spark.deploy.{name}", "--host", host, *options],
                env={**os.environ, "SPARK_LOCAL_IP": host},
                stdout=log,
                stderr=log,
            )
            stack.callback(process.wait, 20)
            stack.callback(process.terminate)
        yield master


def start(master: str) -> SparkSession:
    settings = {
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.driver.host": "127.0.0.1",
        "spark.executor.memory": "512m",
        "spark.ui.enabled": "false",
        "spark.speculation": "true",
        "spark.speculation.interval": "100ms",
        "spark.speculation.minTaskRuntime": "100ms",
        "spark.speculation.multiplier": "1.1",
        "spark.speculation.quantile": "0.3",
        "spark.shuffle.io.maxRetries": "1",
        "spark.shuffle.io.retryWait": "100ms",
        "spark.sql.adaptive.enabled": "false",
        "spark.sql.execution.arrow.maxRecordsPerBatch": "1000",
    }
    builder = SparkSession.builder.master(master)
    for name, value in settings.items():
        builder = builder.config(name, value)
    return builder.getOrCreate()


def wait_for(path: Path) -> None:
    ends = time.monotonic() + TIMEOUT
    while not path.exists():
        if time.monotonic() > ends:
            raise TimeoutError(path)
        time.sleep(0.02)


def claim(path: Path) -> bool:
    """Make a file; return False if another task made it."""
    try:
        path.touch(exist_ok=False)
    except FileExistsError:
        return False
    return True


def wait_to_be_killed(folder: Path) -> Callable[[Iterator[pa.RecordBatch]], Iterator[pa.RecordBatch]]:
    """Return a step in which the first task of partition 1 names its executor, and waits with its last row."""

    def step(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        from pyspark import TaskContext

        yield from batches
        if TaskContext.get().partitionId() == 1 and claim(folder / "waits"):
            executor = next(one for one in psutil.Process().parents() if one.name() == "java")
            (folder / "new").write_text(str(executor.pid))
            (folder / "new").rename(folder / "executor")
            wait_for(folder / "never")

    return step


def let_the_first_win(folder: Path) -> Callable[[Iterator[pa.RecordBatch]], Iterator[pa.RecordBatch]]:
    """Return a step in which the first task of partition 1 waits until a copy of it has sent rows, which then waits."""

    def step(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        from pyspark import TaskContext

        first = TaskContext.get().partitionId() == 1 and claim(folder / "first")
        yield from batches
        if first:
            wait_for(folder / "copy has sent")
        elif TaskContext.get().partitionId() == 1 and claim(folder / "copy"):
            wait_for(folder / "never")

    return step


def count_again(server: FaultServer) -> int:
    return sum(count > 1 for count in server.delivered.values())


def send(frame: DataFrame, step: Any, server: FaultServer) -> BackfillReport:
    return backfill(
        frame.mapInArrow(step, frame.schema),
        PageView(col("page")),
        key="page",
        collector=server.url,
        max_body_bytes=50_000,
    )


def lose_an_executor(frame: DataFrame, folder: Path, server: FaultServer) -> BackfillReport:
    def kill() -> None:
        wait_for(folder / "executor")
        assert server.wait_for(20_000, TIMEOUT)
        psutil.Process(int((folder / "executor").read_text())).kill()

    killer = threading.Thread(target=kill)
    killer.start()
    report = send(frame, wait_to_be_killed(folder), server)
    killer.join()
    return report


def start_a_copy(frame: DataFrame, folder: Path, server: FaultServer) -> BackfillReport:
    def watch() -> None:
        wait_for(folder / "copy")
        ends = time.monotonic() + TIMEOUT
        while count_again(server) < 10_000 and time.monotonic() < ends:
            time.sleep(0.02)
        (folder / "copy has sent").touch()

    watcher = threading.Thread(target=watch)
    watcher.start()
    report = send(frame, let_the_first_win(folder), server)
    watcher.join()
    return report


def main(folder: Path) -> None:
    os.environ["PYSPARK_PYTHON"] = os.environ["PYSPARK_DRIVER_PYTHON"] = sys.executable
    with run_cluster(folder) as master:
        os.environ["SPARK_LOCAL_IP"] = "127.0.0.1"
        run(start(master), folder)


def run(session: SparkSession, folder: Path) -> None:
    pages = session.range(ROWS, numPartitions=PARTS).selectExpr("concat('https://acme.com/', id) AS page")
    for scene in (lose_an_executor, start_a_copy):
        (own := folder / scene.__name__).mkdir()
        # through a shuffle, whose files an executor takes with it
        frame = pages.repartition(PARTS)
        with FaultServer() as server:
            report = scene(frame, own, server)
            counts = (report.rows, report.sent, len(server.delivered), count_again(server), report.resent)
            print(*counts, flush=True)
    session.stop()


main(Path(sys.argv[1]))
