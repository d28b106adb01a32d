/* SPDX-License-Identifier: BSD-2-Clause */
#include "gate/recipients.h"

#include "base/memory.h"
#include "smtp/address.h"

#include <string.h>

/* What is said of one key: an address, or a domain. */
enum mark { MARK_ADDRESS = 1, MARK_WHOLE, MARK_COMPLETE, MARK_INCOMPLETE };

struct slot {
	size_t at; /* of the key in `keys`, plus one; 0: free */
	uint32_t n;
	uint8_t mark; /* enum mark */
};

struct gate_recipients {
	struct buf keys; /* all of them, one behind the other */
	struct slot *slots;
	size_t slots_n; /* a power of two */
	struct gate_recipients_size size;
	struct gate_unknown unknown;
	char delimiters[16];
};

/* ── the table ───────────────────────────────────────────────────────────────────────────────── */

static uint64_t hash(struct span key)
{
	uint64_t h = 14695981039346656037u; /* FNV-1a: the keys are the admin's own */

	for (size_t i = 0; i < key.n; i++)
		h = (h ^ (unsigned char)key.p[i]) * 1099511628211u;
	return h ^ h >> 32;
}

static struct slot *find(const struct gate_recipients *r, struct span key)
{
	size_t i = hash(key) & (r->slots_n - 1);

	while (r->slots[i].at) {
		struct span there = { r->keys.p + r->slots[i].at - 1, r->slots[i].n };

		if (span_equal(there, key))
			break;
		i = (i + 1) & (r->slots_n - 1);
	}
	return &r->slots[i];
}

static void grow(struct gate_recipients *r)
{
	size_t old_n = r->slots_n;
	AUTO_FREE struct slot *old = r->slots;

	r->slots_n = 2 * old_n;
	r->slots = xcalloc(r->slots_n, sizeof *r->slots);
	for (size_t i = 0; i < old_n; i++)
		if (old[i].at)
			*find(r, (struct span){ r->keys.p + old[i].at - 1, old[i].n }) = old[i];
}

static void put(struct gate_recipients *r, struct span key, enum mark mark)
{
	struct slot *slot;

	if (2 * (r->size.addresses + r->size.domains + 1) > r->slots_n)
		grow(r);
	slot = find(r, key);
	if (!slot->at) {
		slot->at = r->keys.n + 1;
		slot->n = (uint32_t)key.n;
		buf_add_span(&r->keys, key);
		*(mark == MARK_ADDRESS ? &r->size.addresses : &r->size.domains) += 1;
	} else if (slot->mark != MARK_ADDRESS && slot->mark < (uint8_t)mark) {
		return; /* what says more of a domain stays */
	}
	slot->mark = (uint8_t)mark;
}

struct gate_recipients *gate_recipients_new(void)
{
	struct gate_recipients *r = xcalloc(1, sizeof *r);

	r->slots_n = 64;
	r->slots = xcalloc(r->slots_n, sizeof *r->slots);
	r->unknown = (struct gate_unknown){ 550, "5.1.1",
		                            "Recipient address rejected: User unknown" };
	return r;
}

void gate_recipients_free(struct gate_recipients *r)
{
	if (!r)
		return;
	buf_fini(&r->keys);
	free(r->slots);
	free(r);
}

/* ── the lines ───────────────────────────────────────────────────────────────────────────────── */

/* Where "@example.org" begins; a local part may hold an '@' of its own. */
static size_t domain_at(struct span key)
{
	size_t at = key.n;

	while (at > 0 && key.p[at - 1] != '@')
		at--;
	return at - (at > 0);
}

static void lower(struct buf *key)
{
	for (size_t i = 0; i < key->n; i++)
		key->p[i] = ascii_lower(key->p[i]);
}

/* "@example.org": no address has a key like that. */
static bool put_domain(struct gate_recipients *r, struct span domain, enum mark mark)
{
	AUTO_BUF struct buf key = { 0 };

	if (span_ends(domain, "."))
		domain.n--;
	if (!domain.n || domain.n > SMTP_DOMAIN_MAX || span_find(domain, '@') >= 0)
		return false;
	buf_add_char(&key, '@');
	buf_add_span(&key, domain);
	lower(&key);
	put(r, buf_span(&key), mark);
	return true;
}

static const char *take_domain(struct gate_recipients *r, struct span rest)
{
	enum mark mark = MARK_COMPLETE;
	struct span domain, word;

	if (!span_next_word(&rest, &domain))
		return "which domain?";
	if (span_next_word(&rest, &word)) {
		if (!span_is(word, "incomplete"))
			return "behind a domain stands \"incomplete\", or nothing";
		mark = MARK_INCOMPLETE;
	}
	return put_domain(r, domain, mark) ? NULL : "no domain";
}

static const char *take_delimiter(struct gate_recipients *r, struct span rest)
{
	struct span word;

	if (!span_next_word(&rest, &word) || word.n >= sizeof r->delimiters)
		return "wants up to 15 characters";
	memset(r->delimiters, 0, sizeof r->delimiters);
	memcpy(r->delimiters, word.p, word.n);
	return NULL;
}

