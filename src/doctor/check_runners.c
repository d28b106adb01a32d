/* SPDX-License-Identifier: BSD-2-Clause */

/* check_runners -- who works on the queues, what keeps them from it, and what they never see. */

#include "doctor/inside.h"

#include "base/memory.h"
#include "lists/queue.h"
#include "lists/settings.h"

#include <string.h>

#define LOCK_MAX 4096u
#define SHOWN_MAX 50u
#define SLICES_MAX 64u

/* ── masters ─────────────────────────────────────────────────────────────────────────────────── */

/* Of a host that runs nothing, its pid file alone tells, and only if it is the host's own. */
static bool has_own_pid_file(const struct doctor *d, size_t host)
{
	if (!d->hosts[host].places[LISTS_PIDFILE].is_there)
		return false;
	for (size_t i = 0; i < d->n; i++)
		if (i != host && doctor_compare(d, LISTS_PIDFILE, i, host, NULL) == DOCTOR_SAME &&
		    (i < host || d->hosts[i].knows_processes))
			return false;
	return true;
}

static size_t count_masters(const struct doctor_host *host)
{
	size_t n = 0;

	for (size_t i = 0; i < host->processes.n; i++)
		n += process_is_master(&host->processes.rows[i]);
	return n;
}

static size_t masters_of(const struct doctor *d, size_t host)
{
	return d->hosts[host].knows_processes ? count_masters(&d->hosts[host])
	                                      : has_own_pid_file(d, host);
}

static void see_master(struct doctor_finding *f, const struct doctor *d, size_t host)
{
	const struct doctor_host *h = &d->hosts[host];

	f->on[host] = true;
	if (!h->knows_processes)
		finding_see(f, "%s: %s", h->name, h->places[LISTS_PIDFILE].path);
	for (size_t i = 0; i < h->processes.n; i++)
		if (process_is_master(&h->processes.rows[i]))
			finding_see(f, "%s: process %lu, %s", h->name, h->processes.rows[i].pid,
			            h->processes.rows[i].command);
}

DOCTOR_CHECK(check_masters)
{
	struct doctor_finding *f;
	size_t all = 0;

	for (size_t i = 0; i < d->n; i++)
		all += masters_of(d, i);
	if (all < 2)
		return 0;
	f = finding_add(d, c, lists_path_kinds[LISTS_PIDFILE].name);
	for (size_t i = 0; i < d->n; i++)
		if (masters_of(d, i))
			see_master(f, d, i);
	return 0;
}

DOCTOR_CHECK(check_no_master)
{
	struct doctor_finding *f;

	for (size_t i = 0; i < d->n; i++)
		if (!d->hosts[i].knows_processes || count_masters(&d->hosts[i]))
			return 0;
	f = finding_add(d, c, "mailmanctl");
	for (size_t i = 0; i < d->n; i++) {
		const struct doctor_place *p = &d->hosts[i].places[LISTS_PIDFILE];

		f->on[i] = true;
		finding_see(f, "%s: %zu processes, and no master of runners among them%s%s",
		            d->hosts[i].name, d->hosts[i].processes.n,
		            p->is_there ? "; there is a pid file: " : "",
		            p->is_there ? p->path : "");
	}
	return 0;
}

/* A pid file on shared storage is that of any of the hosts that have it. */
DOCTOR_CHECK(check_pid)
{
	size_t masters = 0;

	for (size_t i = 0; i < d->n; i++)
		masters += masters_of(d, i);
	/* then this is told of already */
	for (size_t i = 0; i < d->n && masters; i++) {
		const struct doctor_host *h = &d->hosts[i];
		bool alive = false, first = true;
		struct doctor_finding *f;

		if (!h->places[LISTS_PIDFILE].is_there || !h->knows_processes)
			continue;
		for (size_t k = 0; k < d->n; k++) {
			bool same = k == i ||
			            doctor_compare(d, LISTS_PIDFILE, k, i, NULL) == DOCTOR_SAME;

			alive |= same &&
			         (!d->hosts[k].knows_processes || count_masters(&d->hosts[k]));
			first &= !same || k >= i;
		}
		if (alive || !first)
			continue;
		f = finding_add(d, c, h->places[LISTS_PIDFILE].path);
		f->on[i] = true;
		finding_see(f, "%s: the file is there, and no master runs", h->name);
	}
	return 0;
}

