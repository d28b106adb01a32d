/* SPDX-License-Identifier: BSD-2-Clause */

/* carry_queue -- the entries of queues, each of which says itself whose it is and where it came from. */

#include "lists/carry_inside.h"

#include "base/clock.h"
#include "base/memory.h"
#include "lists/carry_entry.h"
#include "lists/carry_names.h"
#include "lists/layouts.h"
#include "lists/take.h"

#include <stdlib.h>
#include <string.h>

#define ENDS_SOON_S 86400
#define CPANEL_REPAIR                                                                              \
	"cPanel's script that repairs Mailman is said to empty this queue: do not run it while "   \
	"mail waits there"

/* Tables of mailhaul's own, by which a path on old is known again. */
static const enum lists_path queues[] = {
	LISTS_INQUEUE_DIR,   LISTS_OUTQUEUE_DIR,   LISTS_CMDQUEUE_DIR,   LISTS_BOUNCEQUEUE_DIR,
	LISTS_NEWSQUEUE_DIR, LISTS_ARCHQUEUE_DIR,  LISTS_SHUNTQUEUE_DIR, LISTS_VIRGINQUEUE_DIR,
	LISTS_BADQUEUE_DIR,  LISTS_RETRYQUEUE_DIR,
};

static struct span last_component(struct span path)
{
	size_t n;

	while (path.n && path.p[path.n - 1] == '/')
		path.n--;
	for (n = path.n; n && path.p[n - 1] != '/'; n--)
		;
	return span_from(path, n);
}

char *carry_queue_on_new(const struct carry_run *r, struct span path)
{
	const struct lists_paths *old = &r->o->old->paths, *new = &r->o->new->paths;
	struct span name = last_component(path);

	while (path.n > 1 && path.p[path.n - 1] == '/')
		path.n--;
	for (size_t i = 0; i < ROWS(queues); i++)
		if (old->value[queues[i]] && span_is(path, old->value[queues[i]]))
			return new->value[queues[i]] ? xstrdup(new->value[queues[i]]) : NULL;
	/* the same directory by another name: through a link, or from before it was moved */
	for (size_t i = 0; i < ROWS(queues); i++)
		if (old->value[queues[i]] && new->value[queues[i]] && name.n &&
		    span_equal(name, last_component(span_of(old->value[queues[i]]))))
			return xstrdup(new->value[queues[i]]);
	return NULL;
}

static void point(struct carry_pass *p, const char *where, struct span whichq, struct buf *content)
{
	struct lists_carry_result *out = p->run->out;
	AUTO_FREE char *old = span_dup(whichq);
	AUTO_FREE char *queue = carry_queue_on_new(p->run, whichq);
	struct error why = { 0 };

	if (!queue) {
		carry_tell(&out->failed, where,
		           "came from %s, which is no queue of old's: unshunt on new will not find "
		           "it",
		           old);
	} else if (!strcmp(queue, old)) {
		return;
	} else if (carry_entry_set_whichq(content, queue, &why) < 0) {
		carry_tell(&out->failed, where, "%s", why.text);
	} else {
		out->whichq++;
	}
}

/* bin/update of an upgrade makes that. What is in bad is evidence. */
static void mend_mark(struct carry_pass *p, const char *where, bool is_text, struct buf *content)
{
	struct strings *notes = &p->run->out->notes;
	const char *is = is_text ? "is text, and not marked as text"
	                         : "is a message, and marked as text";
	struct error why = { 0 };

	if (p->part->path == LISTS_BADQUEUE_DIR)
		carry_tell(notes, where, "%s: carried as it is", is);
	else if (carry_entry_set_mark(content, &why) < 0)
		carry_tell(notes, where,
		           "%s (an upgrade's bin/update did that), so that a runner puts it into "
		           "shunt; carried as it is: %s",
		           is, why.text);
	else
		carry_tell(notes, where,
		           "%s (an upgrade's bin/update did that): is marked as what it is on new, "
		           "so that a runner takes it",
		           is);
}

/* Without a word to the sender. The hour is absolute, and the move takes its time. */
static void tell_end(struct carry_pass *p, const char *where, double until)
{
	double now = (double)host_hello(p->run->o->from)->now_ms / 1000;
	char text[32];

	if (until > 0 && until < now + ENDS_SOON_S)
		carry_tell(&p->run->out->notes, where,
		           "Mailman gives it up, and tells nobody, when a try fails behind %s: "
		           "have new's runner try before",
		           clock_text(text, (int64_t)(until * 1000)));
}

