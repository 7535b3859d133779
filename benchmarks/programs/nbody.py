"""Planets that pull at each other, step by step: floats and attributes of small objects."""

from __future__ import annotations

import math

DAYS = 365.24
SOLAR_MASS = 4 * math.pi * math.pi

# name, position, velocity a day, mass in suns
PLANETS = [
    ("sun", (0.0, 0.0, 0.0), (0.0, 0.0, 0.0), 1.0),
    (
        "jupiter",
        (4.84143144246472, -1.16032004402742, -0.103622044471123),
        (0.00166007664274403, 0.00769901118419740, -0.0000690460016972063),
        0.000954791938424326,
    ),
    (
        "saturn",
        (8.34336671824457, 4.12479856412430, -0.403523417114321),
        (-0.00276742510726411, 0.00499852801234917, 0.0000230417297573763),
        0.000285885980666130,
    ),
    (
        "uranus",
        (12.8943695621391, -15.1111514016986, -0.223307578892655),
        (0.00296460137564761, 0.00237847173959480, -0.0000296589568540237),
        0.0000436624404335156,
    ),
    (
        "neptune",
        (15.3796971148509, -25.9193146099879, 0.179258772950371),
        (0.00268067772490389, 0.00162824170038242, -0.0000951592254519715),
        0.0000515138902046611,
    ),
]


class Body:
    """A point with a mass."""

    def __init__(self, name: str, position: tuple[float, ...], velocity: tuple[float, ...], mass: float) -> None:
        self.name = name
        self.x, self.y, self.z = position
        self.vx, self.vy, self.vz = (part * DAYS for part in velocity)
        self.mass = mass * SOLAR_MASS

    def move(self, dt: float) -> None:
        """Go on for a while."""
        self.x += dt * self.vx
        self.y += dt * self.vy
        self.z += dt * self.vz

    def kinetic_energy(self) -> float:
        """Return what the motion is worth."""
        return 0.5 * self.mass * (self.vx**2 + self.vy**2 + self.vz**2)


class System:
    """Bodies, and all pairs of them."""

    def __init__(self, bodies: list[Body]) -> None:
        self.bodies = bodies
        self.pairs = [(a, b) for i, a in enumerate(bodies) for b in bodies[i + 1 :]]
        self._stop_drift()

    def _stop_drift(self) -> None:
        sun = self.bodies[0]
        sun.vx = -sum(body.vx * body.mass for body in self.bodies) / sun.mass
        sun.vy = -sum(body.vy * body.mass for body in self.bodies) / sun.mass
        sun.vz = -sum(body.vz * body.mass for body in self.bodies) / sun.mass

    def advance(self, dt: float, steps: int) -> None:
        """Let time pass."""
        for _ in range(steps):
            for a, b in self.pairs:
                dx = a.x - b.x
                dy = a.y - b.y
                dz = a.z - b.z
                pull = dt * (dx * dx + dy * dy + dz * dz) ** -1.5
                a_pull = b.mass * pull
                b_pull = a.mass * pull
                a.vx -= dx * a_pull
                a.vy -= dy * a_pull
                a.vz -= dz * a_pull
                b.vx += dx * b_pull
                b.vy += dy * b_pull
                b.vz += dz * b_pull
            for body in self.bodies:
                body.move(dt)

    def energy(self) -> float:
        """Return what should stay the same."""
        total = sum(body.kinetic_energy() for body in self.bodies)
        for a, b in self.pairs:
            total -= a.mass * b.mass / math.dist((a.x, a.y, a.z), (b.x, b.y, b.z))
        return total


def run() -> tuple[str, str]:
    """Return the energy before and after."""
    system = System([Body(*planet) for planet in PLANETS])
    before = system.energy()
    system.advance(0.01, 20_000)
    return f"{before:.9f}", f"{system.energy():.9f}"
