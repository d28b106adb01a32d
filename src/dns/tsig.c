/* SPDX-License-Identifier: BSD-2-Clause */
#include "dns/tsig.h"

#include "dns/exchange.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <string.h>

#define TYPE_TSIG 250u
#define CLASS_ANY 255u
#define FUDGE_S 300u
#define NAME_MAX_OCTETS 255u
#define NAME_HOPS_MAX 64
#define UNSIGNED_MAX 99 /* messages in a row; RFC 8945 section 5.3.1 */

static const struct {
	const char *name;
	const EVP_MD *(*digest)(void);
} algorithms[] = {
	{ "hmac-sha256", EVP_sha256 },
	{ "hmac-sha384", EVP_sha384 },
	{ "hmac-sha512", EVP_sha512 },
};

static void put(struct buf *out, uint64_t value, unsigned octets)
{
	while (octets--)
		buf_add_char(out, (char)(value >> 8 * octets));
}

/* Labels of at most 63 octets, as dns_key_parse() has made sure. */
static void put_name(struct buf *out, const char *name)
{
	struct span rest = span_of(name), label;

	while (span_next_part(&rest, '.', &label)) {
		if (!label.n)
			continue;
		put(out, label.n, 1);
		buf_add_span(out, label);
	}
	put(out, 0, 1);
}

/* Section 4.3.3: what is signed beside the message. */
static void put_variables(struct buf *out, const struct dns_key *key, uint64_t time_s,
                          unsigned fudge, unsigned error_code, struct span other)
{
	put_name(out, key->name);
	put(out, CLASS_ANY, 2);
	put(out, 0, 4);
	put_name(out, key->algorithm);
	put(out, time_s, 6);
	put(out, fudge, 2);
	put(out, error_code, 2);
	put(out, other.n, 2);
	buf_add_span(out, other);
}

static bool compute(const struct dns_key *key, const struct buf *data, struct dns_mac *out)
{
	for (size_t i = 0; i < ROWS(algorithms); i++) {
		unsigned n = 0;

		if (strcmp(key->algorithm, algorithms[i].name) != 0)
			continue;
		if (!HMAC(algorithms[i].digest(), key->secret, (int)key->secret_size,
		          (const unsigned char *)data->p, data->n, out->octets, &n))
			return false;
		out->n = n;
		return true;
	}
	return false;
}

static unsigned get(struct span s, size_t at, unsigned octets)
{
	unsigned value = 0;

	while (octets--)
		value = value << 8 | (unsigned char)s.p[at++];
	return value;
}

static void set_u16(struct buf *message, size_t at, unsigned value)
{
	message->p[at] = (char)(value >> 8);
	message->p[at + 1] = (char)value;
}

int dns_tsig_sign(struct buf *message, const struct dns_key *key, int64_t now_s,
                  struct dns_mac *mac, struct error *err)
{
	AUTO_BUF struct buf data = { 0 }, algorithm = { 0 };
	unsigned id = get(buf_span(message), 0, 2), extra = get(buf_span(message), 10, 2);

	buf_add_span(&data, buf_span(message));
	put_variables(&data, key, (uint64_t)now_s, FUDGE_S, 0, SPAN(""));
	if (!compute(key, &data, mac))
		return error_set(err, ERROR_SCOPE_MOVE, ERROR_RETRY_NEVER, 0,
		                 "could not sign with %s", key->algorithm);
	put_name(&algorithm, key->algorithm);
	put_name(message, key->name);
	put(message, TYPE_TSIG, 2);
	put(message, CLASS_ANY, 2);
	put(message, 0, 4);
	put(message, algorithm.n + 6 + 2 + 2 + mac->n + 2 + 2 + 2, 2);
	buf_add_span(message, buf_span(&algorithm));
	put(message, (uint64_t)now_s, 6);
	put(message, FUDGE_S, 2);
	put(message, mac->n, 2);
	buf_add(message, mac->octets, mac->n);
	put(message, id, 2);
	put(message, 0, 2); /* no error */
	put(message, 0, 2); /* no other data */
	set_u16(message, 10, extra + 1);
	return 0;
}

/* ── checking ────────────────────────────────────────────────────────────────────────────────── */

/* Goes past the name at *at; its text, in lower case, into `out` when that is not NULL. */
static bool read_name(struct span m, size_t *at, struct buf *out)
{
	size_t here = *at, octets = 0;
	bool jumped = false;

	for (int hops = 0; hops < NAME_HOPS_MAX;) {
		unsigned n;

		if (here >= m.n)
			return false;
		n = (unsigned char)m.p[here];
		if ((n & 0xc0) == 0xc0) {
			if (here + 2 > m.n)
				return false;
			if (!jumped)
				*at = here + 2;
			jumped = true;
			here = get(m, here, 2) & 0x3fff;
			hops++;
			continue;
		}
		if (n & 0xc0 || here + 1 + n > m.n || (octets += n + 1) > NAME_MAX_OCTETS)
			return false;
		if (n == 0) {
			if (!jumped)
				*at = here + 1;
			return true;
		}
		if (out && out->n)
			buf_add_char(out, '.');
		for (unsigned i = 0; out && i < n; i++)
			buf_add_char(out, ascii_lower(m.p[here + 1 + i]));
		here += 1 + n;
	}
	return false;
}

