"""What a dry run says, for people: the sum, each action of each rule, the days, and some keys."""

from typing import Any

from objstore.cli.output import number, print_table, say, size
from objstore.cli.rule_text import outcome

DAYS_SHOWN = 12
BAR_CHARS = 24
KEYS_SHOWN = 3


def show_dry_run(answer: dict[str, Any]) -> None:
    """Print it."""
    together, days = answer["together"], answer["days"]
    if not answer["actions"] and not together["shares"]:
        say("There is nothing to be done: no rules, and nothing that moves by access.")
        return
    say(_sum(together, days))
    rows = _rows(answer)
    print_table("", ("Rule", "Does", "#Now", f"#{days} days", "#Bytes", "#First"), [row[:-1] for row in rows])
    say("First: on how many of them the rule acts before all others do.")
    _days(together["by_day"], "" if together["exact"] else "about ")
    if any(row[-1] for row in rows):
        say("For instance:")
    for rule, does, *_, keys in rows:
        if keys:
            more = ", …" if len(keys) > KEYS_SHOWN else ""
            say(f"  {rule}, {does}: {', '.join(keys[:KEYS_SHOWN])}{more}")


def _sum(together: dict[str, Any], days: int) -> str:
    if together["error"]:
        return f"All rules together: {together['error']}"
    now, total = together["now"], together["total"]
    about = "" if together["exact"] else "about "
    return (
        f"All rules together: {about}{number(now['objects'])} objects ({size(now['bytes'])}) are due now, "
        f"{about}{number(total['objects'])} ({size(total['bytes'])}) in {days} days."
    )


def _rows(answer: dict[str, Any]) -> list[tuple[Any, ...]]:
    """Actions with what they would find alone, and on how much they act before all others; the last field: keys."""
    shares = {(one["rule"], one["action"], one["storage_class"]): one for one in answer["together"]["shares"]}
    rows: list[tuple[Any, ...]] = []
    for one in answer["actions"]:
        mine = shares.pop((one["rule"], one["action"], one["storage_class"]), None)
        first = "" if one["action"] == "abort" else number(mine["total"]["objects"] if mine else 0)
        does = outcome(one["action"], one["of"], one["storage_class"], tier=one["tier"])
        rows.append((one["rule"], does + _note(one), *_counts(one), first, _keys(one)))
    for one in shares.values():
        does = outcome(one["action"], "current", one["storage_class"], one["access_tier"], one["tier"])
        rows.append((one["rule"] or "(access)", does, *_counts(one), number(one["total"]["objects"]), _keys(one)))
    return rows


def _note(one: dict[str, Any]) -> str:
    """Why there is no number, or how far it may be off."""
    if one["error"]:
        return f" ({one['error']})"
    if one["exact"]:
        return ""
    objects, margin = one["total"]["objects"], one["margin"]["objects"]
    return f" (estimated, ± {number(margin)})" if margin and objects else " (estimated)"


def _counts(one: dict[str, Any]) -> tuple[str, str, str]:
    return number(one["now"]["objects"]), number(one["total"]["objects"]), size(one["total"]["bytes"])


def _keys(one: dict[str, Any]) -> list[str]:
    return [sample["key"] for sample in one["samples"]]


def _days(by_day: list[dict[str, int]], about: str) -> None:
    """A bar a day, the first days on which something becomes due."""
    if not by_day:
        return
    most = max(day["objects"] for day in by_day)
    rows = [
        (
            "now" if day["day"] == 0 else f"+{day['day']} d",
            f"{about}{number(day['objects'])}",
            size(day["bytes"]),
            "█" * max(1, round(BAR_CHARS * day["objects"] / most)),
        )
        for day in by_day[:DAYS_SHOWN]
    ]
    print_table("", ("#Due", "#Objects", "#Bytes", ""), rows)
    if len(by_day) > DAYS_SHOWN:
        say(f"  … and {len(by_day) - DAYS_SHOWN} more days (--json has all)")
