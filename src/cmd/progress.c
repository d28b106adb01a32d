/* SPDX-License-Identifier: BSD-2-Clause */
#include "cmd/cmd.h"

#include "base/clock.h"
#include "base/memory.h"

#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define TERMINAL_EVERY_MS 100
#define PIPE_EVERY_MS 10000

struct progress {
	char *what;
	bool terminal, silent;
	int64_t began_ms, told_ms;
	bool line_open;
};

struct progress *progress_new(const struct cmd_run *run, const char *what)
{
	struct progress *p = xcalloc(1, sizeof *p);

	p->what = xstrdup(what);
	p->terminal = isatty(STDERR_FILENO);
	p->silent = run->quiet || run->json;
	p->began_ms = clock_monotonic_ms();
	p->told_ms = p->terminal ? 0 : p->began_ms;
	return p;
}

static size_t terminal_columns(void)
{
	struct winsize w;

	return ioctl(STDERR_FILENO, TIOCGWINSZ, &w) == 0 && w.ws_col > 20 ? w.ws_col : 80;
}

static void add_rate(struct buf *line, double seconds, uint64_t done, uint64_t total,
                     uint64_t octets)
{
	char size[16], left[24];

	if (octets)
		buf_addf(line, ", %s", text_size(size, octets));
	if (seconds < 1 || !done)
		return;
	if (octets)
		buf_addf(line, " (%s/s)", text_size(size, (uint64_t)((double)octets / seconds)));
	else
		buf_addf(line, " (%.0f/s)", (double)done / seconds);
	if (total > done)
		buf_addf(line, ", %s left",
		         text_duration(left, seconds / (double)done * (double)(total - done)));
}

void progress_at(struct progress *p, uint64_t done, uint64_t total, uint64_t octets,
                 const char *now)
{
	AUTO_BUF struct buf line = { 0 };
	int64_t t = clock_monotonic_ms();

	if (!p || p->silent || t - p->told_ms < (p->terminal ? TERMINAL_EVERY_MS : PIPE_EVERY_MS))
		return;
	p->told_ms = t;
	buf_addf(&line, "%s: %llu", p->what, (unsigned long long)done);
	if (total)
		buf_addf(&line, " of %llu", (unsigned long long)total);
	add_rate(&line, (double)(t - p->began_ms) / 1000, done, total, octets);
	if (now) {
		buf_add_text(&line, ": ");
		buf_add_printable(&line, span_of(now));
	}
	if (p->terminal) {
		size_t columns = terminal_columns() - 1;

		fprintf(stderr, "\r\033[K%.*s", (int)columns, buf_text(&line));
		p->line_open = true;
	} else {
		fprintf(stderr, "%s\n", buf_text(&line));
	}
	fflush(stderr);
}

void progress_free(struct progress *p)
{
	if (!p)
		return;
	if (p->line_open)
		fputs("\r\033[K", stderr);
	free(p->what);
	free(p);
}
