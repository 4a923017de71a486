"""Tracking plans: read from files, generated as typed Python, and checked against."""

from nbtrack.common.errors import show_under
from nbtrack.plans.checks import VALIDATION_SCHEMA, Finding, PlanChecks, page_data
from nbtrack.plans.coverage import PlanCoverage
from nbtrack.plans.documents import Mistake
from nbtrack.plans.generator import GeneratedModule, generate
from nbtrack.plans.model import (
    DataProduct,
    DataStructure,
    EventSpecification,
    Source,
    TrackingPlan,
    Trigger,
)
from nbtrack.plans.reader import TrackingPlanError, read_tracking_plan

__all__ = [
    "VALIDATION_SCHEMA",
    "DataProduct",
    "DataStructure",
    "EventSpecification",
    "Finding",
    "GeneratedModule",
    "Mistake",
    "PlanChecks",
    "PlanCoverage",
    "Source",
    "TrackingPlan",
    "TrackingPlanError",
    "Trigger",
    "generate",
    "page_data",
    "read_tracking_plan",
]
show_under(__name__, [globals()[name] for name in __all__])
