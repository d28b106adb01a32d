/* SPDX-License-Identifier: BSD-2-Clause */
#include "imapd/dovecot_mail.h"

#include "base/memory.h"

#include <string.h>

#define TABLE_MAX (64u << 20) /* octets of the list of folders or subscriptions */

struct host_stream dovecot_stream(const struct mailbox_account *a, const char *row, char **location)
{
	*location = NULL;
	if (a->layout != MAILBOX_LAYOUT_SETTINGS)
		*location = xasprintf("%s:%s%s%s%s", mailbox_format_name(a->format), a->root,
		                      a->format == MAILBOX_MAILDIR && a->layout == MAILBOX_LAYOUT_FS
		                              ? ":LAYOUT=fs"
		                              : "",
		                      a->inbox ? ":INBOX=" : "", a->inbox ? a->inbox : "");
	return (struct host_stream){
		.row = row,
		.user = a->user,
		.home = a->home,
		.location = *location,
		.uid = a->uid,
		.gid = a->gid,
	};
}

/* The line that names a message when there is one, else the end of it all. */
static void add_words(struct span said, struct buf *out)
{
	ssize_t at = span_find_text(said, "fetch(");
	struct span rest, words = span_trim(said);

	if (at >= 0) {
		rest = span_from(said, (size_t)at);
		span_next_line(&rest, &words);
	}
	if (words.n > 300)
		words = at >= 0 ? (struct span){ words.p, 300 } : span_from(words, words.n - 300);
	buf_add_printable(out, words);
}

/* What ended badly did not say all. */
static int expect_good(struct host *h, const struct host_stream *what,
                       const struct host_stream_result *r, struct error *err)
{
	AUTO_BUF struct buf said = { 0 };

	if (!r->status)
		return 0;
	add_words(buf_span(&r->said), &said);
	return error_set(err, ERROR_SCOPE_MAILBOX,
	                 r->status == EXIT_CODE_LATER ? ERROR_RETRY_LATER : ERROR_RETRY_PERSON, 0,
	                 "%s: %s of %s ended with %d%s%s", host_name(h), what->row, what->user,
	                 r->status, said.n ? ": " : "", buf_text(&said));
}

/* A message that doveadm can't open leaves gaps in what it prints, and all behind it is in doubt: its
 * own words say which message that is. */
static int explain(const struct host_stream_result *r, struct error *err)
{
	AUTO_BUF struct buf said = { 0 };

	add_words(buf_span(&r->said), &said);
	if (said.n)
		error_context(err, "%s", buf_text(&said));
	return -1;
}

/* One message that it can't open is told by its absence; any other end is one too soon. */
static bool status_is_bad(const struct host_stream_result *r)
{
	return r->status >= 128;
}

static int add_text(void *context, struct span octets, struct error *err)
{
	struct buf *text = context;

	if (text->n + octets.n > TABLE_MAX)
		return error_set(err, ERROR_SCOPE_MAILBOX, ERROR_RETRY_NEVER, 0,
		                 "doveadm said more than %u octets", TABLE_MAX);
	buf_add_span(text, octets);
	return 0;
}

static int read_text(struct host *h, const struct mailbox_account *account, const char *row,
                     struct buf *out, struct error *err)
{
	AUTO_STREAM_RESULT struct host_stream_result r = { 0 };
	AUTO_FREE char *location = NULL;
	struct host_stream what = dovecot_stream(account, row, &location);

	if (host_stream_read(h, &what, add_text, out, &r, err) < 0)
		return -1;
	return expect_good(h, &what, &r, err);
}

int dovecot_subscriptions(struct host *h, const struct mailbox_account *account,
                          struct strings *out, struct error *err)
{
	AUTO_BUF struct buf text = { 0 };
	struct span rest, line;

	if (read_text(h, account, "dovecot-subscriptions", &text, err) < 0)
		return -1;
	rest = buf_span(&text);
	while (span_next_line(&rest, &line))
		if (line.n)
			strings_add_span(out, line);
	strings_sort(out);
	return 0;
}

int dovecot_count(struct host *h, const struct mailbox_account *account, struct dovecot_totals *out,
                  struct error *err)
{
	AUTO_STRINGS struct strings subscriptions = { 0 };
	AUTO_BUF struct buf text = { 0 };
	struct dovecot_totals t = { 0 };

	if (read_text(h, account, "dovecot-folders", &text, err) < 0 ||
	    dovecot_read_folders(buf_span(&text), NULL, &t, err) < 0 ||
	    dovecot_subscriptions(h, account, &subscriptions, err) < 0)
		return -1;
	t.subscriptions = subscriptions.n;
	*out = t;
	return 0;
}

struct listing {
	struct dovecot_rows rows;
	struct error why;
	bool bad; /* the rest is not looked at, but waited for: what it says explains */
};

static void listing_fini(struct listing *l)
{
	dovecot_rows_fini(&l->rows);
}

static int feed(void *context, struct span octets, struct error *err)
{
	struct listing *l = context;

	l->bad = l->bad || dovecot_rows_feed(&l->rows, octets, &l->why) < 0;
	return 0;
}

