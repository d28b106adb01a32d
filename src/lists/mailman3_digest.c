/* SPDX-License-Identifier: BSD-2-Clause */

/* mailman3_digest -- the digest in progress: posts that 2.1 has gathered since it sent the last one. */

#include "base/cleanup.h"
#include "base/memory.h"
#include "lists/archive_split.h"
#include "lists/mailman3_inside.h"

#include <errno.h>

/* 2.1 sends one behind some 30 KB; where nobody has digests it gathers for years. */
#define DIGEST_MAX (16u << 20)

struct gathering {
	json_t *posts;
	struct buf from, text; /* of the post that is read */
	size_t before;         /* octets that are of none, but for blanks */
};

static void end_post(struct gathering *g)
{
	struct span text = buf_span(&g->text);

	if (!g->from.n) {
		g->before += span_trim(text).n;
		g->text.n = 0;
		return;
	}
	/* the blank line between two posts is the mbox's: RFC 4155 appendix A */
	if (text.n > 1 && text.p[text.n - 1] == '\n' && text.p[text.n - 2] == '\n')
		text.n--;
	json_array_append_new(g->posts,
	                      json_pack("{s:o, s:o}", "from", end_octets(buf_span(&g->from)),
	                                "message", end_octets(text)));
	g->from.n = g->text.n = 0;
}

static int take_line(void *context, enum archive_line kind, uint64_t line, struct span octets,
                     struct error *err)
{
	struct gathering *g = context;

	(void)line;
	(void)err;
	if (kind == ARCHIVE_LINE_FROM || kind == ARCHIVE_LINE_FROM_CLOSE) {
		end_post(g);
		buf_add_span(&g->from, span_trim(octets));
	} else {
		buf_add_span(&g->text, octets);
	}
	return 0;
}

void mailman3_take_digest(struct end_making *m)
{
	AUTO_BUF struct buf octets = { 0 };
	struct error err = { 0 };
	struct gathering g = { .posts = json_object_get(m->out->work, "digest") };
	AUTO_ARCHIVE_SPLIT struct archive_split split = { .take = take_line, .context = &g };

	if (!m->site || !m->l->digest.is_there)
		return;
	if (host_read(m->site->h, m->l->digest.path, DIGEST_MAX, &octets, &err) < 0) {
		if (err.sys_errno != ENOENT) /* sent since */
			end_refuse(m, "digest", span_of("digest.mbox"), err.text);
		return;
	}
	if (archive_split_feed(&split, buf_span(&octets), &err) < 0 ||
	    archive_split_end(&split, &err) < 0)
		end_refuse(m, "digest", span_of("digest.mbox"), err.text);
	end_post(&g);
	if (g.before) {
		AUTO_FREE char *why = xasprintf("%zu octets stand before its first message",
		                                g.before);

		end_refuse(m, "digest", span_of("digest.mbox"), why);
	}
	buf_fini(&g.from);
	buf_fini(&g.text);
}