/* ── slices ──────────────────────────────────────────────────────────────────────────────────── */

struct slices {
	struct {
		char name[40];
		unsigned of;                /* 0: it said two numbers */
		unsigned count[SLICES_MAX]; /* how many have it */
	} rows[32];
	size_t n;
};

static void add_slice(struct slices *s, const char *name, unsigned number, unsigned of)
{
	size_t i;

	for (i = 0; i < s->n && strcmp(s->rows[i].name, name) != 0; i++)
		;
	if (i == ROWS(s->rows) || number >= SLICES_MAX)
		return;
	if (i == s->n) {
		snprintf(s->rows[s->n].name, sizeof s->rows[0].name, "%s", name);
		s->rows[s->n++].of = of;
	}
	if (s->rows[i].of != of)
		s->rows[i].of = 0;
	s->rows[i].count[number]++;
}

/* "--runner=IncomingRunner:0:1" of a qrunner. */
static void add_process(struct slices *s, const struct host_process *p)
{
	struct span rest = span_of(p->command), word;
	bool is_runner = false;

	while (span_next_word(&rest, &word)) {
		char text[80] = "", name[40];
		unsigned number = 0, of = 1;

		is_runner |= span_ends(word, "/qrunner") || span_is(word, "qrunner");
		if (!is_runner || !span_starts(word, "--runner=") || word.n >= sizeof text)
			continue;
		memcpy(text, word.p, word.n);
		if (sscanf(text, "--runner=%39[A-Za-z]:%2u:%2u", name, &number, &of) >= 1)
			add_slice(s, name, number, of);
	}
}

static const char *const wanted_runners[] = { "ArchRunner",     "BounceRunner", "CommandRunner",
	                                      "IncomingRunner", "NewsRunner",   "OutgoingRunner",
	                                      "VirginRunner",   "RetryRunner" };

static struct doctor_finding *of_slices(struct doctor *d, const struct doctor_check *c,
                                        struct doctor_finding *f)
{
	if (!f)
		f = finding_add(d, c, "QRUNNERS");
	f->on[d->back] = true;
	return f;
}

/* Those that run, on whatever host. */
static struct doctor_finding *judge_running(struct doctor *d, const struct doctor_check *c,
                                            const struct slices *s)
{
	struct doctor_finding *f = NULL;

	for (size_t i = 0; i < ROWS(wanted_runners) && s->n; i++) {
		size_t k;

		for (k = 0; k < s->n && strcmp(s->rows[k].name, wanted_runners[i]) != 0; k++)
			;
		if (k == s->n)
			finding_see(f = of_slices(d, c, f), "no %s runs", wanted_runners[i]);
	}
	for (size_t i = 0; i < s->n; i++) {
		if (!s->rows[i].of)
			finding_see(f = of_slices(d, c, f),
			            "some of %s share by one number, some by another",
			            s->rows[i].name);
		for (unsigned k = 0; k < s->rows[i].of && k < SLICES_MAX; k++)
			if (s->rows[i].count[k] != 1)
				finding_see(f = of_slices(d, c, f), "%s: %u have slice %u of %u",
				            s->rows[i].name, s->rows[i].count[k], k, s->rows[i].of);
	}
	return f;
}

/* (name, count), the count a power of two. */
static bool read_pair(const struct python_value *v, struct span *name, int64_t *count)
{
	if (v->n != 2 || v->parts[0]->kind != PYTHON_STR || v->parts[1]->kind != PYTHON_INT)
		return false;
	*name = buf_span(&v->parts[0]->text);
	*count = v->parts[1]->number;
	return true;
}

static void judge_settings(struct doctor *d, const struct doctor_check *c, struct doctor_finding *f)
{
	const struct lists_setting *s = lists_setting(d->hosts[d->back].m->settings, "QRUNNERS");
	bool has[ROWS(wanted_runners)] = { false };

	if (!s || !s->value || (s->value->kind != PYTHON_LIST && s->value->kind != PYTHON_TUPLE))
		return;
	for (size_t i = 0; i < s->value->n; i++) {
		struct span name;
		int64_t count;

		if (!read_pair(s->value->parts[i], &name, &count))
			continue;
		for (size_t k = 0; k < ROWS(wanted_runners); k++)
			has[k] |= span_is(name, wanted_runners[k]);
		if (count < 1 || (count & (count - 1)))
			finding_see(
				f = of_slices(d, c, f),
				"%s line %u: %.*s has %lld slices, and it has to be a power of two",
				s->file, s->line, (int)name.n, name.p, (long long)count);
	}
	for (size_t k = 0; k < ROWS(wanted_runners); k++)
		if (!has[k])
			finding_see(f = of_slices(d, c, f), "%s line %u has no %s", s->file,
			            s->line, wanted_runners[k]);
}

