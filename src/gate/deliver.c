/* SPDX-License-Identifier: BSD-2-Clause */
#include "gate/deliver_inside.h"

#include "base/clock.h"
#include "base/memory.h"
#include "gate/tls.h"

#include <string.h>

#define SESSIONS 20u
#define PER_SESSION 100u
#define RETRY_LEAST_MS 15000
#define RETRY_MOST_MS 900000
#define SERVER_LEAST_MS 1000 /* between two looks whether the server is back */
#define SERVER_MOST_MS 60000
#define CROWD_MS 5000 /* no further connections while the server refuses some */
#define WHY_MAX 400u

/* ── the log ─────────────────────────────────────────────────────────────────────────────────── */

void deliver_log_text(struct buf *line, const char *key, struct span value)
{
	buf_addf(line, " %s=\"", key);
	for (size_t i = 0, from = 0; i <= value.n; i++)
		if (i == value.n || value.p[i] == '"' || value.p[i] == '\\') {
			buf_add_printable(line, (struct span){ value.p + from, i - from });
			if (i < value.n) {
				buf_add_char(line, '\\');
				buf_add_char(line, value.p[i]);
			}
			from = i + 1;
		}
	buf_add_char(line, '"');
}

void deliver_log(const struct deliver *d, struct buf *line)
{
	char now[32];

	if (d->options.log)
		d->options.log(d->options.context, buf_span(line));
	else
		fprintf(stderr, "%s %s\n", clock_text(now, clock_wall_ms()), buf_text(line));
	buf_reset(line);
}

/* ── the server as a whole ───────────────────────────────────────────────────────────────────── */

int64_t deliver_delay_ms(struct deliver *d, unsigned failed, int64_t least, int64_t most)
{
	int64_t delay = least;

	while (failed-- && delay < most)
		delay *= 2;
	if (delay > most)
		delay = most;
	/* xorshift64: what is wanted is that two differ, not that nobody can tell */
	d->random ^= d->random << 13;
	d->random ^= d->random >> 7;
	d->random ^= d->random << 17;
	return delay - delay / 4 + (int64_t)(d->random % (uint64_t)(delay / 2 + 1));
}

void deliver_failed(struct deliver *d, const char *why)
{
	AUTO_BUF struct buf line = { 0 };
	int64_t delay = deliver_delay_ms(d, d->failures, SERVER_LEAST_MS, SERVER_MOST_MS);
	int64_t now = clock_monotonic_ms();

	d->status.failures++;
	buf_reset(&d->why);
	buf_add(&d->why, why, strnlen(why, WHY_MAX));
	if (d->working_n) {
		d->no_more_until_ms = now + CROWD_MS;
		return;
	}
	/* connections that were begun together fail together: that is one failure */
	if (d->next_try_ms > now)
		return;
	d->failures++;
	d->next_try_ms = now + delay;
	buf_addf(&line, "give-out state=unreachable server=%s", d->options.to_text);
	deliver_log_text(&line, "why", buf_span(&d->why));
	buf_addf(&line, " again_in_ms=%lld", (long long)delay);
	deliver_log(d, &line);
}

void deliver_reached(struct deliver *d)
{
	AUTO_BUF struct buf line = { 0 };

	if (d->failures) {
		buf_addf(&line, "give-out state=reached server=%s failures=%u", d->options.to_text,
		         d->failures);
		deliver_log(d, &line);
	}
	d->failures = 0;
	d->next_try_ms = 0;
}

/* ── who gets what ───────────────────────────────────────────────────────────────────────────── */

static void on_timer(uv_timer_t *timer)
{
	deliver_wake(timer->data);
}

static struct deliver_session *find_idle(const struct deliver *d)
{
	if (d->idle_n)
		for (struct deliver_session *s = d->sessions; s; s = s->next)
			if (s->idle)
				return s;
	return NULL;
}

/* Another connection could be made. */
static bool may_connect(const struct deliver *d, int64_t now)
{
	/* while it is not known to be back, one connection finds out */
	size_t most = d->failures ? 1 : d->options.sessions;

	return d->sessions_n < most && d->next_try_ms <= now &&
	       (!d->working_n || d->no_more_until_ms <= now);
}

static void arm(struct deliver *d)
{
	int64_t now = clock_monotonic_ms(), due = spool_next_due_ms(d->spool);

	if (d->stopping)
		return; /* the timer is the patience's by now */
	uv_timer_stop(&d->timer);
	if (due == INT64_MAX)
		return;
	if (due < d->next_try_ms)
		due = d->next_try_ms;
	if (d->working_n && due < d->no_more_until_ms)
		due = d->no_more_until_ms;
	if (due <= now && !d->idle_n && !may_connect(d, now))
		return; /* all connections are busy: the next that is free takes it */
	/* it may have become due while we looked */
	uv_timer_start(&d->timer, on_timer, due > now ? (uint64_t)(due - now) : 1, 0);
}