static const char *take_unknown(struct gate_recipients *r, struct span rest)
{
	struct gate_unknown u = { 0 };
	struct span word, after;
	uint64_t code;

	if (!span_next_word(&rest, &word) || !span_parse_u64(word, &code) || code < 400 ||
	    code > 599)
		return "wants a code from 400 to 599";
	u.code = (unsigned)code;
	after = rest = span_trim(rest);
	if (span_next_word(&after, &word) && word.n > 4 && word.n < sizeof u.enhanced &&
	    word.p[0] == (char)('0' + code / 100) && word.p[1] == '.') {
		memcpy(u.enhanced, word.p, word.n);
		rest = span_trim(after);
	}
	if (!rest.n || rest.n >= sizeof u.text)
		return "wants a text of up to 399 octets";
	memcpy(u.text, rest.p, rest.n);
	r->unknown = u;
	return NULL;
}

static const char *take_address(struct gate_recipients *r, struct span line)
{
	AUTO_BUF struct buf key = { 0 };
	struct smtp_address a;

	if (span_starts(line, "@"))
		return put_domain(r, span_from(line, 1), MARK_WHOLE) ? NULL : "no domain";
	if (smtp_address_parse(line, &a) != SMTP_ADDRESS_GOOD || !a.domain.n)
		return "no address";
	smtp_address_add_key(&key, &a);
	lower(&key);
	put(r, buf_span(&key), MARK_ADDRESS);
	/* its domain is ours then, whatever else is said of it */
	put(r, span_from(buf_span(&key), domain_at(buf_span(&key))), MARK_INCOMPLETE);
	return NULL;
}

/* To add a word, add a row. */
static const struct {
	const char *word;
	const char *(*take)(struct gate_recipients *r,
	                    struct span rest); /* NULL, or what is wrong */
} words[] = {
	{ "domain", take_domain },
	{ "delimiter", take_delimiter },
	{ "unknown", take_unknown },
};

static const char *take_line(struct gate_recipients *r, struct span line)
{
	struct span rest = line, word;

	if (!span_next_word(&rest, &word))
		return NULL;
	for (size_t i = 0; i < ROWS(words); i++)
		if (span_is(word, words[i].word))
			return words[i].take(r, rest);
	return take_address(r, line);
}

int gate_recipients_add(struct gate_recipients *r, const char *name, struct span lines,
                        struct error *err)
{
	struct span line;

	for (size_t number = 1; span_next_line(&lines, &line); number++) {
		const char *wrong;

		line = span_trim(line);
		if (!line.n || line.p[0] == '#')
			continue;
		wrong = take_line(r, line);
		if (wrong)
			return error_set(err, ERROR_SCOPE_MOVE, ERROR_RETRY_NEVER, 0, "%s:%zu: %s",
			                 name, number, wrong);
	}
	return 0;
}

int gate_recipients_add_domain(struct gate_recipients *r, const char *domain, bool whole,
                               struct error *err)
{
	if (!put_domain(r, span_of(domain), whole ? MARK_WHOLE : MARK_INCOMPLETE))
		return error_set(err, ERROR_SCOPE_MOVE, ERROR_RETRY_NEVER, 0,
		                 "--domain: no domain: %.100s", domain);
	return 0;
}

/* ── asking ──────────────────────────────────────────────────────────────────────────────────── */

static bool has_address(const struct gate_recipients *r, struct buf *key, size_t at)
{
	struct span local = { key->p, at }, domain = span_from(buf_span(key), at);
	AUTO_BUF struct buf plain = { 0 };
	size_t n;

	if (find(r, buf_span(key))->at || span_is(local, "postmaster"))
		return true;
	for (n = 1; n < local.n; n++) /* a delimiter in front delimits nothing */
		if (local.p[n] && strchr(r->delimiters, local.p[n]))
			break;
	if (n >= local.n)
		return false;
	buf_add(&plain, local.p, n);
	buf_add_span(&plain, domain);
	return find(r, buf_span(&plain))->at != 0;
}

enum gate_verdict gate_recipients_ask(const struct gate_recipients *r,
                                      const struct smtp_address *address)
{
	AUTO_BUF struct buf key = { 0 };
	const struct slot *domain;
	size_t at;

	smtp_address_add_key(&key, address);
	lower(&key);
	if (!address->domain.n)
		return span_is(buf_span(&key), "postmaster") ? GATE_TAKEN : GATE_FOREIGN;
	at = domain_at(buf_span(&key));
	domain = find(r, span_from(buf_span(&key), at));
	if (!domain->at)
		return GATE_FOREIGN;
	if (domain->mark == MARK_WHOLE || has_address(r, &key, at))
		return GATE_TAKEN;
	return domain->mark == MARK_COMPLETE ? GATE_UNKNOWN : GATE_UNSURE;
}

const struct gate_unknown *gate_recipients_unknown(const struct gate_recipients *r)
{
	return &r->unknown;
}

struct gate_recipients_size gate_recipients_size(const struct gate_recipients *r)
{
	return r->size;
}
