"""A snapshot as plain text: for terminals, and where HTML is not shown."""

from nbtrack.activities.rendering import summarise
from nbtrack.widget.snapshot import Snapshot, describe_elsewhere, describe_validation


def render_text(snapshot: Snapshot) -> str:
    """Render a snapshot as a few lines.

    Parameters
    ----------
    snapshot : Snapshot
        What to show.

    Returns
    -------
    str
        Plain text, without a final line break.

    Examples
    --------
    >>> print(render_text(Snapshot(0.0, "local", "ok", "", {"accepted": 1200, "sent": 1200})))
    nbtrack: ok
      events go to  local
      events        1,200 accepted, 1,200 sent
    """
    counters = (
        ", ".join(f"{number:,} {name}" for name, number in snapshot.counters.items() if number)
        or "nothing yet"
    )
    lines = [
        f"nbtrack: {snapshot.state}{f' ({snapshot.reason})' if snapshot.reason else ''}",
        f"  events go to  {snapshot.destination}",
        f"  events        {counters}",
    ]
    if snapshot.elsewhere:
        lines.append(f"  elsewhere     {describe_elsewhere(snapshot.elsewhere)}")
    if snapshot.activity:
        lines.append(f"  activity      {summarise(snapshot.activity, len(snapshot.activity), 0)}")
    if snapshot.results:
        lines.append(
            f"  collector     {snapshot.results['good']:,} good, {snapshot.results['bad']:,} failed  "
            f"{snapshot.results.get('url', '')}".rstrip()
        )
    if validation := describe_validation(snapshot):
        lines.append(f"  validation    {validation}")
    lines += [f"  warning       {warning}" for warning in snapshot.warnings]
    if snapshot.fault:
        lines.append(f"  last error    {snapshot.fault}; see nbtrack.session().faults")
    return "\n".join(lines)
