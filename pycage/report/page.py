"""The page: a summary as HTML.

What a sandbox asked for is its own choice of text.  All of it goes through `escape`, in text and in attributes, nothing
is put into a script or a style, and the page's own policy lets no browser load or send anything.
"""

from __future__ import annotations

import base64
import hashlib
from datetime import UTC, datetime
from html import escape
from importlib import resources
from typing import TYPE_CHECKING, Final

from pycage.report.summary import OUTCOMES

if TYPE_CHECKING:
    from pycage.report.summary import Moment, Refusal, SandboxSummary, Summary

__all__ = ["page"]

_CLASS: Final = {"granted": "granted", "would deny": "would-deny", "denied": "denied"}
_WORD: Final = {"granted": "granted", "would deny": "would be denied", "denied": "denied"}
_HEIGHT: Final = 96


def page(summary: Summary, *, title: str, unread: int = 0) -> str:
    """Return the report as one HTML document.

    Args:
        summary: What to show.
        title: What it is about.
        unread: Lines of the log that were no decision.
    """
    style, behaviour = _file("style.css"), _file("behaviour.js")
    policy = f"default-src 'none'; style-src '{_digest(style)}'; script-src '{_digest(behaviour)}'; base-uri 'none'"
    body = [
        f"<h1>{escape(title)}</h1>",
        _overview(summary, unread),
        _timeline(summary.moments),
        _filter() if summary.sandboxes else "<p>Nothing was asked for.</p>",
        *(_sandbox(sandbox) for sandbox in summary.sandboxes),
    ]
    return "\n".join(
        [
            "<!doctype html>",
            '<html lang="en">',
            '<head><meta charset="utf-8">',
            f'<meta http-equiv="Content-Security-Policy" content="{policy}">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>{escape(title)}</title>",
            f"<style>{style}</style></head>",
            "<body><main>",
            *body,
            "</main>",
            f"<script>{behaviour}</script>",
            "</body></html>\n",
        ]
    )


def _file(name: str) -> str:
    return resources.files(__package__).joinpath(name).read_text("utf-8")


def _digest(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


def _time(seconds: float) -> str:
    try:
        moment = datetime.fromtimestamp(seconds, UTC)
    except (OverflowError, ValueError, OSError):
        return "at no time"
    return f'<time datetime="{moment.isoformat()}">{moment:%Y-%m-%d %H:%M:%S} UTC</time>'


def _number(value: int) -> str:
    return f"{value:,}"


def _times(count: int) -> str:
    return "once" if count == 1 else f"{_number(count)} times"


def _overview(summary: Summary, unread: int) -> str:
    figures = "".join(
        f'<div class="figure {_CLASS[outcome]}"><b>{_number(summary.count(outcome))}</b> {_WORD[outcome]}</div>'
        for outcome in OUTCOMES
    )
    period = f"<p>{_time(summary.start)} to {_time(summary.end)}</p>" if summary.sandboxes else ""
    are = "line of the log is no decision and is" if unread == 1 else "lines of the log are no decisions and are"
    warning = f'<p class="warning">{_number(unread)} {are} not in this report.</p>'
    return (
        f'<section class="overview">{period}<div class="figures">{figures}</div>{warning if unread else ""}</section>'
    )


def _timeline(moments: tuple[Moment, ...]) -> str:
    if not moments:
        return ""
    most = max(sum(moment.counts.values()) for moment in moments)
    bars = []
    for at, moment in enumerate(moments):
        top = float(_HEIGHT)
        for outcome in OUTCOMES:
            count = moment.counts[outcome]
            if count:
                height = max(_HEIGHT * count / most, 2.0)
                top -= height
                label = escape(f"{_number(count)} {_WORD[outcome]}, from {_plain_time(moment.start)}")
                bars.append(
                    f'<rect class="{_CLASS[outcome]}" x="{at * 10}" y="{top:.1f}" width="8" height="{height:.1f}">'
                    f"<title>{label}</title></rect>"
                )
    return (
        f'<section><h2>When</h2><svg class="timeline" viewBox="0 -12 {len(moments) * 10} {_HEIGHT + 12}" role="img" '
        f'preserveAspectRatio="none" aria-label="Requests over time">{"".join(bars)}</svg></section>'
    )


def _plain_time(seconds: float) -> str:
    try:
        return f"{datetime.fromtimestamp(seconds, UTC):%H:%M:%S}"
    except (OverflowError, ValueError, OSError):
        return "no time"


def _filter() -> str:
    boxes = "".join(
        f'<label><input type="checkbox" class="outcome" value="{_CLASS[outcome]}" checked> {_WORD[outcome]}</label>'
        for outcome in OUTCOMES
    )
    return (
        '<form class="filter" role="search"><label>Show <input type="search" id="words" '
        f'placeholder="part of a permission"></label>{boxes}<output id="shown"></output></form>'
    )


def _sandbox(sandbox: SandboxSummary) -> str:
    heading = "Outside of sandboxes" if sandbox.name is None else f"Sandbox <code>{escape(sandbox.name)}</code>"
    rows = "".join(
        f'<tr class="{_CLASS[asked.worst]}"><td><code>{escape(asked.permission)}</code></td>'
        + "".join(f'<td class="count">{_number(asked.counts[outcome])}</td>' for outcome in OUTCOMES)
        + f"<td>{_time(asked.first)}</td><td>{_time(asked.last)}</td>"
        f"<td>{escape('; '.join(asked.rules))}</td></tr>"
        for asked in sandbox.asked
    )
    heads = "".join(f'<th scope="col">{_WORD[outcome]}</th>' for outcome in OUTCOMES)
    parts = [
        f'<section class="sandbox"><h2>{heading}</h2>',
        (
            f'<table><thead><tr><th scope="col">what was asked for</th>{heads}<th scope="col">first</th>'
            f'<th scope="col">last</th><th scope="col">because of</th></tr></thead><tbody>{rows}</tbody></table>'
        ),
    ]
    if sandbox.refusals:
        parts += ["<h3>Refused</h3>", *(_refusal(refusal) for refusal in sandbox.refusals)]
    if sandbox.suggestion:
        parts.append(
            "<h3>A policy that would allow all of it</h3>"
            '<p class="warning">It allows what was refused as well: read each line before you use it.</p>'
            f'<pre class="policy">{escape(sandbox.suggestion)}</pre>'
        )
    if sandbox.incomplete:
        parts.append(
            f'<p class="warning">Not in it: {_number(sandbox.incomplete)} of what was asked for, whose names '
            "are relative or were too long to be recorded, or whose types this program does not know.</p>"
        )
    return "".join([*parts, "</section>"])


def _refusal(refusal: Refusal) -> str:
    why = "; ".join(text for text in (refusal.reason, refusal.rule or "") if text)
    stack = "".join(
        f"<li{' class=privileged' if entry.privileged else ''}><b>{escape(entry.domain)}</b> "
        f"<code>{escape(entry.function)}</code> <span>{escape(entry.file)}:{entry.line}"
        f"{' (privileged)' if entry.privileged else ''}</span></li>"
        for entry in refusal.chain
    )
    return (
        f'<details class="refusal {_CLASS[refusal.outcome]}"><summary><code>{escape(refusal.permission)}</code> '
        f"{_WORD[refusal.outcome]} {_times(refusal.count)}, last {_time(refusal.last)}</summary>"
        f"<p>{escape(refusal.domain)} lacks it{f' ({escape(why)})' if why else ''}.</p>"
        + (f"<ol>{stack}</ol>" if stack else "<p>Nothing was recorded of the stack.</p>")
        + "</details>"
    )
