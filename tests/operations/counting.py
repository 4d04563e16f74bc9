"""What is counted of operations while a test does something."""

from collections.abc import Iterator
from contextlib import contextmanager

from prometheus_client import REGISTRY

# By category, name and status, as `identity/sign_in ok`.
Counts = dict[str, int]


def counts() -> Counts:
    """All so far of this process, those that are 0 too."""
    (family,) = (metric for metric in REGISTRY.collect() if metric.name == "sage_server_operations")
    return {
        "{category}/{name} {status}".format(**sample.labels): int(sample.value)
        for sample in family.samples
        if sample.name == "sage_server_operations_total"
    }


@contextmanager
def counting() -> Iterator[Counts]:
    """The dictionary is filled at the end of the block with what was counted in it."""
    before, new = counts(), Counts()
    yield new
    new |= {name: number - before.get(name, 0) for name, number in counts().items() if number != before.get(name, 0)}
