/* SPDX-License-Identifier: BSD-2-Clause */
#include "mta/postfix.h"

#include "base/clock.h"
#include "base/memory.h"
#include "state/carried.h"

#include <string.h>

#define ASIDE "mailhaul-aside"

static const char *const queues[] = { "incoming", "active", "deferred", "hold",
	                              "maildrop", "defer",  "bounce",   "trace" };

void mta_carried_fini(struct mta_carried_list *l)
{
	for (size_t i = 0; i < l->n; i++) {
		free(l->rows[i].queue);
		free(l->rows[i].id);
		free(l->rows[i].new_id);
	}
	free(l->rows);
	*l = (struct mta_carried_list){ 0 };
}

/* Logs of messages are no messages. */
static bool is_log(const char *path)
{
	return !strncmp(path, "defer/", 6) || !strncmp(path, "bounce/", 7) ||
	       !strncmp(path, "trace/", 6);
}

int mta_carried_load(struct state *s, const char *from, const char *to,
                     struct mta_carried_list *out, struct error *err)
{
	AUTO_MTA_CARRIED struct mta_carried_list made = { 0 };
	AUTO_CARRIED_FILES struct carried_files files = { 0 };

	if (carried_load(s, from, to, &files, err) < 0)
		return -1;
	for (size_t i = 0; i < files.n; i++) {
		const struct carried_file *f = &files.rows[i];

		if (is_log(f->path))
			continue;
		ARRAY_GROW(made.rows, made.n, made.room);
		made.rows[made.n++] = (struct mta_carried){
			.queue = xstrndup(f->path, strcspn(f->path, "/")),
			.id = xstrdup(postfix_id_of(f->path)),
			.new_id = xstrdup(postfix_id_of(f->new_path)),
		};
	}
	*out = made;
	made = (struct mta_carried_list){ 0 };
	return 0;
}

/* Is this file of the queue one of those? The originals by id and length, in whichever queue; the
 * copies by inode and length, which holds before and after they got their names. */
static bool is_carried(const struct carried_files *files, const struct host_entry *e, bool copies)
{
	for (size_t i = 0; i < files->n; i++) {
		const struct carried_file *f = &files->rows[i];

		if (f->size != e->size || f->phase == CARRIED_ASIDE)
			continue;
		if (copies ? f->inode == e->inode
		           : !strcmp(postfix_id_of(f->path), postfix_id_of(e->path)))
			return true;
	}
	return false;
}

struct setting_aside {
	struct host *h;
	char *queue_dir, *aside_dir;
	bool copies;
	bool made; /* the folder is there */
	uint64_t moved;
};

static void setting_aside_fini(struct setting_aside *a)
{
	free(a->queue_dir);
	free(a->aside_dir);
}
#define AUTO_SETTING_ASIDE __attribute__((cleanup(setting_aside_fini)))

static int move_file(struct setting_aside *a, const char *queue, const char *path,
                     struct error *err)
{
	AUTO_FREE char *folder = xasprintf("%s/%s", a->aside_dir, queue);
	AUTO_FREE char *from = xasprintf("%s/%s/%s", a->queue_dir, queue, path);
	AUTO_FREE char *to = xasprintf("%s/%s", folder, postfix_id_of(path));

	/* root's own: Postfix never looks there, and nobody starts it from there */
	if (!host_has(a->h, folder) && host_mkdir(a->h, folder, 0700, 0, 0, err) < 0)
		return -1;
	if (host_rename(a->h, from, to, err) < 0)
		return -1;
	a->moved += !is_log(from + strlen(a->queue_dir) + 1);
	return 0;
}

static int move_queue(struct setting_aside *a, const char *queue, const struct carried_files *files,
                      struct error *err)
{
	AUTO_LISTING struct host_listing l = { 0 };

	if (postfix_list_queue(a->h, a->queue_dir, queue, &l, err) < 0)
		return -1;
	for (size_t i = 0; i < l.n; i++)
		if (is_carried(files, &l.rows[i], a->copies) &&
		    move_file(a, queue, l.rows[i].path, err) < 0)
			return -1;
	return 0;
}

int postfix_set_aside(struct host *h, struct state *s, const char *from, const char *to,
                      uint64_t *moved, struct error *err)
{
	AUTO_SETTING_ASIDE struct setting_aside a = { .h = h, .copies = !strcmp(host_name(h), to) };
	AUTO_CARRIED_FILES struct carried_files files = { 0 };

	if (carried_load(s, from, to, &files, err) < 0)
		return -1;
	if (files.n) {
		if (postfix_need_stopped(h, err) < 0 || postfix_queue_dir(h, &a.queue_dir, err) < 0)
			return error_context(err, "set the carried queue aside");
		/* a folder for each run: an id of an earlier one may come again */
		a.aside_dir = xasprintf("%s/" ASIDE "/%lld", a.queue_dir,
		                        (long long)clock_wall_ms());
		for (size_t i = 0; i < ROWS(queues); i++)
			if (move_queue(&a, queues[i], &files, err) < 0)
				return error_context(err, "set the carried queue aside");
		for (size_t i = 0; i < files.n; i++)
			files.rows[i].phase = CARRIED_ASIDE;
		if (carried_put(s, from, to, files.rows, files.n, err) < 0)
			return -1;
	}
	if (moved)
		*moved = a.moved;
	return 0;
}
