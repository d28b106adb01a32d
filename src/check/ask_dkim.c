/* SPDX-License-Identifier: BSD-2-Clause */
#include "check/check.h"

#include "base/memory.h"
#include "check/records.h"
#include "mta/mta.h"

#include <errno.h>
#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>

/*
 * The keys that opendkim(8) signs with against what the DNS says of them: RFC 6376 section 3.6. A key
 * never leaves this process, and nothing of it is told.
 */

#define SETTINGS "/etc/opendkim.conf"
#define FILE_MOST (1u << 20)

struct signing {
	char *domain, *selector, *path; /* owned */
};
struct signings {
	struct signing *rows;
	size_t n, room;
};
#define AUTO_SIGNINGS __attribute__((cleanup(signings_fini)))
static void signings_fini(struct signings *s)
{
	for (size_t i = 0; i < s->n; i++) {
		free(s->rows[i].domain);
		free(s->rows[i].selector);
		free(s->rows[i].path);
	}
	free(s->rows);
}

static void add(struct signings *s, struct span domain, struct span selector, struct span path)
{
	if (!domain.n || !selector.n || !path.n)
		return;
	ARRAY_GROW(s->rows, s->n, s->room);
	s->rows[s->n++] = (struct signing){ span_dup(domain), span_dup(selector), span_dup(path) };
}

/* "name domain:selector:/path" */
static void add_table(struct host *h, struct span where, struct signings *out)
{
	ssize_t colon = span_find(where, ':');
	AUTO_FREE char *path = span_dup(colon >= 0 ? span_from(where, (size_t)colon + 1) : where);
	AUTO_BUF struct buf text = { 0 };
	struct error ignored;
	struct span rest, line, word, parts[3];

	if (host_read(h, path, FILE_MOST, &text, &ignored) < 0)
		return;
	rest = buf_span(&text);
	while (span_next_line(&rest, &line)) {
		int n = 0;

		if (!line.n || *line.p == '#' || !span_next_word(&line, &word) ||
		    !span_next_word(&line, &word))
			continue;
		while (n < 3 && span_next_part(&word, ':', &parts[n]))
			n++;
		if (n == 3)
			add(out, parts[0], parts[1], parts[2]);
	}
}

static int read_signings(struct host *h, struct signings *out, struct error *err)
{
	struct span domain = { 0 }, selector = { 0 }, key = { 0 }, rest, line, name, value;
	AUTO_BUF struct buf text = { 0 };

	if (host_read(h, SETTINGS, FILE_MOST, &text, err) < 0)
		return err->sys_errno == ENOENT ? 0 : -1;
	rest = buf_span(&text);
	while (span_next_line(&rest, &line)) {
		if (!line.n || *line.p == '#' || !span_next_word(&line, &name) ||
		    !span_next_word(&line, &value))
			continue;
		if (span_is_nocase(name, "Domain"))
			domain = value;
		else if (span_is_nocase(name, "Selector"))
			selector = value;
		else if (span_is_nocase(name, "KeyFile"))
			key = value;
		else if (span_is_nocase(name, "KeyTable"))
			add_table(h, value, out);
	}
	add(out, domain, selector, key);
	return 0;
}

/* The public half as the DNS has it: base64 of the SubjectPublicKeyInfo; of Ed25519 the bare key
 * (RFC 8463 section 4.2). */
static bool public_of(struct span private, struct buf *out)
{
	BIO *in = BIO_new_mem_buf(private.p, (int)private.n);
	EVP_PKEY *key = in ? PEM_read_bio_PrivateKey(in, NULL, NULL, (void *)(uintptr_t) "") : NULL;
	unsigned char *der = NULL, bare[32];
	size_t bare_size = sizeof bare;
	int n = 0;

	BIO_free(in);
	if (key && EVP_PKEY_get_base_id(key) == EVP_PKEY_ED25519 &&
	    EVP_PKEY_get_raw_public_key(key, bare, &bare_size))
		n = EVP_EncodeBlock((unsigned char *)buf_room(out, 64), bare, (int)bare_size);
	else if (key && (n = i2d_PUBKEY(key, &der)) > 0)
		n = EVP_EncodeBlock((unsigned char *)buf_room(out, (size_t)n * 4 / 3 + 8), der, n);
	if (n > 0)
		buf_grown(out, (size_t)n);
	OPENSSL_free(der);
	EVP_PKEY_free(key);
	return n > 0;
}

/* The value of p= without blanks. */
static bool published_of(struct span record, struct buf *out)
{
	struct span part;

	while (span_next_part(&record, ';', &part)) {
		part = span_trim(part);
		if (!span_starts(part, "p="))
			continue;
		for (size_t i = 2; i < part.n; i++)
			if (part.p[i] != ' ' && part.p[i] != '\t')
				buf_add_char(out, part.p[i]);
		return true;
	}
	return false;
}

static enum check_answer compare(const struct check_asking *a, const struct signing *s,
                                 struct buf *seen)
{
	AUTO_FREE char *name = xasprintf("%s._domainkey.%s", s->selector, s->domain);
	AUTO_BUF struct buf file = { 0 }, ours = { 0 }, theirs = { 0 };
	AUTO_STRINGS struct strings records = { 0 };
	struct error err = { 0 };

	buf_addf(seen, "%s%s", seen->n ? "; " : "", name);
	if (host_read(a->host, s->path, FILE_MOST, &file, &err) < 0) {
		buf_addf(seen, ": %s", err.text);
		return err.sys_errno == ENOENT ? CHECK_NO : CHECK_UNKNOWN;
	}
	if (!public_of(buf_span(&file), &ours)) {
		buf_addf(seen, ": %s is no private key", s->path);
		return CHECK_NO;
	}
	if (records_txt(a->site, name, "", &records, &err) < 0) {
		buf_addf(seen, ": %s", err.text);
		return CHECK_UNKNOWN;
	}
	for (size_t i = 0; i < records.n; i++) {
		buf_reset(&theirs);
		if (published_of(span_of(records.rows[i]), &theirs) &&
		    span_equal(buf_span(&ours), buf_span(&theirs)))
			return CHECK_YES;
	}
	buf_addf(seen, records.n ? " has another key than %s" : " is not there for %s", s->path);
	return CHECK_NO;
}

enum check_answer check_dkim(const struct check_asking *a, struct buf *seen)
{
	AUTO_SIGNINGS struct signings all = { 0 };
	enum check_answer sum = CHECK_SKIPPED;
	struct error err = { 0 };

	if (read_signings(a->host, &all, &err) < 0)
		return check_not_told(seen, &err);
	if (!all.n)
		buf_add_text(seen, "OpenDKIM signs nothing here");
	for (size_t i = 0; i < all.n; i++) {
		enum check_answer answer = compare(a, &all.rows[i], seen);

		if (answer == CHECK_NO || sum == CHECK_SKIPPED || sum == CHECK_YES)
			sum = answer;
	}
	return sum;
}
