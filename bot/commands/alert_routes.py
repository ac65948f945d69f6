"""Who is told of alerts: routes to channels and people, and their quiet hours."""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

import sqlalchemy as sa

from analytics.alert_lists import RouteRow, routes_report, said
from analytics.budget_words import line_of
from analytics.errors import UserError
from analytics.query import Query
from analytics.report import Note, Report
from analytics.scopes import Scope, scope_of
from analytics.text import clean
from analytics.timerange import parse_range
from bot.alerts.standing import standing
from bot.context import Context, NotAllowed, Place, check_readers, outranks
from bot.params import AlertId, AlertKind, Channel, GroupFilter, QuietHours
from bot.places import destination_at, is_here, place_asked, place_named
from bot.refusals import in_words
from bot.registry import command
from bot.rights import home_department, may_route
from bot.subscriptions.rights import check_place
from storage.budgets import Scope as ScopeKind
from storage.destinations import Destination, list_destinations, revive, set_quiet_hours
from storage.notices import RECENT, route_untold
from storage.routes import Route, add_route, end_routes, list_routes

ADMINS = "admins and owners, directly"
TITLE = "Alerts"
HOW = "Type it in the channel that is meant, or name one: `alerts route threshold to #ops`."


@command("alerts list", example="alerts list")
def routes(ctx: Context) -> Report:
    """Which channels and people are told of which alerts, and their quiet hours.

    Of this channel, of you and what you routed; admins see all of it.
    """
    known = list_destinations(*_where(ctx))
    ours = [one for one in list_routes(*_where(ctx)) if not one.is_off]
    seen = [one for one in ours if _may_see(ctx, one, known[one.destination_id])]
    rows = [_route_row(ctx, one, known[one.destination_id]) for one in seen]
    return routes_report(rows, ADMINS, hidden=len(ours) - len(seen))


@command("alerts here", example="alerts here", changes=True)
def here(ctx: Context, kind: AlertKind | None, about: GroupFilter) -> Report:
    """Tell this channel of alerts, or yourself in a direct message.

    Of every kind and the whole workspace, or narrowed: `alerts here kind=threshold
    department=Sales`. Leads choose for their own department, admins for any; of the own limit
    everybody is told directly without it.
    """
    return _routed(ctx, place_asked(ctx, hint=HOW), kind or AlertKind(""), scope_of(about))


@command("alerts route", example="alerts route threshold to #ops", changes=True)
def route(ctx: Context, kind: AlertKind, to: Channel, about: GroupFilter) -> Report:
    """Tell another channel of a kind of alert.

    The channel is a mention, its id, or the name of one that is known.
    """
    return _routed(ctx, place_named(ctx, to, hint=HOW), kind, scope_of(about))


@command("alerts off", example="alerts off", changes=True)
def off(ctx: Context, number: AlertId | None) -> Report:
    """End a route, or all routes to this channel."""
    known = list_destinations(*_where(ctx))
    ours = [one for one in list_routes(*_where(ctx)) if not one.is_off]
    if number is not None:
        chosen = [
            one
            for one in ours
            if one.id == number and _may_see(ctx, one, known[one.destination_id])
        ]
        if not chosen:
            raise UserError(f"There is no route {number}.", hint="`alerts list` shows them.")
    else:
        place = place_asked(ctx, hint=HOW)
        here = ctx.asker.identity
        key = (here.platform, here.external_id, place.channel_id)
        ids = {
            one.id
            for one in known.values()
            if (one.platform, one.external_id, one.channel_id) == key
        }
        chosen = [one for one in ours if one.destination_id in ids]
    for one in chosen:
        _check_route(ctx, known[one.destination_id], Scope() if not one.scope else _scope(one))
    ended = end_routes(*_where(ctx), [one.id for one in chosen])
    for one in ended:
        ctx.record("alerts.off", f"route {one.id}", before=_route_text(one))
    if not ended:
        return said(TITLE, "No alerts were routed here")
    named = ", ".join(str(one.id) for one in ended)
    return said(TITLE, f"Ended: route {named}. What has no route is told to {ADMINS}")


@command("alerts quiet", example="alerts quiet 22:00-07:00", changes=True)
def quiet(ctx: Context, hours: QuietHours) -> Report:
    """Let alerts and digests for this channel wait during some hours.

    75 and 90 % leave at their end as one message; 100 % breaks through. `off` ends it. Your own
    zone counts where you prefer one, else the workspace's.
    """
    place = place_asked(ctx, hint=HOW)
    destination = destination_at(ctx, place)
    _check_route(ctx, destination, Scope())
    zone = ctx.chosen("zone") or ctx.reader.workspace.zone
    wanted = None if hours[0] == hours[1] else (hours[0], hours[1])
    before = _quiet_text(destination) or "none"
    after = (
        _quiet_text(set_quiet_hours(*_where(ctx), destination.id, hours=wanted, zone=zone))
        or "none"
    )
    ctx.record("alerts.quiet", f"destination {destination.id}", before=before, after=after)
    where = _named(ctx, destination)
    if wanted is None:
        return said(TITLE, f"Alerts reach {where} at any hour")
    return said(
        TITLE,
        f"Alerts and digests to {where.partition(',')[0]} wait {after}; "
        "100% of a budget breaks through",
    )


# ---- who may


