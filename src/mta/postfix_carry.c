/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * How a queue is carried, so that a run which is cut anywhere and done again doubles nothing:
 *
 *  1. stage  every file goes to QUEUE/mailhaul-carry on the new host, where Postfix never looks. Cut
 *            here: written again, over itself.
 *  2. record the whole set is on disk there, and in the state with its inode numbers.
 *  3. place  each file moves into its queue by rename, which keeps the inode. Cut here: what is in the
 *            queue already is known by its inode.
 *  4. name   postsuper -s gives each the name that fits its inode (a short queue id is made of the
 *            time and the inode), its logs too; then the state knows what each is called.
 *
 * A message's logs (defer, bounce, trace) go with it. Files without the x bit were never acknowledged
 * to anyone, so they stay behind.
 */

#include "mta/postfix.h"

#include "base/memory.h"
#include "mta/unpack.h"
#include "state/carried.h"

#include <errno.h>
#include <string.h>

#define STAGE "mailhaul-carry"

static const struct {
	const char *name;
	bool messages; /* else logs of messages */
} queues[] = {
	{ "incoming", true }, { "active", true }, { "deferred", true }, { "hold", true },
	{ "maildrop", true }, { "defer", false }, { "bounce", false },  { "trace", false },
};

struct carrying {
	struct host *from, *to;
	struct state *s;
	char *from_dir, *to_dir, *stage_dir;
	uint32_t uid, gid;
	struct carried_files files;        /* of this direction, as the state has them */
	const struct carried_file **known; /* its messages, sorted by id */
	size_t known_n;
	uint64_t messages;
};

static void carrying_fini(struct carrying *c)
{
	free(c->from_dir);
	free(c->to_dir);
	free(c->stage_dir);
	free(c->known);
	carried_files_fini(&c->files);
}
#define AUTO_CARRYING __attribute__((cleanup(carrying_fini)))

static bool is_message(const char *path)
{
	for (size_t i = 0; i < ROWS(queues); i++) {
		size_t n = strlen(queues[i].name);

		if (!strncmp(path, queues[i].name, n) && path[n] == '/')
			return queues[i].messages;
	}
	return false;
}

static int by_id(const void *a, const void *b)
{
	const struct carried_file *const *x = a, *const *y = b;

	return strcmp(postfix_id_of((*x)->path), postfix_id_of((*y)->path));
}

static int load(struct carrying *c, struct error *err)
{
	carried_files_fini(&c->files);
	free(TAKE(c->known));
	c->known_n = 0;
	if (carried_load(c->s, host_name(c->from), host_name(c->to), &c->files, err) < 0)
		return -1;
	c->known = xcalloc(c->files.n + 1, sizeof *c->known);
	for (size_t i = 0; i < c->files.n; i++)
		if (is_message(c->files.rows[i].path) && c->files.rows[i].phase != CARRIED_ASIDE)
			c->known[c->known_n++] = &c->files.rows[i];
	if (c->known_n)
		qsort(c->known, c->known_n, sizeof *c->known, by_id);
	return 0;
}

static int id_against(const void *id, const void *row)
{
	const struct carried_file *const *file = row;

	return strcmp(id, postfix_id_of((*file)->path));
}

/* A message keeps its id and length wherever it moves: from active to deferred, or to hold, where the
 * originals may be put so that they never run again. */
static bool is_known(const struct carrying *c, const char *id, uint64_t size)
{
	const struct carried_file **found = c->known_n ? bsearch(id, c->known, c->known_n,
	                                                         sizeof *c->known, id_against)
	                                               : NULL;

	return found && (*found)->size == size;
}

/* ── 1: stage ────────────────────────────────────────────────────────────────────────────────── */

struct wanted {
	struct unpack_file *rows; /* paths are those of `paths`, row by row */
	size_t n, room;
	struct strings paths;
	struct strings ids; /* of the messages among them, sorted */
};

