/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * handin -- stranded entries go into the queue of the same name at the back end.
 *
 * There a runner takes an entry as soon as it has its name; so after a break nothing at the back end may
 * tell whether it was there. How far it has come is therefore in its name on both hosts, each step is
 * durable before the next, and the step that gives it to the runner happens once:
 *
 *	front end                     back end
 *	NAME                          -
 *	NAME.mailhaul-taken           -                       nobody else works on it
 *	NAME.mailhaul-taken           NAME.mailhaul-coming    all its octets; runners pass it over
 *	NAME.mailhaul-sent            NAME.mailhaul-coming
 *	NAME.mailhaul-sent            NAME                    by rename: the runner may have it
 *	-                             whatever the runner did
 *
 * With "sent" there and no "coming" at the back end, the rename was done.
 */

#include "doctor/inside.h"

#include "base/memory.h"
#include "remote/tree.h"
#include "tree/digest.h"

#include <errno.h>
#include <string.h>

#define ENTRY_MAX (1ull << 30) /* octets */
#define ENTRY_MODE 0660

struct handin {
	struct doctor *d;
	struct host *from, *to;
	char *from_dir, *to_dir; /* borrowed */
	char *base;              /* the name that runners know */
	uint32_t uid, gid;       /* Mailman's at the back end */
};

struct failure {
	bool failed;
	struct error why;
};

static void told_failed(void *context, uint64_t id, const struct error *why)
{
	*(struct failure *)context = (struct failure){ true, *why };
}

static void told_note(void *context, uint64_t id, const char *words)
{
}

static int commit(struct tree_writer *w, struct error *err)
{
	struct failure failure = { 0 };
	const struct tree_outcome outcome = { &failure, told_failed, told_note };
	uint64_t done;

	if (tree_write_commit(w, &outcome, &done, err) < 0)
		return -1;
	if (!failure.failed)
		return 0;
	*err = failure.why;
	return -1;
}

static int rename_in(struct host *h, const char *dir, const char *base, const char *from,
                     const char *to, struct error *err)
{
	AUTO_FREE char *old = xasprintf("%s/%s%s", dir, base, from);
	AUTO_FREE char *new = xasprintf("%s/%s%s", dir, base, to);

	return host_rename(h, old, new, err);
}

static int write_coming(const struct handin *t, int64_t mtime_ns, struct span octets,
                        struct error *err)
{
	AUTO_FREE char *name = xasprintf("%s" HANDIN_COMING, t->base);
	AUTO_TREE_WRITER struct tree_writer *w = tree_writer_new(t->to, t->to_dir);
	const struct tree_attributes none = { 0 };
	const struct tree_node node = { .kind = TREE_FILE,
		                        .mode = ENTRY_MODE,
		                        .uid = t->uid,
		                        .gid = t->gid,
		                        .size = octets.n,
		                        .mtime_ns = mtime_ns };
	struct tree_digest state;
	struct digest digest;

	tree_digest_begin(&state);
	tree_digest_add(&state, octets.p, octets.n);
	digest = tree_digest_end(&state);
	if (tree_write_file(w, 1, name, &node, &none, err) < 0)
		return -1;
	for (size_t at = 0; at < octets.n; at += WIRE_CHUNK) {
		size_t n = octets.n - at < WIRE_CHUNK ? octets.n - at : WIRE_CHUNK;

		if (tree_write_bytes(w, at, (struct span){ octets.p + at, n }, err) < 0)
			return -1;
	}
	return tree_write_done(w, &digest, err) < 0 || commit(w, err) < 0 ? -1 : 0;
}

/* From "taken" to "sent". */
static int bring(const struct handin *t, struct error *err)
{
	AUTO_FREE char *path = xasprintf("%s/%s" HANDIN_TAKEN, t->from_dir, t->base);
	AUTO_LISTING struct host_listing l = { 0 };
	AUTO_BUF struct buf octets = { 0 };

	if (host_list(t->from, path, 0, &l, err) < 0 ||
	    host_read(t->from, path, ENTRY_MAX, &octets, err) < 0)
		return -1;
	if (octets.n != l.rows[0].size)
		return error_set(err, ERROR_SCOPE_MESSAGE, ERROR_RETRY_LATER, 0,
		                 "%s changes while it is read", path);
	return write_coming(t, l.rows[0].mtime_ns, buf_span(&octets), err) < 0 ||
	                       rename_in(t->from, t->from_dir, t->base, HANDIN_TAKEN, HANDIN_SENT,
	                                 err) < 0
	               ? -1
	               : 0;
}

/* From "sent" to its end. */
static int give(const struct handin *t, struct error *err)
{
	AUTO_FREE char *coming = xasprintf("%s/%s" HANDIN_COMING, t->to_dir, t->base);
	AUTO_FREE char *sent = xasprintf("%s" HANDIN_SENT, t->base);
	AUTO_TREE_WRITER struct tree_writer *w = NULL;
	AUTO_LISTING struct host_listing l = { 0 };
	struct error why = { 0 };

	if (host_list(t->to, coming, 0, &l, &why) == 0) {
		if (rename_in(t->to, t->to_dir, t->base, HANDIN_COMING, "", err) < 0)
			return -1;
	} else if (why.sys_errno != ENOENT) {
		return *err = why, -1;
	}
	w = tree_writer_new(t->from, t->from_dir);
	return tree_write_remove(w, 1, sent, false, err) < 0 ? -1 : commit(w, err);
}

