"""The server's collaborators, wired once."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

import structlog
from csai_sdk import Clock

from csai.admins.issuer import make_issuer
from csai.admins.oidc_sign_in import OidcSignIns
from csai.admins.second_factor import SecondFactors
from csai.admins.service import Admins
from csai.admins.sign_in import SignIns
from csai.analytics.incident import plugin_kept_out
from csai.billing.service import Billing, build_billing
from csai.channels.answering import Answering
from csai.channels.line import Lines
from csai.channels.outbox import TeammateWords
from csai.channels.polling import Polling
from csai.channels.sending import Sending
from csai.channels.work import ChannelWork
from csai.chat.abandon import Abandonment
from csai.chat.accept import Acceptance
from csai.chat.attempt import Attempts
from csai.chat.breaker import Breaker
from csai.chat.circuit import connect
from csai.chat.context_cache import Contexts
from csai.chat.doors import Doors
from csai.chat.live import LiveTurns
from csai.chat.model import ModelCaller
from csai.chat.pause import Pauses
from csai.chat.replay import Replays
from csai.chat.reply_cache import ReplyCache
from csai.chat.retrieval import Retrieval
from csai.chat.settle import Settlement
from csai.chat.summary import Summaries
from csai.chat.trial import TrialLog
from csai.chat.turn import Turns
from csai.clients.access import Gate
from csai.clients.rate_limit import RateLimiter
from csai.config import Settings
from csai.conversations.list_feed import ListFeed
from csai.database import Database
from csai.handoffs.feed import ConversationFeed
from csai.handoffs.follow_up import FollowUps
from csai.handoffs.service import Handoffs
from csai.jobs.runner import JobRunner
from csai.jobs.work import Work
from csai.kit.alert import Alerts
from csai.kit.cache import Cache
from csai.kit.clock import SystemClock
from csai.kit.crypto import Keyring
from csai.kit.egress import EgressPolicy
from csai.kit.outbound import Outbound
from csai.kit.waiting import end
from csai.knowledge.embedding import KnowledgeEmbeddings
from csai.knowledge.vectors import VectorSearch
from csai.once import OnceWriter
from csai.outbox.delivery import Deliveries
from csai.outbox.event import Outbox
from csai.outbox.limit import LimitNews
from csai.plugins.guard import plugin_health
from csai.plugins.registry import PluginRegistry
from csai.plugins.vetting import load_registry
from csai.plugins.view import ClientViews
from csai.privacy.archive import make_archive
from csai.privacy.erasure import Erasures
from csai.privacy.retention import Retention
from csai.tools.listing import Listings
from csai.tools.repository import Catalog
from csai.tools.runner import ToolRunner
from csai.usage import prices
from csai.usage.unknown import UnknownPrices

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Services:
    """What endpoints and commands work with."""

    settings: Settings
    database: Database
    registry: PluginRegistry
    keyring: Keyring
    clock: Clock
    outbound: Outbound
    limiter: RateLimiter
    alerts: Alerts
    once: OnceWriter
    breaker: Breaker
    views: ClientViews
    listings: Listings
    gate: Gate
    admins: Admins
    sign_ins: SignIns
    oidc_sign_ins: OidcSignIns
    second_factors: SecondFactors
    replays: Replays
    live: LiveTurns
    abandonment: Abandonment
    turns: Turns
    trials: TrialLog
    cache: Cache
    doors: Doors
    summaries: Summaries
    handoffs: Handoffs
    follow_ups: FollowUps
    feed: ConversationFeed
    list_feed: ListFeed
    erasures: Erasures
    outbox: Outbox
    limits: LimitNews
    channels: ChannelWork
    billing: Billing
    embeddings: KnowledgeEmbeddings
    jobs: JobRunner
    background: list[asyncio.Task[None]] = field(default_factory=list)

    async def start(self, *, has_watch: bool = True) -> None:
        """Bring the shared catalog in line with the plugins that are installed; load what is slow to load.

        With `has_watch` also end what processes that died had begun, now and ever after.
        """
        await asyncio.to_thread(prices.load)
        self.background.extend(
            (
                asyncio.create_task(self.views.warm_up()),
                asyncio.create_task(self.breaker.watch()),
            )
        )
        if has_watch:
            self._watch_over_the_dead()
        if self.registry.quarantined:
            self.alerts.raise_alert(
                "plugin.quarantined", plugins=", ".join(sorted(self.registry.quarantined))
            )
        now = self.clock.now()
        async with self.database.write() as transaction:
            for plugin_id in self.registry.quarantined:
                await plugin_kept_out(plugin_id, now=now).run(transaction)
            await Catalog(transaction).sync_plugin_tools(list(self.registry.tools.values()), now=now)

    async def drain(self, hurry: asyncio.Event) -> None:
        """Accept no more messages and let open turns end: for `drain_s`, or until `hurry`; then fail them."""
        self.doors.close()
        self.feed.end()
        self.list_feed.end()
        log.info("draining", open_turns=self.live.count, deadline_s=self.settings.drain_s)
        waits = [asyncio.create_task(wait) for wait in (self._all_ended(), hurry.wait())]
        await asyncio.wait(waits, timeout=self.settings.drain_s, return_when=asyncio.FIRST_COMPLETED)
        await end(waits)
        await self.live.end()

    async def _all_ended(self) -> None:
        await self.doors.cleared()
        await self.live.ended()

    async def work(self) -> None:
        """Begin with the jobs, and serve nobody."""
        await asyncio.to_thread(prices.load)
        self._watch_over_the_dead()
        self.jobs.start("worker")

    def _watch_over_the_dead(self) -> None:
        """End what processes that died had begun: here too where none of them comes back."""
        self.background.extend(
            (
                asyncio.create_task(self.abandonment.watch(self.settings.heartbeat_s)),
                asyncio.create_task(self.summaries.watch(self.settings.lease_s)),
                asyncio.create_task(self.erasures.watch()),
            )
        )

    async def close(self) -> None:
        await self.jobs.stop()
        await self.feed.aclose()
        await self.list_feed.aclose()
        await self.live.close()
        await self.summaries.close()
        await self.listings.close()
        await end(self.background)
        await self.views.close()
        await self.billing.gateways.aclose()
        await self.limiter.close()
        await self.breaker.aclose()
        await self.alerts.aclose()
        await self.cache.close()
        await self.registry.close()
        await self.once.aclose()
        await self.outbound.aclose()
        await self.database.close()


def build_services(
    settings: Settings, *, registry: PluginRegistry | None = None, clock: Clock | None = None
) -> Services:
    """Wire everything; no I/O yet but importing the plugins, where no `registry` is given."""
    clock = clock or SystemClock()
    registry = registry if registry is not None else load_registry(settings)
    database = Database(
        settings.effective_database_url,
        pool_size=settings.database_pool_size,
        timeout_s=settings.database_timeout_s,
        connect_timeout_s=settings.database_connect_timeout_s,
    )
    keyring = Keyring(settings.signing_keys())
    outbound = Outbound(EgressPolicy(settings.egress_allow))
    cache = Cache(redis_url=settings.redis_url, timeout_s=settings.redis_timeout_s, clock=clock)
    views = ClientViews(
        settings=settings,
        database=database,
        registry=registry,
        keyring=keyring,
        outbound=outbound,
        clock=clock,
        cache=cache,
    )
    listings = Listings(database=database, views=views, clock=clock)
    views.tools_changed = listings.soon
    limiter = RateLimiter(
        redis_url=settings.redis_url,
        timeout_s=settings.redis_timeout_s,
        per_client=settings.rate_limit_client,
        per_visitor=settings.rate_limit_visitor,
    )
    alerts = Alerts(url=settings.alert_url.get_secret_value(), http=outbound.operator_http, clock=clock)
    once = OnceWriter(database)
    registry.health = plugin_health(settings, alerts, once, clock)
    breaker = Breaker(
        failures=settings.circuit_failures,
        open_s=settings.circuit_open_s,
        alerts=alerts,
        shared=connect(settings.redis_url, timeout_s=settings.redis_timeout_s),
    )
    admins = Admins(settings=settings, database=database, keyring=keyring, clock=clock)
    sign_ins = SignIns(
        admins=admins,
        settings=settings,
        database=database,
        keyring=keyring,
        limiter=limiter,
        clock=clock,
    )
    issuer = make_issuer(settings, http=outbound.operator_http, clock=clock)
    doors = Doors()
    outbox = Outbox(clock)
    limits = LimitNews(once=once, outbox=outbox, clock=clock)
    abandonment = Abandonment(
        database=database, registry=registry, overrides=settings.price_overrides, clock=clock
    )
    acceptance = Acceptance(
        settings=settings,
        database=database,
        clock=clock,
        keyring=keyring,
        views=views,
        limiter=limiter,
        abandonment=abandonment,
        doors=doors,
        limits=limits,
    )
    replays = Replays(database=database, clock=clock, keyring=keyring)
    live = LiveTurns(settings=settings, database=database, clock=clock)
    summaries = Summaries(
        settings=settings,
        database=database,
        clock=clock,
        views=views,
        breaker=breaker,
        providers=registry.providers,
    )
    attempts = Attempts(settings=settings, database=database, clock=clock, limits=limits)
    follow_ups = FollowUps(
        database=database, clock=clock, views=views, registry=registry, after_s=settings.follow_up_s
    )
    feed = ConversationFeed(
        database=database,
        clock=clock,
        follow_ups=follow_ups,
        redis_url=settings.redis_url,
        redis_timeout_s=settings.redis_timeout_s,
        most=settings.live_connections,
    )
    handoffs = Handoffs(
        database=database,
        clock=clock,
        live=live,
        views=views,
        outbox=outbox,
        channels=TeammateWords(registry),
        follow_ups=follow_ups,
        wake=feed.wake,
    )
    vectors = VectorSearch(database)
    turns = Turns(
        settings=settings,
        live=live,
        doors=doors,
        replays=replays,
        acceptance=acceptance,
        model=ModelCaller(
            settings=settings,
            attempts=attempts,
            breaker=breaker,
            unknown=UnknownPrices(alerts),
            clock=clock,
        ),
        tools=ToolRunner(database, clock, confirmation_s=settings.confirmation_s),
        settlement=Settlement(database=database, clock=clock),
        replies=ReplyCache(settings=settings, cache=cache),
        retrieval=Retrieval(
            settings=settings,
            database=database,
            cache=cache,
            clock=clock,
            attempts=attempts,
            vectors=vectors,
        ),
        contexts=Contexts(settings=settings, database=database, cache=cache),
        summaries=summaries,
        limits=limits,
        pauses=Pauses(handoffs),
    )
    retention = Retention(
        settings=settings,
        database=database,
        clock=clock,
        archive=make_archive(settings, outbound.transports, clock),
    )
    deliveries = Deliveries(
        settings=settings,
        database=database,
        clock=clock,
        keyring=keyring,
        http=outbound.http,
        alerts=alerts,
    )
    lines = Lines(registry=registry, views=views, keyring=keyring, public_url=settings.public_url)
    channels = ChannelWork(
        settings=settings,
        database=database,
        clock=clock,
        lines=lines,
        answering=Answering(settings=settings, database=database, clock=clock, lines=lines, turns=turns),
        sending=Sending(database=database, clock=clock, lines=lines, alerts=alerts),
        polling=Polling(settings=settings, database=database, clock=clock, lines=lines),
    )
    embeddings = KnowledgeEmbeddings(
        settings=settings,
        database=database,
        clock=clock,
        views=views,
        registry=registry,
        vectors=vectors,
    )
    billing = build_billing(
        settings=settings,
        database=database,
        registry=registry,
        outbound=outbound,
        alerts=alerts,
        clock=clock,
    )
    work = Work(
        database=database,
        clock=clock,
        retention=retention,
        deliveries=deliveries,
        channels=channels,
        follow_ups=follow_ups,
        embeddings=embeddings,
        listings=listings,
        payments=billing.asking,
    )
    return Services(
        settings=settings,
        database=database,
        registry=registry,
        keyring=keyring,
        clock=clock,
        outbound=outbound,
        limiter=limiter,
        alerts=alerts,
        once=once,
        breaker=breaker,
        views=views,
        listings=listings,
        gate=Gate(database=database, views=views, keyring=keyring),
        admins=admins,
        second_factors=SecondFactors(database=database, keyring=keyring, clock=clock),
        sign_ins=sign_ins,
        oidc_sign_ins=OidcSignIns(
            issuer=issuer, sign_ins=sign_ins, database=database, keyring=keyring, clock=clock
        ),
        replays=replays,
        live=live,
        abandonment=abandonment,
        turns=turns,
        trials=TrialLog(),
        cache=cache,
        doors=doors,
        summaries=summaries,
        handoffs=handoffs,
        follow_ups=follow_ups,
        feed=feed,
        list_feed=ListFeed(database=database, clock=clock, most=settings.live_connections),
        erasures=Erasures(database=database, clock=clock, live=live, views=views, cache=cache),
        outbox=outbox,
        limits=limits,
        channels=channels,
        billing=billing,
        embeddings=embeddings,
        jobs=JobRunner(settings=settings, database=database, clock=clock, work=work),
    )