static void wanted_fini(struct wanted *w)
{
	free(w->rows);
	strings_fini(&w->paths);
	strings_fini(&w->ids);
}
#define AUTO_WANTED __attribute__((cleanup(wanted_fini)))

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static bool is_of_message(const struct wanted *w, const char *id)
{
	return w->ids.n &&
	       bsearch(&id, w->ids.rows, w->ids.n, sizeof *w->ids.rows, by_text) != NULL;
}

static void want_file(struct carrying *c, struct wanted *w, const char *queue, bool messages,
                      const struct host_entry *e)
{
	AUTO_FREE char *path = xasprintf("%s/%s", queue, e->path);
	const char *id = postfix_id_of(path);

	if (!postfix_queue_path_good(path) || (messages && !postfix_is_whole(e->mode)) ||
	    (!messages && !is_of_message(w, id)))
		return;
	if (messages && is_known(c, id, e->size))
		return;
	if (messages)
		strings_add(&w->ids, id);
	strings_add(&w->paths, path);
	ARRAY_GROW(w->rows, w->n, w->room);
	w->rows[w->n++] = (struct unpack_file){
		.path = w->paths.rows[w->paths.n - 1],
		.mode = e->mode & 0777,
		.uid = c->uid,
		.gid = c->gid,
		.size = e->size,
		.mtime_ns = e->mtime_ns,
	};
}

static int find_wanted(struct carrying *c, struct wanted *w, struct error *err)
{
	for (size_t i = 0; i < ROWS(queues); i++) {
		AUTO_LISTING struct host_listing l = { 0 };

		if (postfix_list_queue(c->from, c->from_dir, queues[i].name, &l, err) < 0)
			return -1;
		for (size_t j = 0; j < l.n; j++)
			want_file(c, w, queues[i].name, queues[i].messages, &l.rows[j]);
		/* messages come first, so all ids are there when the first logs are looked at */
		strings_sort(&w->ids);
	}
	return 0;
}

/* Makes the folder of each path below `root`, each once. */
static int make_folders(struct carrying *c, const char *root, const struct strings *paths,
                        struct error *err)
{
	AUTO_STRINGS struct strings made = { 0 };

	for (size_t i = 0; i < paths->n; i++) {
		AUTO_FREE char *folder = xstrdup(paths->rows[i]), *path = NULL;

		*strrchr(folder, '/') = 0;
		if (strings_has(&made, folder))
			continue;
		strings_add(&made, folder);
		path = xasprintf("%s/%s", root, folder);
		/* Postfix's own have the right owner and mode already */
		if (!host_has(c->to, path) &&
		    host_mkdir(c->to, path, 0700, c->uid, c->gid, err) < 0)
			return -1;
	}
	return 0;
}

/* What lies staged must be whole; its inodes are what the rest goes by. */
static int record_staged(struct carrying *c, const struct wanted *w, struct error *err)
{
	AUTO_LISTING struct host_listing l = { 0 };
	AUTO_CARRIED_FILES struct carried_files rows = { 0 };

	if (host_list(c->to, c->stage_dir, 8, &l, err) < 0)
		return -1;
	for (size_t i = 0; i < w->n; i++) {
		const struct host_entry *found = NULL;

		for (size_t lo = 0, hi = l.n; lo < hi && !found;) {
			size_t middle = lo + (hi - lo) / 2;
			int order = strcmp(w->rows[i].path, l.rows[middle].path);

			if (order == 0)
				found = &l.rows[middle];
			else if (order < 0)
				hi = middle;
			else
				lo = middle + 1;
		}
		if (!found || found->size != w->rows[i].size)
			return error_set(err, ERROR_SCOPE_MOVE, ERROR_RETRY_LATER, 0,
			                 "%s: %s did not arrive whole", host_name(c->to),
			                 w->rows[i].path);
		ARRAY_GROW(rows.rows, rows.n, rows.room);
		rows.rows[rows.n++] = (struct carried_file){
			.path = xstrdup(w->rows[i].path),
			.new_path = xstrdup(""),
			.size = w->rows[i].size,
			.mtime_ns = w->rows[i].mtime_ns,
			.inode = found->inode,
			.phase = CARRIED_STAGED,
		};
	}
	return carried_put(c->s, host_name(c->from), host_name(c->to), rows.rows, rows.n, err);
}

