"""A way to a server that takes its time: `python -m tests.benchmarks.far PORT TARGET MILLISECONDS`, so long each way."""

import asyncio
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from subprocess import Popen

from scripts.with_services import spare_port
from tests.e2e.served import ROOT


async def pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, seconds: float) -> None:
    """Each piece as late as the next, so that they keep their order and none waits for another."""
    loop = asyncio.get_running_loop()
    while piece := await reader.read(65536):
        loop.call_later(seconds, writer.write, piece)
    await asyncio.sleep(seconds)
    writer.close()


async def serve(port: int, target: int, seconds: float) -> None:
    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        onward_reader, onward_writer = await asyncio.open_connection("127.0.0.1", target)
        with suppress(ConnectionError):
            await asyncio.gather(pass_on(reader, onward_writer, seconds), pass_on(onward_reader, writer, seconds))

    server = await asyncio.start_server(connected, "127.0.0.1", port)
    await server.serve_forever()


@contextmanager
def far(target: int, milliseconds: float) -> Iterator[int]:
    """The port of such a way to a port of this machine, whose round trip takes so long."""
    port = spare_port()
    command = [sys.executable, "-m", "tests.benchmarks.far", str(port), str(target), str(milliseconds / 2)]
    with Popen(command, cwd=ROOT) as process:
        try:
            yield port
        finally:
            process.terminate()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]) / 1000))
