/* SPDX-License-Identifier: BSD-2-Clause */
#include "move/lists_hyperkitty.h"

#include "base/memory.h"
#include "lists/mailman3_runners.h"
#include "lists/site.h"
#include "move/lists.h"
#include "state/evidence.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <string.h>

#define SUMS "hyperkitty.archives"

void archives_pass_fini(struct archives_pass *p)
{
	strings_fini(&p->failed);
	strings_fini(&p->notes);
	*p = (struct archives_pass){ 0 };
}

bool move_archives_wanted(const struct config *c)
{
	return c->lists_to == CONFIG_LISTS_MAILMAN3 && c->archives_to == CONFIG_ARCHIVES_HYPERKITTY;
}

struct hyperkitty_web move_archives_web(const struct config *c, struct host *new)
{
	return (struct hyperkitty_web){ .h = new,
		                        .program = c->lists.mailman_web,
		                        .user = c->lists.web_user };
}

int move_archives_sums(struct state *s, json_t **out, struct error *err)
{
	AUTO_FREE char *text = NULL;

	*out = NULL;
	if (state_get(s, SUMS, &text, err) < 0)
		return -1;
	*out = text ? json_loads(text, 0, NULL) : NULL;
	return 0;
}

/* ── a pass ──────────────────────────────────────────────────────────────────────────────────── */

struct passing {
	const struct mailman3_way *w;
	enum archives_do what;
	bool rests; /* Mailman 3 */
	struct hyperkitty_web web;
	struct hyperkitty_run *run; /* owned; begun with the first that needs it */
	struct archives_pass *out;
	json_t *reports; /* owned; NULL: they are not kept */
};

static void passing_fini(struct passing *p)
{
	if (p->run)
		hyperkitty_end(p->run);
	json_decref(p->reports);
}
#define AUTO_PASSING __attribute__((cleanup(passing_fini)))

static bool gives(enum archives_do what)
{
	return what == ARCHIVES_GIVE || what == ARCHIVES_PUT;
}

/* ── how an mbox was when all of it was there ────────────────────────────────────────────────── */

/* "SIZE MTIME INODE POLICY MESSAGES THERE REFUSED COPIES" */
struct seen {
	uint64_t messages, there, refused, copies;
};

/* NULL: there is none. */
static int sign_of(const struct passing *p, const struct hyperkitty_list *l, char **out,
                   struct error *err)
{
	AUTO_LISTING struct host_listing listing = { 0 };
	struct error why = { 0 };

	*out = NULL;
	if (!l->mbox)
		return 0;
	if (host_list(p->w->old, l->mbox, 0, &listing, &why) < 0)
		return why.sys_errno == ENOENT ? 0 : (*err = why, -1);
	if (listing.n)
		*out = xasprintf("%" PRIu64 " %" PRId64 " %" PRIu64 " %s", listing.rows[0].size,
		                 listing.rows[0].mtime_ns, listing.rows[0].inode, l->policy);
	return 0;
}

static int seen_before(const struct passing *p, const char *name, const char *sign,
                       struct seen *seen, bool *yes, struct error *err)
{
	AUTO_FREE char *fact = xasprintf("hyperkitty.archive.%s", name), *text = NULL;
	size_t n = strlen(sign);

	*yes = false;
	if (state_get(p->w->state, fact, &text, err) < 0)
		return -1;
	*yes = text && !strncmp(text, sign, n) &&
	       sscanf(text + n, " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64, &seen->messages,
	              &seen->there, &seen->refused, &seen->copies) == 4;
	return 0;
}

static int keep_seen(const struct passing *p, const char *name, const char *sign,
                     const struct hyperkitty_result *r, struct error *err)
{
	AUTO_FREE char *fact = xasprintf("hyperkitty.archive.%s", name);
	AUTO_FREE char *text = xasprintf("%s %zu %zu %zu %" PRIu64, sign, r->letters.n, r->there,
	                                 r->refused, r->letters.copies);

	return state_put(p->w->state, fact, text, err);
}

/* ── one archive ─────────────────────────────────────────────────────────────────────────────── */

