/* SPDX-License-Identifier: BSD-2-Clause */
#include "lists/crontab.h"

#include "base/memory.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define TABLE_MAX (1u << 20)
#define LINE_MAX_LOOKED 4096u
#define JOBS_MAX 1000u

/* Mailman's own table. */
static const struct {
	const char *job, *when;
} jobs[] = {
	{ "checkdbs", "0 8 * * *" },        { "disabled", "0 9 * * *" },
	{ "senddigests", "0 12 * * *" },    { "mailpasswds", "0 5 1 * *" },
	{ "gate_news", "*/5 * * * *" },     { "nightly_gzip", "27 3 * * *" },
	{ "cull_bad_shunt", "30 4 * * *" }, { "bumpdigests", "" },
};

/* Words behind the program of a Mailman 3: what they say is sent of all lists that it has. */
static const struct {
	const char *word, *job;
} words_of_3[] = {
	{ "notify", "mailman notify" },
	{ "digests", "mailman digests" },
	{ "gatenews", "mailman gatenews" },
};

void lists_cron_fini(struct lists_cron *c)
{
	for (size_t i = 0; i < c->n; i++) {
		free(c->rows[i].file);
		free(c->rows[i].why_not);
		free(c->rows[i].when);
		free(c->rows[i].user);
		free(c->rows[i].command);
		free(c->rows[i].directory);
	}
	free(c->rows);
	*c = (struct lists_cron){ 0 };
}

/* ── lines ───────────────────────────────────────────────────────────────────────────────────── */

/* ".../cron/JOB": which job, and where it is. */
static const char *job_of(struct span word, struct span *directory)
{
	while (word.n && strchr("\"';)&|", word.p[word.n - 1]))
		word.n--;
	while (word.n && strchr("\"'(", *word.p))
		word = span_from(word, 1);
	for (size_t i = 0; i < ROWS(jobs); i++) {
		size_t n = strlen(jobs[i].job);

		if (word.n <= n + 6 || !span_ends(word, jobs[i].job))
			continue;
		*directory = (struct span){ word.p, word.n - n - 1 };
		if (word.p[word.n - n - 1] == '/' && *word.p == '/' &&
		    span_ends(*directory, "/cron"))
			return jobs[i].job;
	}
	return NULL;
}

/* ".../mailman notify": which job of a Mailman 3, and where its program is. */
static const char *job_of_3(struct span word, struct span rest, struct span *directory)
{
	struct span next;

	if (!span_ends(word, "/mailman") || *word.p != '/' || !span_next_word(&rest, &next))
		return NULL;
	while (next.n && strchr("\"';)&|", next.p[next.n - 1]))
		next.n--;
	*directory = (struct span){ word.p, word.n - strlen("/mailman") };
	for (size_t i = 0; i < ROWS(words_of_3); i++)
		if (span_is(next, words_of_3[i].word))
			return words_of_3[i].job;
	return NULL;
}

/* Cuts "0 8 * * *" or "@daily" off. */
static bool cut_when(struct span *rest, struct span *when)
{
	struct span word, all = span_trim(*rest);
	unsigned fields = all.n && *all.p == '@' ? 1 : 5;

	*rest = all;
	for (unsigned i = 0; i < fields; i++) {
		if (!span_next_word(rest, &word))
			return false;
		for (size_t at = 0; at < word.n && fields == 5; at++)
			if (!strchr("0123456789*/,-", word.p[at]) &&
			    !(word.p[at] >= 'a' && word.p[at] <= 'z') &&
			    !(word.p[at] >= 'A' && word.p[at] <= 'Z'))
				return false;
		*when = (struct span){ all.p, (size_t)(word.p + word.n - all.p) };
	}
	return true;
}

/* Fit to print, and for a person's eyes only. */
static char *shown(struct span text)
{
	AUTO_BUF struct buf out = { 0 };

	buf_add_printable(&out, text);
	return out.n ? buf_take(&out) : xstrdup("");
}

static void take_line(struct lists_cron *c, const char *file, unsigned number, struct span line,
                      const char *owner, const char *why_not)
{
	struct span when, user = span_of(owner ? owner : ""), rest, word, directory;
	const char *job = NULL;
	bool off = false, of_3 = false;

	for (line = span_trim(line); line.n && *line.p == '#'; line = span_trim(span_from(line, 1)))
		off = true;
	rest = line;
	if (!line.n || line.n > LINE_MAX_LOOKED || c->n == JOBS_MAX || !cut_when(&rest, &when) ||
	    (!owner && !span_next_word(&rest, &user)))
		return;
	line = span_trim(rest);
	rest = line;
	while (!job && span_next_word(&rest, &word)) {
		job = job_of(word, &directory);
		of_3 = !job;
		job = job ? job : job_of_3(word, rest, &directory);
	}
	if (!job)
		return;
	ARRAY_GROW(c->rows, c->n, c->room);
	c->rows[c->n++] = (struct lists_cron_job){
		.file = xstrdup(file),
		.line = number,
		.in_force = !off && !why_not,
		.why_not = off       ? xstrdup("behind a #")
		           : why_not ? xstrdup(why_not)
		                     : NULL,
		.when = shown(when),
		.user = shown(user),
		.command = shown(line),
		.job = job,
		.of_3 = of_3,
		.directory = shown(directory),
	};
}

