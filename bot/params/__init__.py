"""Text to value, one entry for each type a command may ask for.

The error sentence stands beside the reader, so every surface gives the same one.
"""

from __future__ import annotations

import typing
from collections.abc import Mapping
from typing import Literal

from analytics.figures import Grain
from analytics.query import Filters
from analytics.timerange import TimeRange
from analytics.timings import Split
from bot.params.alerts import (
    AlertId,
    AlertIdType,
    AlertKind,
    AlertKindType,
    Channel,
    ChannelType,
    Earliest,
    Instant,
    InstantType,
    Pause,
    PauseType,
    QuietHours,
    QuietHoursType,
)
from bot.params.amounts import (
    Amount,
    AmountType,
    Day,
    DayType,
    MaybeAmountType,
    Multiplier,
    MultiplierType,
    Text,
    TextType,
)
from bot.params.base import YES, Param, ParamType
from bot.params.budgets import (
    BillingDay,
    BillingDayType,
    BudgetPeriod,
    PeriodType,
    Seen,
    SeenType,
    Thresholds,
    ThresholdsType,
)
from bot.params.exports import ExportForm, ExportFormType, ExportLine, ExportLineType
from bot.params.money import Currency, CurrencyType, Nano, NanoType, Seconds, SecondsType
from bot.params.months import Month, MonthType
from bot.params.names import (
    FiltersType,
    ModelName,
    ModelNames,
    NameType,
    OneNameType,
    TaskName,
    WordNameType,
)
from bot.params.numbers import Margin, MarginType, Number, NumberType, Percent, PercentType
from bot.params.periods import (
    FinishedDay,
    FinishedDayType,
    FinishedMonth,
    FinishedMonthType,
    FinishedWeek,
    FinishedWeekType,
)
from bot.params.plans import GrantId, GrantIdType, Rank, RankType, Rhythm, RhythmType
from bot.params.purchases import (
    ApprovalBy,
    ApprovalType,
    Approvers,
    ApproversType,
    NamedAmount,
    NamedAmountType,
    ProviderUrl,
    ProviderUrlType,
    Trigger,
    TriggerType,
)
from bot.params.rules import Conditions, ConditionsType, NewTask, NewTaskType
from bot.params.schedules import (
    Catchup,
    CatchupType,
    ChannelName,
    ChannelNameType,
    FlagType,
    Forms,
    FormsType,
    MaybeQuietHoursType,
    PeopleRows,
    Receiver,
    ReceiverType,
    ScheduleType,
    SkipEmpty,
    StoredLine,
    StoredLineType,
    When,
)
from bot.params.scopes import GroupFilter, ScopeFilter, SomeFiltersType
from bot.params.splits import PEOPLE, SplitType
from bot.params.stars import RatedTask, RatedTaskType, Stars, StarsType
from bot.params.usual import (
    ChoiceType,
    CommandName,
    CommandType,
    GrainType,
    Limit,
    LimitType,
    RangeType,
)

__all__ = [
    "PARAM_TYPES",
    "PEOPLE",
    "YES",
    "AlertId",
    "AlertKind",
    "Amount",
    "ApprovalBy",
    "Approvers",
    "BillingDay",
    "BudgetPeriod",
    "Catchup",
    "Channel",
    "ChannelName",
    "ChoiceType",
    "CommandName",
    "Conditions",
    "Currency",
    "Day",
    "Earliest",
    "ExportForm",
    "ExportLine",
    "FinishedDay",
    "FinishedMonth",
    "FinishedWeek",
    "Forms",
    "GrainType",
    "GrantId",
    "GroupFilter",
    "Instant",
    "Limit",
    "Margin",
    "ModelName",
    "ModelNames",
    "Month",
    "Multiplier",
    "NameType",
    "NamedAmount",
    "Nano",
    "NewTask",
    "Number",
    "Param",
    "ParamType",
    "Pause",
    "PeopleRows",
    "Percent",
    "ProviderUrl",
    "QuietHours",
    "RangeType",
    "Rank",
    "RatedTask",
    "Receiver",
    "Rhythm",
    "ScopeFilter",
    "Seconds",
    "Seen",
    "SkipEmpty",
    "Stars",
    "StoredLine",
    "TaskName",
    "Text",
    "Thresholds",
    "Trigger",
    "When",
]


class _Types(dict[object, ParamType]):
    """By type hint; a Literal is a choice of its words."""

    def __missing__(self, hint: object) -> ParamType:
        if typing.get_origin(hint) is Literal:
            return ChoiceType(typing.get_args(hint))
        raise KeyError(f"no parameter type for {hint}")


PARAM_TYPES: Mapping[object, ParamType] = _Types(
    {
        TimeRange: RangeType(),
        Grain | None: GrainType(),
        Split: SplitType(typing.get_args(Split)),
        Filters: FiltersType(),
        Limit: LimitType(),
        Limit | None: LimitType(),
        CommandName: CommandType(),
        ExportForm: ExportFormType(),
        ExportLine: ExportLineType(),
        Amount: AmountType(),
        Multiplier: MultiplierType(),
        Day | None: DayType(),
        Text | None: TextType(),
        ModelName: OneNameType("model"),
        ModelNames: WordNameType("model"),
        ScopeFilter: SomeFiltersType("department", "project", "person"),
        GroupFilter: SomeFiltersType("department", "project"),
        Month: MonthType(),
        FinishedDay: FinishedDayType(),
        FinishedWeek: FinishedWeekType(),
        FinishedMonth: FinishedMonthType(),
        Nano: NanoType(),
        Currency: CurrencyType(),
        Seconds: SecondsType(),
        Rhythm: RhythmType(),
        Rank: RankType(),
        GrantId: GrantIdType(),
        TaskName: OneNameType("task"),
        Conditions: ConditionsType(),
        NewTask: NewTaskType(),
        Number: NumberType(),
        Number | None: NumberType(required=False),
        Percent: PercentType(),
        Percent | None: PercentType(),
        Margin | None: MarginType(),
        Stars: StarsType(),
        RatedTask: RatedTaskType("task"),
        TaskName | None: OneNameType("task", required=False),
        Amount | None: MaybeAmountType(),
        BudgetPeriod | None: PeriodType(),
        Thresholds | None: ThresholdsType(),
        BillingDay | None: BillingDayType(),
        Seen | None: SeenType(),
        AlertId: AlertIdType(),
        AlertId | None: AlertIdType(required=False),
        Earliest | None: AlertIdType(required=False, positional=False),
        AlertKind: AlertKindType(required=True),
        AlertKind | None: AlertKindType(),
        Pause: PauseType(),
        QuietHours: QuietHoursType(),
        QuietHours | None: MaybeQuietHoursType(),
        When: ScheduleType(required=True),
        When | None: ScheduleType(required=False),
        StoredLine | None: StoredLineType(),
        ChannelName | None: ChannelNameType(),
        Receiver | None: ReceiverType(),
        Forms | None: FormsType(),
        SkipEmpty | None: FlagType(),
        PeopleRows | None: FlagType(),
        Catchup | None: CatchupType(),
        Channel: ChannelType(),
        Instant | None: InstantType(),
        Trigger | None: TriggerType(),
        NamedAmount | None: NamedAmountType(),
        ApprovalBy | None: ApprovalType(),
        ProviderUrl: ProviderUrlType(),
        Approvers | None: ApproversType(),
    }
)
