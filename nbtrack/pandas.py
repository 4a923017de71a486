"""The accessor ``df.nbtrack`` of pandas DataFrames: ``import nbtrack.pandas`` registers it."""

from typing import TYPE_CHECKING, Any

import pandas as pd

if TYPE_CHECKING:
    from nbtrack.bulk import BackfillReport
    from nbtrack.tracker import Event

__all__ = ["BackfillAccessor"]


@pd.api.extensions.register_dataframe_accessor("nbtrack")
class BackfillAccessor:
    """Backfill of a pandas DataFrame: ``df.nbtrack``.

    Parameters
    ----------
    frame : pandas.DataFrame
        The rows.

    Examples
    --------
    >>> import pandas as pd
    >>> import nbtrack.pandas
    >>> from nbtrack import col
    >>> from nbtrack.tracker import PageView
    >>> frame = pd.DataFrame({"id": [1, 2], "address": ["https://acme.com/a", "https://acme.com/b"]})
    >>> frame.nbtrack.preview(PageView(col("address")), key="id")["url"].to_list()
    ['https://acme.com/a', 'https://acme.com/b']
    >>> frame.nbtrack.backfill(PageView(col("address")), key="id", dry_run=True).ok
    True
    """

    def __init__(self, frame: pd.DataFrame) -> None:
        self._frame = frame

    def backfill(self, event: "Event | str", **options: Any) -> "BackfillReport":
        """Send one event for each row.

        Parameters
        ----------
        event : Event or str
            The event, with `nbtrack.col` where a row's value goes; or the URI of a schema.
        **options
            As for `nbtrack.backfill`.

        Returns
        -------
        BackfillReport
            As of `nbtrack.backfill`.
        """
        from nbtrack.bulk import backfill  # noqa: PLC0415 - registering the accessor must cost nothing

        return backfill(self._frame, event, **options)

    def preview(self, event: "Event | str", n: int = 5, **options: Any) -> pd.DataFrame:
        """Return the events of the first rows; nothing is sent.

        Parameters
        ----------
        event : Event or str
            The event, with `nbtrack.col` where a row's value goes; or the URI of a schema.
        n : int, default 5
            How many rows.
        **options
            As for `nbtrack.backfill`.

        Returns
        -------
        pandas.DataFrame
            As of `nbtrack.bulk.preview`.
        """
        from nbtrack.bulk import preview  # noqa: PLC0415 - as above

        return preview(self._frame, event, n, **options)
