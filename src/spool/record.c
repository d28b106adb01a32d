/* SPDX-License-Identifier: BSD-2-Clause */
#include "spool/record.h"

#include "spool/sum.h"

#include <stdio.h>

static const unsigned char magic[4] = { 'M', 'h', 'S', '1' };

static void put(unsigned char *to, uint64_t value, unsigned octets)
{
	for (unsigned i = 0; i < octets; i++)
		to[i] = (unsigned char)(value >> 8 * i);
}

static uint64_t get(const unsigned char *from, unsigned octets)
{
	uint64_t value = 0;

	for (unsigned i = 0; i < octets; i++)
		value |= (uint64_t)from[i] << 8 * i;
	return value;
}

void record_put(unsigned char out[RECORD_HEADER], const struct record *r, uint64_t salt)
{
	memcpy(out, magic, sizeof magic);
	out[4] = (unsigned char)r->kind;
	out[5] = r->last;
	put(out + 6, 0, 2);
	put(out + 8, salt, 8);
	put(out + 16, r->id, 8);
	put(out + 24, r->group, 4);
	put(out + 28, r->length, 4);
	put(out + 32, r->sum, 4);
	put(out + 36, spool_sum(0, out, 36), 4);
}

bool record_get(const unsigned char in[RECORD_HEADER], uint64_t salt, struct record *out)
{
	if (memcmp(in, magic, sizeof magic) != 0 || get(in + 8, 8) != salt)
		return false;
	if (get(in + 36, 4) != spool_sum(0, in, 36))
		return false;
	*out = (struct record){
		.kind = in[4],
		.last = in[5] & 1,
		.id = get(in + 16, 8),
		.group = (uint32_t)get(in + 24, 4),
		.length = (uint32_t)get(in + 28, 4),
		.sum = (uint32_t)get(in + 32, 4),
	};
	return out->length <= RECORD_PAYLOAD_MAX;
}

uint64_t record_extent(uint32_t length)
{
	return (RECORD_HEADER + (uint64_t)length + RECORD_ALIGN - 1) / RECORD_ALIGN * RECORD_ALIGN;
}

uint64_t group_extent(uint64_t octets)
{
	return (octets + GROUP_ALIGN - 1) / GROUP_ALIGN * GROUP_ALIGN;
}

const char *segment_name(char out[SEGMENT_NAME_SIZE], uint32_t number, uint64_t salt)
{
	snprintf(out, SEGMENT_NAME_SIZE, "%08x-%016llx.segment", number, (unsigned long long)salt);
	return out;
}

static bool parse_hex(const char *text, size_t digits, uint64_t *value)
{
	*value = 0;
	for (size_t i = 0; i < digits; i++) {
		char c = text[i];

		if (c >= '0' && c <= '9')
			*value = *value << 4 | (uint64_t)(c - '0');
		else if (c >= 'a' && c <= 'f')
			*value = *value << 4 | (uint64_t)(c - 'a' + 10);
		else
			return false;
	}
	return true;
}

bool segment_name_parse(const char *name, uint32_t *number, uint64_t *salt)
{
	uint64_t n;

	if (strlen(name) != SEGMENT_NAME_SIZE - 1 || name[8] != '-' ||
	    strcmp(name + 25, ".segment") != 0)
		return false;
	if (!parse_hex(name, 8, &n) || !parse_hex(name + 9, 16, salt) || n == 0)
		return false;
	*number = (uint32_t)n;
	return true;
}

const char *spool_id_text(char out[17], uint64_t id)
{
	snprintf(out, 17, "%016llx", (unsigned long long)id);
	return out;
}

bool spool_id_parse(struct span text, uint64_t *id)
{
	return text.n == 16 && parse_hex(text.p, 16, id) && *id;
}

/* ── BEGIN ───────────────────────────────────────────────────────────────────────────────────── */

void begin_fini(struct begin *b)
{
	free(b->cuts);
	*b = (struct begin){ 0 };
}

void begin_put(struct buf *out, const struct begin *b)
{
	pack_number(out, b->format, 4);
	pack_number(out, (uint64_t)b->made_ms, 8);
	pack_number(out, b->floor, 4);
	pack_number(out, b->next_id, 8);
	pack_number(out, b->cuts_n, 4);
	for (size_t i = 0; i < b->cuts_n; i++) {
		pack_number(out, b->cuts[i].segment, 4);
		pack_number(out, b->cuts[i].offset, 8);
	}
}

bool begin_get(struct span payload, struct begin *out)
{
	struct unpack u = { payload, false };
	struct begin b = { .format = (uint32_t)unpack_number(&u, 4) };
	uint64_t n;

	*out = (struct begin){ .format = b.format };
	if (b.format != RECORD_FORMAT)
		return false;
	b.made_ms = (int64_t)unpack_number(&u, 8);
	b.floor = (uint32_t)unpack_number(&u, 4);
	b.next_id = unpack_number(&u, 8);
	n = unpack_number(&u, 4);
	if (u.bad || n * 12 != u.rest.n)
		return false;
	for (; n; n--) {
		ARRAY_GROW(b.cuts, b.cuts_n, b.cuts_room);
		b.cuts[b.cuts_n].segment = (uint32_t)unpack_number(&u, 4);
		b.cuts[b.cuts_n++].offset = unpack_number(&u, 8);
	}
	*out = b;
	return true;
}

/* ── SETTLE ──────────────────────────────────────────────────────────────────────────────────── */

void settlement_put(struct buf *out, const struct settlement *head,
                    const struct spool_result *results, size_t n)
{
	pack_number(out, (uint64_t)head->at_ms, 8);
	pack_number(out, (uint64_t)head->delay_ms, 8);
	pack_number(out, head->attempt, 1);
	pack_number(out, head->before.segment, 4);
	pack_number(out, head->before.offset, 4);
	pack_number(out, n, 4);
	for (size_t i = 0; i < n; i++) {
		struct span reply = results[i].reply;

		if (reply.n > SPOOL_REPLY_MAX)
			reply.n = SPOOL_REPLY_MAX;
		pack_number(out, results[i].recipient, 4);
		pack_number(out, results[i].state, 1);
		pack_span(out, reply);
	}
}

bool settlement_get(struct span payload, struct settlement *out)
{
	struct unpack u = { payload, false };

	out->at_ms = (int64_t)unpack_number(&u, 8);
	out->delay_ms = (int64_t)unpack_number(&u, 8);
	out->attempt = unpack_number(&u, 1);
	out->before.segment = (uint32_t)unpack_number(&u, 4);
	out->before.offset = (uint32_t)unpack_number(&u, 4);
	out->n = (uint32_t)unpack_number(&u, 4);
	out->rows = u;
	return !u.bad && out->delay_ms >= 0 && out->n <= u.rest.n / 9;
}

bool settlement_next(struct settlement *s, struct spool_result *out)
{
	if (!s->n || s->rows.bad)
		return false;
	s->n--;
	out->recipient = (uint32_t)unpack_number(&s->rows, 4);
	out->state = (enum spool_state)unpack_number(&s->rows, 1);
	out->reply = unpack_span(&s->rows);
	if (out->state > SPOOL_DROPPED || out->recipient >= SPOOL_RECIPIENTS_MAX)
		s->rows.bad = true;
	return !s->rows.bad;
}
