/* SPDX-License-Identifier: BSD-2-Clause */
#include "gate/server.h"

#include "base/clock.h"
#include "base/memory.h"
#include "gate/control.h"
#include "gate/deliver.h"
#include "gate/gate.h"
#include "gate/listen.h"
#include "gate/log.h"
#include "gate/metrics.h"
#include "gate/reload.h"
#include "gate/server_inside.h"
#include "gate/session.h"
#include "gate/turnaway.h"
#include "spool/spool.h"

#include <errno.h>
#include <signal.h>
#include <unistd.h>

#define ACCEPT_AT_ONCE 64 /* then the others get a turn */
#define END_MS 5000       /* for messages under way, once the gate ends */
#define CUT_MS 1500       /* more, for what was cut to go */
#define SWEEP_TICKS 20u   /* of the loop, between two looks at the limits' table */

/* ── clients ─────────────────────────────────────────────────────────────────────────────────── */

static void on_connection(uv_poll_t *poll, int status, int events)
{
	struct listener *l = poll->data;

	(void)status;
	(void)events;
	gate_accept(l, ACCEPT_AT_ONCE);
}

size_t gate_accept(struct listener *l, size_t most)
{
	size_t n = 0;

	while (n < most && l->fd >= 0) {
		int fd = accept4(l->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

		if (fd >= 0) {
			session_open(l->gate, l, fd);
			n++;
			continue;
		}
		/* the limit of connections leaves descriptors free, but the system as a whole may be
		 * short of them; the client waits in the kernel, and we must not spin */
		if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
			clock_sleep_ms(10);
		if (errno != EINTR && errno != ECONNABORTED)
			break;
	}
	return n;
}

/* ── the end ─────────────────────────────────────────────────────────────────────────────────── */

/* New clients go to whoever else listens there; those who are in our queue already are ours. */
static void close_listeners(struct gate *g)
{
	bool yielded = false;

	for (size_t i = 0; i < g->listeners_n; i++)
		yielded |= gate_listen_yield(g->listeners[i].fd, g->listeners[i].neighbour);
	if (yielded)
		clock_sleep_ms(20); /* handshakes that are half done */
	for (size_t i = 0; i < g->listeners_n; i++) {
		struct listener *l = &g->listeners[i];

		if (l->fd < 0)
			continue;
		uv_poll_stop(&l->poll);
		(void)gate_accept(l, SIZE_MAX);
		(void)close(l->fd);
		l->fd = -1;
	}
}

static void on_delivery_stopped(void *context)
{
	((struct gate *)context)->deliver_stopped = true;
}

void gate_begin_end(struct gate *g, const char *why)
{
	if (g->end_by_ms)
		return;
	gate_log("ending why=%s sessions=%zu", why, gate_limits_connections(g->limits));
	g->end_by_ms = loop_now_ms(&g->loop) + END_MS;
	gate_tell_keeper(g, GATE_TELLS_END);
	if (strcmp(why, "hand-over") == 0)
		gate_drop_listeners(g);
	else
		close_listeners(g);
	for (struct session *s = g->sessions, *next; s; s = next) {
		next = s->next;
		session_wind_up(s);
	}
	if (g->deliver)
		deliver_stop(g->deliver, END_MS, on_delivery_stopped, g);
	else
		g->deliver_stopped = true;
}

/* Another gate has them: what is in the queue is its. */
void gate_drop_listeners(struct gate *g)
{
	for (size_t i = 0; i < g->listeners_n; i++) {
		struct listener *l = &g->listeners[i];

		if (l->fd < 0)
			continue;
		if (l->poll.data) /* serves already */
			uv_poll_stop(&l->poll);
		(void)close(l->fd);
		l->fd = -1;
	}
}

static void look_at_end(struct gate *g)
{
	int64_t now = loop_now_ms(&g->loop);

	if (!g->sessions && g->deliver_stopped)
		loop_stop(&g->loop);
	else if (now > g->end_by_ms + CUT_MS)
		loop_stop(&g->loop);
	else if (now > g->end_by_ms)
		for (struct session *s = g->sessions; s; s = s->next)
			session_cut(s);
}

/* ── the loop ────────────────────────────────────────────────────────────────────────────────── */

static void on_tick(void *owner)
{
	struct gate *g = owner;

	if (++g->ticks % SWEEP_TICKS == 0)
		gate_limits_sweep(g->limits, loop_now_ms(&g->loop));
}

static void on_turn(uv_prepare_t *turn)
{
	struct gate *g = turn->data;

	if (g->end_by_ms)
		look_at_end(g);
	gate_log_flush();
}

static void on_signal(uv_signal_t *handle, int number)
{
	struct gate *g = handle->data;
	struct error err;

	if (number != SIGHUP)
		gate_begin_end(g, number == SIGTERM ? "SIGTERM" : "SIGINT");
	else if (gate_reload(g, &err) < 0)
		gate_log("reload failed why=\"%s\"", err.text);
}

static void on_spool(uv_poll_t *poll, int status, int events)
{
	struct gate *g = poll->data;

	(void)status;
	(void)events;
	spool_ready(g->spool);
}

static int begin_serving(struct gate *g, struct error *err)
{
	static const int numbers[] = { SIGTERM, SIGINT, SIGHUP };

	uv_prepare_init(&g->loop.uv, &g->turn);
	g->turn.data = g;
	uv_prepare_start(&g->turn, on_turn);
	g->loop.on_tick = on_tick;
	g->loop.owner = g;
	for (size_t i = 0; i < ROWS(numbers); i++) {
		uv_signal_init(&g->loop.uv, &g->signals[i]);
		g->signals[i].data = g;
		uv_signal_start(&g->signals[i], on_signal, numbers[i]);
	}
	if (g->spool) {
		uv_poll_init(&g->loop.uv, &g->spool_poll, spool_ready_fd(g->spool));
		g->spool_poll.data = g;
		uv_poll_start(&g->spool_poll, UV_READABLE, on_spool);
	}
	for (size_t i = 0; i < g->listeners_n; i++) {
		struct listener *l = &g->listeners[i];
		int failed = uv_poll_init(&g->loop.uv, &l->poll, l->fd);

		if (failed)
			return error_set(err, ERROR_SCOPE_MOVE, ERROR_RETRY_NEVER, -failed, "poll");
		l->poll.data = l;
		uv_poll_start(&l->poll, UV_READABLE, on_connection);
	}
	if (g->control && control_serve(g->control, g, err) < 0)
		return -1;
	if (g->metrics && metrics_serve(g->metrics, g, err) < 0)
		return -1;
	if (g->deliver)
		deliver_wake(g->deliver);
	return 0;
}

int gate_server_open(struct gate **out, const struct gate_options *options,
                     struct gate_birth *birth, struct error *err)
{
	struct gate *g = xcalloc(1, sizeof *g);

	g->options = options;
	if (gate_prepare(g, birth, err) < 0 || begin_serving(g, err) < 0) {
		gate_server_close(g);
		return -1;
	}
	*out = g;
	return 0;
}

void gate_server_run(struct gate *g)
{
	loop_run(&g->loop);
}

void gate_server_close(struct gate *g)
{
	if (!g)
		return;
	gate_drop_listeners(g);
	if (g->tell_fd >= 0)
		(void)close(g->tell_fd);
	loop_close(&g->loop);
	deliver_close(g->deliver);
	spool_close(g->spool);
	control_close(g->control);
	metrics_close(g->metrics);
	gate_limits_free(g->limits);
	gate_recipients_free(g->recipients);
	gate_tls_free(g->tls);
	SSL_CTX_free(g->client_tls);
	buf_fini(&g->out);
	gate_log_flush();
	free(g);
}

/* ── while it runs ───────────────────────────────────────────────────────────────────────────── */

int gate_reload(struct gate *g, struct error *err)
{
	if (gate_reload_read(g, err) == 0)
		return 0;
	if (err->sys_errno == EACCES)
		return error_hint(err, "root's files: mailhaul-gate control PATH reload");
	return -1;
}

int gate_set_mode(struct gate *g, unsigned mode, struct error *err)
{
	const struct gate_options *o = g->options;

	if (mode == GATE_SPOOL && !g->spool)
		return error_set(err, ERROR_SCOPE_MOVE, ERROR_RETRY_NEVER, 0,
		                 "it was started without --spool");
	if (mode == GATE_RELAY && !o->deliver_to.size)
		return error_set(err, ERROR_SCOPE_MOVE, ERROR_RETRY_NEVER, 0,
		                 "it was started without --deliver-to");
	gate_log("mode from=%s to=%s", gate_mode_name(g->mode), gate_mode_name(mode));
	/* whoever says so may know that the new server is there by now */
	g->relay_down_until_ms = 0;
	g->mode = mode;
	gate_tell_keeper(g, (char)(GATE_TELLS_MODE + (int)mode));
	return 0;
}
