/* SPDX-License-Identifier: BSD-2-Clause */
#include "dns/update.h"

#include "base/file.h"
#include "base/memory.h"
#include "dns/tsig.h"

#include <stdlib.h>
#include <string.h>

#define KEY_FILE_MAX (64u << 10)
#define KEY_NAME_MAX 250u
#define LABEL_MAX 63u

void dns_key_fini(struct dns_key *k)
{
	free(k->name);
	explicit_bzero(k, sizeof *k);
}

/* ── words of BIND's syntax ──────────────────────────────────────────────────────────────────── */

struct reader {
	struct span rest;
	unsigned line;
};

static int complain(const struct reader *r, struct error *err, const char *what)
{
	return error_set(err, ERROR_SCOPE_MOVE, ERROR_RETRY_NEVER, 0, "line %u: %s", r->line, what);
}

static void skip(struct reader *r, size_t n)
{
	for (size_t i = 0; i < n && i < r->rest.n; i++)
		r->line += r->rest.p[i] == '\n';
	r->rest = span_from(r->rest, n);
}

/* Past blanks and comments. */
static int skip_blanks(struct reader *r, struct error *err)
{
	while (r->rest.n) {
		char c = r->rest.p[0];

		if (c == ' ' || c == '\t' || c == '\r' || c == '\n') {
			skip(r, 1);
		} else if (c == '#' || span_starts(r->rest, "//")) {
			ssize_t lf = span_find(r->rest, '\n');

			skip(r, lf < 0 ? r->rest.n : (size_t)lf);
		} else if (span_starts(r->rest, "/*")) {
			ssize_t end = span_find_text(span_from(r->rest, 2), "*/");

			if (end < 0)
				return complain(r, err, "a comment without its end");
			skip(r, (size_t)end + 4);
		} else {
			break;
		}
	}
	return 0;
}

/* The next word: "{", "}", ";", a quoted string without its quotes, or what stands between them.
 * An empty span with p NULL at the end of the text. */
static int next(struct reader *r, struct span *word, struct error *err)
{
	size_t n = 0;

	if (skip_blanks(r, err) < 0)
		return -1;
	if (!r->rest.n) {
		*word = (struct span){ 0 };
		return 0;
	}
	if (r->rest.p[0] == '"') {
		ssize_t end = span_find(span_from(r->rest, 1), '"');

		if (end < 0)
			return complain(r, err, "a quote without its end");
		*word = (struct span){ r->rest.p + 1, (size_t)end };
		skip(r, (size_t)end + 2);
		return 0;
	}
	while (n < r->rest.n && !strchr(" \t\r\n{};\"", r->rest.p[n]))
		n++;
	n = n ? n : 1;
	*word = (struct span){ r->rest.p, n };
	skip(r, n);
	return 0;
}

static int expect(struct reader *r, const char *wanted, struct error *err)
{
	AUTO_FREE char *what = xasprintf("\"%s\" is missing", wanted);
	struct span word;

	if (next(r, &word, err) < 0)
		return -1;
	return word.p && span_is(word, wanted) ? 0 : complain(r, err, what);
}

/* ── the key ─────────────────────────────────────────────────────────────────────────────────── */

static int base64_digit(char c)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const char *at = c ? strchr(digits, c) : NULL;

	return at ? (int)(at - digits) : -1;
}

/* RFC 4648 section 4, blanks allowed between. */
static bool decode_secret(struct span text, struct dns_key *out)
{
	unsigned bits = 0, held = 0, digits = 0, padding = 0;

	for (size_t i = 0; i < text.n; i++) {
		int digit = base64_digit(text.p[i]);

		if (strchr(" \t\r\n", text.p[i]) && text.p[i])
			continue;
		if (text.p[i] == '=') {
			padding++;
			continue;
		}
		if (digit < 0 || padding)
			return false;
		digits++;
		held = held << 6 | (unsigned)digit;
		bits += 6;
		if (bits < 8)
			continue;
		bits -= 8;
		if (out->secret_size == DNS_SECRET_MAX)
			return false;
		out->secret[out->secret_size++] = (unsigned char)(held >> bits);
	}
	return out->secret_size > 0 && padding < 3 && (digits + padding) % 4 == 0;
}

