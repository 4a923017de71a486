"""An app that asks for what is not there, and shows what it is told."""

import marimo

app = marimo.App()


@app.cell
def _():
    import os

    import marimo as mo

    import nbtrack
    from nbtrack.tracker import PageView

    told = []
    for call in (nbtrack.session, lambda: nbtrack.backfill([{"a": 1}], PageView(nbtrack.col("a")))):
        try:
            call()
        except Exception as error:
            told.append(str(error))
    session = nbtrack.start(os.environ["TEST_COLLECTOR"], store="memory")
    told.append(session.describe())
    session.emitter.pause()
    told.append(str(nbtrack.monitor().still()))
    try:
        nbtrack.activity(sessions="all")
    except Exception as error:
        told.append(str(error))
    mo.plain_text("\n".join(["told:", *told, "end"]))
    return (nbtrack,)


@app.cell
def _(nbtrack):
    nbtrack.monitor()


if __name__ == "__main__":
    app.run()
