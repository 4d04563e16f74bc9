"""Sums of usage without events, for what only reads them. Also for `manage.py shell`."""

import math
from datetime import UTC, date, datetime, timedelta

from sage_platform.accounts.models import User
from system.usage.models import DailySession, DailyUsage, UsageCaller, UsageEvent

LONG = "Donaudampfschifffahrtselektrizitaetenhauptbetriebswerkbauunterbeamtengesellschaft" * 2
AGENTS = ["writer", "researcher", LONG[:128], "<script>alert(1)</script>", "\u202eright-to-left", "🦊" * 128, "客服助手"]
ACTIONS = ["chat", "search", "read_file", "运行代码", LONG[:128]]
MODELS = ["", "claude-sonnet", "gpt-large", "通义千问", "🦊" * 128]


def used(day: date, user_id: str, agent: str = "writer", action: str = "chat", model: str = "m", **numbers: int) -> None:
    DailyUsage.objects.create(day=day, user_id=user_id, agent_id=agent, action=action, model=model, **numbers)


def today() -> date:
    return datetime.now(UTC).date()


def fill(days: int) -> None:
    """So many days with today, of all the administrators and of somebody who is gone; a day in the middle stands out."""
    people = [*User.objects.order_by("created_at").values_list("pk", flat=True)[:6], "gone-4711"]
    now = datetime.now(UTC)
    DailyUsage.objects.all().delete()
    DailySession.objects.all().delete()
    rows = []
    for back in range(days):
        if back % 9 == 4:  # A day without a call.
            continue
        wave = 2 + math.sin(back / 11) + (back % 7 < 5) * 2
        for number in range(12):
            calls = int(wave * 17 * (number % 4 + 1)) * (40 if back == days // 2 and days > 30 else 1)
            model = MODELS[number % len(MODELS)]
            rows.append(
                DailyUsage(
                    day=now.date() - timedelta(days=back),
                    user_id=people[number % len(people)],
                    agent_id=AGENTS[number % len(AGENTS)],
                    action=ACTIONS[(number + back) % len(ACTIONS)],
                    model=f"{model}{number if model else ''}"[:128],
                    calls=calls,
                    input_tokens=calls * 4100 if model else 0,
                    cached_tokens=calls * 2500 if model else 0,
                    output_tokens=calls * 700 if model else 0,
                )
            )
    DailyUsage.objects.bulk_create({(r.user_id, r.day, r.agent_id, r.action, r.model): r for r in rows}.values())
    DailySession.objects.create(
        user_id=people[0], day=now.date(), session_id="s1", agent_id="writer", started_at=now, finished_at=now
    )


def events() -> None:
    """As they stand in the list, with the longest names."""
    now = datetime.now(UTC)
    for number, agent in enumerate(AGENTS):
        kind = UsageCaller.Kind.USER if number % 2 else UsageCaller.Kind.CLIENT
        caller = UsageCaller.objects.create(kind=kind, name=f"{LONG[:60]}{number}")
        UsageEvent.objects.create(
            caller=caller,
            event_id=f"{number}{LONG}"[:128],
            user_id=LONG[:64],
            agent_id=agent,
            session_id=LONG[:128],
            action=ACTIONS[number % len(ACTIONS)],
            model=MODELS[number % len(MODELS)],
            count=number + 1,
            input_tokens=10**12,
            output_tokens=10**12,
            occurred_at=now,
            received_at=now,
        )
