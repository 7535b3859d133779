"""The scheduler of a small operating system: tasks, queues of packets, devices.

After Martin Richards' benchmark: its structure and counts, other words.
"""

from __future__ import annotations

IDLE, WORKER, HANDLER_A, HANDLER_B, DEVICE_A, DEVICE_B = range(6)
K_DEVICE, K_WORK = range(2)
DATA_SIZE = 4


class Packet:
    """A message in somebody's queue."""

    def __init__(self, link: Packet | None, owner: int, kind: int) -> None:
        self.link = link
        self.owner = owner
        self.kind = kind
        self.datum = 0
        self.data = [0] * DATA_SIZE

    def append_to(self, queue: Packet | None) -> Packet:
        """Become the last of a queue; return its head."""
        self.link = None
        if queue is None:
            return self
        last = queue
        while last.link is not None:
            last = last.link
        last.link = self
        return queue


class State:
    """What a task waits for."""

    def __init__(self) -> None:
        self.packet_pending = False
        self.waiting = False
        self.holding = False

    def set_running(self) -> None:
        """Nothing to wait for, nothing to do."""
        self.packet_pending = self.waiting = self.holding = False

    def set_waiting(self) -> None:
        """Wait for a packet."""
        self.packet_pending = self.holding = False
        self.waiting = True

    def set_pending(self) -> None:
        """A packet is there."""
        self.packet_pending = True
        self.waiting = self.holding = False

    def set_waiting_with_packet(self) -> None:
        """A packet came while waiting."""
        self.packet_pending = self.waiting = True
        self.holding = False


class Task:
    """Something that runs when the scheduler says so."""

    def __init__(self, scheduler: Scheduler, number: int, priority: int, queue: Packet | None, state: State) -> None:
        self.scheduler = scheduler
        self.number = number
        self.priority = priority
        self.queue = queue
        self.state = state
        self.next = scheduler.tasks
        scheduler.tasks = self
        scheduler.table[number] = self

    def handle(self, packet: Packet | None) -> Task | None:
        """Do a little; return who goes next."""
        raise NotImplementedError

    def is_held_or_waiting(self) -> bool:
        """Return whether there is nothing to do."""
        state = self.state
        return state.holding or (not state.packet_pending and state.waiting)

    def run(self) -> Task | None:
        """Take the next packet, if it was waited for."""
        packet = None
        state = self.state
        if state.packet_pending and state.waiting and not state.holding:
            packet = self.queue
            self.queue = packet.link
            if self.queue is None:
                state.set_running()
            else:
                state.set_pending()
        return self.handle(packet)

    def add_packet(self, packet: Packet, sender: Task) -> Task:
        """Queue a packet; return whoever is more important."""
        if self.queue is None:
            self.queue = packet
            self.state.packet_pending = True
            if self.priority > sender.priority:
                return self
        else:
            packet.append_to(self.queue)
        return sender

    def wait(self) -> Task:
        """Go on when there is a packet."""
        self.state.waiting = True
        return self

    def hold(self) -> Task | None:
        """Go on when released."""
        self.scheduler.hold_count += 1
        self.state.holding = True
        return self.next

    def release(self, number: int) -> Task:
        """Let another one go on."""
        task = self.scheduler.table[number]
        task.state.holding = False
        return task if task.priority > self.priority else self

    def send(self, packet: Packet) -> Task:
        """Hand a packet to its owner."""
        scheduler = self.scheduler
        task = scheduler.table[packet.owner]
        scheduler.packet_count += 1
        packet.link = None
        packet.owner = self.number
        return task.add_packet(packet, self)


