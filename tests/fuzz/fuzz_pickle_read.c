/* SPDX-License-Identifier: BSD-2-Clause */

/* A file of Mailman's that somebody has made: read, shown, compared, written, and read again. */

#include "fuzz/fuzz.h"
#include "pickle/read.h"
#include "pickle/show.h"
#include "pickle/write.h"

#define OCTETS_MAX 65536u

static void drop(void *context, struct span octets)
{
	*(size_t *)context += octets.n;
}

/* What was written is what was read. */
static void write_again(struct value v, const struct read_limits *limits, bool is_marshal)
{
	for (unsigned protocol = 0; protocol <= PICKLE_PROTOCOL_MAX; protocol++) {
		AUTO_VALUE_FILE struct value_file again = { 0 };
		AUTO_BUF struct buf out = { 0 };
		struct error err = { 0 };
		int written = is_marshal ? marshal_write(v, &out, &err)
		                         : pickle_write(v, protocol, &out, &err);

		if (written < 0 || out.n > OCTETS_MAX)
			continue;
		if (value_file_read(&again, &out, limits, &err) < 0 || again.n != 1)
			__builtin_trap();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO_VALUE_FILE struct value_file f = { 0 };
	const struct read_limits limits = {
		.memory = (size_t)1 << 24,
		.foreign = size && data[size - 1] % 2,
	};
	struct buf octets = { 0 };
	struct error err = { 0 };
	size_t shown = 0;
	const struct show_sink sink = { drop, &shown };
	int result;

	if (size > OCTETS_MAX)
		return 0;
	buf_add(&octets, data, size);
	result = value_file_read(&f, &octets, &limits, &err);
	if (result < 0 && !err.text[0])
		__builtin_trap();
	for (size_t i = 0; i < f.n; i++) {
		/* a tree that expands is cut at 64 MiB, which is slow to see often */
		if (size < 256)
			(void)show_text(f.rows[i], size, &sink, &err);
		(void)show_json(f.rows[i], size, &sink, &err);
		(void)value_equal(f.rows[i], f.rows[(i + 1) % f.n]);
		if (result == 0)
			write_again(f.rows[i], &limits, f.is_marshal);
	}
	(void)value_file_open_nested(&f, &limits);
	return 0;
}
