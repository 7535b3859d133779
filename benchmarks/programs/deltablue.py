"""One-way constraints, solved a little at a time.

After John Maloney's and Mario Wolczko's DeltaBlue: its algorithm, other words.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


# How much a constraint matters; less is stronger.
REQUIRED, PREFERRED, STRONG_DEFAULT, NORMAL, WEAKEST = range(5)


class Variable:
    """A value that constraints work on."""

    def __init__(self, name: str, value: float = 0) -> None:
        self.name = name
        self.value = value
        self.constraints: list[Constraint] = []
        self.determined_by: Constraint | None = None
        self.mark = 0
        self.walk_strength = WEAKEST
        self.stay = True

    def remove(self, constraint: Constraint) -> None:
        """Forget a constraint."""
        self.constraints.remove(constraint)
        if self.determined_by is constraint:
            self.determined_by = None


class Constraint:
    """Keeps a relation between variables, by computing one of them."""

    def __init__(self, planner: Planner, strength: int) -> None:
        super().__init__()
        self.planner = planner
        self.strength = strength

    def activate(self) -> None:
        """Take part from now on."""
        self.attach()
        self.planner.add(self)

    def destroy(self) -> None:
        """Take part no more."""
        if self.is_satisfied():
            self.planner.remove(self)
        self.detach()

    def inputs(self) -> Iterable[Variable]:
        """Return what the output is computed from."""
        return ()

    def is_input(self) -> bool:
        """Return whether it depends on the world outside."""
        return False

    def inputs_known(self, mark: int) -> bool:
        """Return whether what it is computed from is known by now."""
        for variable in self.inputs():
            if not (variable.mark == mark or variable.stay or variable.determined_by is None):
                return False
        return True

    def mark_inputs(self, mark: int) -> None:
        """Mark what it is computed from."""
        for variable in self.inputs():
            variable.mark = mark

    def satisfy(self, mark: int) -> Constraint | None:
        """Try to hold; return the constraint that had to give way."""
        self.choose_method(mark)
        if not self.is_satisfied():
            if self.strength == REQUIRED:
                raise ValueError("a required constraint cannot be satisfied")
            return None
        self.mark_inputs(mark)
        output = self.output()
        overridden = output.determined_by
        if overridden is not None:
            overridden.mark_unsatisfied()
        output.determined_by = self
        if not self.planner.propagate(self, mark):
            raise ValueError("a cycle")
        output.mark = mark
        return overridden

    def recalculate(self) -> None:
        """Tell the output how strong it is now."""
        output = self.output()
        output.walk_strength = self.output_strength()
        output.stay = self.output_stays()
        if output.stay:
            self.execute()

    def output_strength(self) -> int:
        """Return the strength that the output gets."""
        return max(self.strength, *(variable.walk_strength for variable in self.inputs()))

    def output_stays(self) -> bool:
        """Return whether the output does not change while a plan runs."""
        return all(variable.stay for variable in self.inputs())


class UnaryConstraint(Constraint):
    """Concerns one variable."""

    def __init__(self, planner: Planner, variable: Variable, strength: int) -> None:
        super().__init__(planner, strength)
        self.variable = variable
        self.satisfied = False
        self.activate()

    def attach(self) -> None:
        self.variable.constraints.append(self)
        self.satisfied = False

    def detach(self) -> None:
        self.variable.remove(self)
        self.satisfied = False

    def choose_method(self, mark: int) -> None:
        variable = self.variable
        self.satisfied = variable.mark != mark and self.strength < variable.walk_strength

    def is_satisfied(self) -> bool:
        return self.satisfied

    def mark_unsatisfied(self) -> None:
        self.satisfied = False

    def output(self) -> Variable:
        return self.variable

    def output_strength(self) -> int:
        return self.strength

    def output_stays(self) -> bool:
        return not self.is_input()

    def execute(self) -> None:
        """Nothing has to be computed."""


class StayConstraint(UnaryConstraint):
    """Wants a variable to stay what it is."""


class EditConstraint(UnaryConstraint):
    """Says that a variable is changed from outside."""

    def is_input(self) -> bool:
        return True


class BinaryConstraint(Constraint):
    """Concerns two variables; either may be computed from the other."""

    FORWARD, BACKWARD = 1, -1

    def __init__(self, planner: Planner, first: Variable, second: Variable, strength: int) -> None:
        super().__init__(planner, strength)
        self.first = first
        self.second = second
        self.direction = 0
        self.activate()

    def attach(self) -> None:
        self.first.constraints.append(self)
        self.second.constraints.append(self)
        self.direction = 0

    def detach(self) -> None:
        self.first.remove(self)
        self.second.remove(self)
        self.direction = 0

    def choose_method(self, mark: int) -> None:
        first, second = self.first, self.second
        if first.mark == mark:
            free = second.mark != mark and self.strength < second.walk_strength
            self.direction = self.FORWARD if free else 0
        elif second.mark == mark or first.walk_strength > second.walk_strength:
            self.direction = self.BACKWARD if self.strength < first.walk_strength else 0
        else:
            self.direction = self.FORWARD if self.strength < second.walk_strength else 0

    def is_satisfied(self) -> bool:
        return self.direction != 0

    def mark_unsatisfied(self) -> None:
        self.direction = 0

    def input(self) -> Variable:
        return self.first if self.direction == self.FORWARD else self.second

    def inputs(self) -> Iterable[Variable]:
        return (self.input(),)

    def output(self) -> Variable:
        return self.second if self.direction == self.FORWARD else self.first


class EqualityConstraint(BinaryConstraint):
    """Keeps two variables equal."""

    def execute(self) -> None:
        self.output().value = self.input().value


class ScaleConstraint(BinaryConstraint):
    """Keeps the second variable a multiple of the first, and something more."""

    def __init__(
        self, planner: Planner, source: Variable, target: Variable, scale: Variable, offset: Variable, *, strength: int
    ) -> None:
        self.scale = scale
        self.offset = offset
        super().__init__(planner, source, target, strength)

    def attach(self) -> None:
        super().attach()
        self.scale.constraints.append(self)
        self.offset.constraints.append(self)

    def detach(self) -> None:
        super().detach()
        self.scale.remove(self)
        self.offset.remove(self)

    def inputs(self) -> Iterable[Variable]:
        return (self.input(), self.scale, self.offset)

    def execute(self) -> None:
        if self.direction == self.FORWARD:
            self.second.value = self.first.value * self.scale.value + self.offset.value
        else:
            self.first.value = (self.second.value - self.offset.value) / self.scale.value


class Planner:
    """Decides which constraints hold, and in what order they compute."""

    def __init__(self) -> None:
        self._mark = 0

    def new_mark(self) -> int:
        """Return a mark that nothing has yet."""
        self._mark += 1
        return self._mark

    def add(self, constraint: Constraint) -> None:
        """Satisfy a constraint, and then those that had to give way."""
        mark = self.new_mark()
        overridden = constraint.satisfy(mark)
        while overridden is not None:
            overridden = overridden.satisfy(mark)

    def remove(self, constraint: Constraint) -> None:
        """Let those hold that this one kept from it."""
        output = constraint.output()
        constraint.mark_unsatisfied()
        constraint.detach()
        for other in sorted(self._freed_by(output), key=lambda freed: freed.strength):
            self.add(other)
        constraint.attach()

    def _freed_by(self, output: Variable) -> list[Constraint]:
        output.determined_by = None
        output.walk_strength = WEAKEST
        output.stay = True
        unsatisfied: list[Constraint] = []
        todo = [output]
        while todo:
            variable = todo.pop()
            unsatisfied += [constraint for constraint in variable.constraints if not constraint.is_satisfied()]
            for constraint in self._consumers(variable):
                constraint.recalculate()
                todo.append(constraint.output())
        return unsatisfied

    def _consumers(self, variable: Variable) -> Iterator[Constraint]:
        for constraint in variable.constraints:
            if constraint is not variable.determined_by and constraint.is_satisfied():
                yield constraint

    def propagate(self, constraint: Constraint, mark: int) -> bool:
        """Recalculate everything downstream; False if that leads back to the constraint."""
        todo = [constraint]
        while todo:
            current = todo.pop()
            output = current.output()
            if output.mark == mark:
                constraint.mark_unsatisfied()
                return False
            current.recalculate()
            todo.extend(self._consumers(output))
        return True

    def plan(self, sources: list[Constraint]) -> list[Constraint]:
        """Return the constraints to execute, in order, when the sources change."""
        mark = self.new_mark()
        plan: list[Constraint] = []
        todo = list(sources)
        while todo:
            constraint = todo.pop()
            output = constraint.output()
            if output.mark != mark and constraint.inputs_known(mark):
                plan.append(constraint)
                output.mark = mark
                todo.extend(self._consumers(output))
        return plan

    def change(self, variable: Variable, values: Iterable[float]) -> None:
        """Edit a variable."""
        edit = EditConstraint(self, variable, PREFERRED)
        plan = self.plan([edit])
        for value in values:
            variable.value = value
            for constraint in plan:
                constraint.execute()
        edit.destroy()


def chain(length: int) -> float:
    """Change one end of a row of equal variables."""
    planner = Planner()
    variables = [Variable(f"v{i}") for i in range(length + 1)]
    for before, after in itertools.pairwise(variables):
        EqualityConstraint(planner, before, after, REQUIRED)
    StayConstraint(planner, variables[-1], STRONG_DEFAULT)
    planner.change(variables[0], range(100))
    return sum(variable.value for variable in variables)


def projection(size: int) -> float:
    """Change both sides of many linear relations, and what they share."""
    planner = Planner()
    scale, offset = Variable("scale", 10), Variable("offset", 1000)
    pairs = []
    for i in range(size):
        source, target = Variable(f"source {i}", i), Variable(f"target {i}", i)
        StayConstraint(planner, source, NORMAL)
        ScaleConstraint(planner, source, target, scale, offset, strength=REQUIRED)
        pairs.append((source, target))
    planner.change(pairs[0][0], [17])
    planner.change(pairs[0][1], [1050])
    planner.change(scale, [5])
    planner.change(offset, [2000])
    return sum(source.value + target.value for source, target in pairs)


def run() -> tuple[float, float]:
    """Return the sums of all values."""
    totals = [(chain(size), projection(size)) for size in range(100, 280, 20)]
    return sum(total for total, _ in totals), sum(total for _, total in totals)