static int stage(struct carrying *c, struct error *err)
{
	AUTO_WANTED struct wanted w = { 0 };
	AUTO_UNPACK struct unpack *u = unpack_new(c->to, c->stage_dir);

	if (find_wanted(c, &w, err) < 0)
		return -1;
	if (!w.n)
		return 0;
	for (size_t i = 0; i < w.n; i++)
		c->messages += is_message(w.rows[i].path);
	if (host_mkdir(c->to, c->stage_dir, 0700, 0, 0, err) < 0 ||
	    make_folders(c, c->stage_dir, &w.paths, err) < 0 ||
	    unpack_add(u, c->from, c->from_dir, w.rows, w.n, err) < 0 || unpack_finish(u, err) < 0)
		return -1;
	return record_staged(c, &w, err);
}

/* ── 3: place ────────────────────────────────────────────────────────────────────────────────── */

struct place {
	uint64_t inode;
	char *path; /* below the queue directory */
	bool ours;  /* carried here, by this run or one before */
};
struct places {
	struct place *rows; /* sorted by inode; paths are owned */
	size_t n, room;
};

static void places_fini(struct places *p)
{
	for (size_t i = 0; i < p->n; i++)
		free(p->rows[i].path);
	free(p->rows);
}
#define AUTO_PLACES __attribute__((cleanup(places_fini)))

static int by_inode(const void *a, const void *b)
{
	const struct place *x = a, *y = b;

	return x->inode < y->inode ? -1 : x->inode > y->inode;
}

/* All files of the new host's queues. */
static int find_places(struct carrying *c, struct places *out, struct error *err)
{
	for (size_t i = 0; i < ROWS(queues); i++) {
		AUTO_LISTING struct host_listing l = { 0 };

		if (postfix_list_queue(c->to, c->to_dir, queues[i].name, &l, err) < 0)
			return -1;
		for (size_t j = 0; j < l.n; j++) {
			ARRAY_GROW(out->rows, out->n, out->room);
			out->rows[out->n++] = (struct place){
				.inode = l.rows[j].inode,
				.path = xasprintf("%s/%s", queues[i].name, l.rows[j].path),
			};
		}
	}
	if (out->n)
		qsort(out->rows, out->n, sizeof *out->rows, by_inode);
	return 0;
}

static struct place *place_of(const struct places *p, uint64_t inode)
{
	struct place key = { .inode = inode };

	return p->n ? bsearch(&key, p->rows, p->n, sizeof key, by_inode) : NULL;
}

static bool id_is_taken(const struct places *p, const char *id)
{
	for (size_t i = 0; i < p->n; i++)
		if (!p->rows[i].ours && !strcmp(postfix_id_of(p->rows[i].path), id))
			return true;
	return false;
}

static void mark_ours(struct places *p, const struct carried_files *files)
{
	for (size_t i = 0; i < files->n; i++) {
		struct place *place = place_of(p, files->rows[i].inode);

		if (place)
			place->ours = true;
	}
}

/* Where a staged file goes. The new host may have a message of that id: then the first five digits,
 * which are microseconds, count on until one is free (postsuper makes the rest fit anyway). */
static int choose_path(const struct places *p, const char *path, char **out, struct error *err)
{
	AUTO_FREE char *made = xstrdup(path);
	char *id = strrchr(made, '/') + 1, digits[6];
	unsigned long usec;

	for (unsigned tries = 0; tries < 1000; tries++) {
		if (!id_is_taken(p, id)) {
			*out = TAKE(made);
			return 0;
		}
		if (strlen(id) <= 5 || strspn(id, "0123456789ABCDEF") != strlen(id))
			break;
		memcpy(digits, id, 5);
		digits[5] = 0;
		usec = (strtoul(digits, NULL, 16) + 1) % 1000000;
		snprintf(digits, sizeof digits, "%05lX", usec);
		memcpy(id, digits, 5);
	}
	return error_set(err, ERROR_SCOPE_MOVE, ERROR_RETRY_PERSON, 0,
	                 "the new queue has a message %s already", id);
}

