/* SPDX-License-Identifier: BSD-2-Clause */
#include "survey/survey.h"

#include "base/memory.h"
#include "lists/crontab.h"
#include "lists/layouts.h"
#include "lists/settings.h"
#include "lists/standing.h"

#include <jansson.h>
#include <string.h>

#define REPORTS_MAX 40u /* of one installation's settings; the rest is counted */

/* What the topic says of one installation. */
struct topic {
	struct survey_site *s;
	const struct lists_installation *m;
	const struct lists_standing *standing;
	const char *title; /* "Mailman at /usr/local/mailman" */
	bool only;         /* there is no other on the host: names need not say which */
};

/* "NAME", or "NAME (Mailman at PLACE)"; the caller owns it. */
static char *item_name(const struct topic *t, const char *name)
{
	return t->only ? xstrdup(name) : xasprintf("%s (%s)", name, t->title);
}

static void PRINTF_LIKE(2, 3) look(const struct topic *t, const char *format, ...)
{
	AUTO_BUF struct buf words = { 0 }, all = { 0 };
	va_list arguments;
	char text[1024];

	va_start(arguments, format);
	(void)vsnprintf(text, sizeof text, format, arguments);
	va_end(arguments);
	buf_addf(&all, "%s: %s", t->title, text);
	buf_add_printable(&words, buf_span(&all));
	survey_look(t->s, buf_text(&words));
}

/* ── the installation and its paths ──────────────────────────────────────────────────────────── */

static json_t *strings_json(const struct strings *texts)
{
	json_t *list = json_array();

	for (size_t i = 0; i < texts->n; i++)
		json_array_append_new(list, json_string(texts->rows[i]));
	return list;
}

static json_t *texts_of(const struct lists_installation *m, const char *name)
{
	AUTO_STRINGS struct strings all = { 0 };

	lists_setting_texts(m->settings, name, &all);
	return strings_json(&all);
}

static void add_installation(const struct topic *t)
{
	const struct lists_installation *m = t->m;
	const char *mta = lists_setting_text(m->settings, "MTA");
	AUTO_FREE char *reason = xasprintf("Mailman %s, %s: %zu lists",
	                                   m->version ? m->version : "of unknown version",
	                                   m->layout->title, t->standing->n);
	struct item *item = survey_add(t->s, "mailman", t->title, ITEM_MUST, reason);

	item_set(&item->source, m->code ? m->code
	                        : m->paths.value[LISTS_VAR_PREFIX]
	                                ? m->paths.value[LISTS_VAR_PREFIX]
	                                : "");
	item->count = t->standing->n;
	survey_detail(item,
	              json_pack("{s:s*, s:s, s:s*, s:s, s:s, s:s*, s:o, s:o, s:o}", "version",
	                        m->version, "layout", m->layout->name, "settings", m->settings_file,
	                        "user", m->user, "group", m->group, "mta", mta, "virtual_hosts",
	                        texts_of(m, "VIRTUAL_HOSTS"), "postfix_domains",
	                        texts_of(m, "POSTFIX_STYLE_VIRTUAL_DOMAINS"), "mixed",
	                        strings_json(&m->mixed)));
}

static void add_path(const struct topic *t, enum lists_path which)
{
	const struct lists_path_kind *kind = &lists_path_kinds[which];
	const struct lists_setting *set = lists_setting(t->m->settings, kind->name);
	const char *path = t->m->paths.value[which];
	AUTO_FREE char *name = item_name(t, kind->name);
	struct item *item;

	if (!path && !set)
		return;
	if (!path && set->value && set->value->kind == PYTHON_NONE)
		return;
	item = survey_add(t->s, "mailman path", name, path ? kind->class : ITEM_LOOK,
	                  path ? kind->holds : "set in a way that is not understood");
	if (path)
		item_set(&item->source, path);
	survey_detail(item,
	              json_pack("{s:s, s:s, s:s*, s:i}", "share", lists_share_name(kind->share),
	                        "written_by", kind->written_by, "said_in", set ? set->file : NULL,
	                        "line", set ? (int)set->line : 0));
	if (!path)
		look(t, "%s is set in a way that is not understood (%s:%u)", kind->name, set->file,
		     set->line);
}

/* ── lists and queues ────────────────────────────────────────────────────────────────────────── */

static void add_list(const struct topic *t, const struct lists_standing_list *l)
{
	AUTO_FREE char *name = item_name(t, l->name);
	AUTO_FREE char *source = lists_paths_join(&t->m->paths, LISTS_LIST_DATA_DIR, l->name);
	AUTO_BUF struct buf reason = { 0 };
	struct item *item;

	if (l->posts_per_week >= 0)
		buf_addf(&reason, "%.1f posts a week, ", l->posts_per_week);
	buf_addf(&reason, "%llu held", (unsigned long long)l->held);
	item = survey_add(t->s, "mailing list", name, ITEM_MUST, buf_text(&reason));
	item_set(&item->source, source);
	AUTO_FREE char *owner = survey_owner(t->s, l->uid, l->gid);
	item_set(&item->owner, owner);
	item->mode = l->mode;
	item->size = l->octets + l->mbox_octets;
	survey_detail(item, json_pack("{s:s, s:I, s:I, s:I, s:f, s:b, s:b, s:b}", "mailman",
	                              t->title, "octets", (json_int_t)l->octets, "mbox_octets",
	                              (json_int_t)l->mbox_octets, "held", (json_int_t)l->held,
	                              "posts_per_week", l->posts_per_week, "has_code", l->has_code,
	                              "has_pages", l->has_pages, "is_public", l->is_public));
	if (l->has_code)
		look(t, "list %s has an extend.py: Python of its own, which Mailman runs", l->name);
}

