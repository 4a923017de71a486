"""Tutorial: nbtrack in marimo. `marimo edit notebooks/12_marimo.py` opens it, `marimo run` serves it as an app."""

import marimo

app = marimo.App()


@app.cell
def _():
    import marimo as mo

    mo.md(
        """
        # nbtrack in marimo

        marimo has no magics and runs a cell when what it uses changes, so sessions, steps and events are plain calls.
        Events stay on this machine: in the local collector, which starts with the first event.
        """
    )
    return (mo,)


@app.cell
def _():
    import nbtrack
    import nbtrack.tracker

    # In `marimo run` each viewer has a session of its own. Running this cell again ends the one before.
    session = nbtrack.start(app_id="marimo-tutorial")
    return nbtrack, session


@app.cell
def _(nbtrack, session):
    import pandas as pd

    # `session` is named so that this cell runs after the one that starts it.
    assert session.enabled
    with nbtrack.track("load", label="tutorial") as step:
        orders = pd.DataFrame({"order": [f"o-{number}" for number in range(1_000)], "total": range(1_000)})
        step.rows_out = len(orders)
    return (orders,)


@app.cell
def _(nbtrack, orders):
    # Events for rows of the past. marimo's own progress bar stays, as this cell has no other output.
    report = nbtrack.backfill(
        orders,
        nbtrack.tracker.StructuredEvent("shop", "order", label=nbtrack.col("order"), value=nbtrack.col("total")),
        key="order",
    )
    assert report.ok
    return (report,)


@app.cell
def _(mo, report):
    mo.plain_text(str(report))


@app.cell
def _(mo, nbtrack, report, session):
    # What arrived, and what this session did.
    sent = session.flush()
    counts = session.collector.counts()
    assert (sent.pending, counts["bad"]) == (0, 0)
    mo.vstack([mo.plain_text(f"{report.sent:,} of {counts['total']:,} events are orders"), mo.plain_text(str(nbtrack.activity()))])


@app.cell
def _(mo, nbtrack, report):
    # The live view: what is pending, what was sent, what the collector says. `report` puts it after the backfill.
    assert report.ok
    mo.ui.anywidget(nbtrack.monitor())


if __name__ == "__main__":
    app.run()
