"""Events of usage, and their sums by day. Only `ingest` and `pruning` write them; answers are read from the sums alone.

A user's id stands here without a foreign key, so that deleting a user touches nothing of it: what was used stays used.
`manage.py prune --user ID` removes theirs.
"""

from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

# Characters of each name that a caller chooses.
LONGEST_NAME = 128


class UsageCaller(models.Model):
    """Who reports: a person, or a client that asks for itself. Events name it by its small number.

    The row is locked while one of the caller's batches is stored, so that the counters hold however many come at once.
    """

    class Kind(models.TextChoices):
        USER = "user", _("person")
        CLIENT = "client", _("client")

    kind = models.CharField(_("kind"), max_length=6, choices=Kind.choices)
    # The user's id, or the client's.
    name = models.CharField(_("name"), max_length=255)
    # A minute begins with the first batch after the one before has ended.
    minute_began = models.DateTimeField(null=True)
    batches = models.PositiveIntegerField(default=0)
    # Of a plain user alone: what the day has taken, UTC.
    day = models.DateField(null=True)
    events_of_day = models.PositiveIntegerField(default=0)
    names_of_day = models.PositiveIntegerField(default=0)
    sums_of_day = models.PositiveIntegerField(default=0)

    objects: ClassVar = models.Manager()

    class Meta:
        verbose_name = _("caller")
        verbose_name_plural = _("callers")
        constraints = [models.UniqueConstraint(fields=["kind", "name"], name="system_usage_callers")]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.name}"


class UsageName(models.Model):
    """A name that a plain user has used for the first time: a day has room for so many of them."""

    class Kind(models.IntegerChoices):
        AGENT = 1, _("agent")
        SESSION = 2, _("session")
        ACTION = 3, _("action")

    caller = models.ForeignKey(UsageCaller, on_delete=models.CASCADE, db_index=False)
    kind = models.SmallIntegerField(choices=Kind.choices)
    name = models.CharField(max_length=LONGEST_NAME)
    first_day = models.DateField()

    objects: ClassVar = models.Manager()

    class Meta:
        verbose_name = _("name")
        verbose_name_plural = _("names")
        constraints = [models.UniqueConstraint(fields=["caller", "kind", "name"], name="system_usage_names")]
        indexes = [models.Index(fields=["first_day"], name="system_usage_names_day")]

    def __str__(self) -> str:
        return self.name


class Counted(models.Model):
    """Tokens, of an event or added up. Cached are a part of input, reasoning a part of output."""

    input_tokens = models.BigIntegerField(_("input tokens"), default=0)
    output_tokens = models.BigIntegerField(_("output tokens"), default=0)

    class Meta:
        abstract = True


class UsageEvent(Counted):
    """One event as it came. Kept for SAGE_USAGE_KEEP_DAYS after that, and as long its id counts no second time."""

    # Without a constraint, to keep which the database would have to read every event when a caller is deleted: no index finds
    # them by their caller. `ingest` has the caller's row locked, so that none comes to one that is gone.
    caller = models.ForeignKey(
        UsageCaller, verbose_name=_("caller"), on_delete=models.DO_NOTHING, db_constraint=False, db_index=False
    )
    event_id = models.CharField(_("event id"), max_length=LONGEST_NAME)
    user_id = models.CharField(_("user id"), max_length=64)
    agent_id = models.CharField(_("agent"), max_length=LONGEST_NAME)
    session_id = models.CharField(_("session"), max_length=LONGEST_NAME)
    action = models.CharField(_("action"), max_length=LONGEST_NAME)
    # Empty where the caller named none.
    request_source = models.CharField(_("source"), max_length=LONGEST_NAME, blank=True)
    model = models.CharField(_("model"), max_length=LONGEST_NAME, blank=True)
    count = models.PositiveIntegerField(_("count"))
    cached_tokens = models.BigIntegerField(_("cached tokens"), default=0)
    reasoning_tokens = models.BigIntegerField(_("reasoning tokens"), default=0)
    occurred_at = models.DateTimeField(_("occurred"))
    received_at = models.DateTimeField(_("received"))

    objects: ClassVar = models.Manager()

    class Meta:
        verbose_name = _("usage event")
        verbose_name_plural = _("usage events")
        # The id comes first, so that staff find an event by it.
        constraints = [models.UniqueConstraint(fields=["event_id", "caller"], name="system_usage_events_once")]
        indexes = [models.Index(fields=["received_at"], name="system_usage_events_age")]

    def __str__(self) -> str:
        return self.event_id


class DailyUsage(Counted):
    """What a user's agent did in a day (UTC): a row for each action and model. Calls of a row with a model are model calls."""

    user_id = models.CharField(max_length=64)
    day = models.DateField()
    agent_id = models.CharField(max_length=LONGEST_NAME)
    action = models.CharField(max_length=LONGEST_NAME)
    # Empty for events that name none.
    model = models.CharField(max_length=LONGEST_NAME, blank=True)
    calls = models.BigIntegerField(default=0)
    cached_tokens = models.BigIntegerField(default=0)
    reasoning_tokens = models.BigIntegerField(default=0)

    objects: ClassVar = models.Manager()

    class Meta:
        verbose_name = _("usage")
        verbose_name_plural = _("usage")
        constraints = [
            models.UniqueConstraint(fields=["user_id", "day", "agent_id", "action", "model"], name="system_daily_usage_once")
        ]
        indexes = [models.Index(fields=["day"], name="system_daily_usage_day")]

    def __str__(self) -> str:
        return f"{self.day} {self.user_id} {self.agent_id} {self.action}"


class DailySession(Counted):
    """What a session took in a day (UTC): a row for each agent and source in it. A session is (user_id, session_id)."""

    user_id = models.CharField(max_length=64)
    day = models.DateField()
    session_id = models.CharField(max_length=LONGEST_NAME)
    agent_id = models.CharField(max_length=LONGEST_NAME)
    request_source = models.CharField(max_length=LONGEST_NAME, blank=True)
    model_calls = models.BigIntegerField(default=0)
    started_at = models.DateTimeField()
    finished_at = models.DateTimeField()

    objects: ClassVar = models.Manager()

    class Meta:
        verbose_name = _("session")
        verbose_name_plural = _("sessions")
        constraints = [
            models.UniqueConstraint(
                fields=["user_id", "day", "session_id", "agent_id", "request_source"], name="system_daily_sessions_once"
            )
        ]
        indexes = [
            models.Index(fields=["day"], name="system_daily_sessions_day"),
            models.Index(fields=["session_id"], name="system_daily_sessions_id"),
        ]

    def __str__(self) -> str:
        return f"{self.day} {self.user_id} {self.session_id}"
