"""The numbers of the workers' files as what prometheus_client makes text of."""

from collections import defaultdict
from collections.abc import Iterable, Mapping

from prometheus_client import Metric
from prometheus_client.utils import floatToGoString

from sage_platform.telemetry.cells import TOGETHER
from sage_platform.telemetry.files import Key

Numbers = Iterable[tuple[Key, float]]
Labels = tuple[tuple[str, str], ...]


def shown(by_kind: Mapping[str, Numbers]) -> list[Metric]:
    """One of each name. While one version replaces another, two may say different things of a metric: the first one counts."""
    found: dict[str, Metric] = {}
    for kind, numbers in by_kind.items():
        by_metric: dict[str, list[tuple[Key, float]]] = defaultdict(list)
        for key, number in numbers:
            by_metric[key.metric].append((key, number))
        for name, own in by_metric.items():
            if name not in found:
                metric = found[name] = Metric(name, own[0][0].help, kind.partition("_")[0])
                fill(metric, kind, own)
    return list(found.values())


def fill(metric: Metric, kind: str, numbers: Numbers) -> None:
    together = TOGETHER[kind]
    samples: dict[tuple[str, Labels], float] = {}
    for key, number in numbers:
        of = (key.name, key.labels)
        samples[of] = together((samples[of], number)) if of in samples else number
    if metric.type == "histogram":
        samples = accumulated(metric.name, samples)
    for (name, labels), number in samples.items():
        metric.add_sample(name, dict(labels), number)


def accumulated(name: str, samples: Mapping[tuple[str, Labels], float]) -> dict[tuple[str, Labels], float]:
    """A file has each bucket by itself; what is shown of one has those below it in it, and their count beside them."""
    sums: dict[Labels, float] = {}
    buckets: dict[Labels, list[tuple[float, float]]] = defaultdict(list)
    for (_of, labels), number in samples.items():
        if (upper := dict(labels).get("le")) is None:
            sums[labels] = number
        else:
            buckets[tuple(label for label in labels if label[0] != "le")].append((float(upper), number))
    found: dict[tuple[str, Labels], float] = {}
    for labels, own in buckets.items():
        count = 0.0
        for bound, number in sorted(own):
            count += number
            found[f"{name}_bucket", (*labels, ("le", floatToGoString(bound)))] = count
        found[f"{name}_count", labels] = count
        found[f"{name}_sum", labels] = sums.get(labels, 0.0)
    return found