/* Plain names only: a key's name is chosen by a person. */
static bool take_name(struct span text, struct dns_key *out)
{
	struct span rest, label;

	if (text.n && text.p[text.n - 1] == '.')
		text.n--;
	rest = text;
	if (!text.n || text.n > KEY_NAME_MAX)
		return false;
	while (span_next_part(&rest, '.', &label)) {
		if (!label.n || label.n > LABEL_MAX)
			return false;
		for (size_t i = 0; i < label.n; i++) {
			char c = ascii_lower(label.p[i]);

			if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') && c != '-' &&
			    c != '_')
				return false;
		}
	}
	out->name = span_dup(text);
	for (char *p = out->name; *p; p++)
		*p = ascii_lower(*p);
	return true;
}

static bool take_algorithm(struct span text, struct dns_key *out)
{
	static const char *const known[] = { "hmac-sha256", "hmac-sha384", "hmac-sha512" };

	if (text.n && text.p[text.n - 1] == '.')
		text.n--;
	for (size_t i = 0; i < ROWS(known); i++)
		if (span_is_nocase(text, known[i]))
			out->algorithm = known[i];
	return out->algorithm != NULL;
}

static int take_clause(struct reader *r, struct span word, struct dns_key *key, struct error *err)
{
	struct span value;

	if (next(r, &value, err) < 0)
		return -1;
	if (!value.p)
		return complain(r, err, "the key ends too early");
	if (span_is_nocase(word, "algorithm")) {
		if (key->algorithm)
			return complain(r, err, "a second algorithm");
		if (!take_algorithm(value, key)) {
			complain(r, err,
			         "the key's algorithm is not one of hmac-sha256, "
			         "hmac-sha384, hmac-sha512");
			return error_hint(err, "make a new key: tsig-keygen -a hmac-sha256 NAME");
		}
	} else if (span_is_nocase(word, "secret")) {
		if (key->secret_size)
			return complain(r, err, "a second secret");
		if (!decode_secret(value, key))
			return complain(r, err, "the secret is no base64 of 1 to 512 octets");
	} else {
		return complain(r, err, "neither \"algorithm\" nor \"secret\"");
	}
	return expect(r, ";", err);
}

static int parse_key(struct reader *r, struct dns_key *key, struct error *err)
{
	struct span word;

	if (expect(r, "key", err) < 0 || next(r, &word, err) < 0)
		return -1;
	if (!word.p || !take_name(word, key))
		return complain(r, err, "the key's name is no domain name of plain letters");
	if (expect(r, "{", err) < 0)
		return -1;
	for (;;) {
		if (next(r, &word, err) < 0)
			return -1;
		if (!word.p)
			return complain(r, err, "the key has no \"}\"");
		if (span_is(word, "}"))
			break;
		if (take_clause(r, word, key, err) < 0)
			return -1;
	}
	if (expect(r, ";", err) < 0)
		return -1;
	if (!key->algorithm)
		return complain(r, err, "the key names no algorithm");
	if (!key->secret_size)
		return complain(r, err, "the key has no secret");
	return 0;
}

int dns_key_parse(struct span text, struct dns_key *out, struct error *err)
{
	struct reader r = { .rest = text, .line = 1 };
	AUTO_KEY struct dns_key key = { 0 };

	if (parse_key(&r, &key, err) < 0)
		return -1;
	*out = key;
	key.name = NULL;
	return 0;
}

int dns_key_load(const char *path, struct dns_key *out, struct error *err)
{
	AUTO_BUF struct buf text = { 0 };
	int result = file_read(path, KEY_FILE_MAX, &text, err);

	if (result == 0) {
		result = dns_key_parse(buf_span(&text), out, err);
		if (result < 0)
			error_context(err, "key file %s", path);
	}
	if (text.p)
		explicit_bzero(text.p, text.n);
	return result;
}