DOCTOR_CHECK(check_slices)
{
	AUTO_FREE struct slices *s = xcalloc(1, sizeof *s);

	for (size_t i = 0; i < d->n; i++)
		for (size_t k = 0; k < d->hosts[i].processes.n; k++)
			add_process(s, &d->hosts[i].processes.rows[k]);
	/* two masters, and no master, are told of elsewhere */
	for (size_t i = 0; i < d->n; i++)
		if (i != d->back && masters_of(d, i))
			return 0;
	judge_settings(d, c, judge_running(d, c, s));
	return 0;
}

/* ── locks ───────────────────────────────────────────────────────────────────────────────────── */

/* Short or long, as gethostname(2) may give it. */
static bool is_name_of(const struct doctor_host *h, struct span name)
{
	struct span own = host_hello(h->h)->hostname;
	ssize_t dot = span_find(own, '.'), other = span_find(name, '.');

	return span_equal(own, name) ||
	       (dot > 0 && span_equal((struct span){ own.p, (size_t)dot }, name)) ||
	       (other > 0 && span_equal((struct span){ name.p, (size_t)other }, own));
}

static bool runs(const struct doctor_host *h, uint64_t pid)
{
	for (size_t i = 0; i < h->processes.n; i++)
		if (h->processes.rows[i].pid == pid)
			return true;
	return false;
}

/* Cuts ".NUMBER" off the end. */
static bool cut_number(struct span *s, uint64_t *number)
{
	for (size_t n = s->n; n-- > 0;)
		if (s->p[n] == '.') {
			bool is = span_parse_u64(span_from(*s, n + 1), number);

			s->n = n;
			return is;
		}
	return false;
}

/* The lock's content is the path of its other name: NAME.HOST.PID.COUNTER, of the master without the
 * counter. What is wrong with its holder, or NULL; `words` keeps it. */
static const char *judge_holder(const struct doctor *d, struct span name, struct span content,
                                struct buf *words)
{
	uint64_t pid = 0, counter = 0;
	struct span holder = span_trim(content);
	ssize_t slash;

	while ((slash = span_find(holder, '/')) >= 0)
		holder = span_from(holder, (size_t)slash + 1);
	if (holder.n <= name.n + 1 || memcmp(holder.p, name.p, name.n) != 0)
		return "is no lock of Mailman's";
	holder = span_from(holder, name.n + 1);
	if ((!span_is(name, "master-qrunner") && !cut_number(&holder, &counter)) ||
	    !cut_number(&holder, &pid))
		return "is no lock of Mailman's";
	for (size_t i = 0; i < d->n; i++) {
		if (!is_name_of(&d->hosts[i], holder))
			continue;
		if (!d->hosts[i].knows_processes || runs(&d->hosts[i], pid))
			return NULL;
		buf_addf(words, "process %llu of %s, which has it, is gone",
		         (unsigned long long)pid, d->hosts[i].name);
		return buf_text(words);
	}
	buf_addf(words, "%.*s has it, which is none of the hosts that were named", (int)holder.n,
	         holder.p);
	return buf_text(words);
}

static int look_at_lock(struct doctor *d, const struct doctor_check *c, size_t host,
                        const struct host_entry *e, struct error *err)
{
	const char *dir = d->hosts[host].places[LISTS_LOCK_DIR].end;
	AUTO_FREE char *path = xasprintf("%s/%s", dir, e->path);
	AUTO_BUF struct buf content = { 0 }, words = { 0 };
	struct doctor_finding *f;
	struct error why = { 0 };
	const char *wrong;

	/* let go of meanwhile, which is what locks are for */
	if (host_read(d->hosts[host].h, path, LOCK_MAX, &content, &why) < 0)
		return is_unreached(&why, err) ? -1 : 0;
	wrong = judge_holder(d, span_of(e->path), buf_span(&content), &words);
	if (!wrong && e->links != 2)
		wrong = "was copied: it has no second name";
	if (!wrong)
		return 0;
	f = finding_add(d, c, path);
	f->on[host] = true;
	finding_see(f, "%s: %s %s", d->hosts[host].name, e->path, wrong);
	return 0;
}