static void take_words(struct passing *p, const struct hyperkitty_list *l,
                       const struct hyperkitty_result *r)
{
	AUTO_STRINGS struct strings kinds = { 0 };

	for (size_t i = 0; i < r->told.n; i++)
		move_lists_add(&p->out->notes, l->archive.address, "archive: %s", r->told.rows[i]);
	for (size_t i = 0; i < r->words_n; i++) {
		const struct hyperkitty_word *w = &r->words[i];
		const char *id = r->letters.rows[w->row].id;

		if (!strcmp(w->what, "differs"))
			move_lists_add(&p->out->failed, l->archive.address,
			               "archive: <%s> differs: %s", id, w->why);
		else if (!strcmp(w->what, "refused"))
			move_lists_add(&p->out->notes, l->archive.address,
			               "archive: <%s> is refused: %s", id, w->why);
		else if (!strings_has(&kinds, w->what))
			strings_add(&kinds, w->what);
	}
	for (size_t k = 0; k < kinds.n; k++) {
		size_t n = 0;

		for (size_t i = 0; i < r->words_n; i++)
			n += !strcmp(r->words[i].what, kinds.rows[k]);
		move_lists_add(&p->out->notes, l->archive.address,
		               "archive: %s: of %zu messages something is other than it was",
		               kinds.rows[k], n);
	}
	if (r->letters.before)
		move_lists_add(&p->out->notes, l->archive.address,
		               "archive: %" PRIu64 " octets before the first message are of none",
		               r->letters.before);
}

static void take_result(struct passing *p, const struct hyperkitty_list *l,
                        const struct hyperkitty_result *r)
{
	struct archives_pass *out = p->out;

	out->messages += r->letters.n;
	out->copies += r->letters.copies;
	out->there += r->there;
	out->new += p->what == ARCHIVES_COUNT ? r->letters.n - r->letters.copies - r->there
	                                      : r->new;
	out->refused += r->refused;
	out->others += r->others;
	if (p->what == ARCHIVES_COUNT)
		return;
	take_words(p, l, r);
	if (r->error)
		move_lists_add(&out->failed, l->archive.address,
		               "archive: was not brought to its end: %s", r->error);
	for (size_t i = 0; i < r->letters.n && r->missing; i++)
		if (!r->letters.rows[i].is_copy && r->fates[i] != HYPERKITTY_THERE &&
		    r->fates[i] != HYPERKITTY_DIFFERS && r->fates[i] != HYPERKITTY_REFUSED)
			move_lists_add(&out->failed, l->archive.address,
			               "archive: <%s> is not there", r->letters.rows[i].id);
	if (p->reports)
		json_array_append_new(p->reports, hyperkitty_result_json(l->archive.address, r));
}

static int begin_run(struct passing *p, struct error *err)
{
	enum hyperkitty_do what = p->what == ARCHIVES_GIVE  ? HYPERKITTY_GIVE
	                          : p->what == ARCHIVES_PUT ? HYPERKITTY_PUT
	                                                    : HYPERKITTY_LOOK;

	return p->run ? 0 : hyperkitty_begin(&p->run, &p->web, what, err);
}

static int work(struct passing *p, const char *name, struct hyperkitty_list *l, const char *sign,
                struct error *err)
{
	AUTO_HYPERKITTY_RESULT struct hyperkitty_result r = { 0 };

	if (p->rests)
		l->archive.rests = l->policy;
	if (begin_run(p, err) < 0 || hyperkitty_give(p->run, &l->archive, &r, err) < 0)
		return -1;
	take_result(p, l, &r);
	if (!sign || r.error || r.missing || r.differs || p->what == ARCHIVES_PUT ||
	    p->what == ARCHIVES_COUNT)
		return 0;
	return keep_seen(p, name, sign, &r, err);
}

