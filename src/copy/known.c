/* SPDX-License-Identifier: BSD-2-Clause */
#include "copy/known.h"

#include "base/memory.h"
#include "state/coming.h"

#include <stdlib.h>
#include <string.h>

void known_fini(struct known *k)
{
	for (size_t i = 0; i < k->messages_n; i++) {
		free(k->messages[i].folder);
		free(k->messages[i].base);
		free(k->messages[i].flags);
		free(k->messages[i].keywords);
		free(k->messages[i].message_id);
	}
	for (size_t i = 0; i < k->folders_n; i++)
		free(k->folders[i].folder);
	for (size_t i = 0; i < k->files_n; i++) {
		free(k->files[i].place);
		free(k->files[i].path);
		free(k->files[i].target);
	}
	for (size_t i = 0; i < k->coming_n; i++) {
		free(k->coming[i].folder);
		free(k->coming[i].base);
	}
	free(k->messages);
	free(k->folders);
	free(k->coming);
	free(k->files);
	*k = (struct known){ 0 };
}

int known_take_message(void *context, const struct message_record *r, struct error *err)
{
	struct known *k = context;

	ARRAY_GROW(k->messages, k->messages_n, k->messages_room);
	k->messages[k->messages_n++] = (struct known_message){
		.folder = xstrdup(r->folder),
		.base = xstrdup(r->base),
		.flags = xstrdup(r->flags),
		.keywords = xstrdup(r->keywords),
		.message_id = xstrdup(r->message_id),
		.uid = r->uid,
		.size = r->size,
		.mtime_ns = r->mtime_ns,
		.in_new = r->in_new,
		.digest = r->digest,
	};
	return 0;
}

static int take_folder(void *context, const struct folder_record *r, struct error *err)
{
	struct known *k = context;

	ARRAY_GROW(k->folders, k->folders_n, k->folders_room);
	k->folders[k->folders_n++] = (struct known_folder){
		.folder = xstrdup(r->folder),
		.uidvalidity = r->uidvalidity,
		.uidnext = r->uidnext,
		.file_size = r->file_size,
		.file_mtime_ns = r->file_mtime_ns,
		.file_digest = r->file_digest,
		.gone = r->gone,
	};
	return 0;
}

static int take_file(void *context, const struct beside_record *r, struct error *err)
{
	struct known *k = context;

	ARRAY_GROW(k->files, k->files_n, k->files_room);
	k->files[k->files_n++] = (struct known_file){
		.place = xstrdup(r->place),
		.path = xstrdup(r->path),
		.target = xstrdup(r->target),
		.size = r->size,
		.mtime_ns = r->mtime_ns,
		.digest = r->digest,
	};
	return 0;
}

int known_load_others(struct known *k, struct state *state, const char *account,
                      enum messages_which which, struct error *err)
{
	AUTO_KNOWN struct known made = { 0 };
	enum messages_which folders = which == MESSAGES_PRESENT ? MESSAGES_ALL : which;

	if (folders_walk(state, account, folders, take_folder, &made, err) < 0 ||
	    beside_walk(state, account, which, take_file, &made, err) < 0)
		return -1;
	known_fini(k);
	*k = made;
	made = (struct known){ 0 };
	return 0;
}

int known_load(struct known *k, struct state *state, const char *account, enum messages_which which,
               struct error *err)
{
	if (known_load_others(k, state, account, which, err) < 0)
		return -1;
	return messages_walk(state, account, which, known_take_message, k, err);
}

/* SQLite orders BLOBs by memcmp(3), so the walk came in this order. */
static int message_order(const void *key, const void *row)
{
	const struct known_message *a = key, *b = row;
	int order = strcmp(a->folder, b->folder);

	return order ? order : strcmp(a->base, b->base);
}

void known_add_message(struct known *k, const char *folder, const struct mail_message *m,
                       const struct digest *digest)
{
	ARRAY_GROW(k->messages, k->messages_n, k->messages_room);
	k->messages[k->messages_n++] = (struct known_message){
		.folder = xstrdup(folder),
		.base = xstrdup(m->base),
		.flags = xstrdup(""),
		.keywords = xstrdup(""),
		.message_id = xstrdup(""),
		.uid = m->uid,
		.size = m->size,
		.mtime_ns = m->mtime_ns,
		.in_new = m->in_new,
		.digest = *digest,
	};
}

void known_sort(struct known *k)
{
	if (k->messages_n)
		qsort(k->messages, k->messages_n, sizeof *k->messages, message_order);
}

const struct known_message *known_find(const struct known *k, const char *folder, const char *base)
{
	const struct known_message key = {
		.folder = (char *)(uintptr_t)folder,
		.base = (char *)(uintptr_t)base,
	};

	if (!k->messages_n)
		return NULL;
	return bsearch(&key, k->messages, k->messages_n, sizeof key, message_order);
}

static int take_coming(void *context, const struct coming_name *name, struct error *err)
{
	struct known *k = context;

	ARRAY_GROW(k->coming, k->coming_n, k->coming_room);
	k->coming[k->coming_n++] = (struct known_coming){ xstrdup(name->folder),
		                                          xstrdup(name->base) };
	return 0;
}

static int coming_order(const void *key, const void *row)
{
	const struct known_coming *a = key, *b = row;
	int order = strcmp(a->folder, b->folder);

	return order ? order : strcmp(a->base, b->base);
}

int known_load_coming(struct known *k, struct state *state, const char *account, struct error *err)
{
	if (coming_walk(state, account, take_coming, k, err) < 0)
		return -1;
	if (k->coming_n)
		qsort(k->coming, k->coming_n, sizeof *k->coming, coming_order);
	return 0;
}

bool known_is_ours(const struct known *k, const char *folder, const char *base)
{
	const struct known_coming key = { (char *)(uintptr_t)folder, (char *)(uintptr_t)base };

	return known_find(k, folder, base) ||
	       (k->coming_n &&
	        bsearch(&key, k->coming, k->coming_n, sizeof key, coming_order) != NULL);
}

const struct known_folder *known_find_folder(const struct known *k, const char *folder)
{
	for (size_t i = 0; i < k->folders_n; i++)
		if (!strcmp(k->folders[i].folder, folder))
			return &k->folders[i];
	return NULL;
}

const struct known_file *known_find_file(const struct known *k, const char *place, const char *path)
{
	for (size_t i = 0; i < k->files_n; i++)
		if (!strcmp(k->files[i].path, path) && !strcmp(k->files[i].place, place))
			return &k->files[i];
	return NULL;
}
