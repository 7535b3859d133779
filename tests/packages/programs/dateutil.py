"""Parsing dates, relative differences, recurrence rules, time zones, Easter."""

import copy
import datetime as dt

from dateutil import easter, parser, relativedelta, rrule, tz, utils
from dateutil.relativedelta import FR, MO


def main():
    when = parser.parse("Thu Sep 25 2003 10:36:28")
    assert when == dt.datetime(2003, 9, 25, 10, 36, 28)
    assert parser.parse("2024-02-29T12:30:00+02:00").utcoffset() == dt.timedelta(hours=2)
    assert parser.isoparse("20240229T1230Z").tzinfo is tz.UTC or parser.isoparse("20240229T1230Z").tzname() == "UTC"
    assert parser.parse("3rd of May 2001", fuzzy=True).day == 3
    assert parser.parse("10.5.2020", dayfirst=True).month == 5
    try:
        parser.parse("no date at all")
    except parser.ParserError as error:
        failure = type(error).__name__
    step = relativedelta.relativedelta(months=+1, weekday=FR(-1))
    assert dt.date(2024, 1, 31) + relativedelta.relativedelta(months=1) == dt.date(2024, 2, 29)
    assert relativedelta.relativedelta(dt.datetime(2024, 3, 1), dt.datetime(2020, 2, 29)).years == 4
    rule = rrule.rrule(rrule.MONTHLY, count=4, byweekday=MO(+1), dtstart=dt.datetime(2024, 1, 1))
    parsed = rrule.rrulestr("DTSTART:20240101T090000\nRRULE:FREQ=WEEKLY;COUNT=3;BYDAY=TU,TH")
    both = rrule.rruleset()
    both.rrule(rule)
    both.exdate(dt.datetime(2024, 2, 5))
    east = tz.tzoffset("EST", -5 * 3600)
    summer = tz.tzstr("EST5EDT,M3.2.0,M11.1.0")
    noon = dt.datetime(2024, 7, 1, 12, tzinfo=summer)
    assert noon.utcoffset() == dt.timedelta(hours=-4)
    assert tz.datetime_exists(dt.datetime(2024, 3, 10, 2, 30), summer) is False
    assert tz.datetime_ambiguous(dt.datetime(2024, 11, 3, 1, 30), summer) is True
    assert copy.deepcopy(east) == east
    return {
        "failure": failure,
        "step": (dt.date(2024, 1, 10) + step).isoformat(),
        "rule": [day.date().isoformat() for day in rule],
        "parsed": [day.isoformat() for day in parsed],
        "both": [day.day for day in both],
        "between": len(rule.between(dt.datetime(2024, 2, 1), dt.datetime(2024, 3, 31))),
        "text": str(rule),
        "zones": [noon.astimezone(zone).isoformat() for zone in (tz.UTC, east)],
        "resolved": tz.resolve_imaginary(dt.datetime(2024, 3, 10, 2, 30, tzinfo=summer)).isoformat(),
        "easter": easter.easter(2024).isoformat(),
        "delta": repr(relativedelta.relativedelta(years=1, hour=5)),
        "within": utils.within_delta(noon, noon + dt.timedelta(seconds=1), dt.timedelta(seconds=2)),
    }
