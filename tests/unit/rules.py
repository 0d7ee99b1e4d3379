"""Seeded random recurrence rules and what dateutil makes of them: DTSTART|RULE|its first instances.

Left out is where dateutil follows another reading than RFC 5545: weeks without a weekday, the 53rd week, weekdays with and
without a number in one rule, and the first week of a weekly rule with BYSETPOS.  Usage: rules.py SEED COUNT"""
import datetime
import itertools
import random
import signal
import sys
import warnings

try:
    from dateutil import rrule
except ImportError:
    sys.exit(77)

DAYS = ["MO", "TU", "WE", "TH", "FR", "SA", "SU"]


def some(rng, values, most=3):
    return sorted(rng.sample(values, rng.randint(1, min(most, len(values)))))


def numbers(values):
    return ",".join(map(str, values))


def by_day(rng, frequency, ordinals):
    days = []
    for day in some(rng, DAYS, 4):
        if ordinals:
            limit = 53 if frequency == "YEARLY" else 5
            day = str(rng.choice([n for n in range(-limit, limit + 1) if n])) + day
        days.append(day)
    return ",".join(days)


def make(rng):
    frequency = rng.choice(["YEARLY"] * 4 + ["MONTHLY"] * 4 + ["WEEKLY"] * 3 + ["DAILY"] * 2
                           + ["HOURLY", "MINUTELY", "SECONDLY"])
    parts = ["FREQ=" + frequency]
    if rng.random() < 0.5:
        parts.append("INTERVAL=%d" % rng.choice([1, 2, 3, 4, 5, 7, 10, 18]))
    if rng.random() < 0.35:
        parts.append("BYMONTH=" + numbers(some(rng, list(range(1, 13)))))
    weeks = frequency == "YEARLY" and rng.random() < 0.2
    if weeks:
        parts.append("BYWEEKNO=" + numbers(some(rng, [n for n in range(-51, 53) if n])))
    if frequency == "YEARLY" and not weeks and rng.random() < 0.15:
        parts.append("BYYEARDAY=" + numbers(some(rng, [n for n in range(-366, 367) if n], 8)))
    if frequency != "WEEKLY" and not weeks and rng.random() < 0.3:
        parts.append("BYMONTHDAY=" + numbers(some(rng, [n for n in range(-31, 32) if n], 5)))
    if weeks or rng.random() < 0.5:
        ordinals = frequency in ("YEARLY", "MONTHLY") and not weeks and rng.random() < 0.6
        in_month = any(part.startswith("BYMONTH=") for part in parts)
        parts.append("BYDAY=" + by_day(rng, "MONTHLY" if in_month else frequency, ordinals))
    if rng.random() < 0.15:
        parts.append("BYHOUR=" + numbers(some(rng, list(range(24)))))
    if rng.random() < 0.15:
        parts.append("BYMINUTE=" + numbers(some(rng, list(range(60)))))
    if rng.random() < 0.1:
        parts.append("BYSECOND=" + numbers(some(rng, list(range(60)))))
    chosen = any(part.startswith("BY") for part in parts)
    if chosen and frequency in ("YEARLY", "MONTHLY", "DAILY") and rng.random() < 0.25:
        parts.append("BYSETPOS=" + numbers(some(rng, [n for n in range(-5, 6) if n], 2)))
    if rng.random() < 0.25:
        parts.append("WKST=" + rng.choice(DAYS))
    return ";".join(parts)


def give_up(*_):
    raise TimeoutError


def main():
    signal.signal(signal.SIGALRM, give_up)
    rng = random.Random(int(sys.argv[1]))
    warnings.simplefilter("ignore")
    limit = datetime.datetime(2060, 1, 1)
    for _ in range(int(sys.argv[2])):
        start = datetime.datetime(rng.randint(1990, 2035), rng.randint(1, 12), rng.randint(1, 28),
                                  rng.randint(0, 23), rng.randint(0, 59), rng.randint(0, 59))
        start = start.replace(day=rng.choice([start.day, 29, 30, 31])) if start.month in (1, 3, 5, 7) else start
        rule = make(rng)
        frequency = rule[5:rule.index(";")] if ";" in rule else rule[5:]
        days = {"HOURLY": 60, "MINUTELY": 2, "SECONDLY": 0.1}.get(frequency)
        end = start + datetime.timedelta(days=days) if days else limit
        signal.setitimer(signal.ITIMER_REAL, 0.5)
        try:
            found = rrule.rrulestr(rule + end.strftime(";UNTIL=%Y%m%dT%H%M%S"), dtstart=start)
            times = [t.strftime("%Y%m%dT%H%M%S") for t in itertools.islice(found, 60)]
        except (ValueError, IndexError, TimeoutError):  # its faults, or it looks for ever
            continue
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
        if days and not times:
            continue
        print(start.strftime("%Y%m%dT%H%M%S"), rule, ",".join(times), sep="|")


main()