/* True when something was given to a connection. */
static bool give_one(struct deliver *d)
{
	struct deliver_session *idle = find_idle(d);
	int64_t now = clock_monotonic_ms();
	struct spool_due due;

	if ((!idle && !may_connect(d, now)) || !spool_take_due(d->spool, now, &due))
		return false;
	if (idle)
		deliver_session_take(idle, &due);
	else
		deliver_session_begin(d, &due);
	return true;
}

void deliver_wake(struct deliver *d)
{
	/* a connection that fails at once wakes us from inside */
	if (d->waking || d->stopping)
		return;
	d->waking = true;
	while (give_one(d))
		;
	d->waking = false;
	arm(d);
}

void deliver_try_now(struct deliver *d)
{
	d->next_try_ms = 0;
	deliver_wake(d);
}

/* ── beginning and end ───────────────────────────────────────────────────────────────────────── */

static void on_later(uv_timer_t *later)
{
	struct deliver *d = later->data;
	void (*stopped)(void *) = d->stopped;

	d->stopped = NULL;
	if (stopped)
		stopped(d->stopped_context);
}

int deliver_open(struct deliver **out, struct loop *l, struct spool *s,
                 const struct deliver_options *o, struct error *err)
{
	struct deliver *d = xcalloc(1, sizeof *d);

	d->loop = l;
	d->spool = s;
	d->options = *o;
	if (!d->options.sessions)
		d->options.sessions = SESSIONS;
	if (!d->options.per_session)
		d->options.per_session = PER_SESSION;
	if (d->options.retry_least_ms <= 0)
		d->options.retry_least_ms = RETRY_LEAST_MS;
	if (d->options.retry_most_ms <= 0)
		d->options.retry_most_ms = RETRY_MOST_MS;
	if (d->options.retry_most_ms < d->options.retry_least_ms)
		d->options.retry_most_ms = d->options.retry_least_ms;
	d->random = (uint64_t)clock_monotonic_ns() | 1;
	if (d->options.tls != DELIVER_TLS_NEVER) {
		d->tls = gate_tls_client(d->options.tls_ca, err);
		if (!d->tls) {
			free(d);
			return -1;
		}
	}
	uv_timer_init(&l->uv, &d->timer);
	uv_timer_init(&l->uv, &d->later);
	d->timer.data = d->later.data = d;
	*out = d;
	return 0;
}

static void on_patience(uv_timer_t *timer)
{
	struct deliver *d = timer->data;
	struct deliver_session *next;

	for (struct deliver_session *s = d->sessions; s; s = next) {
		next = s->next;
		deliver_session_cut(s, "the gate ended before the server's answer");
	}
}

void deliver_stop(struct deliver *d, int64_t patience_ms, void (*stopped)(void *context),
                  void *context)
{
	struct deliver_session *next;

	d->stopping = true;
	d->stopped = stopped;
	d->stopped_context = context;
	uv_timer_start(&d->timer, on_patience, patience_ms > 1 ? (uint64_t)patience_ms : 1, 0);
	for (struct deliver_session *s = d->sessions; s; s = next) {
		next = s->next;
		deliver_session_quit(s);
	}
	if (!d->sessions)
		uv_timer_start(&d->later, on_later, 0, 0);
}

void deliver_freed(struct deliver *d)
{
	if (!d->stopping) {
		deliver_wake(d);
	} else if (!d->sessions) {
		uv_timer_stop(&d->timer);
		if (d->stopped)
			uv_timer_start(&d->later, on_later, 0, 0);
	}
}

/* A message that is deferred is nowhere in line until its record is durable: whoever looked before has
 * not seen it, and nothing else may ever look again. */
void deliver_recorded(void *context, enum spool_outcome outcome, uint64_t id, const char *why)
{
	struct deliver *d = context;

	(void)outcome, (void)id, (void)why;
	d->recording--;
	if (!d->closed)
		deliver_wake(d);
	else if (!d->recording)
		free(d);
}

void deliver_close(struct deliver *d)
{
	if (!d)
		return;
	d->stopping = true;
	while (d->sessions) /* each waits for a read of the spool's thread */
		spool_wait(d->spool);
	SSL_CTX_free(d->tls);
	buf_fini(&d->why);
	d->closed = true;
	if (!d->recording)
		free(d); /* else the spool tells, at its end at the latest */
}

void deliver_status(const struct deliver *d, struct deliver_status *out)
{
	*out = d->status;
	out->sessions = d->sessions_n;
	out->idle = d->idle_n;
	out->next_try_ms = d->failures ? d->next_try_ms : 0;
	out->why = d->failures ? buf_text(&d->why) : "";
}
