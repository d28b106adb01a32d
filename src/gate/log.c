/* SPDX-License-Identifier: BSD-2-Clause */
#include "gate/log.h"

#include "base/clock.h"
#include "base/file.h"

#include <stdarg.h>
#include <unistd.h>

#define KEPT_MAX 65536u /* octets; then they go out in the middle of a turn */

static struct buf kept;

struct buf *gate_log_begin(void)
{
	char now[32];

	buf_addf(&kept, "%s ", clock_text(now, clock_wall_ms()));
	return &kept;
}

void gate_log_end(void)
{
	buf_add_char(&kept, '\n');
	if (kept.n > KEPT_MAX)
		gate_log_flush();
}

void gate_log(const char *format, ...)
{
	struct buf *line = gate_log_begin();
	char words[1024];
	va_list args;

	va_start(args, format);
	if (vsnprintf(words, sizeof words, format, args) < 0)
		words[0] = '\0';
	va_end(args);
	buf_add_text(line, words);
	gate_log_end();
}

static void add_escaped(struct buf *line, struct span value, const char *special)
{
	size_t from = 0;

	for (size_t i = 0; i <= value.n; i++) {
		bool escape = i < value.n && strchr(special, value.p[i]) && value.p[i];

		if (i < value.n && !escape)
			continue;
		buf_add_printable(line, (struct span){ value.p + from, i - from });
		if (escape) {
			buf_add_char(line, '\\');
			buf_add_char(line, value.p[i]);
		}
		from = i + 1;
	}
}

void gate_log_quoted(struct buf *line, const char *key, struct span value)
{
	buf_addf(line, " %s=\"", key);
	add_escaped(line, value, "\"\\");
	buf_add_char(line, '"');
}

void gate_log_path(struct buf *line, const char *key, struct span value)
{
	buf_addf(line, " %s=<", key);
	add_escaped(line, value, "<>\\");
	buf_add_char(line, '>');
}

void gate_log_flush(void)
{
	if (kept.n)
		(void)fd_write_all(STDERR_FILENO, kept.p, kept.n);
	buf_reset(&kept);
}