int dovecot_list(struct host *h, const struct mailbox_account *account, struct mail_listing *out,
                 struct error *err)
{
	AUTO_MAIL_LISTING struct mail_listing made = { 0 };
	__attribute__((cleanup(listing_fini))) struct listing listing = { 0 };
	AUTO_STREAM_RESULT struct host_stream_result r = { 0 };
	AUTO_BUF struct buf text = { 0 };
	AUTO_FREE char *location = NULL;
	struct host_stream what = dovecot_stream(account, "dovecot-messages", &location);
	struct error why = { 0 };

	if (read_text(h, account, "dovecot-folders", &text, err) < 0 ||
	    dovecot_read_folders(buf_span(&text), &made, NULL, err) < 0)
		return -1;
	dovecot_rows_begin(&listing.rows, &made);
	if (host_stream_read(h, &what, feed, &listing, &r, err) < 0)
		return -1;
	if (listing.bad || dovecot_rows_end(&listing.rows, &listing.why) < 0) {
		*err = listing.why;
		return explain(&r, err);
	}
	/* it goes on with the next folder after one that it can't read */
	if (expect_good(h, &what, &r, &why) < 0)
		strings_add(&made.troubles, why.text);
	mail_listing_fini(out);
	*out = made;
	made = (struct mail_listing){ 0 };
	return 0;
}

/* ── octets ──────────────────────────────────────────────────────────────────────────────────── */

#define UIDS_IN_ONE 5000u /* in one run; as arguments they are far below what a system takes */

struct reading {
	struct buf line;
	dovecot_text_fn *tell;
	void *context;
};

static bool read_digest(struct span hex, struct digest *out)
{
	if (hex.n != 2 * DIGEST_SIZE)
		return false;
	for (size_t i = 0; i < hex.n; i++) {
		const char *digits = "0123456789abcdef", *at = strchr(digits, hex.p[i]);

		if (!at || !*at)
			return false;
		out->octets[i / 2] = (unsigned char)((out->octets[i / 2] << 4) | (at - digits));
	}
	return true;
}

/* GUID, UID, SHA-256, Message-ID. */
static int read_text_line(struct reading *r, struct error *err)
{
	struct span rest = buf_span(&r->line), guid, uid, hex;
	struct dovecot_text t = { 0 };
	uint64_t number;

	if (!span_next_part(&rest, '\t', &guid) || !span_next_part(&rest, '\t', &uid) ||
	    !span_next_part(&rest, '\t', &hex) || !span_parse_u64(uid, &number) ||
	    number > UINT32_MAX || !read_digest(hex, &t.digest))
		return error_set(err, ERROR_SCOPE_MAILBOX, ERROR_RETRY_NEVER, 0,
		                 "malformed line of a message's digest");
	t.uid = (uint32_t)number;
	t.message_id = rest.p ? rest : SPAN("");
	r->tell(r->context, &t);
	return 0;
}

static int feed_text(void *context, struct span octets, struct error *err)
{
	struct reading *r = context;

	while (octets.n) {
		ssize_t lf = span_find(octets, '\n');
		size_t n = lf < 0 ? octets.n : (size_t)lf;

		if (r->line.n + n > DOVECOT_LINE_MAX)
			return error_set(err, ERROR_SCOPE_MAILBOX, ERROR_RETRY_NEVER, 0,
			                 "a line too long");
		buf_add(&r->line, octets.p, n);
		if (lf < 0)
			return 0;
		if (read_text_line(r, err) < 0)
			return -1;
		buf_reset(&r->line);
		octets = span_from(octets, n + 1);
	}
	return 0;
}

/* "1:4,7": what is next to each other as a range. */
static void add_set(const uint32_t uids[], size_t n, struct buf *out)
{
	for (size_t i = 0; i < n;) {
		size_t end = i + 1;

		while (end < n && uids[end] == uids[end - 1] + 1)
			end++;
		buf_addf(out, "%s%u", i ? "," : "", uids[i]);
		if (end - i > 1)
			buf_addf(out, ":%u", uids[end - 1]);
		i = end;
	}
}

int dovecot_read_texts(struct host *h, const struct mailbox_account *account,
                       const char *folder_guid, const uint32_t uids[], size_t n,
                       dovecot_text_fn *tell, void *context, struct error *err)
{
	struct reading r = { .tell = tell, .context = context };
	AUTO_FREE char *location = NULL;
	struct host_stream what = dovecot_stream(account, "dovecot-texts", &location);
	int result = 0;

	for (size_t i = 0; i < n && result == 0; i += UIDS_IN_ONE) {
		AUTO_STREAM_RESULT struct host_stream_result ended = { 0 };
		AUTO_BUF struct buf set = { 0 };

		add_set(uids + i, n - i < UIDS_IN_ONE ? n - i : UIDS_IN_ONE, &set);
		what.arguments = (const char *const[]){ "mailbox-guid", folder_guid, "uid",
			                                buf_text(&set), NULL };
		result = host_stream_read(h, &what, feed_text, &r, &ended, err);
		if (result == 0 && (status_is_bad(&ended) || r.line.n))
			result = expect_good(h, &what, &ended, err);
	}
	buf_fini(&r.line);
	return result;
}
