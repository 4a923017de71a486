"""Coverage: which event specifications of a tracking plan were seen, and which never."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from nbtrack.common.wording import plural
from nbtrack.plans.model import EventSpecification, TrackingPlan


@dataclass(slots=True)
class PlanCoverage:
    """How many events were seen of each specification of a plan.

    Attributes
    ----------
    plan : TrackingPlan
        The plan.
    seen : dict of str to int
        Events by the specification's id; ids that the plan does not have are kept, too.

    Examples
    --------
    >>> from nbtrack.plans import PlanCoverage, TrackingPlan
    >>> PlanCoverage(TrackingPlan()).share
    1.0
    """

    plan: TrackingPlan
    seen: dict[str, int] = field(default_factory=dict)

    def add(self, specifications: Iterable[Mapping[str, Any]]) -> None:
        """Count events by the data of their ``event_specification`` entities; one without an id does not count."""
        for named in specifications:
            if isinstance(id_ := named.get("id"), str):
                self.seen[id_.lower()] = self.seen.get(id_.lower(), 0) + 1

    @property
    def missing(self) -> list[EventSpecification]:
        """The specifications that were never seen."""
        return [one for one in self.plan if not self.seen.get(one.id)]

    @property
    def unknown(self) -> list[str]:
        """Ids that events named and the plan does not have."""
        known = {one.id for one in self.plan}
        return sorted(id_ for id_ in self.seen if id_ not in known)

    @property
    def share(self) -> float:
        """Share of the specifications that were seen, 0 to 1; 1 for a plan without any."""
        total = len(self.plan.specifications)
        return 1.0 if not total else 1 - len(self.missing) / total

    def __str__(self) -> str:
        total = len(self.plan.specifications)
        head = (
            f"{total - len(self.missing)} of {plural(total, 'event specification')} seen ({self.share:.0%})"
        )
        width = max((len(one.name) for one in self.plan), default=0)
        rows = [
            f"  {one.name:{width}}  {self.seen.get(one.id, 0) or 'never':>9}  {one.product.name}"
            for one in self.plan
        ]
        unknown = [f"  not in the plan: {id_} ({plural(self.seen[id_], 'event')})" for id_ in self.unknown]
        return "\n".join([head, *rows, *unknown])
