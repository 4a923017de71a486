"""An app that two viewers open: each starts a session, and tracks what it is asked to."""

import marimo

app = marimo.App()


@app.cell
def _():
    import os

    import marimo as mo

    import nbtrack

    session = nbtrack.start(os.environ["TEST_COLLECTOR"], store="memory", notebook_name="name", app_id="app")
    return mo, nbtrack, session


@app.cell
def _(mo):
    viewer = mo.query_params()["viewer"]
    button = mo.ui.run_button(label="Track")
    button  # noqa: B018 - shown
    return button, viewer


@app.cell
def _(button, mo, nbtrack, session, viewer):
    mo.stop(not button.value, mo.md("not yet"))
    with nbtrack.track(f"step of {viewer}"):
        pass
    report = session.flush()
    mo.md(f"{viewer} sent {report.sent}, ended {session.ended}, same {nbtrack.session() is session}")


@app.cell
def _(nbtrack, session):
    assert session.enabled
    nbtrack.monitor()


if __name__ == "__main__":
    app.run()
