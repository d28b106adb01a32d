/* SPDX-License-Identifier: BSD-2-Clause */
#include "store/mboxread.h"

#include "base/memory.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Content that is held until the message's flags and digest are known; of a longer one they are
 * read first. */
#define CONTENT_MAX (4u << 20)

static void forget_message(struct mboxread *r)
{
	mail_message_fini(&r->now);
	r->now = (struct mail_message){ 0 };
	free(TAKE(r->from_line));
	buf_reset(&r->content);
	r->too_long = false;
}

void mboxread_close(struct mboxread *r)
{
	forget_message(r);
	buf_fini(&r->content);
	mbox_walker_free(r->walker);
	free(r->folder);
	mboxfile_close(&r->file);
	*r = (struct mboxread)MBOXREAD_NONE;
}

static int enter(struct mboxread *r, int rootfd, const struct mailbox_account *account,
                 const char *folder, struct error *err)
{
	if (r->folder && !strcmp(r->folder, folder))
		return 0;
	mboxread_close(r);
	if (mboxfile_open(&r->file, rootfd, account, folder, MBOXFILE_READ, err) < 0)
		return -1;
	r->folder = xstrdup(folder);
	r->walker = mbox_walker_new(mboxfile_pread, &r->file.fd, (uint64_t)r->file.st.st_size,
	                            r->file.name);
	return 0;
}

/* ── where it is ─────────────────────────────────────────────────────────────────────────────── */

struct search {
	const char *hex; /* 40 digits */
	uint64_t number, seen;
	bool found;
	uint64_t offset;
};

static int compare(void *context, const struct mbox_message *m, struct error *err)
{
	struct search *s = context;
	char hex[2 * DIGEST_SIZE + 1];

	digest_text(hex, &m->digest);
	if (m->internal || s->found || strncmp(hex, s->hex, 40) != 0 || ++s->seen < s->number)
		return 0;
	s->found = true;
	s->offset = m->offset;
	return 0;
}

static int search(struct mboxread *r, const struct store_wanted *wanted, uint64_t *offset,
                  struct error *err)
{
	struct span rest = span_of(wanted->base), hex;
	struct search s = { .hex = wanted->base };
	const struct mbox_visitor visitor = { .context = &s, .end = compare };

	if (!span_next_part(&rest, '.', &hex) || hex.n != 40 || !rest.p ||
	    !span_parse_u64(rest, &s.number) || s.number == 0)
		return error_set(err, ERROR_SCOPE_MESSAGE, ERROR_RETRY_NEVER, EINVAL,
		                 "no name of an mbox message");
	if (mbox_walk(mboxfile_pread, &r->file.fd, 0, (uint64_t)r->file.st.st_size, false,
	              r->file.name, &visitor, err) < 0)
		return -1;
	*offset = s.offset;
	if (s.found)
		return 0;
	return error_set(err, ERROR_SCOPE_MESSAGE, ERROR_RETRY_NEVER, ENOENT,
	                 "is not in %s any more", r->file.name);
}

/* ── the message ─────────────────────────────────────────────────────────────────────────────── */

static int keep_content(void *context, struct span bytes, struct error *err)
{
	struct mboxread *r = context;

	if (r->content.n + bytes.n > CONTENT_MAX)
		r->too_long = true;
	else
		buf_add_span(&r->content, bytes);
	return 0;
}

static int keep_message(void *context, const struct mbox_message *m, struct error *err)
{
	struct mboxread *r = context;

	r->from_line = span_dup(m->from_line);
	r->now = (struct mail_message){
		.base = xstrdup(r->base),
		.suffix = xasprintf(":2,%s", m->flags),
		.keywords = xstrdup(buf_text(&m->keywords)),
		.in_new = !m->seen_before,
		.mode = 0600,
		.uid = m->uid,
		.size = m->size,
		.offset = m->offset,
		.mtime_ns = m->from_time * 1000000000LL,
	};
	r->digest = m->digest;
	digest_text(r->hex, &m->digest);
	if (m->internal)
		r->hex[0] = 0;
	return 0;
}

/* True when the message there is the wanted one: any of several with its content will do. */
static bool take_at(struct mboxread *r, const struct store_wanted *wanted, uint64_t offset,
                    struct error *err)
{
	const struct mbox_visitor visitor = { r, NULL, keep_content, keep_message };

	forget_message(r);
	r->base = wanted->base;
	return offset < (uint64_t)r->file.st.st_size &&
	       mbox_walker_one(r->walker, &offset, &visitor, err) == 0 &&
	       !strncmp(r->hex, wanted->base, 40);
}

static int give(struct mboxread *r, const struct store_reader *reader, struct error *err)
{
	const struct mbox_visitor again = { .context = reader->context, .content = reader->bytes };
	uint64_t offset = r->now.offset;

	if (reader->begin(reader->context, &r->now, span_of(r->from_line), err) < 0)
		return -1;
	if (!r->too_long)
		return r->content.n ? reader->bytes(reader->context, buf_span(&r->content), err)
		                    : 0;
	/* under the lock, and with the length that begin() has told */
	return mbox_walker_one(r->walker, &offset, &again, err);
}

static int read_one(struct mboxread *r, const struct store_wanted *wanted,
                    const struct store_reader *reader, struct error *err)
{
	struct error ignored = { 0 };
	uint64_t offset = wanted->offset;

	if (!take_at(r, wanted, offset, &ignored)) {
		if (search(r, wanted, &offset, err) < 0)
			return -1;
		if (!take_at(r, wanted, offset, err))
			return error_set(err, ERROR_SCOPE_MESSAGE, ERROR_RETRY_LATER, 0,
			                 "%s changes while it is read", r->file.name);
	}
	return give(r, reader, err);
}

int mboxread(struct mboxread *r, int rootfd, const struct mailbox_account *account,
             const struct store_wanted *wanted, const struct store_reader *reader,
             struct error *err)
{
	if (enter(r, rootfd, account, wanted->folder, err) == 0 &&
	    read_one(r, wanted, reader, err) == 0)
		return 0;
	if (err->scope == ERROR_SCOPE_MAILBOX)
		err->scope = ERROR_SCOPE_MESSAGE;
	return -1;
}