void lists_cron_parse(struct lists_cron *c, const char *file, struct span text, const char *user,
                      const char *why_not)
{
	struct span line;

	for (unsigned number = 1; span_next_line(&text, &line); number++)
		take_line(c, file, number, line, user, why_not);
}

/* ── a host ──────────────────────────────────────────────────────────────────────────────────── */

/* cron passes over such names in cron.d. Red Hat's takes dots, but no packager's leftovers. */
static const char *passed_over(const char *name)
{
	struct span s = span_of(name);

	for (size_t i = 0; i < s.n; i++)
		if (!(s.p[i] >= 'a' && s.p[i] <= 'z') && !(s.p[i] >= 'A' && s.p[i] <= 'Z') &&
		    !(s.p[i] >= '0' && s.p[i] <= '9') && s.p[i] != '-' && s.p[i] != '_')
			return "cron passes over a file of this name";
	return NULL;
}

static int read_place(struct host *h, const char *place, bool users, struct lists_cron *out,
                      struct error *err)
{
	AUTO_LISTING struct host_listing l = { 0 };
	struct error why = { 0 };

	if (host_list(h, place, 1, &l, &why) < 0) {
		if (why.retry == ERROR_RETRY_REACH)
			return *err = why, -1;
		return 0;
	}
	for (size_t i = 0; i < l.n; i++) {
		const char *name = l.rows[i].path;
		AUTO_FREE char *path = *name ? xasprintf("%s/%s", place, name) : xstrdup(place);
		AUTO_BUF struct buf text = { 0 };

		if (!S_ISREG(l.rows[i].mode))
			continue;
		if (host_read(h, path, TABLE_MAX, &text, &why) < 0) {
			if (why.retry == ERROR_RETRY_REACH)
				return *err = why, -1;
			continue;
		}
		lists_cron_parse(out, path, buf_span(&text), users ? name : NULL,
		                 users || !*name ? NULL : passed_over(name));
	}
	return 0;
}

int lists_cron_find(struct host *h, struct lists_cron *out, struct error *err)
{
	static const struct {
		const char *path;
		bool users;
	} places[] = {
		{ "/etc/crontab", false },
		{ "/etc/cron.d", false },
		{ "/var/spool/cron/crontabs", true },
		{ "/var/spool/cron", true },
		{ "/var/cron/tabs", true },
	};

	for (size_t i = 0; i < ROWS(places); i++)
		if (read_place(h, places[i].path, places[i].users, out, err) < 0)
			return -1;
	return 0;
}

static bool is_below(const char *path, const char *above)
{
	size_t n = above ? strlen(above) : 0;

	return n && !strncmp(path, above, n) && (path[n] == '/' || !path[n]);
}

bool lists_cron_is_of(const struct lists_cron_job *job, const struct lists_installation *m)
{
	if (job->of_3)
		return false;
	return is_below(job->directory, m->code) ||
	       is_below(job->directory, m->paths.value[LISTS_PREFIX]) ||
	       is_below(job->directory, m->paths.value[LISTS_VAR_PREFIX]);
}

/* ── for new ─────────────────────────────────────────────────────────────────────────────────── */

static const char *cron_dir(const struct lists_installation *m)
{
	return m->code ? m->code : m->paths.value[LISTS_PREFIX];
}

/* The command with every path of the old directory led to the new one. */
static void rewrite(const struct lists_cron_job *job, const char *code, struct buf *out)
{
	struct span rest = span_of(job->command);
	ssize_t at;

	while ((at = span_find_text(rest, job->directory)) >= 0) {
		buf_add(out, rest.p, (size_t)at);
		buf_addf(out, "%s/cron", code);
		rest = span_from(rest, (size_t)at + strlen(job->directory));
	}
	buf_add_span(out, rest);
}

void lists_cron_for(const struct lists_cron *old, const struct lists_installation *old_site,
                    const struct lists_installation *new_site, struct strings *lines)
{
	const char *code = cron_dir(new_site), *user = new_site->user ? new_site->user : "mailman";
	bool known = false, has_any = false;

	if (!code)
		return;
	for (size_t i = 0; old && old_site && i < old->n; i++)
		known = known || lists_cron_is_of(&old->rows[i], old_site);
	for (size_t i = 0; old && i < old->n; i++) {
		const struct lists_cron_job *job = &old->rows[i];
		AUTO_BUF struct buf command = { 0 };

		/* paths that are no path variable's are taken for the only Mailman's */
		if (job->of_3 || (known && !lists_cron_is_of(job, old_site)))
			continue;
		has_any = true;
		rewrite(job, code, &command);
		strings_addf(lines, "%s%s %s %s", job->in_force ? "" : "# ", job->when, user,
		             buf_text(&command));
	}
	for (size_t i = 0; i < ROWS(jobs) && !has_any; i++)
		if (*jobs[i].when)
			strings_addf(lines, "%s %s %s/cron/%s", jobs[i].when, user, code,
			             jobs[i].job);
}