def _routed(ctx: Context, place: Place, kind: str, scope: Scope) -> Report:
    """Make a route, if the asker may; a destination that took nothing is tried again."""
    _check(ctx, scope)
    _check_channel(ctx, place)
    check_readers(place, "an alert")
    destination = destination_at(ctx, place)
    check_place(ctx, destination)
    notes = []
    if destination.state != "ok":
        destination = revive(*_where(ctx), destination.id)
        notes.append(Note(f"I try {_named(ctx, destination)} again from now on.", "delta"))
    made, is_new = add_route(
        *_where(ctx),
        destination_id=destination.id,
        kind=kind,
        scope="" if scope.kind == "workspace" else scope.kind,
        target_id=scope.target,
        actor=ctx.asker.identity.actor,
        now=ctx.now,
    )
    words = f"{_kinds_text(made)} {_about_text(ctx, made)}".strip()
    told = f"Route {made.id}: {words} to {_named(ctx, destination)}"
    after = f"{_route_text(made)} to destination {destination.id}"
    if is_new or notes:
        ctx.record("alerts.route", f"route {made.id}", after=after)
    today = ctx.reader.clock.local_date(ctx.now)
    untold = route_untold(*_where(ctx), since=ctx.now - RECENT, today=today)
    if not is_new:
        return said(TITLE, f"{told} was set already", *notes)
    return said(TITLE, told, *notes, *_told_before(len(standing(ctx)), untold))


def _told_before(active: int, untold: int) -> Iterator[Note]:
    """What becomes of alerts that fired before a route was made."""
    if active:
        hold = "1 alert holds" if active == 1 else f"{active} alerts hold"
        which = "new ones, and what nobody was told of yet" if untold else "new ones"
        before = f"{hold} already: `alerts` shows what fired before this route. It tells {which}."
        yield Note(before, "hint")


def _check(ctx: Context, scope: Scope) -> None:
    """Raise NotAllowed for a route that is not the asker's to make or to end."""
    if may_route(ctx, scope):
        return
    own = home_department(ctx) if ctx.asker.role == "lead" else None
    line = "" if own is None else line_of(_month(ctx), own, "alerts here")
    raise NotAllowed(
        "Admins choose who is told of alerts; a lead does for the own department.",
        hint=f"Yours: `{line}`."
        if line
        else "Ask an admin. Of your own limit you are told directly, without a route.",
    )


def _may_see(ctx: Context, route: Route, destination: Destination) -> bool:
    """Whether the asker is told of a route: its channel's name may be nobody else's business."""
    me = ctx.asker.identity.actor
    is_own = route.created_by == me or (destination.is_direct and destination.actor == me)
    return is_own or is_here(ctx, destination) or outranks(ctx.asker.role, "admin")


def _check_channel(ctx: Context, place: Place) -> None:
    """Raise NotAllowed where a lead is not known to be: anywhere but where it is typed."""
    asked = ctx.asker.identity.place
    if place.is_direct or outranks(ctx.asker.role, "admin"):
        return
    if asked is None or asked.is_direct or asked.channel_id != place.channel_id:
        raise NotAllowed(
            f"A lead chooses for the channel that it is typed in, not '{clean(place.name)}'.",
            hint="Type `alerts here` there, or ask an admin.",
        )


def _check_route(ctx: Context, destination: Destination, scope: Scope) -> None:
    """The same for a destination that is there; what reaches oneself directly is one's own."""
    if not (destination.is_direct and destination.actor == ctx.asker.identity.actor):
        _check(ctx, scope)


# ---- words


def _scope(route: Route) -> Scope:
    if not route.scope:
        return Scope()
    return Scope(cast("ScopeKind", route.scope), route.target_id)


def _kinds_text(route: Route) -> str:
    return f"{route.kind} alerts" if route.kind else "all alerts"


def _about_text(ctx: Context, route: Route) -> str:
    return f"about {_scope(route).name(_month(ctx))}" if route.scope else ""


def _route_text(route: Route) -> str:
    """A route as the audit keeps it."""
    about = f" {route.scope} {route.target_id}" if route.scope else ""
    return f"{route.kind or 'all'}{about}"


def _route_row(ctx: Context, route: Route, destination: Destination) -> RouteRow:
    return RouteRow(
        route.id,
        _named(ctx, destination),
        route.kind or "all",
        _scope(route).name(_month(ctx)) if route.scope else "everything",
        _quiet_text(destination),
        in_words(destination.dead_reason or "") if destination.state == "dead" else "",
    )


def _quiet_text(destination: Destination) -> str:
    """`22:00-07:00 (Europe/Berlin)`; empty without quiet hours."""
    start, end = destination.quiet_start, destination.quiet_end
    if start is None or end is None:
        return ""
    hours = "-".join(f"{minute // 60:02}:{minute % 60:02}" for minute in (start, end))
    return f"{hours} ({destination.quiet_zone})"


def _named(ctx: Context, destination: Destination) -> str:
    """`#ops`; whose conversation a direct one is, is for that person and for admins."""
    if not destination.is_direct:
        return f"#{clean(destination.name.removeprefix('#'))}"
    if destination.actor == ctx.asker.identity.actor:
        return "you, directly"
    if outranks(ctx.asker.role, "admin"):
        return f"{clean(destination.name)}, directly"
    return "a person, directly"


def _where(ctx: Context) -> tuple[sa.Connection, int]:
    return ctx.reader.connection, ctx.reader.workspace.id


def _month(ctx: Context) -> Query:
    today = ctx.reader.clock.local_date(ctx.now)
    return Query(ctx.reader, ctx.now, parse_range("this month", today))