static void add_queue(const struct topic *t, const struct lists_standing_queue *q)
{
	const struct lists_path_kind *kind = &lists_path_kinds[q->which];
	uint64_t all = q->waiting + q->in_work + q->kept + q->unwhole + q->others;
	AUTO_FREE char *name = item_name(t, kind->name), *reason = NULL;
	struct item *item;

	if (!all)
		return;
	reason = xasprintf("%llu wait, %llu in work, %llu put aside, %llu never complete",
	                   (unsigned long long)q->waiting, (unsigned long long)q->in_work,
	                   (unsigned long long)q->kept, (unsigned long long)q->unwhole);
	item = survey_add(t->s, "list queue", name, kind->class, reason);
	item_set(&item->source, t->m->paths.value[q->which]);
	item->count = all;
	survey_detail(item, json_pack("{s:I, s:I, s:I, s:I, s:I}", "waiting",
	                              (json_int_t)q->waiting, "in_work", (json_int_t)q->in_work,
	                              "kept", (json_int_t)q->kept, "unwhole",
	                              (json_int_t)q->unwhole, "others", (json_int_t)q->others));
	if (q->others)
		look(t, "%s: %llu files that are no queue entries; a runner may break on them",
		     t->m->paths.value[q->which], (unsigned long long)q->others);
}

/* ── jobs ────────────────────────────────────────────────────────────────────────────────────── */

static int add_jobs(const struct topic *t, struct error *err)
{
	AUTO_LISTS_CRON struct lists_cron cron = { 0 };

	if (lists_cron_find(t->s->h, &cron, err) < 0)
		return -1;
	for (size_t i = 0; i < cron.n; i++) {
		const struct lists_cron_job *job = &cron.rows[i];
		struct item *item;

		if (job->of_3 || (!t->only && !lists_cron_is_of(job, t->m)))
			continue;
		AUTO_FREE char *name = xasprintf("%s:%u %s", job->file, job->line, job->job);
		AUTO_FREE char *reason = job->in_force
		                                 ? xasprintf(
							   "in force, %s: out at the cut-over, or "
							   "both hosts do it",
							   job->when)
		                                 : xasprintf("not in force: %s", job->why_not);
		item = survey_add(t->s, "mailman job", name, ITEM_STAYS, reason);
		item_set(&item->source, job->file);
		survey_detail(item, json_pack("{s:s, s:b, s:s, s:s, s:s}", "job", job->job,
		                              "in_force", job->in_force, "when", job->when, "user",
		                              job->user, "command", job->command));
	}
	return 0;
}

/* ── what waits for a person ─────────────────────────────────────────────────────────────────── */

static void look_at_settings(const struct topic *t)
{
	const struct lists_settings *s = t->m->settings;

	for (size_t i = 0; i < s->reports_n && i < REPORTS_MAX; i++) {
		const struct lists_report *r = &s->reports[i];

		look(t, "%s:%u: %s%s%s", r->file, r->line, r->name, *r->name ? ": " : "", r->why);
	}
	if (s->reports_n > REPORTS_MAX)
		look(t, "its settings say %zu more things in ways that are not understood",
		     s->reports_n - REPORTS_MAX);
}

static void look_at_the_rest(const struct topic *t)
{
	const struct lists_standing *s = t->standing;
	const char *site_list = lists_setting_text(t->m->settings, "MAILMAN_SITE_LIST");
	bool has_site_list = false;

	for (size_t i = 0; i < s->programs.n; i++)
		look(t, "%s is none of Mailman's own programs", s->programs.rows[i]);
	for (size_t i = 0; i < s->odd_names.n; i++)
		look(t,
		     "the list in directory \"%s\" is not seen by Mailman: no list has such a name",
		     s->odd_names.rows[i]);
	for (size_t i = 0; i < s->unreadable.n; i++)
		look(t, "%s", s->unreadable.rows[i]);
	for (size_t i = 0; site_list && i < s->n; i++)
		has_site_list = has_site_list || !strcmp(s->lists[i].name, site_list);
	if (site_list && !has_site_list)
		look(t, "there is no site list \"%s\": its runners do not start without it",
		     site_list);
	if (!strcmp(t->m->layout->name, "plesk") || !strcmp(t->m->layout->name, "cpanel"))
		look(t, "%s makes lists by programs of its own, beside Mailman",
		     t->m->layout->title);
}

static int add_all(struct survey_site *s, const struct lists_installation *m, bool only,
                   struct error *err)
{
	AUTO_LISTS_STANDING struct lists_standing standing = { 0 };
	const char *place = m->code ? m->code : m->paths.value[LISTS_LIST_DATA_DIR];
	AUTO_FREE char *title = xasprintf("Mailman at %s", place ? place : "an unknown place");
	struct topic t = { s, m, &standing, title, only };

	if (lists_standing_read(s->h, &m->paths, &standing, err) < 0)
		return -1;
	add_installation(&t);
	for (enum lists_path i = 0; i < LISTS_PATHS; i++)
		add_path(&t, i);
	for (size_t i = 0; i < standing.n; i++)
		add_list(&t, &standing.lists[i]);
	for (enum lists_path i = LISTS_INQUEUE_DIR; i <= LISTS_RETRYQUEUE_DIR; i++)
		add_queue(&t, &standing.queues[i]);
	look_at_settings(&t);
	look_at_the_rest(&t);
	return add_jobs(&t, err);
}

int survey_lists(struct survey_site *s, struct error *err)
{
	AUTO_LISTS_INSTALLATIONS struct lists_installations all = { 0 };

	if (lists_paths_find(s->h, NULL, &all, err) < 0)
		return -1;
	for (size_t i = 0; i < all.n; i++)
		if (add_all(s, &all.rows[i], all.n == 1, err) < 0)
			return -1;
	return 0;
}
