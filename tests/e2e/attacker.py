"""Somebody who sends requests over and over, by many connections at once: `python -m tests.e2e.attacker`, so as to use no time of
the test's own process. It goes on until its standard input is closed, and then tells the statuses that it was answered.
"""

import asyncio
import json
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from itertools import count

# Stands for a number in a body, another one each time, so that the body keeps its length.
NUMBER = "00000000"
# Stands in a header for an address in another network each time, as one who has a prefix of IPv6 has them.
EVERYWHERE = "2001:db8:0:0::1"


@dataclass
class Attack:
    """One request, and by how many connections it is sent. `numbers` is how many different numbers there are."""

    method: str
    path: str
    headers: dict[str, str]
    body: str = ""
    connections: int = 90
    numbers: int = 10**8
    # Filled when it has ended.
    statuses: Counter[int] = field(default_factory=Counter)

    @contextmanager
    def under_way(self, port: int) -> Iterator[None]:
        told = json.dumps([port, asdict(self)])
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.e2e.attacker", told], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        assert process.stdout is not None
        try:
            process.stdout.readline()  # The first answer is there.
            yield
        finally:
            counted, _ = process.communicate(timeout=20)
            self.statuses.update({int(status): amount for status, amount in json.loads(counted).items()})


async def carry_out(attack: Attack, port: int) -> None:
    statuses, numbers, body = attack.statuses, count(), attack.body
    lines = [f"{attack.method} {attack.path} HTTP/1.1", "Host: 127.0.0.1"]
    lines += [f"{name}: {value}" for name, value in attack.headers.items()]
    head = "\r\n".join([*lines, f"Content-Length: {len(body)}", "", ""])

    async def connection() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        while True:
            number = next(numbers) % attack.numbers
            place = head.replace(EVERYWHERE, f"2001:db8:{number // 10_000}:{number % 10_000}::1")
            writer.write((place + body.replace(NUMBER, f"{number:08d}")).encode())
            answer = await reader.readuntil(b"\r\n\r\n")
            length = next((line for line in answer.lower().split(b"\r\n") if line.startswith(b"content-length:")), b":0")
            await reader.readexactly(0 if attack.method == "HEAD" else int(length.partition(b":")[2]))
            statuses[int(answer.split()[1])] += 1

    async def client() -> None:
        while True:
            with suppress(OSError, asyncio.IncompleteReadError):
                await connection()

    clients = [asyncio.create_task(client()) for _ in range(attack.connections)]
    while not statuses:
        await asyncio.sleep(0.01)
    print(flush=True)
    await asyncio.to_thread(sys.stdin.read)
    for task in clients:
        task.cancel()
    print(json.dumps(statuses), flush=True)


if __name__ == "__main__":
    port, facts = json.loads(sys.argv[1])
    asyncio.run(carry_out(Attack(**facts | {"statuses": Counter()}), port))
