"""The platform's settings, and requests of which nothing is counted: what `metrics_cost` compares with."""

from sage_platform.settings import *  # noqa: F403
from sage_platform.telemetry.requests import Observed


def leads_to(self: Observed, route: str) -> None:
    self.route = route


Observed.leads_to = leads_to  # type: ignore[method-assign]
Observed.is_answered = Observed.is_over = lambda self: None  # type: ignore[method-assign]
Observed.starts = lambda self, start_response: start_response  # type: ignore[method-assign]
