/* SPDX-License-Identifier: BSD-2-Clause */
#include "survey/survey.h"

#include "base/clock.h"
#include "base/memory.h"

#include <jansson.h>
#include <string.h>
#include <time.h>

#define PIECE (1u << 20)
#define READ_MAX (64u << 20) /* octets read from the end of each log */
#define HOUR_MS 3600000

int survey_queue(struct survey_site *s, struct error *err)
{
	const struct {
		const char *name;
		uint64_t count;
		enum item_class class;
		const char *reason;
	} queues[] = {
		{ "maildrop", s->queue.maildrop, ITEM_MUST, "submitted on the host" },
		{ "incoming", s->queue.incoming, ITEM_MUST, "just accepted" },
		{ "active", s->queue.active, ITEM_MUST, "being delivered" },
		{ "deferred", s->queue.deferred, ITEM_MUST, "waits for its next attempt" },
		{ "hold", s->queue.hold, ITEM_MUST, "waits for a person" },
		{ "unfinished", s->queue.unfinished, ITEM_STAYS,
		  "was never acknowledged: its sender has it still" },
	};

	if (!s->mta_kind)
		return 0;
	for (size_t i = 0; i < ROWS(queues); i++) {
		AUTO_FREE char *path = xasprintf("%s/%s", s->mta.queue_dir, queues[i].name);
		struct item *item = survey_add(s, "queue", queues[i].name, queues[i].class,
		                               queues[i].reason);

		item->count = queues[i].count;
		if (queues[i].class == ITEM_MUST)
			item_set(&item->source, path);
	}
	return 0;
}

/* ── traffic ─────────────────────────────────────────────────────────────────────────────────── */

struct hours {
	int64_t first_ms, last_ms; /* of all that was read */
	uint64_t accepted[24], delivered[24], deferred[24],
		bounced[24]; /* by hour of the day, UTC */
	uint64_t all_accepted, all_delivered;
	uint64_t busiest;      /* accepted in one hour */
	int64_t hour, in_hour; /* number of the hour that is being counted, and how many in it */
};

static void count_event(struct hours *h, const struct mta_log_event *e)
{
	int of_day = (int)(e->at_ms / HOUR_MS % 24);

	if (of_day < 0)
		return;
	if (!h->first_ms || e->at_ms < h->first_ms)
		h->first_ms = e->at_ms;
	if (e->at_ms > h->last_ms)
		h->last_ms = e->at_ms;
	if (e->kind == MTA_LOG_CLIENT || e->kind == MTA_LOG_PICKUP) {
		if (e->at_ms / HOUR_MS != h->hour)
			h->in_hour = 0;
		h->hour = e->at_ms / HOUR_MS;
		h->in_hour++;
		if ((uint64_t)h->in_hour > h->busiest)
			h->busiest = (uint64_t)h->in_hour;
		h->accepted[of_day]++;
		h->all_accepted++;
	} else if (e->kind == MTA_LOG_DELIVERY && e->status == MTA_STATUS_SENT) {
		h->delivered[of_day]++;
		h->all_delivered++;
	} else if (e->kind == MTA_LOG_DELIVERY && e->status == MTA_STATUS_DEFERRED) {
		h->deferred[of_day]++;
	} else if (e->kind == MTA_LOG_DELIVERY && e->status == MTA_STATUS_BOUNCED) {
		h->bounced[of_day]++;
	}
}

static void count_lines(struct survey_site *s, struct buf *pending, int64_t near_ms, bool last,
                        struct hours *h)
{
	struct span rest = buf_span(pending), line;

	while (rest.n && (last || span_find(rest, '\n') >= 0)) {
		struct mta_log_event e;

		span_next_line(&rest, &line);
		if (s->mta_kind->log_line(line, near_ms, &e) == 1)
			count_event(h, &e);
	}
	buf_drop_front(pending, pending->n - rest.n);
}

static int read_log(struct survey_site *s, const char *path, struct hours *h, struct error *err)
{
	AUTO_BUF struct buf piece = { 0 }, pending = { 0 };
	struct host_entry entry;
	int64_t near_ms = clock_wall_ms();
	uint64_t offset, size;
	int found = survey_stat(s, path, &entry, err);

	if (found <= 0)
		return found;
	size = entry.size;
	offset = size > READ_MAX ? size - READ_MAX : 0;
	do {
		struct error why = { 0 };

		if (host_read_part(s->h, path, offset, PIECE, &piece, &size, &why) < 0) {
			if (why.retry == ERROR_RETRY_REACH)
				return *err = why, -1;
			survey_look(s, why.text);
			return 0;
		}
		offset += piece.n;
		buf_add_span(&pending, buf_span(&piece));
		count_lines(s, &pending, near_ms, !piece.n, h);
	} while (piece.n);
	return 0;
}

static json_t *numbers(const uint64_t row[24])
{
	json_t *list = json_array();

	for (int i = 0; i < 24; i++)
		json_array_append_new(list, json_integer((json_int_t)row[i]));
	return list;
}

int survey_traffic(struct survey_site *s, struct error *err)
{
	struct hours h = { .hour = -1 };
	struct item *item;

	if (!s->mta_kind)
		return 0;
	/* oldest first, so that hours follow each other */
	for (size_t i = s->mta.logs.n; i-- > 0;)
		if (read_log(s, s->mta.logs.rows[i], &h, err) < 0)
			return -1;
	if (!s->mta.logs.n) {
		survey_look(
			s, "no mail log was found: how much mail comes at which hour is not known");
		return 0;
	}
	item = survey_add(s, "traffic", "mail log", ITEM_MAY,
	                  "shows the hour at which the cut-over meets the least mail");
	item_set(&item->source, s->mta.logs.rows[0]);
	item->count = h.all_accepted;
	survey_detail(item,
	              json_pack("{s:I, s:I, s:I, s:I, s:I, s:o, s:o, s:o, s:o}", "first_ms",
	                        (json_int_t)h.first_ms, "last_ms", (json_int_t)h.last_ms,
	                        "accepted", (json_int_t)h.all_accepted, "delivered",
	                        (json_int_t)h.all_delivered, "busiest_hour", (json_int_t)h.busiest,
	                        "accepted_by_hour", numbers(h.accepted), "delivered_by_hour",
	                        numbers(h.delivered), "deferred_by_hour", numbers(h.deferred),
	                        "bounced_by_hour", numbers(h.bounced)));
	return 0;
}
