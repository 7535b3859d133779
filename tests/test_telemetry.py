"""OpenTelemetry: the real SDK is given spans and counts."""

from __future__ import annotations

import subprocess
import sys

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode
from pycage import AccessDenied, OpenTelemetrySink, RuntimePermission, Sandbox, decisions

GRANTED = RuntimePermission("told.x")
DENIED = RuntimePermission("told.y")


def test_denials_are_spans_and_everything_is_counted() -> None:
    exporter, reader = InMemorySpanExporter(), InMemoryMetricReader()
    tracers, meters = TracerProvider(), MeterProvider([reader])
    tracers.add_span_processor(SimpleSpanProcessor(exporter))
    with decisions().add_sink(OpenTelemetrySink(tracers.get_tracer("test"), meters.get_meter("test"))) as delivery:
        with Sandbox("told", permissions=[GRANTED]) as sandbox:
            ask = sandbox.run("import pycage\ndef ask(what): pycage.check_permission(what)\nask").value
            for _ in range(5):
                ask(GRANTED)
            with pytest.raises(AccessDenied):
                ask(DENIED)
            sandbox.set_mode("audit")
            ask(DENIED)
            ask(DENIED)

    assert 0 == delivery.failures
    denied, passed = exporter.get_finished_spans()
    assert ("pycage denied", StatusCode.ERROR, "told") == (
        denied.name,
        denied.status.status_code,
        denied.attributes["pycage.sandbox"],
    )
    assert ("RuntimePermission", "told.y", "no grant") == (
        denied.attributes["pycage.permission.type"],
        denied.attributes["pycage.permission.name"],
        denied.attributes["pycage.rule"],
    )
    assert any(line.startswith('sandbox "told": ask (') for line in denied.attributes["pycage.chain"])
    assert decisions().denials()[-1].time == pytest.approx(denied.start_time / 1e9)
    assert ("pycage would deny", StatusCode.UNSET, 2) == (
        passed.name,
        passed.status.status_code,
        passed.attributes["pycage.count"],
    )
    (metric,) = reader.get_metrics_data().resource_metrics[0].scope_metrics[0].metrics
    assert {"granted": 5, "denied": 1, "would deny": 2} == {
        point.attributes["pycage.outcome"]: point.value for point in metric.data.data_points
    }
    tracers.shutdown()
    meters.shutdown()


def test_pycage_does_not_need_it(tmp_path) -> None:
    program = """
import sys
sys.modules["opentelemetry"] = None
import pycage
try:
    pycage.OpenTelemetrySink()
except ImportError as error:
    print(error)
"""
    done = subprocess.run(
        [sys.executable, "-P", "-c", program], capture_output=True, text=True, check=True, cwd=tmp_path, timeout=60
    )

    assert "OpenTelemetry is not installed: pip install pycage[otel]\n" == done.stdout


def test_importing_pycage_does_not_import_it(tmp_path) -> None:
    program = "import sys, pycage; print('opentelemetry' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-P", "-c", program], capture_output=True, text=True, check=True, cwd=tmp_path, timeout=60
    )

    assert "False\n" == done.stdout
