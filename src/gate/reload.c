/* SPDX-License-Identifier: BSD-2-Clause */
#include "gate/reload.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "base/memory.h"
#include "gate/gate.h"
#include "gate/log.h"

#include <string.h>

/* Contents in the order of gate_reload_files(). */
struct contents {
	struct span *rows; /* owned; what they point to is borrowed */
	size_t n;
};

static size_t count(const struct gate_options *o)
{
	return 2 * o->tls.n + (o->recipients ? 1 : 0);
}

static const char *comma_in(const char *words)
{
	const char *comma = strchr(words, ',');

	return comma ? comma : words + strlen(words);
}

void gate_reload_files(const struct gate_options *o, struct buf *out)
{
	for (size_t i = 0; i < o->tls.n; i++) {
		const char *words = o->tls.rows[i], *comma = comma_in(words);
		int n = (int)(comma - words);

		buf_addf(out, "%.*s\n%s\n", n, words, *comma ? comma + 1 : words);
	}
	if (o->recipients)
		buf_addf(out, "%s\n", o->recipients);
}

/* ── one after the other ─────────────────────────────────────────────────────────────────────── */

static int make_recipients(const struct gate_options *o, struct span lines,
                           struct gate_recipients **out, struct error *err)
{
	AUTO_RECIPIENTS struct gate_recipients *new = gate_recipients_new();

	if (o->recipients && gate_recipients_add(new, o->recipients, lines, err) < 0)
		return -1;
	for (size_t i = 0; i < o->domains.n; i++)
		if (gate_recipients_add_domain(new, o->domains.rows[i], !o->recipients, err) < 0)
			return -1;
	*out = TAKE(new);
	return 0;
}

static int use(struct gate *g, const struct contents *c, struct error *err)
{
	const struct gate_options *o = g->options;
	AUTO_RECIPIENTS struct gate_recipients *new = NULL;
	AUTO_FREE struct gate_pem *pems = xcalloc(o->tls.n + 1, sizeof *pems);
	AUTO_BUF struct buf names = { 0 };
	struct gate_recipients_size size;

	if (make_recipients(o, o->recipients ? c->rows[c->n - 1] : SPAN(""), &new, err) < 0)
		return -1;
	for (size_t i = 0; i < o->tls.n; i++)
		pems[i] = (struct gate_pem){ o->tls.rows[i], c->rows[2 * i], c->rows[2 * i + 1] };
	if (gate_tls_set(g->tls, pems, o->tls.n, err) < 0)
		return -1;
	gate_recipients_free(g->recipients);
	g->recipients = TAKE(new);
	size = gate_recipients_size(g->recipients);
	gate_tls_describe(g->tls, &names);
	gate_log("loaded addresses=%zu domains=%zu%s", size.addresses, size.domains,
	         buf_text(&names));
	return 0;
}

int gate_reload_read(struct gate *g, struct error *err)
{
	AUTO_BUF struct buf paths = { 0 };
	size_t n = count(g->options), done = 0;
	AUTO_FREE struct buf *texts = xcalloc(n + 1, sizeof *texts);
	AUTO_FREE struct span *rows = xcalloc(n + 1, sizeof *rows);
	struct span rest, line;
	int result = 0;

	gate_reload_files(g->options, &paths);
	rest = buf_span(&paths);
	while (result == 0 && span_next_line(&rest, &line)) {
		AUTO_FREE char *path = span_dup(line);

		result = file_read(path, GATE_RECIPIENTS_MAX, &texts[done], err);
		rows[done] = buf_span(&texts[done]);
		done++;
	}
	if (result == 0)
		result = use(g, &(struct contents){ rows, n }, err);
	for (size_t i = 0; i < done; i++)
		gate_tls_wipe(&texts[i]);
	return result;
}

int gate_reload_with(struct gate *g, struct span contents, struct error *err)
{
	size_t n = count(g->options);
	AUTO_FREE struct span *rows = xcalloc(n + 1, sizeof *rows);

	for (size_t i = 0; i < n; i++) {
		struct span line;
		uint64_t octets;

		if (!span_next_line(&contents, &line) || !span_parse_u64(line, &octets) ||
		    octets > contents.n)
			return error_set(err, ERROR_SCOPE_MOVE, ERROR_RETRY_NEVER, 0,
			                 "contents of %zu files are wanted", n);
		rows[i] = (struct span){ contents.p, octets };
		contents = span_from(contents, octets);
	}
	return use(g, &(struct contents){ rows, n }, err);
}
