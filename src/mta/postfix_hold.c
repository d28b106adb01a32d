/* SPDX-License-Identifier: BSD-2-Clause */
#include "mta/postfix.h"

#include "base/memory.h"
#include "mta/postfix_settings.h"

#include <errno.h>
#include <string.h>

#define MAIL_OWNER_DEFAULT "postfix"
#define MAILDROP_HELD "mailhaul-maildrop"

int postfix_mail_owner(struct host *h, const struct mta_facts *f, uint32_t *uid, uint32_t *gid,
                       struct error *err)
{
	const char *owner = mta_setting(f, "mail_owner");
	const char *const arguments[] = { "passwd", owner ? owner : MAIL_OWNER_DEFAULT, NULL };
	AUTO_BUF struct buf text = { 0 };
	struct span rest, field[4];
	uint64_t u, g;

	if (host_do(h, "getent", arguments, SPAN(""), &text, err) < 0)
		return error_context(err, "mail_owner %s", arguments[1]);
	rest = span_trim(buf_span(&text));
	for (int i = 0; i < 4; i++)
		if (!span_next_part(&rest, ':', &field[i]))
			field[i] = (struct span){ "", 0 };
	if (!span_parse_u64(field[2], &u) || !span_parse_u64(field[3], &g))
		return error_set(err, ERROR_SCOPE_HOST, ERROR_RETRY_PERSON, 0,
		                 "%s: no user %s, whom Postfix runs as", host_name(h),
		                 arguments[1]);
	*uid = (uint32_t)u;
	*gid = (uint32_t)g;
	return 0;
}

/* With maillog_file and no master, postsuper writes the log itself, as mail_owner, and where it may
 * not, dies in the middle of its work. */
static int let_log_be_written(struct host *h, struct error *err)
{
	AUTO_MTA_FACTS struct mta_facts f = { 0 };
	AUTO_LISTING struct host_listing l = { 0 };
	AUTO_FREE char *log = NULL, *owner = NULL;
	struct error why = { 0 };
	uint32_t uid, gid;

	if (postfix_settings(h, &f, err) < 0)
		return -1;
	log = mta_setting_expanded(&f, "maillog_file");
	if (*log != '/')
		return 0;
	if (postfix_mail_owner(h, &f, &uid, &gid, err) < 0)
		return -1;
	if (host_list(h, log, 0, &l, &why) < 0) {
		if (why.sys_errno != ENOENT)
			return *err = why, -1;
		return host_write(h, log, 0640, uid, gid, SPAN(""), err);
	}
	if (l.rows[0].uid == uid)
		return 0;
	owner = xasprintf("%u", uid);
	const char *const arguments[] = { "-h", owner, log, NULL };
	return host_do(h, "file-owner", arguments, SPAN(""), NULL, err);
}

int postfix_super(struct host *h, const char *const arguments[], struct span input,
                  struct error *err)
{
	bool running;

	if (postfix_is_running(h, &running, err) < 0)
		return -1;
	if (!running && let_log_be_written(h, err) < 0)
		return error_context(err, "log of Postfix");
	return host_do(h, "postfix-super", arguments, input, NULL, err);
}

/* ── hold ────────────────────────────────────────────────────────────────────────────────────── */

/* Name of the fact that keeps which ids were on hold before, a blank behind each. */
static char *fact_name(const struct host *h)
{
	return xasprintf("mta.held.%s", host_name(h));
}

static int list_held(struct host *h, struct strings *ids, struct error *err)
{
	AUTO_LISTING struct host_listing l = { 0 };
	AUTO_FREE char *queue_dir = NULL;

	if (postfix_queue_dir(h, &queue_dir, err) < 0 ||
	    postfix_list_queue(h, queue_dir, "hold", &l, err) < 0)
		return -1;
	for (size_t i = 0; i < l.n; i++)
		strings_add(ids, postfix_id_of(l.rows[i].path));
	return 0;
}

static int remember_held(struct host *h, struct state *s, const char *fact, struct error *err)
{
	AUTO_STRINGS struct strings ids = { 0 };
	AUTO_BUF struct buf list = { 0 };

	if (list_held(h, &ids, err) < 0)
		return -1;
	for (size_t i = 0; i < ids.n; i++)
		buf_addf(&list, "%s ", ids.rows[i]);
	return state_put(s, fact, list.n ? buf_text(&list) : " ", err);
}

/* Files of maildrop are no queue files yet, so postsuper has no hold for them: they are moved out of
 * the way, and back. */
static int move_maildrop(struct host *h, const char *from, const char *to, struct error *err)
{
	AUTO_FREE char *queue_dir = NULL, *folder = NULL;
	AUTO_LISTING struct host_listing l = { 0 };

	if (postfix_queue_dir(h, &queue_dir, err) < 0 ||
	    postfix_list_queue(h, queue_dir, from, &l, err) < 0)
		return -1;
	folder = xasprintf("%s/%s", queue_dir, to);
	if (l.n && !host_has(h, folder) && host_mkdir(h, folder, 0700, 0, 0, err) < 0)
		return -1;
	for (size_t i = 0; i < l.n; i++) {
		AUTO_FREE char *old = xasprintf("%s/%s/%s", queue_dir, from, l.rows[i].path);
		AUTO_FREE char *new = xasprintf("%s/%s", folder, l.rows[i].path);

		if (postfix_is_whole(l.rows[i].mode) && host_rename(h, old, new, err) < 0)
			return -1;
	}
	return 0;
}

int postfix_hold_all(struct host *h, struct state *s, struct error *err)
{
	static const char *const hold[] = { "-h", "ALL", NULL };
	AUTO_FREE char *fact = fact_name(h), *known = NULL;
	bool running;

	/* once: on a second run those that the first put on hold are there too */
	if (state_get(s, fact, &known, err) < 0 ||
	    ((!known || !*known) && remember_held(h, s, fact, err) < 0))
		return -1;
	if (postfix_super(h, hold, SPAN(""), err) < 0)
		return error_context(err, "put the queue on hold");
	if (postfix_is_running(h, &running, err) < 0)
		return -1;
	return running ? 0 : move_maildrop(h, "maildrop", MAILDROP_HELD, err);
}

static bool is_among(const char *list, const char *id)
{
	struct span rest = span_of(list), word;

	while (span_next_word(&rest, &word))
		if (span_is(word, id))
			return true;
	return false;
}

int postfix_release_held(struct host *h, struct state *s, struct error *err)
{
	static const char *const release[] = { "-H", "-", NULL };
	AUTO_FREE char *fact = fact_name(h), *known = NULL;
	AUTO_STRINGS struct strings ids = { 0 };
	AUTO_BUF struct buf list = { 0 };

	if (state_get(s, fact, &known, err) < 0)
		return -1;
	if (!known || !*known)
		return 0; /* nothing was put on hold, or it was all released */
	if (list_held(h, &ids, err) < 0)
		return -1;
	for (size_t i = 0; i < ids.n; i++)
		if (!is_among(known, ids.rows[i]))
			buf_addf(&list, "%s\n", ids.rows[i]);
	if (list.n && postfix_super(h, release, buf_span(&list), err) < 0)
		return error_context(err, "release the queue from hold");
	if (move_maildrop(h, MAILDROP_HELD, "maildrop", err) < 0)
		return -1;
	return state_put(s, fact, "", err);
}