DOCTOR_CHECK(check_held_locks)
{
	for (size_t i = 0; i < d->n; i++) {
		const struct doctor_place *p = &d->hosts[i].places[LISTS_LOCK_DIR];
		AUTO_LISTING struct host_listing l = { 0 };
		struct error why = { 0 };
		bool seen = !p->is_there;

		for (size_t k = 0; k < i; k++)
			seen |= doctor_compare(d, LISTS_LOCK_DIR, k, i, NULL) == DOCTOR_SAME;
		if (seen)
			continue;
		if (host_list(d->hosts[i].h, p->end, 1, &l, &why) < 0 && is_unreached(&why, err))
			return -1;
		for (size_t k = 0; k < l.n; k++)
			if ((span_ends(span_of(l.rows[k].path), ".lock") ||
			     !strcmp(l.rows[k].path, "master-qrunner")) &&
			    look_at_lock(d, c, i, &l.rows[k], err) < 0)
				return -1;
	}
	return 0;
}

/* By its type; of others, link(2) tells when Mailman asks. */
DOCTOR_CHECK(check_hard_links)
{
	static const char *const without[] = { "vfat",   "exfat",     "msdos",      "vboxsf",
		                               "prl_fs", "fuse.s3fs", "fuse.rclone" };

	for (size_t i = 0; i < d->n * ROWS(without); i++) {
		const struct doctor_host *h = &d->hosts[i / ROWS(without)];
		const struct doctor_place *p = &h->places[LISTS_LOCK_DIR];
		struct doctor_finding *f;

		if (!p->mount || strcmp(p->mount->type, without[i % ROWS(without)]) != 0)
			continue;
		f = finding_add(d, c, lists_path_kinds[LISTS_LOCK_DIR].name);
		f->on[i / ROWS(without)] = true;
		finding_see(f, "%s: %s is on %s, %s", h->name, p->path ? p->path : "it",
		            p->mount->type, p->mount->source);
	}
	return 0;
}

/* ── what is left where queues were ──────────────────────────────────────────────────────────── */

DOCTOR_CHECK(check_left)
{
	for (size_t i = 0; i < d->n; i++) {
		struct doctor_finding *f = NULL;
		size_t n = 0;

		for (size_t k = 0; k < d->stranded_n; k++) {
			const struct doctor_stranded *s = &d->stranded[k];
			AUTO_BUF struct buf words = { 0 };

			if (s->host != i || s->is_in_force || n++ >= SHOWN_MAX)
				continue;
			if (!f)
				f = finding_add(d, c, s->dir);
			f->on[i] = true;
			stranded_describe(s, &words);
			finding_see(f, "stranded on %s: %s", d->hosts[i].name, buf_text(&words));
		}
		if (n > SHOWN_MAX)
			finding_see(f, "and %zu more", n - SHOWN_MAX);
	}
	return 0;
}

DOCTOR_CHECK(check_shunted)
{
	const struct doctor_host *back = &d->hosts[d->back];
	AUTO_LISTS_PATHS struct lists_paths paths = { 0 };
	AUTO_LISTS_SITE struct lists_site site = { .h = back->h, .paths = &paths };
	const char *dir = back->places[LISTS_SHUNTQUEUE_DIR].end;
	struct doctor_finding *f = NULL;
	size_t n = 0;

	if (!dir)
		return 0;
	lists_paths_set(&paths, LISTS_SHUNTQUEUE_DIR, dir);
	if (lists_queue_read(&site, err) < 0)
		return -1;
	for (size_t i = 0; i < site.queue_n; i++) {
		const struct lists_queued *q = &site.queue[i];

		if (stranded_goes_back(d, q) || n++ >= SHOWN_MAX)
			continue;
		if (!f)
			f = finding_add(d, c, dir);
		f->on[d->back] = true;
		finding_see(f, "list %s, from %s: %s came from %s", q->list ? q->list : "not told",
		            q->sender ? q->sender : "not told", q->name, q->goes_back);
	}
	if (n > SHOWN_MAX)
		finding_see(f, "and %zu more", n - SHOWN_MAX);
	return 0;
}
