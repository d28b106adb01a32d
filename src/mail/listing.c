/* SPDX-License-Identifier: BSD-2-Clause */
#include "mail/listing.h"

#include "base/memory.h"

#include <stdlib.h>
#include <string.h>

void mail_message_fini(struct mail_message *m)
{
	free(m->base);
	free(m->suffix);
	free(m->message_id);
	free(m->keywords);
	*m = (struct mail_message){ 0 };
}

void mail_folder_fini(struct mail_folder *f)
{
	for (size_t i = 0; i < f->n; i++)
		mail_message_fini(&f->rows[i]);
	free(f->rows);
	free(f->name);
	free(f->origin);
	buf_fini(&f->uidlist);
	buf_fini(&f->keywords_file);
	mail_keywords_fini(&f->keywords);
	strings_fini(&f->gone);
	*f = (struct mail_folder){ 0 };
}

void mail_file_fini(struct mail_file *f)
{
	free(f->path);
	free(f->target);
	*f = (struct mail_file){ 0 };
}

void mail_listing_fini(struct mail_listing *l)
{
	for (size_t i = 0; i < l->folders_n; i++)
		mail_folder_fini(&l->folders[i]);
	for (size_t i = 0; i < l->files_n; i++)
		mail_file_fini(&l->files[i]);
	free(l->folders);
	free(l->files);
	strings_fini(&l->troubles);
	strings_fini(&l->notes);
	*l = (struct mail_listing){ 0 };
}

struct mail_folder *mail_listing_take_folder(struct mail_listing *l, struct mail_folder *taken)
{
	ARRAY_GROW(l->folders, l->folders_n, l->folders_room);
	l->folders[l->folders_n] = *taken;
	*taken = (struct mail_folder){ 0 };
	return &l->folders[l->folders_n++];
}

void mail_folder_take_message(struct mail_folder *f, struct mail_message *taken)
{
	ARRAY_GROW(f->rows, f->n, f->room);
	f->rows[f->n++] = *taken;
	*taken = (struct mail_message){ 0 };
}

void mail_listing_take_file(struct mail_listing *l, struct mail_file *taken)
{
	ARRAY_GROW(l->files, l->files_n, l->files_room);
	l->files[l->files_n++] = *taken;
	*taken = (struct mail_file){ 0 };
}

static int folder_order(const void *a, const void *b)
{
	return strcmp(((const struct mail_folder *)a)->name, ((const struct mail_folder *)b)->name);
}

static int message_order(const void *a, const void *b)
{
	return strcmp(((const struct mail_message *)a)->base,
	              ((const struct mail_message *)b)->base);
}

static int file_order(const void *a, const void *b)
{
	const struct mail_file *x = a, *y = b;

	if (x->place != y->place)
		return x->place < y->place ? -1 : 1;
	return strcmp(x->path, y->path);
}

void mail_listing_sort(struct mail_listing *l)
{
	if (l->folders_n)
		qsort(l->folders, l->folders_n, sizeof *l->folders, folder_order);
	for (size_t i = 0; i < l->folders_n; i++)
		if (l->folders[i].n)
			qsort(l->folders[i].rows, l->folders[i].n, sizeof *l->folders[i].rows,
			      message_order);
	if (l->files_n)
		qsort(l->files, l->files_n, sizeof *l->files, file_order);
}

/* bsearch(3) gives back what was const as void *; the casts through uintptr_t keep -Wcast-qual
 * quiet about keys, which are only read. */
struct mail_folder *mail_listing_find(const struct mail_listing *l, const char *name)
{
	const struct mail_folder key = { .name = (char *)(uintptr_t)name };

	if (!l->folders_n)
		return NULL;
	return bsearch(&key, l->folders, l->folders_n, sizeof *l->folders, folder_order);
}

struct mail_message *mail_folder_find(const struct mail_folder *f, const char *base)
{
	const struct mail_message key = { .base = (char *)(uintptr_t)base };

	if (!f->n)
		return NULL;
	return bsearch(&key, f->rows, f->n, sizeof *f->rows, message_order);
}

struct mail_file *mail_listing_find_file(const struct mail_listing *l, enum mail_place place,
                                         const char *path)
{
	const struct mail_file key = { .place = place, .path = (char *)(uintptr_t)path };

	if (!l->files_n)
		return NULL;
	return bsearch(&key, l->files, l->files_n, sizeof *l->files, file_order);
}

void mail_message_flags(const struct mail_message *m, struct buf *out)
{
	mail_suffix_flags(span_of(m->suffix), out);
}

void mail_message_keywords(const struct mail_folder *f, const struct mail_message *m,
                           struct buf *out)
{
	if (m->keywords)
		buf_add_text(out, m->keywords);
	else
		mail_suffix_keywords(span_of(m->suffix), &f->keywords, out);
}

void mail_folder_title(const char *name, struct buf *out)
{
	buf_add_printable(out, *name ? span_of(name) : SPAN("INBOX"));
}

uint64_t mail_listing_messages(const struct mail_listing *l, uint64_t *octets)
{
	uint64_t messages = 0, sum = 0;

	for (size_t i = 0; i < l->folders_n; i++) {
		const struct mail_folder *f = &l->folders[i];

		messages += f->before + f->n;
		sum += f->before_octets;
		for (size_t k = 0; k < f->n; k++)
			sum += f->rows[k].size;
	}
	*octets = sum;
	return messages;
}
