"""A desktop application made with Tauri: `app.py CONFIGURATION`. Run by the Python that has pytauri.

Its updater is Tauri's own. Each line of the input is an order to it, as pages/main.js reads it; each line of the output is what
came of it.
"""

import os
import sys
from pathlib import Path

from anyio import to_thread
from anyio.from_thread import start_blocking_portal
from pytauri import Commands
from pytauri_plugins import updater
from pytauri_wheel.lib import builder_factory, context_factory


async def next_order() -> bytes:
    line: str = await to_thread.run_sync(sys.stdin.readline)
    if not line:
        os._exit(0)
    return line.encode()


async def tell(body: bytes) -> bytes:
    print(body.decode(), flush=True)
    return b"null"


def main(configuration: str) -> int:
    commands = Commands()
    commands.set_command("next_order", next_order)
    commands.set_command("tell", tell)
    with start_blocking_portal("asyncio") as portal:
        app = builder_factory().build(
            context=context_factory(Path(__file__).parent.absolute(), tauri_config=configuration),
            invoke_handler=commands.generate_handler(portal),
            plugins=[updater.Builder.build()],
        )
        return int(app.run_return())


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
