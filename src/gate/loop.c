/* SPDX-License-Identifier: BSD-2-Clause */
#include "gate/loop.h"

#include "base/memory.h"
#include "gate/stream.h"

static void tick(uv_timer_t *timer)
{
	struct loop *l = timer->data;
	int64_t now = loop_now_ms(l);
	struct stream *next;

	/* One that is overdue may end itself, but never another that was there before: a session and
	 * its connection to the new server end each other by callbacks of their own turn. */
	for (struct stream *s = l->streams; s; s = next) {
		next = s->next;
		if (s->deadline_ms && s->deadline_ms <= now) {
			s->deadline_ms = 0;
			if (s->phase == STREAM_ENDING)
				stream_close(s);
			else
				s->ops->overdue(s);
		}
	}
	if (l->on_tick)
		l->on_tick(l->owner);
}

int loop_open(struct loop *l, struct error *err)
{
	int failed = uv_loop_init(&l->uv);

	if (failed)
		return error_set(err, ERROR_SCOPE_MOVE, ERROR_RETRY_NEVER, -failed, "event loop");
	l->read_area = xmalloc(LOOP_READ_AREA);
	uv_timer_init(&l->uv, &l->tick);
	l->tick.data = l;
	uv_timer_start(&l->tick, tick, LOOP_TICK_MS, LOOP_TICK_MS);
	return 0;
}

void loop_run(struct loop *l)
{
	uv_run(&l->uv, UV_RUN_DEFAULT);
}

void loop_stop(struct loop *l)
{
	uv_stop(&l->uv);
}

int64_t loop_now_ms(const struct loop *l)
{
	return (int64_t)uv_now(&l->uv);
}

static void close_handle(uv_handle_t *handle, void *unused)
{
	(void)unused;
	if (!uv_is_closing(handle))
		uv_close(handle, NULL);
}

void loop_close(struct loop *l)
{
	if (!l->read_area)
		return;
	for (struct stream *s = l->streams, *next; s; s = next) {
		next = s->next;
		stream_close(s);
	}
	uv_walk(&l->uv, close_handle, NULL);
	uv_run(&l->uv, UV_RUN_DEFAULT);
	uv_loop_close(&l->uv);
	free(l->read_area);
	l->read_area = NULL;
}