/* Offset of the last record of the additional section, if that is a TSIG. */
static bool find_tsig(struct span m, size_t *start)
{
	size_t at = DNS_HEADER_SIZE;
	unsigned records;

	if (m.n < DNS_HEADER_SIZE || get(m, 10, 2) == 0)
		return false;
	for (unsigned i = get(m, 4, 2); i > 0; i--) {
		if (!read_name(m, &at, NULL))
			return false;
		at += 4;
	}
	records = get(m, 6, 2) + get(m, 8, 2) + get(m, 10, 2);
	while (records--) {
		*start = at;
		if (!read_name(m, &at, NULL) || at + 10 > m.n)
			return false;
		if (records == 0)
			return get(m, at, 2) == TYPE_TSIG;
		at += 10u + get(m, at + 8, 2);
	}
	return false;
}

struct tsig {
	struct buf name, algorithm; /* owned */
	uint64_t time_s;
	unsigned fudge, original_id, error_code;
	struct span mac, other; /* borrowed */
};
#define AUTO_TSIG __attribute__((cleanup(tsig_fini)))

static void tsig_fini(struct tsig *t)
{
	buf_fini(&t->name);
	buf_fini(&t->algorithm);
}

static bool read_tsig(struct span m, size_t at, struct tsig *out)
{
	size_t end, n;

	if (!read_name(m, &at, &out->name))
		return false;
	end = at + 10 + get(m, at + 8, 2);
	at += 10;
	if (end != m.n || !read_name(m, &at, &out->algorithm) || at + 10 > end)
		return false;
	out->time_s = (uint64_t)get(m, at, 2) << 32 | get(m, at + 2, 4);
	out->fudge = get(m, at + 6, 2);
	n = get(m, at + 8, 2);
	at += 10;
	if (n > end - at || end - at - n < 6)
		return false;
	out->mac = (struct span){ m.p + at, n };
	at += n;
	out->original_id = get(m, at, 2);
	out->error_code = get(m, at + 2, 2);
	n = get(m, at + 4, 2);
	at += 6;
	if (n != end - at)
		return false;
	out->other = (struct span){ m.p + at, n };
	return true;
}

/* Section 5.3.1: the MAC before, what came unsigned since, the message as it was before it was signed,
 * and the rest, of which a later message of many has only the times. */
static enum dns_tsig_verdict verify(struct span reply, const struct dns_key *key,
                                    const struct dns_mac *before, struct span pending, bool first,
                                    int64_t now_s, unsigned *error_code, struct dns_mac *out)
{
	AUTO_TSIG struct tsig t = { 0 };
	AUTO_BUF struct buf data = { 0 };
	size_t start, head;

	*error_code = 0;
	if (!find_tsig(reply, &start))
		return DNS_TSIG_MISSING;
	if (!read_tsig(reply, start, &t))
		return DNS_TSIG_WRONG;
	*error_code = t.error_code;
	if (t.mac.n == 0)
		return DNS_TSIG_UNSIGNED;
	if (!span_is(buf_span(&t.name), key->name) ||
	    !span_is(buf_span(&t.algorithm), key->algorithm))
		return DNS_TSIG_WRONG;

	put(&data, before->n, 2);
	buf_add(&data, before->octets, before->n);
	buf_add_span(&data, pending);
	head = data.n;
	buf_add_span(&data, (struct span){ reply.p, start });
	set_u16(&data, head, t.original_id);
	set_u16(&data, head + 10, get(reply, 10, 2) - 1);
	if (first) {
		put_variables(&data, key, t.time_s, t.fudge, t.error_code, t.other);
	} else {
		put(&data, t.time_s, 6);
		put(&data, t.fudge, 2);
	}
	if (!compute(key, &data, out) || t.mac.n != out->n ||
	    CRYPTO_memcmp(t.mac.p, out->octets, out->n) != 0)
		return DNS_TSIG_WRONG;
	if ((int64_t)t.time_s - now_s > (int64_t)t.fudge ||
	    now_s - (int64_t)t.time_s > (int64_t)t.fudge)
		return DNS_TSIG_LATE;
	return DNS_TSIG_GOOD;
}

enum dns_tsig_verdict dns_tsig_verify(struct span reply, const struct dns_key *key,
                                      const struct dns_mac *request, int64_t now_s,
                                      unsigned *error_code)
{
	struct dns_mac mac;

	return verify(reply, key, request, SPAN(""), true, now_s, error_code, &mac);
}

void dns_tsig_stream_fini(struct dns_tsig_stream *s)
{
	buf_fini(&s->pending);
}

enum dns_tsig_verdict dns_tsig_stream_add(struct dns_tsig_stream *s, struct span message,
                                          int64_t now_s, unsigned *error_code)
{
	enum dns_tsig_verdict verdict;
	struct dns_mac mac;

	verdict = verify(message, s->key, &s->mac, buf_span(&s->pending), !s->signed_n, now_s,
	                 error_code, &mac);
	if (verdict == DNS_TSIG_MISSING && s->signed_n && s->unsigned_n < UNSIGNED_MAX) {
		buf_add_span(&s->pending, message);
		s->unsigned_n++;
		return DNS_TSIG_GOOD;
	}
	if (verdict != DNS_TSIG_GOOD)
		return verdict;
	s->mac = mac;
	s->signed_n++;
	s->unsigned_n = 0;
	buf_reset(&s->pending);
	return DNS_TSIG_GOOD;
}
