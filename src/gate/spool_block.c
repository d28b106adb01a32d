/* SPDX-License-Identifier: BSD-2-Clause */
#include "gate/spool_block.h"

#include "base/cleanup.h"
#include "base/memory.h"
#include "smtp/xtext.h"
#include "spool/spool.h"

#include <inttypes.h>

#define VALUE_MAX 4096u

void spool_block_fini(struct spool_block *b)
{
	smtp_envelope_fini(&b->envelope);
	smtp_peer_fini(&b->peer);
}

/* ── writing ─────────────────────────────────────────────────────────────────────────────────── */

static void put_text(struct buf *out, const char *key, const char *text)
{
	if (!text)
		return;
	buf_addf(out, " %s=", key);
	smtp_xtext_add(out, span_of(text));
}

static void put_number(struct buf *out, const char *key, uint64_t value)
{
	buf_addf(out, " %s=%" PRIu64, key, value);
}

static void put_client(struct buf *out, const struct smtp_peer *p)
{
	buf_add_text(out, "X-Mailhaul-Client:");
	put_text(out, "address", p->from.address);
	put_number(out, "port", p->from.port);
	put_text(out, "to-address", p->to.address);
	put_number(out, "to-port", p->to.port);
	put_number(out, "name-state", p->name_state);
	put_text(out, "name", p->name);
	put_text(out, "helo", p->helo);
	put_text(out, "login", p->login);
	put_text(out, "tls", p->tls_version);
	put_text(out, "cipher", p->tls_cipher);
	put_number(out, "esmtp", p->esmtp);
	buf_add_char(out, '\n');
}

static void put_sender(struct buf *out, const struct smtp_envelope *e)
{
	buf_add_text(out, "X-Mailhaul-Sender:");
	put_text(out, "address", e->sender);
	put_text(out, "envid", e->envid);
	put_number(out, "ret", e->ret);
	put_number(out, "body", e->body);
	put_number(out, "utf8", e->utf8);
	put_number(out, "size", e->size);
	buf_add_char(out, '\n');
}

static bool is_left(const uint8_t *states, size_t n)
{
	return states[n] == SPOOL_PENDING || states[n] == SPOOL_HELD;
}

void spool_block_put(struct buf *out, const struct spool_block *b, const uint8_t *states)
{
	const struct smtp_envelope *e = &b->envelope;
	char id[17];

	spool_id_text(id, b->id);
	buf_addf(out, "X-Mailhaul-Begin: %s\nReturn-Path: <%s>\n", id, e->sender);
	for (size_t i = 0; i < e->recipients_n; i++)
		if (is_left(states, i))
			buf_addf(out, "Delivered-To: %s\n", e->recipients[i].address);
	buf_add_text(out, "X-Mailhaul-Message:");
	put_number(out, "arrived", (uint64_t)b->peer.arrived_ms);
	put_number(out, "octets", b->octets);
	put_text(out, "lines", b->crlf ? "crlf" : "as-is");
	buf_add_char(out, '\n');
	put_client(out, &b->peer);
	put_sender(out, e);
	for (size_t i = 0; i < e->recipients_n; i++) {
		if (!is_left(states, i))
			continue;
		buf_add_text(out, "X-Mailhaul-Recipient:");
		put_text(out, "address", e->recipients[i].address);
		put_number(out, "notify", e->recipients[i].notify);
		put_text(out, "orcpt", e->recipients[i].orcpt);
		put_text(out, "state", states[i] == SPOOL_HELD ? "held" : "pending");
		buf_add_char(out, '\n');
	}
	buf_addf(out, "X-Mailhaul-End: %s\n", id);
}

/* ── reading ─────────────────────────────────────────────────────────────────────────────────── */

/* key=value, from behind the field's name. */
struct fields {
	struct span line;
	bool bad;
};

/* The caller owns it; NULL: there is no such key. */
static char *get_text(struct fields *f, const char *key)
{
	struct span rest = f->line, word;
	size_t n = strlen(key);

	while (span_next_word(&rest, &word)) {
		char value[VALUE_MAX];

		if (!span_starts(word, key) || word.n <= n || word.p[n] != '=')
			continue;
		if (smtp_xtext_decode(span_from(word, n + 1), value, sizeof value))
			return xstrdup(value);
		f->bad = true;
	}
	return NULL;
}