static int place_file(struct carrying *c, const struct places *there,
                      const struct carried_file *file, struct error *err)
{
	AUTO_FREE char *path = NULL, *from = NULL, *to = NULL;

	if (place_of(there, file->inode))
		return 0;
	/* a log keeps the id of its message: both count on in the same way, past the ids that the
	 * new host had in any queue before */
	if (choose_path(there, file->path, &path, err) < 0)
		return -1;
	from = xasprintf("%s/%s", c->stage_dir, file->path);
	to = xasprintf("%s/%s", c->to_dir, path);
	return host_rename(c->to, from, to, err);
}

static int place(struct carrying *c, struct error *err)
{
	AUTO_STRINGS struct strings paths = { 0 };
	AUTO_PLACES struct places there = { 0 };

	if (find_places(c, &there, err) < 0)
		return -1;
	for (size_t i = 0; i < c->files.n; i++)
		if (c->files.rows[i].phase == CARRIED_STAGED)
			strings_add(&paths, c->files.rows[i].path);
	if (!paths.n)
		return 0;
	mark_ours(&there, &c->files);
	if (make_folders(c, c->to_dir, &paths, err) < 0)
		return -1;
	for (size_t i = 0; i < c->files.n; i++) {
		struct carried_file *file = &c->files.rows[i];

		if (file->phase != CARRIED_STAGED)
			continue;
		if (place_file(c, &there, file, err) < 0)
			return error_context(err, "place %s", file->path);
		file->phase = CARRIED_PLACED;
	}
	return carried_put(c->s, host_name(c->from), host_name(c->to), c->files.rows, c->files.n,
	                   err);
}

/* ── 4: name ─────────────────────────────────────────────────────────────────────────────────── */

static int name(struct carrying *c, struct error *err)
{
	static const char *const structure[] = { "-s", NULL };
	AUTO_PLACES struct places there = { 0 };
	bool waiting = false;

	for (size_t i = 0; i < c->files.n; i++)
		waiting = waiting || c->files.rows[i].phase == CARRIED_PLACED;
	if (!waiting)
		return 0;
	if (postfix_super(c->to, structure, SPAN(""), err) < 0 || find_places(c, &there, err) < 0)
		return -1;
	for (size_t i = 0; i < c->files.n; i++) {
		struct carried_file *file = &c->files.rows[i];
		const struct place *now = place_of(&there, file->inode);

		if (file->phase != CARRIED_PLACED)
			continue;
		if (!now)
			return error_set(err, ERROR_SCOPE_MOVE, ERROR_RETRY_PERSON, 0,
			                 "%s: %s was placed in the queue and is not there",
			                 host_name(c->to), file->path);
		free(file->new_path);
		file->new_path = xstrdup(now->path);
		file->phase = CARRIED_NAMED;
	}
	return carried_put(c->s, host_name(c->from), host_name(c->to), c->files.rows, c->files.n,
	                   err);
}

int postfix_carry_queue(struct host *from, struct host *to, struct state *s, uint64_t *carried,
                        struct error *err)
{
	AUTO_CARRYING struct carrying c = { .from = from, .to = to, .s = s };
	AUTO_MTA_FACTS struct mta_facts f = { 0 };

	if (postfix_need_stopped(from, err) < 0 || postfix_need_stopped(to, err) < 0 ||
	    postfix_queue_dir(from, &c.from_dir, err) < 0 || postfix_settings(to, &f, err) < 0 ||
	    postfix_mail_owner(to, &f, &c.uid, &c.gid, err) < 0)
		return error_context(err, "carry the queue");
	c.to_dir = xstrdup(f.queue_dir);
	c.stage_dir = xasprintf("%s/" STAGE, c.to_dir);
	if (load(&c, err) < 0 || stage(&c, err) < 0 || load(&c, err) < 0 || place(&c, err) < 0 ||
	    name(&c, err) < 0)
		return error_context(err, "carry the queue");
	if (carried)
		*carried = c.messages;
	return 0;
}
