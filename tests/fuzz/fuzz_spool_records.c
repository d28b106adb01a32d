/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/memory.h"
#include "fuzz/fuzz.h"
#include "fuzz/memory_disk.h"
#include "smtp/envelope.h"
#include "spool/spool.h"
#include "spool/sum.h"

#define SALT 0x5a17u
#define READS_MAX 64 /* octet strings of one message */

/*
 * Records whose sums are right and whose payloads are anything: the input is a row of
 *	u8 kind (bit 7: in a new segment; bit 6: last of its group), u8 id, u16 length, payload
 * which becomes up to four segments, that are then looked at as a person would.
 */
struct maker {
	struct buf files[MEMORY_FILES];
	size_t n;
	uint32_t group;
};

static void add_record(struct maker *m, unsigned kind, uint64_t id, struct span payload)
{
	struct buf *out = &m->files[m->n - 1];
	struct record r = {
		.kind = kind & 7,
		.last = kind & 0x40,
		.id = id,
		.group = m->group,
		.length = (uint32_t)payload.n,
		.sum = spool_sum(0, payload.p, payload.n),
	};
	unsigned char header[RECORD_HEADER];
	uint64_t end;

	record_put(header, &r, SALT);
	buf_add(out, header, sizeof header);
	buf_add_span(out, payload);
	end = (out->n + RECORD_ALIGN - 1) / RECORD_ALIGN * RECORD_ALIGN;
	if (r.last) {
		end = group_extent(end);
		m->group++;
	}
	memset(buf_room(out, end - out->n), 0, end - out->n);
	buf_grown(out, end - out->n);
}

static void make(struct maker *m, struct span in)
{
	while (in.n >= 4) {
		unsigned kind = (unsigned char)in.p[0];
		uint64_t id = (unsigned char)in.p[1];
		size_t n = (size_t)(unsigned char)in.p[2] | (size_t)(unsigned char)in.p[3] << 8;

		in = span_from(in, 4);
		n = n < in.n ? n : in.n;
		if (!m->n || (kind & 0x80 && m->n < MEMORY_FILES)) {
			m->n++;
			m->group = 0;
		}
		add_record(m, kind, id, (struct span){ in.p, n });
		in = span_from(in, n);
	}
}

static void see_event(void *context, const struct spool_event *event)
{
	if (event->recipient >= SPOOL_RECIPIENTS_MAX || event->state > SPOOL_DROPPED)
		__builtin_trap();
}

static void read_one(struct spool *s, uint64_t id)
{
	struct spool_reader *r = spool_reader_open(s, id);
	const struct smtp_envelope *e;
	const struct smtp_peer *peer;
	struct error err = { 0 };
	struct span octets;
	uint64_t sum = 0;
	struct spool_item item;
	uint32_t n;

	if (!r || !spool_find(s, id, &item) || !spool_states(s, id, &n))
		__builtin_trap();
	if (spool_read_envelope(r, true, &e, &peer, &err) == SPOOL_OK && e->recipients_n != n)
		__builtin_trap();
	for (int i = 0; i < READS_MAX; i++) {
		enum spool_read got = spool_read_next(r, true, &octets, &err);

		if (got == SPOOL_END && sum != item.due.size)
			__builtin_trap();
		if (got != SPOOL_OK)
			break;
		sum += octets.n;
	}
	(void)!spool_history(s, id, see_event, NULL, &err);
	spool_reader_close(r);
}

static bool see_item(void *context, const struct spool_item *item)
{
	uint64_t **next = context;

	*(*next)++ = item->due.id;
	return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct memory_disk disk = { .table = memory_table };
	struct spool_options o = { .path = "memory", .disk = &disk.table };
	struct maker m = { 0 };
	struct error err = { 0 };
	struct spool *s = NULL;

	make(&m, (struct span){ (const char *)data, size });
	for (size_t i = 0; i < m.n; i++) {
		segment_name(disk.files[i].name, (uint32_t)i + 1, SALT);
		disk.files[i].p = m.files[i].p;
		disk.files[i].n = m.files[i].n;
	}
	disk.files_n = m.n;
	if (spool_view(&s, &o, &err) == 0) {
		uint64_t ids[256], *next = ids;

		spool_each(s, see_item, &next);
		for (uint64_t *id = ids; id < next; id++)
			read_one(s, *id);
		spool_close(s);
	}
	for (size_t i = 0; i < MEMORY_FILES; i++)
		buf_fini(&m.files[i]);
	return 0;
}
