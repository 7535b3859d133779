"""The executor's side of a channel, played by the test: it writes into the shared memory whatever it is told."""

from __future__ import annotations

import ctypes
import mmap
import os
import signal
import socket
import struct
import subprocess
import threading
import time

from pycage_native import _channel

REPLY = struct.Struct("=IIQQII4Q")
REQUEST = struct.Struct("=II6QII")
OK, CALLBACK, ERROR, BROKER, READY, FAILED = 1, 2, 3, 4, 5, 6


_SYSCALL = ctypes.CDLL(None).syscall
_FUTEX = {"x86_64": 202, "aarch64": 98}[os.uname().machine]


class Ended(Exception):
    """What a link reports when it gives an executor up."""


class FakeExecutor:
    """A link to a process that does nothing, and a second mapping of its memory to write to.

    Attributes:
        running: All that are not closed; what a failed test leaves here is closed by a fixture.
    """

    running: set[FakeExecutor] = set()

    def __init__(self, *, timeout=2.0, broker=None, spin=0, channels=1):
        self.closed = self.kept = False
        self.process = subprocess.Popen(["sleep", "1000"])
        self.running.add(self)
        self.asked = []

        def ended(reason, function, detail):
            raise Ended(reason, function, detail)

        self.link = _channel.Link(
            channels=channels,
            arena=4096,
            heap=0,
            timeout=round(timeout * 1e9),
            spin=spin,
            broker=broker or (lambda *request: self.asked.append(request) or -13),
            ended=ended,
        )
        self.memory = mmap.mmap(self.link.memory, self.link.size)
        ours, self.control = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        # The answer to the start is there before it is waited for.
        self.reply(1, READY, integer=0)
        assert self.link.start(os.pidfd_open(self.process.pid), ours.detach())

    def write(self, at, data):
        self.memory[at : at + len(data)] = data

    def reply(self, sequence, status, *, integer=0, real=0, error=0, aux=0, more=(0, 0, 0, 0)):
        """Write an answer; the sequence number last."""
        whole = REPLY.pack(sequence & 0xFFFFFFFF, status, integer, real, error, aux, *more)
        self.write(128 + 4, whole[4:])
        self.write(128, whole[:4])
        self.wake()

    def wake(self):
        """Wake the host, should it sleep on the answer."""
        word = ctypes.addressof(ctypes.c_char.from_buffer(self.memory)) + 128
        _SYSCALL(ctypes.c_long(_FUTEX), ctypes.c_void_p(word), ctypes.c_int(1), ctypes.c_int(1), None, None, 0)

    def request(self):
        return REQUEST.unpack(self.memory[: REQUEST.size])

    def function(self, result="q", arguments=b""):
        made = _channel.Function("probe", 0, result, arguments, True, None)
        made._link = self.link
        return made

    def during(self, action):
        """Run an action in a thread, which starts when the host has posted its request."""
        turn = self.request()[0]

        def wait_and_act():
            while not self.closed and self.request()[0] == turn:
                time.sleep(0)
            if not self.closed:
                action(self.request()[0])

        thread = threading.Thread(target=wait_and_act, daemon=True)
        thread.start()
        return thread

    def close(self):
        if self.closed:
            return
        self.closed = True
        self.running.discard(self)
        self.link.close()
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self.control.close()
        self.memory.close()
