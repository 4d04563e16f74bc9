"""A model vendor by script, on a real loopback socket: it answers well, or fails in any way that vendors fail."""

from tests.vendor.behaviours import BEHAVIOURS, Behaviour, after, answering, saying
from tests.vendor.exchange import Exchange, Received
from tests.vendor.server import Vendor, scripted_vendor

__all__ = ["BEHAVIOURS", "Behaviour", "Exchange", "Received", "Vendor", "after", "answering", "saying", "scripted_vendor"]
