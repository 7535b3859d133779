"""OpenTelemetry: decisions as spans and counts.  Needs the extra: ``pip install pycage[otel]``.

Each denial, and each record of what audit mode let pass, is a span of no length with the record as its attributes;
every decision, grants included, is counted.  It is a sink like any other: records come from a thread of pycage's own,
so a span has no parent from the program's traces.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, final

from pycage import _core

if TYPE_CHECKING:
    from opentelemetry.metrics import Meter
    from opentelemetry.trace import Tracer

    from pycage.records import Decision

__all__ = ["OpenTelemetrySink"]

_SCOPE: Final = "pycage"
_NANOSECONDS: Final = 1_000_000_000


@final
@_core.seal
class OpenTelemetrySink:
    """A sink that reports decisions to OpenTelemetry.

    Spans are named ``pycage denied`` and ``pycage would deny`` and have the attributes ``pycage.sandbox``,
    ``pycage.permission.type``, ``.name`` and ``.actions``, ``pycage.rule``, ``pycage.domain``, ``pycage.reason``,
    ``pycage.chain`` and ``pycage.count``.  The counter is ``pycage.decisions``, by sandbox, type and outcome.

    >>> from opentelemetry.sdk.trace import TracerProvider
    >>> from opentelemetry.sdk.trace.export import SimpleSpanProcessor
    >>> from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
    >>> memory, provider = InMemorySpanExporter(), TracerProvider()
    >>> provider.add_span_processor(SimpleSpanProcessor(memory))
    >>> with pycage.decisions().add_sink(pycage.OpenTelemetrySink(provider.get_tracer("example"))):
    ...     with pycage.Sandbox("traced") as sandbox:
    ...         result = sandbox.run("import os; os.environ.get('HOME')")
    >>> [(span.name, span.attributes["pycage.permission.name"]) for span in memory.get_finished_spans()]
    [('pycage denied', 'HOME')]
    """

    __slots__ = ("_counter", "_error", "_tracer")

    def __init__(self, tracer: Tracer | None = None, meter: Meter | None = None) -> None:
        """Report to ``tracer`` and ``meter``; None: to those of the program's global providers.

        Raises:
            ImportError: OpenTelemetry is not installed.
        """
        try:
            from opentelemetry import metrics, trace  # noqa: PLC0415  an extra: who does not ask for it needs none
        except ImportError as error:
            message = "OpenTelemetry is not installed: pip install pycage[otel]"
            raise ImportError(message) from error
        self._tracer = trace.get_tracer(_SCOPE) if tracer is None else tracer
        self._counter = (metrics.get_meter(_SCOPE) if meter is None else meter).create_counter(
            "pycage.decisions", description="Decisions about permissions, by sandbox, type and outcome."
        )
        self._error = trace.Status(trace.StatusCode.ERROR)

    def __call__(self, decision: Decision) -> None:
        """Report a decision."""
        self._counter.add(
            decision.count,
            {
                "pycage.sandbox": decision.sandbox or "",
                "pycage.permission.type": decision.kind,
                "pycage.outcome": decision.outcome,
            },
        )
        if decision.outcome == "granted":
            return
        time = int(decision.time * _NANOSECONDS)
        span = self._tracer.start_span(
            f"pycage {decision.outcome}",
            start_time=time,
            attributes={
                "pycage.sandbox": decision.sandbox or "",
                "pycage.permission.type": decision.kind,
                "pycage.permission.name": decision.name,
                "pycage.permission.actions": decision.actions,
                "pycage.rule": decision.rule or "",
                "pycage.domain": decision.domain,
                "pycage.reason": decision.reason,
                "pycage.chain": [str(entry) for entry in decision.chain],
                "pycage.count": decision.count,
            },
        )
        if decision.outcome == "denied":
            span.set_status(self._error)
        span.end(end_time=time)