/* The sign is taken before the mbox is read: what comes meanwhile is seen once more, and not never. */
static int one_list(struct passing *p, struct lists_site *site, const char *name, struct error *err)
{
	AUTO_HYPERKITTY_LIST struct hyperkitty_list l = { 0 };
	AUTO_FREE char *sign = NULL;
	struct seen seen;
	bool same = false;

	if (hyperkitty_list_read(&l, p->w->old, site, name, NULL, err) < 0 ||
	    sign_of(p, &l, &sign, err) < 0)
		return -1;
	if (!sign && (!gives(p->what) || p->rests))
		return 0;
	p->out->lists += sign != NULL;
	/* Mailman 3 says "never" of it, and HyperKitty would show such a one to everybody */
	if (l.archive.is_private && !strcmp(l.policy, "never")) {
		if (sign)
			move_lists_add(
				&p->out->notes, l.archive.address,
				"archive: is private, and kept no more: it stays where it is, for "
				"HyperKitty hides nothing of a list without an archive");
		return 0;
	}
	if (sign && (p->what == ARCHIVES_PUT || p->what == ARCHIVES_LOOK_FRESH) &&
	    seen_before(p, name, sign, &seen, &same, err) < 0)
		return -1;
	if (!same)
		return work(p, name, &l, sign, err);
	p->out->messages += seen.messages;
	p->out->there += seen.there;
	p->out->refused += seen.refused;
	p->out->copies += seen.copies;
	p->out->unchanged++;
	return 0;
}

static int keep(const struct passing *p, struct error *err)
{
	const struct archives_pass *o = p->out;
	AUTO_FREE char *words = xasprintf("%" PRIu64 " archives, %" PRIu64 " messages: %" PRIu64
	                                  " in HyperKitty, %" PRIu64 " copies, %" PRIu64 " refused",
	                                  o->lists, o->messages, o->there, o->copies, o->refused);
	AUTO_FREE char *json = p->reports ? json_dumps(p->reports, JSON_COMPACT) : NULL;
	json_t *sums;
	AUTO_FREE char *text = NULL;

	if (p->what == ARCHIVES_COUNT || p->what == ARCHIVES_PUT || !p->w->keep)
		return 0;
	sums = json_pack("{s:I, s:I, s:I, s:I, s:I}", "lists", (json_int_t)o->lists, "messages",
	                 (json_int_t)o->messages, "there", (json_int_t)o->there, "copies",
	                 (json_int_t)o->copies, "refused", (json_int_t)o->refused);
	text = json_dumps(sums, JSON_COMPACT);
	json_decref(sums);
	return state_put(p->w->state, SUMS, text, err) < 0 ||
	                       (json && evidence_put(p->w->state, "archives", words, json, err) < 0)
	               ? -1
	               : 0;
}

int move_archives_pass(const struct mailman3_way *w, enum archives_do what,
                       struct archives_pass *out, struct error *err)
{
	AUTO_MOVE_LISTS struct move_lists l = { 0 };
	AUTO_LISTS_SITE struct lists_site site = { 0 };
	AUTO_LISTS_RUNNERS struct lists_runners runners = { 0 };
	AUTO_PASSING struct passing p = {
		.w = w, .what = what, .out = out, .web = move_archives_web(w->config, w->new)
	};

	if (move_lists_find(w->config, w->old, w->new, &l, err) < 0 ||
	    lists_site_read(&site, w->old, &l.old->paths, l.old->settings, false, err) < 0 ||
	    lists_mailman3_runners_look(w->new, &runners, err) < 0)
		return -1;
	p.rests = !runners.n;
	if (w->evidence)
		p.reports = json_array();
	for (size_t i = 0; i < site.names.n; i++)
		if (one_list(&p, &site, site.names.rows[i], err) < 0)
			return error_context(err, "archive of list %s", site.names.rows[i]);
	return keep(&p, err);
}

/* What has come to them since is brought in the window. */
enum check_answer check_lists_archives(struct move *m, struct buf *seen)
{
	json_int_t lists, messages, there, copies, refused;
	struct error err = { 0 };
	json_t *sums;
	int read;

