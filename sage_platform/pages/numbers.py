"""How numbers are written for people: whole ones in groups, and short ones where there is little room."""

from django.utils import formats
from django.utils.translation import gettext_lazy as _

# By the number that each unit stands for, the least first. A language counts in thousands or in ten thousands.
UNITS = _("1000 k, 1000000 M, 1000000000 B, 1000000000000 T")


def grouped(value: int) -> str:
    return str(formats.number_format(value, use_l10n=True, force_grouping=True))


def short(value: int) -> str:
    """At most one digit after the point, which may round: 12.3k. The whole number stands elsewhere."""
    units = [(1, "")] + [(int(size), name) for size, name in (unit.split() for unit in str(UNITS).split(","))]
    fitting = [number for number, (size, _name) in enumerate(units) if size <= value] or [0]
    unit = fitting[-1]
    if unit + 1 < len(units) and _in_tenths(value, units[unit][0]) * units[unit][0] >= units[unit + 1][0] * 10:
        unit += 1  # 999,960 is 1M and not 1000k.
    size, name = units[unit]
    whole, tenth = divmod(_in_tenths(value, size), 10)
    shown = formats.number_format(f"{whole}.{tenth}" if tenth else whole, use_l10n=True, force_grouping=True)
    return f"{shown}{name}"


def _in_tenths(value: int, size: int) -> int:
    return (value * 10 + size // 2) // size
