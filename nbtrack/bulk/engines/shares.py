"""What each of many tasks may do of what one run may do."""

from dataclasses import replace

from nbtrack.bulk.plan import BackfillPlan

CONNECTIONS = 2  # of each task: a cluster has many


def share_of(plan: BackfillPlan, tasks: int) -> BackfillPlan:
    """Give the plan of one of so many tasks at once: its part of the rates, and fewer connections."""
    return replace(
        plan,
        connections=min(CONNECTIONS, plan.connections),
        rate=None if plan.rate is None else plan.rate / tasks,
        byte_rate=None if plan.byte_rate is None else plan.byte_rate / tasks,
    )