static void tell_of_queue(struct carry_pass *p, const char *path)
{
	const struct lists_carry_options *o = p->run->o;
	struct strings *notes = &p->run->out->notes;

	if (carry_entry_of(path) == CARRY_ENTRY_IN_WORK)
		carry_tell(notes, p->to,
		           "what a runner was at when it ended (.bak) is carried as such, and is "
		           "taken up when new's runner starts: let it, before an upgrade's "
		           "bin/update, which removes .bak files");
	if (p->part->path == LISTS_OUTQUEUE_DIR && !strcmp(o->old->layout->name, "cpanel"))
		carry_tell(notes, p->from, CPANEL_REPAIR);
	if (p->part->path == LISTS_OUTQUEUE_DIR && !strcmp(o->new->layout->name, "cpanel"))
		carry_tell(notes, p->to, CPANEL_REPAIR);
}

/* By default after seven days, counted from the file's time, which is carried. */
static void tell_cull(struct carry_pass *p)
{
	carry_tell(
		&p->run->out->notes, p->to,
		"cron/cull_bad_shunt removes what is older than BAD_SHUNT_STALE_AFTER in its first "
		"night on new: unshunt, or look through it, before");
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

bool carry_is_chosen(const struct carry_pass *p, const char *path)
{
	const struct strings *entries = p->run->o->entries;
	AUTO_FREE char *name = lists_take_name(p->part->path, path);

	return bsearch(&name, entries->rows, entries->n, sizeof *entries->rows, by_text) != NULL;
}

enum copy_tree_verdict carry_queue_read(void *context, const char *path, struct buf *content)
{
	struct carry_pass *p = context;
	struct lists_carry_result *out = p->run->out;
	AUTO_VALUE_ARENA struct value_arena *arena = value_arena_new();
	AUTO_FREE char *where = xasprintf("%s/%s", p->from, path);
	struct carry_entry_words words;
	struct error why = { 0 };

	if (carry_entry_read(arena, buf_span(content), &words, &why) < 0) {
		bool all = p->run->o->entries != NULL; /* each goes, whatever it is */
		bool leaves = p->run->some && !all;

		/* a runner on new would put it into bad, and without its .db nobody knows whose it is */
		if (!all && words.data_at && words.data_at == content->n) {
			carry_tell(
				&out->failed, where,
				"a message without what Mailman knows of it: half an entry of "
				"Mailman 2.1.4 or older, whose .db is beside it, or one that was "
				"cut: let old's runner finish it");
			return COPY_TREE_LEAVE;
		}
		carry_tell(&out->notes, where, "can't be read (%s)%s", why.text,
		           leaves ? ": left, for it says not whose it is" : "");
		return leaves ? COPY_TREE_LEAVE : COPY_TREE_TAKE;
	}
	/* what names no list is the site list's */
	if (!p->run->o->entries && !carry_goes(p->run, words.list.n ? words.list : SPAN("mailman")))
		return COPY_TREE_LEAVE;
	if (p->part->path == LISTS_SHUNTQUEUE_DIR || p->part->path == LISTS_BADQUEUE_DIR)
		tell_cull(p);
	tell_of_queue(p, path);
	tell_end(p, where, words.deliver_until);

	/* the arena's spans lie in what is changed */
	AUTO_FREE char *whichq = span_dup(words.whichq);

	if (words.is_mismarked)
		mend_mark(p, where, words.is_text, content);
	if (*whichq)
		point(p, where, span_of(whichq), content);
	return COPY_TREE_TAKE;
}

/* What was brought and is gone from old was done there. When new lives on its own with some lists, what
 * belongs to them is theirs. */
bool carry_queue_removes(void *context, const char *path, const struct tree_node *node)
{
	const struct carry_pass *p = context;
	AUTO_VALUE_ARENA struct value_arena *arena = value_arena_new();
	AUTO_FREE char *where = xasprintf("%s/%s", p->to, path);
	AUTO_BUF struct buf content = { 0 };
	struct carry_entry_words words;
	struct error ignored = { 0 };

	if (!p->part->is_queue || !p->run->some)
		return true;
	return host_read(p->run->o->to, where, COPY_TREE_READ_MAX, &content, &ignored) == 0 &&
	       carry_entry_read(arena, buf_span(&content), &words, &ignored) == 0 &&
	       carry_goes(p->run, words.list.n ? words.list : SPAN("mailman"));
}
