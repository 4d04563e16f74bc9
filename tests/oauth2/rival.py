"""One of two processes that post the same at the same moment. It knows nothing of the platform's code, so it starts at once."""

from multiprocessing.connection import Connection
from multiprocessing.synchronize import Barrier
from threading import BrokenBarrierError

import requests

SECONDS = 30


def rival(orders: Connection, barrier: Barrier, address: str, authorization: str) -> None:
    """Post the fields that come by the pipe when the other does too, and send back the status and the text."""
    while (fields := orders.recv()) is not None:
        try:
            barrier.wait(SECONDS)
            answer = requests.post(
                address, fields, headers={"Authorization": authorization, "Connection": "close"}, timeout=SECONDS
            )
        except (BrokenBarrierError, requests.RequestException) as error:
            orders.send((0, type(error).__name__))
        else:
            orders.send((answer.status_code, answer.text))