static int hand_in(const struct handin *t, const char *name, struct error *err)
{
	struct span now = span_of(name);
	AUTO_FREE char *there = xasprintf("%s/%s", t->to_dir, t->base);

	if (span_ends(now, HANDIN_SENT))
		return give(t, err);
	if (host_has(t->to, there))
		return error_set(err, ERROR_SCOPE_MESSAGE, ERROR_RETRY_PERSON, EEXIST,
		                 "%s is there already", there);
	if (!span_ends(now, HANDIN_TAKEN) &&
	    rename_in(t->from, t->from_dir, t->base, "", HANDIN_TAKEN, err) < 0)
		return -1;
	return bring(t, err) < 0 ? -1 : give(t, err);
}

/* The name without what we put behind it; owned by the caller. */
static char *base_of(const char *name)
{
	static const char *const ends[] = { HANDIN_TAKEN, HANDIN_SENT };
	struct span s = span_of(name);

	for (size_t i = 0; i < ROWS(ends); i++)
		if (span_ends(s, ends[i]))
			s.n -= strlen(ends[i]);
	return span_dup(s);
}

/* Mailman's numbers at the back end. */
static int find_owner(const struct doctor_host *back, struct handin *t, struct error *err)
{
	const struct system_user *user = system_user_named(&back->users, back->m->user);
	const struct system_group *group = system_group_named(&back->users, back->m->group);

	if (!user || !group)
		return error_set(err, ERROR_SCOPE_HOST, ERROR_RETRY_PERSON, 0,
		                 "%s has no user %s or no group %s", back->name, back->m->user,
		                 back->m->group);
	t->uid = user->uid;
	t->gid = group->gid;
	return 0;
}

/* TIME+HASH.pck or .bak: the front end says it, and it becomes a path at the back end. */
static bool is_entry(const char *name)
{
	AUTO_FREE char *base = base_of(name);
	const char *plus = strchr(base, '+');

	return base[0] >= '0' && base[0] <= '9' && !strchr(base, '/') && plus &&
	       !strchr(plus + 1, '+') &&
	       (span_ends(span_of(base), ".pck") || span_ends(span_of(base), ".bak"));
}

static const char *reason_to_leave(const struct doctor *d, const struct doctor_stranded *s)
{
	if (!d->hosts[d->back].places[s->queue].end)
		return "the back end has no such queue";
	if (s->q.state == LISTS_QUEUE_OLD)
		return "of Mailman 2.1.4 or older, in two files";
	if (s->is_in_force && doctor_has_master(&d->hosts[s->host]))
		return "that host has runners of its own";
	if (s->q.problem)
		return s->q.problem;
	if (!stranded_goes_back(d, &s->q))
		return "the queue that it came from has another path at the back end, and unshunt "
		       "would "
		       "put it where nobody looks";
	return is_entry(s->q.name) ? NULL : "a runner takes no such name";
}

static void say(FILE *journal, const struct doctor *d, const struct doctor_stranded *s,
                const char *word, const char *why)
{
	AUTO_BUF struct buf line = { 0 }, shown = { 0 };

	buf_addf(&line, "%s  %s: ", word, d->hosts[s->host].name);
	stranded_describe(s, &line);
	if (why)
		buf_addf(&line, ": %s", why);
	else
		buf_addf(&line, ", to %s: %s", d->hosts[d->back].name,
		         d->hosts[d->back].places[s->queue].end);
	buf_add_printable(&shown, buf_span(&line));
	fprintf(journal, "%s\n", buf_text(&shown));
	fflush(journal);
}

static int one(struct doctor *d, const struct doctor_stranded *s, struct handin *t,
               struct error *err)
{
	AUTO_FREE char *base = base_of(s->q.name);

	t->from = d->hosts[s->host].h;
	t->from_dir = s->dir;
	t->to_dir = d->hosts[d->back].places[s->queue].end;
	t->base = base;
	return hand_in(t, s->q.name, err);
}

int doctor_hand_in(struct doctor *d, bool dry_run, FILE *journal, size_t *done, size_t *left,
                   struct error *err)
{
	struct handin t = { .d = d, .to = d->hosts[d->back].h };

	*done = *left = 0;
	if (!d->back_is_known) {
		error_set(err, ERROR_SCOPE_MOVE, ERROR_RETRY_PERSON, 0,
		          "on none of the hosts a master of Mailman's runners was seen");
		return error_hint(err, "--back HOST names the one whose runners do the work");
	}
	if (d->stranded_n && find_owner(&d->hosts[d->back], &t, err) < 0)
		return -1;
	for (size_t i = 0; i < d->stranded_n; i++) {
		const struct doctor_stranded *s = &d->stranded[i];
		const char *leave = reason_to_leave(d, s);
		struct error why = { 0 };

		if (!leave && dry_run) {
			say(journal, d, s, "would hand in", NULL);
			++*done;
		} else if (!leave && one(d, s, &t, &why) == 0) {
			say(journal, d, s, "handed in", NULL);
			++*done;
		} else if (!leave && is_unreached(&why, err)) {
			return -1;
		} else {
			say(journal, d, s, "left", leave ? leave : why.text);
			++*left;
		}
	}
	return 0;
}
