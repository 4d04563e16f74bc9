"""A program: eight processes of the platform take files of one person at the same moment. It prints how many, by the answer."""

import json
from collections import Counter
from multiprocessing import get_context

import django

PROCESSES = 8
ROUNDS = 3
context = get_context("fork")
together = context.Barrier(PROCESSES)


def upload(token: str) -> str:
    """What a worker does with a request, without the socket in front of it."""
    from django.core.files.uploadedfile import SimpleUploadedFile
    from django.test import Client

    caller = Client(headers={"Host": "127.0.0.1", "Authorization": token})
    assert caller.get("/api/auth/session").status_code == 200
    together.wait(timeout=60)
    sent = caller.post("/api/oss/upload", {"file": SimpleUploadedFile("a.bin", b"x" * 100_000)})
    return f"{sent.status_code} {sent.json()['code']}"


def sign_in_all() -> list[str]:
    from tests.conftest import make_user
    from tests.people import signed_in

    return [signed_in(make_user(f"quentin{number}", "!"), token=True).headers["Authorization"] for number in range(ROUNDS)]


def main() -> None:
    django.setup()
    with context.Pool(PROCESSES) as pool:
        # In one of them: no connection to the database may cross a fork.
        for token in pool.apply(sign_in_all):
            # Each waits for the others, so no process gets two.
            print(json.dumps(Counter(pool.map(upload, [token] * PROCESSES, chunksize=1)), sort_keys=True))


if __name__ == "__main__":
    main()