	if (!m->has_lists || !move_archives_wanted(m->config)) {
		buf_add_text(seen, "none go into a HyperKitty");
		return CHECK_SKIPPED;
	}
	if (move_archives_sums(m->state, &sums, &err) < 0) {
		buf_add_text(seen, err.text);
		return CHECK_UNKNOWN;
	}
	read = json_unpack(sums, "{s:I, s:I, s:I, s:I, s:I}", "lists", &lists, "messages",
	                   &messages, "there", &there, "copies", &copies, "refused", &refused);
	json_decref(sums);
	if (read < 0) {
		buf_add_text(seen, "they were not brought yet");
		return CHECK_NO;
	}
	buf_addf(seen,
	         "%lld archives, %lld messages: %lld in HyperKitty, %lld copies, %lld refused",
	         (long long)lists, (long long)messages, (long long)there, (long long)copies,
	         (long long)refused);
	return messages == there + copies + refused ? CHECK_YES : CHECK_NO;
}

/* ── in the cut-over ─────────────────────────────────────────────────────────────────────────── */

static struct mailman3_way way_of(struct move *m)
{
	return (struct mailman3_way){
		.config = m->config, .state = m->state, .old = m->old, .new = m->new, .keep = true
	};
}

static int expect_all(struct move *m, const struct archives_pass *p, struct error *err)
{
	if (!p->failed.n)
		return move_lists_note(m, &p->notes, err);
	move_lists_say(m, &p->failed);
	return error_set(err, ERROR_SCOPE_MOVE, ERROR_RETRY_PERSON, 0,
	                 "%zu things of archives are not as they should be, the first: %s",
	                 p->failed.n, p->failed.rows[0]);
}

static int put(struct move *m, struct archives_pass *p, struct error *err)
{
	const struct mailman3_way way = way_of(m);

	return move_archives_pass(&way, ARCHIVES_PUT, p, err);
}

int move_archives_put(struct move *m, struct error *err)
{
	AUTO_ARCHIVES_PASS struct archives_pass p = { 0 };

	if (!move_archives_wanted(m->config))
		return 0;
	if (put(m, &p, err) < 0)
		return -1;
	move_say(m, "%" PRIu64 " archives, %" PRIu64 " as they were, %" PRIu64 " messages brought",
	         p.lists, p.unchanged, p.new);
	return expect_all(m, &p, err);
}

int move_archives_verify(struct move *m, struct error *err)
{
	AUTO_ARCHIVES_PASS struct archives_pass p = { 0 };
	struct mailman3_way way = way_of(m);

	if (!move_archives_wanted(m->config))
		return 0;
	way.evidence = "archives";
	if (move_archives_pass(&way, ARCHIVES_LOOK_FRESH, &p, err) < 0 ||
	    expect_all(m, &p, err) < 0)
		return -1;
	move_say(m,
	         "%" PRIu64 " archives, %" PRIu64 " messages, each accounted for: %" PRIu64
	         " in HyperKitty, %" PRIu64 " copies, %" PRIu64 " refused",
	         p.lists, p.messages, p.there, p.copies, p.refused);
	return 0;
}

int move_archives_bring_stragglers(struct move *m, struct error *err)
{
	AUTO_ARCHIVES_PASS struct archives_pass p = { 0 };

	if (!move_archives_wanted(m->config))
		return 0;
	if (put(m, &p, err) < 0)
		return -1;
	if (p.new)
		move_say(m, "%" PRIu64 " messages that old had archived late are in HyperKitty",
		         p.new);
	return expect_all(m, &p, err);
}

int move_archives_leave(struct move *m, struct error *err)
{
	AUTO_ARCHIVES_PASS struct archives_pass p = { 0 };
	struct mailman3_way way = way_of(m);
	struct error why = { 0 };

	if (!move_archives_wanted(m->config))
		return 0;
	way.keep = false;
	if (move_archives_pass(&way, ARCHIVES_COUNT, &p, &why) < 0) {
		if (why.retry == ERROR_RETRY_REACH)
			return *err = why, -1;
		/* no reason to stay here */
		move_say(m, "archives stay in HyperKitty; it can't be asked what it has: %s",
		         why.text);
		return 0;
	}
	move_say(m,
	         "%" PRIu64 " archives stay in HyperKitty, with %" PRIu64
	         " messages that old's archives do not have; `mailhaul lists archive import --to "
	         "hyperkitty --remove --all` takes the others away",
	         p.lists, p.others);
	return 0;
}
