"""Measures one program of a host after the other, as asked on standard input; see handoff.py.

With pycage: the manager is installed and a sandbox exists and has run, but none is on the stack.
"""

import asyncio
import gc
import json
import logging
import sys
import time
from concurrent.futures import ThreadPoolExecutor

WITH = sys.argv[1] == "with"


def check_sum(text):
    """Do a little work, as a request handler would."""
    total = 0
    for character in text:
        total = (total * 31 + ord(character)) % 65521
    return total


TEXT = "What a program does for each item that it is handed. " * 4


def thread_pool():
    """Hand 2,000 pieces of work to four threads, and add up what comes back."""
    with ThreadPoolExecutor(4) as pool:
        futures = [pool.submit(check_sum, TEXT) for _ in range(1000)]
        return sum(future.result() for future in futures) + sum(pool.map(check_sum, [TEXT] * 1000))


async def _serve(reader, writer):
    while line := await reader.readline():
        writer.write(b"%d\n" % check_sum(line.decode()))
        await writer.drain()
    writer.close()


async def _ask(port, count):
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    total = 0
    for _ in range(count):
        writer.write(TEXT.encode() + b"\n")
        total += int(await reader.readline())
    writer.close()
    await writer.wait_closed()
    return total


async def _server():
    server = await asyncio.start_server(_serve, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        return sum(await asyncio.gather(*(_ask(port, 40) for _ in range(10))))


async def _queue():
    queue, results = asyncio.Queue(20), []

    async def produce():
        for _ in range(250):
            await queue.put(TEXT)

    async def consume():
        while True:
            results.append(check_sum(await queue.get()))
            queue.task_done()

    consumers = [asyncio.create_task(consume()) for _ in range(4)]
    await asyncio.gather(*(produce() for _ in range(4)))
    await queue.join()
    for consumer in consumers:
        consumer.cancel()
    await asyncio.gather(*consumers, return_exceptions=True)
    return sum(results)


async def _tasks():
    async def work():
        await asyncio.sleep(0)
        return check_sum(TEXT)

    return sum(await asyncio.gather(*(work() for _ in range(1000))))


async def _empty_tasks():
    async def work():
        await asyncio.sleep(0)

    for _ in range(2000):
        await asyncio.create_task(work())


async def _callbacks():
    loop, done = asyncio.get_running_loop(), []
    for _ in range(2000):
        loop.call_soon(done.append, 1)
    await asyncio.sleep(0)
    assert len(done) == 2000


def run(program):
    """Return what runs it in an event loop of its own."""
    return lambda: asyncio.run(program())


ITEMS = {
    "thread_pool": thread_pool,
    "server": run(_server),
    "queue": run(_queue),
    "tasks": run(_tasks),
    "empty_tasks": run(_empty_tasks),
    "callbacks": run(_callbacks),
}

logging.disable()
if WITH:
    import pycage

    sandbox = pycage.Sandbox("benchmark")
    assert sandbox.run("1 + 2").value == 3

# What happens to be loaded is not what is measured: the collector looks at all of it from time to time.
gc.freeze()
for line in sys.stdin:
    program = ITEMS[line.strip()]
    started = time.process_time()
    program()
    print(json.dumps(time.process_time() - started), flush=True)
