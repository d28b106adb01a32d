/* SPDX-License-Identifier: BSD-2-Clause */

/* carry_fetch -- reads many small files of a host, several requests ahead. */

#include "lists/carry_inside.h"

#include "base/memory.h"
#include "remote/tree.h"

#include <string.h>

struct fetch {
	struct host *h;
	const char *root;
	const struct tree_wanted *wanted;
	size_t n, asked, first; /* first: of the request that is collected */
	size_t sizes[TREE_FETCH_AHEAD], ahead;
	struct buf content;
	bool too_large;
	carry_file_fn *take;
	void *context;
};

static int begin(void *context, size_t index, const struct tree_node *node,
                 const struct tree_attributes *attributes, struct error *err)
{
	struct fetch *f = context;

	buf_reset(&f->content);
	f->too_large = node->size > COPY_TREE_READ_MAX;
	return 0;
}

static int bytes(void *context, size_t index, uint64_t offset, struct span octets,
                 struct error *err)
{
	struct fetch *f = context;

	if (f->too_large || offset + octets.n > COPY_TREE_READ_MAX || offset < f->content.n) {
		f->too_large = true;
		return 0;
	}
	if (offset > f->content.n) {
		size_t hole = (size_t)offset - f->content.n;

		memset(buf_room(&f->content, hole), 0, hole);
		buf_grown(&f->content, hole);
	}
	buf_add_span(&f->content, octets);
	return 0;
}

static int done(void *context, size_t index, const struct digest *digest, bool young,
                struct error *err)
{
	struct fetch *f = context;
	struct error why = { 0 };

	if (!f->too_large)
		return f->take(f->context, f->first + index, &f->content, NULL, err);
	error_set(&why, ERROR_SCOPE_MAILBOX, ERROR_RETRY_NEVER, 0, "it is too large");
	return f->take(f->context, f->first + index, NULL, &why, err);
}

static int failed(void *context, size_t index, const struct error *why, struct error *err)
{
	struct fetch *f = context;

	return f->take(f->context, f->first + index, NULL, why, err);
}

static int ask(struct fetch *f, struct error *err)
{
	size_t n = tree_fetch_fits(f->wanted + f->asked, f->n - f->asked);

	if (tree_fetch_send(f->h, f->root, f->wanted + f->asked, n, err) < 0)
		return -1;
	f->sizes[f->ahead++] = n;
	f->asked += n;
	return 0;
}

static int collect(struct fetch *f, struct error *err)
{
	const struct tree_fetch calls = { f, begin, bytes, done, failed };
	size_t n = f->sizes[0];

	memmove(f->sizes, f->sizes + 1, --f->ahead * sizeof *f->sizes);
	if (tree_fetch_collect(f->h, f->wanted + f->first, n, &calls, err) < 0)
		return -1;
	f->first += n;
	return 0;
}

static int run(struct fetch *f, struct error *err)
{
	while (f->asked < f->n || f->ahead) {
		while (f->asked < f->n && f->ahead < TREE_FETCH_AHEAD)
			if (ask(f, err) < 0)
				return -1;
		if (collect(f, err) < 0)
			return -1;
	}
	return 0;
}

int carry_fetch(struct host *h, const char *root, const char *const *paths, size_t n,
                carry_file_fn *take, void *context, struct error *err)
{
	AUTO_FREE struct tree_wanted *wanted = xcalloc(n + 1, sizeof *wanted);
	struct fetch f = {
		.h = h,
		.root = root,
		.wanted = wanted,
		.n = n,
		.take = take,
		.context = context,
	};
	struct error ignored = { 0 };
	int result;

	for (size_t i = 0; i < n; i++)
		wanted[i] = (struct tree_wanted){ paths[i], TREE_WANT_CONTENT };
	result = run(&f, err);
	while (f.ahead--) /* answers that are still on their way */
		(void)!host_collect(h, NULL, NULL, NULL, &ignored);
	buf_fini(&f.content);
	return result;
}