class IdleTask(Task):
    """Wakes the devices, by a shift register."""

    def __init__(self, scheduler: Scheduler, count: int) -> None:
        super().__init__(scheduler, IDLE, 0, None, State())
        self.control = 1
        self.count = count

    def handle(self, packet: Packet | None) -> Task | None:  # noqa: ARG002  an idle task gets none
        self.count -= 1
        if self.count == 0:
            return self.hold()
        if self.control & 1 == 0:
            self.control //= 2
            return self.release(DEVICE_A)
        self.control = (self.control // 2) ^ 0xD008
        return self.release(DEVICE_B)


class WorkTask(Task):
    """Fills packets with letters."""

    def __init__(self, scheduler: Scheduler, queue: Packet, state: State) -> None:
        super().__init__(scheduler, WORKER, 1000, queue, state)
        self.destination = HANDLER_A
        self.count = 0

    def handle(self, packet: Packet | None) -> Task | None:
        if packet is None:
            return self.wait()
        self.destination = HANDLER_B if self.destination == HANDLER_A else HANDLER_A
        packet.owner = self.destination
        packet.datum = 0
        for i in range(DATA_SIZE):
            self.count = self.count % 26 + 1
            packet.data[i] = ord("A") + self.count - 1
        return self.send(packet)


class HandlerTask(Task):
    """Hands what the worker wrote to a device, letter by letter."""

    def __init__(self, scheduler: Scheduler, number: int, priority: int, queue: Packet, state: State) -> None:
        super().__init__(scheduler, number, priority, queue, state)
        self.work: Packet | None = None
        self.devices: Packet | None = None

    def handle(self, packet: Packet | None) -> Task | None:
        if packet is not None:
            if packet.kind == K_WORK:
                self.work = packet.append_to(self.work)
            else:
                self.devices = packet.append_to(self.devices)
        work = self.work
        if work is None:
            return self.wait()
        count = work.datum
        if count >= DATA_SIZE:
            self.work = work.link
            return self.send(work)
        device = self.devices
        if device is None:
            return self.wait()
        self.devices = device.link
        device.datum = work.data[count]
        work.datum = count + 1
        return self.send(device)


class DeviceTask(Task):
    """Writes one letter at a time."""

    def __init__(self, scheduler: Scheduler, number: int, priority: int, state: State) -> None:
        super().__init__(scheduler, number, priority, None, state)
        self.pending: Packet | None = None

    def handle(self, packet: Packet | None) -> Task | None:
        if packet is None:
            pending = self.pending
            if pending is None:
                return self.wait()
            self.pending = None
            return self.send(pending)
        self.pending = packet
        return self.hold()


class Scheduler:
    """Runs whoever is most important and has something to do."""

    def __init__(self) -> None:
        self.tasks: Task | None = None
        self.table: list[Task | None] = [None] * 6
        self.packet_count = 0
        self.hold_count = 0

    def schedule(self) -> None:
        """Run until everybody waits."""
        task = self.tasks
        while task is not None:
            task = task.next if task.is_held_or_waiting() else task.run()


def state(*, waiting: bool = False, pending: bool = False) -> State:
    """Make a state to start with."""
    made = State()
    made.waiting = waiting
    made.packet_pending = pending
    return made


def queue(owner: int, kind: int, length: int = 3) -> Packet:
    """Make packets that wait already."""
    head = None
    for _ in range(length):
        head = Packet(head, owner, kind)
    return head


def run() -> tuple[int, int]:
    """Return how many packets were sent and how often a task was held."""
    scheduler = Scheduler()
    IdleTask(scheduler, 25_000)
    WorkTask(scheduler, queue(IDLE, K_WORK, 2), state(waiting=True, pending=True))
    HandlerTask(scheduler, HANDLER_A, 2000, queue(DEVICE_A, K_DEVICE), state(waiting=True, pending=True))
    HandlerTask(scheduler, HANDLER_B, 3000, queue(DEVICE_B, K_DEVICE), state(waiting=True, pending=True))
    DeviceTask(scheduler, DEVICE_A, 4000, state(waiting=True))
    DeviceTask(scheduler, DEVICE_B, 5000, state(waiting=True))
    scheduler.schedule()
    return scheduler.packet_count, scheduler.hold_count
