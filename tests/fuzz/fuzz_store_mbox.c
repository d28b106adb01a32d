/* SPDX-License-Identifier: BSD-2-Clause */

/* An mbox file with anything in it: every octet belongs to one message, digests are repeatable. */

#include "fuzz/fuzz.h"
#include "store/mbox.h"

#include <string.h>

struct text {
	const uint8_t *data;
	size_t size;
};

static ssize_t read_text(void *context, void *out, size_t n, uint64_t offset)
{
	const struct text *t = context;
	size_t left = offset < t->size ? t->size - (size_t)offset : 0;

	if (n > left)
		n = left;
	if (n)
		memcpy(out, t->data + offset, n);
	return (ssize_t)n;
}

struct walk {
	uint64_t at, messages, sum;
	struct digest first;
};

static int end(void *context, const struct mbox_message *m, struct error *err)
{
	struct walk *w = context;

	if (m->offset != w->at || m->end <= m->offset || m->size > m->end - m->offset)
		__builtin_trap();
	if (strlen(m->flags) >= sizeof m->flags)
		__builtin_trap();
	if (!w->messages++)
		w->first = m->digest;
	w->at = m->end;
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct text text = { data, size };
	struct walk all = { 0 }, one = { 0 };
	const struct mbox_visitor visit_all = { .context = &all, .end = end };
	const struct mbox_visitor visit_one = { .context = &one, .end = end };
	struct error err = { 0 };

	if (mbox_walk(read_text, &text, 0, size, false, "box", &visit_all, &err) < 0)
		return 0;
	if (all.at != size)
		__builtin_trap();
	if (size && (mbox_walk(read_text, &text, 0, size, true, "box", &visit_one, &err) < 0 ||
	             !digest_equal(&one.first, &all.first)))
		__builtin_trap();
	return 0;
}