static uint64_t get_number(struct fields *f, const char *key, uint64_t most)
{
	AUTO_FREE char *text = get_text(f, key);
	uint64_t value = 0;

	if (!text || !text_parse_u64(text, &value) || value > most)
		f->bad = true;
	return value;
}

static void get_address(struct fields *f, const char *key, char out[46])
{
	AUTO_FREE char *text = get_text(f, key);

	if (!text || strlen(text) >= 46)
		f->bad = true;
	else
		memcpy(out, text, strlen(text) + 1);
}

static void get_message(struct fields *f, struct spool_block *b)
{
	AUTO_FREE char *lines = get_text(f, "lines");

	b->peer.arrived_ms = (int64_t)get_number(f, "arrived", INT64_MAX);
	b->octets = get_number(f, "octets", INT64_MAX);
	b->crlf = lines && !strcmp(lines, "crlf");
}

static void get_client(struct fields *f, struct spool_block *b)
{
	struct smtp_peer *p = &b->peer;
	int64_t arrived_ms = p->arrived_ms;

	smtp_peer_fini(p);
	p->arrived_ms = arrived_ms;
	get_address(f, "address", p->from.address);
	p->from.port = (uint16_t)get_number(f, "port", 65535);
	get_address(f, "to-address", p->to.address);
	p->to.port = (uint16_t)get_number(f, "to-port", 65535);
	p->name_state = (enum smtp_name_state)get_number(f, "name-state", SMTP_NAME_FAILED);
	p->name = get_text(f, "name");
	p->helo = get_text(f, "helo");
	p->login = get_text(f, "login");
	p->tls_version = get_text(f, "tls");
	p->tls_cipher = get_text(f, "cipher");
	p->esmtp = get_number(f, "esmtp", 1);
}

static void get_sender(struct fields *f, struct spool_block *b)
{
	struct smtp_envelope *e = &b->envelope;

	free(e->sender);
	free(e->envid);
	e->sender = get_text(f, "address");
	e->envid = get_text(f, "envid");
	e->ret = (enum smtp_ret)get_number(f, "ret", SMTP_RET_HDRS);
	e->body = (enum smtp_body)get_number(f, "body", SMTP_BODY_8BITMIME);
	e->utf8 = get_number(f, "utf8", 1);
	e->size = get_number(f, "size", UINT64_MAX);
}

static void get_recipient(struct fields *f, struct spool_block *b)
{
	AUTO_FREE char *address = get_text(f, "address");
	struct smtp_recipient *r;

	if (!address || b->envelope.recipients_n == SPOOL_RECIPIENTS_MAX) {
		f->bad = true;
		return;
	}
	r = smtp_envelope_add(&b->envelope, span_of(address));
	r->notify = (unsigned)get_number(f, "notify", 15);
	r->orcpt = get_text(f, "orcpt");
}

static const struct {
	const char *name;
	void (*get)(struct fields *f, struct spool_block *b);
} rows[] = {
	{ "X-Mailhaul-Message:", get_message },
	{ "X-Mailhaul-Client:", get_client },
	{ "X-Mailhaul-Sender:", get_sender },
	{ "X-Mailhaul-Recipient:", get_recipient },
};

static bool get_line(struct span line, struct spool_block *b)
{
	for (size_t i = 0; i < ROWS(rows); i++) {
		struct fields f = { .line = line };

		if (!span_starts(line, rows[i].name))
			continue;
		f.line = span_from(line, strlen(rows[i].name));
		rows[i].get(&f, b);
		return !f.bad;
	}
	return true;
}

static bool get_id(struct span line, const char *name, uint64_t *id)
{
	return span_starts(line, name) && spool_id_parse(span_from(line, strlen(name)), id);
}

bool spool_block_get(struct span *rest, struct spool_block *out)
{
	struct span left = *rest, line;
	struct spool_block b = { 0 };
	bool good = span_next_line(&left, &line) && get_id(line, "X-Mailhaul-Begin: ", &b.id);
	bool ended = false;
	uint64_t id;

	while (good && !ended && span_next_line(&left, &line)) {
		ended = get_id(line, "X-Mailhaul-End: ", &id);
		good = ended ? id == b.id : get_line(line, &b);
	}
	if (!good || !ended || !b.envelope.sender || !b.envelope.recipients_n) {
		spool_block_fini(&b);
		*out = (struct spool_block){ 0 };
		return false;
	}
	*out = b;
	*rest = left;
	return true;
}
