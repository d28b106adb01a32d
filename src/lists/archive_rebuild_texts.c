/* SPDX-License-Identifier: BSD-2-Clause */

/* archive_rebuild_texts -- the mbox, and the texts of volumes that can be fetched. */

#include "lists/archive_rebuild_inside.h"

#include "base/memory.h"
#include "lists/archive_rewrite.h"
#include "lists/carry_inside.h"
#include "lists/mbox.h"
#include "lists/site.h"

#include <errno.h>
#include <string.h>
#include <time.h>

int archive_rebuild_mbox(struct archive_run *r, struct error *err)
{
	AUTO_ARCHIVE_REWRITE struct archive_rewrite done = { 0 };
	AUTO_STRINGS struct strings drop = { 0 };
	AUTO_BUF struct buf append = { 0 };
	struct archive_rewrite_options o = { .h = r->o->h,
		                             .dir = r->state.mbox_dir,
		                             .name = r->state.mbox_name };

	for (size_t i = 0; i < r->leaving_n; i++)
		strings_add(&drop, r->leaving[i].id);
	for (size_t i = 0; i < r->incoming_n; i++) {
		AUTO_FREE char *id = xasprintf("<%s>", buf_text(&r->incoming[i].letter.id));

		/* its own, or killed after this */
		if (!archive_ids_have(&r->state.mbox_ids, id))
			lists_mbox_append(&append, r->incoming[i].from_line, r->incoming[i].octets);
	}
	o.drop = drop.n ? &drop : NULL;
	o.keep = drop.n != 0; /* what only comes is not lost */
	o.append = buf_span(&append);
	if ((!drop.n && !append.n) || archive_rewrite(&o, &done, err) == 0) {
		if (done.kept && drop.n)
			carry_tell(&r->out->notes, done.kept,
			           "is the mbox of before, with what was withdrawn: take it away "
			           "when nobody needs it");
		return 0;
	}
	if (err->sys_errno != ENOENT)
		return error_context(err, "mbox");
	*err = (struct error){ 0 };
	carry_tell(&r->out->notes, r->state.mbox_name,
	           "is not there: the messages are in the pages alone");
	return 0;
}

/* The packed one is made again from the text, by Mailman's nightly_gzip. */
static int drop_packed(struct archive_run *r, const char *text, bool has_text, struct error *err)
{
	AUTO_FREE char *packed = xasprintf("%s.gz", text);

	if (!lists_entry(&r->state.files, packed))
		return 0;
	if (has_text)
		return archive_remove(r->o->h, r->state.dir, packed, err);
	carry_tell(&r->out->failed, packed,
	           "is packed, and still has what was withdrawn: unpack it to .txt, and take the "
	           "message out of both");
	return 0;
}

/* As pipermail's own texts have it. */
static void add_text(const struct archive_letter *l, struct buf *out)
{
	AUTO_BUF struct buf from = { 0 }, message = { 0 };
	time_t seconds = (time_t)l->date;
	char words[64] = "";
	struct tm tm;

	if (gmtime_r(&seconds, &tm))
		(void)strftime(words, sizeof words, "%a %b %e %H:%M:%S %Y", &tm);
	buf_addf(&from, "From %s  %s", l->email.n ? buf_text(&l->email) : "nobody", words);
	buf_addf(&message, "From: %s (%s)\nDate: %s\nSubject: %s\n", buf_text(&l->email),
	         buf_text(&l->author), buf_text(&l->date_text), buf_text(&l->subject));
	if (l->in_reply_to.n)
		buf_addf(&message, "In-Reply-To: <%s>\n", buf_text(&l->in_reply_to));
	buf_addf(&message, "Message-ID: <%s>\n\n", buf_text(&l->id));
	buf_add_span(&message, buf_span(&l->body));
	buf_add_char(&message, '\n');
	lists_mbox_append(out, buf_span(&from), buf_span(&message));
}

/* Those that a call which was killed has not put there. */
static void add_texts(struct archive_run *r, const struct archive_touched *t,
                      const struct strings *there, struct buf *out)
{
	for (size_t i = 0; i < r->incoming_n; i++) {
		const struct archive_incoming *in = &r->incoming[i];
		AUTO_FREE char *id = xasprintf("<%s>", buf_text(&in->letter.id));

		if (&r->touched[in->touched] == t && !archive_ids_have(there, id))
			add_text(&in->letter, out);
	}
}

int archive_rebuild_text(struct archive_run *r, struct archive_touched *t, struct error *err)
{
	AUTO_FREE char *name = xasprintf("%s.txt", t->volume.name);
	bool there = lists_entry(&r->state.files, name) != NULL;
	AUTO_ARCHIVE_REWRITE struct archive_rewrite done = { 0 };
	AUTO_STRINGS struct strings ids = { 0 };
	AUTO_BUF struct buf text = { 0 };
	struct archive_rewrite_options o = { .h = r->o->h, .dir = r->state.dir, .name = name };
	uint64_t messages, without;

	if ((t->dropped.n && drop_packed(r, name, there, err) < 0) ||
	    archive_mbox_ids(r->o->h, r->state.dir, name, &ids, &messages, &without, err) < 0)
		return -1;
	add_texts(r, t, &ids, &text);
	if (!there)
		return !t->volume.is_new ? 0
		                         : archive_put(r->o->h, r->state.dir, name,
		                                       archive_like_page(r), buf_span(&text), err);
	for (size_t i = 0; i < t->dropped.n; i++)
		if (!archive_ids_have(&ids, t->dropped.rows[i]))
			carry_tell(&r->out->notes, name, "%s could not be found in it: look",
			           t->dropped.rows[i]);
	o.drop = t->dropped.n ? &t->dropped : NULL;
	o.append = buf_span(&text);
	return archive_rewrite(&o, &done, err);
}
