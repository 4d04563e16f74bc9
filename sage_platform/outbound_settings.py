"""The settings of the outbound door that have a form of their own."""

from sage_platform import env
from sage_platform.outbound import AllowedNetwork, read_allowed_networks


@env.reader
def allowed_networks(name: str) -> list[AllowedNetwork]:
    """Private networks that are open all the same, for example `10.1.0.0/16, 10.0.0.5:8080, [fd00::5]:8080`."""
    try:
        return read_allowed_networks(env.text(name))
    except ValueError as error:
        raise env.misconfigured(name, str(error)) from None
