/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/memory.h"
#include "fuzz/fuzz.h"
#include "fuzz/memory_disk.h"
#include "spool/scan.h"

struct seen {
	uint64_t behind; /* the last record */
	struct span input;
};

static void see_record(void *context, const struct record *r, uint64_t offset, struct span payload)
{
	struct seen *s = context;

	/* in their order, none inside another, all of them in the file */
	if (offset < s->behind || offset % RECORD_ALIGN || payload.n != r->length)
		__builtin_trap();
	if (offset + RECORD_HEADER + payload.n > s->input.n ||
	    memcmp(payload.p, s->input.p + offset + RECORD_HEADER, payload.n) != 0)
		__builtin_trap();
	s->behind = offset + RECORD_HEADER + payload.n;
}

static void see_damage(void *context, const struct scan_damage *d)
{
	const struct seen *s = context;

	if (d->offset + d->octets > s->input.n)
		__builtin_trap();
}

/* A segment as it may be found on a disk. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct memory_disk disk = { .table = memory_table, .files_n = 1 };
	struct seen seen = { .input = { (const char *)data, size } };
	struct scan scan = {
		.disk = &disk.table,
		.limit = size,
		.record = see_record,
		.damage = see_damage,
		.context = &seen,
	};

	disk.files[0].p = (const char *)data;
	disk.files[0].n = size;
	if (size >= 16)
		for (unsigned i = 0; i < 8; i++)
			scan.salt |= (uint64_t)data[8 + i] << 8 * i;
	scan_run(&scan);
	if (scan.end > size)
		__builtin_trap();
	return 0;
}
