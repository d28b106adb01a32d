/* SPDX-License-Identifier: BSD-2-Clause */
#include "doctor/mounts.h"

#include "base/cleanup.h"
#include "base/memory.h"

#include <string.h>

void mounts_fini(struct mounts *m)
{
	for (size_t i = 0; i < m->n; i++) {
		free(m->rows[i].point);
		free(m->rows[i].root);
		free(m->rows[i].type);
		free(m->rows[i].source);
		free(m->rows[i].device);
	}
	free(m->rows);
	*m = (struct mounts){ 0 };
}

static bool is_octal(char c)
{
	return c >= '0' && c <= '7';
}

/* The kernel writes blank, tab, LF and backslash as \ooo. */
static char *unescape(struct span s)
{
	AUTO_BUF struct buf out = { 0 };

	for (size_t i = 0; i < s.n; i++) {
		const char *p = s.p + i;

		if (*p == '\\' && s.n - i > 3 && is_octal(p[1]) && is_octal(p[2]) &&
		    is_octal(p[3])) {
			buf_add_char(&out,
			             (char)((p[1] - '0') << 6 | (p[2] - '0') << 3 | (p[3] - '0')));
			i += 3;
		} else {
			buf_add_char(&out, *p);
		}
	}
	return span_dup(buf_span(&out));
}

/* ID PARENT MAJOR:MINOR ROOT POINT OPTIONS [TAGS...] - TYPE SOURCE OPTIONS */
static bool parse_line(struct mounts *m, struct span line)
{
	struct span words[5], word, type, source;

	for (size_t i = 0; i < ROWS(words); i++)
		if (!span_next_word(&line, &words[i]))
			return false;
	do {
		if (!span_next_word(&line, &word))
			return false;
	} while (!span_is(word, "-"));
	if (!span_next_word(&line, &type) || !span_next_word(&line, &source) ||
	    !span_starts(words[4], "/"))
		return false;
	ARRAY_GROW(m->rows, m->n, m->room);
	m->rows[m->n++] = (struct mount){
		.device = span_dup(words[2]),
		.root = unescape(words[3]),
		.point = unescape(words[4]),
		.type = unescape(type),
		.source = unescape(source),
	};
	return true;
}

void mounts_parse(struct mounts *m, struct span text)
{
	struct span line;

	while (m->n < MOUNTS_MAX && span_next_line(&text, &line))
		if (!parse_line(m, line))
			m->bad++;
}

/* "/a" holds "/a" and "/a/b"; "/" all. */
static bool holds(const char *point, const char *path)
{
	size_t n = strlen(point);

	if (n == 1)
		return true;
	return !strncmp(path, point, n) && (!path[n] || path[n] == '/');
}

const struct mount *mounts_find(const struct mounts *m, const char *path)
{
	const struct mount *best = NULL;

	/* of two at one place, the later one covers the other */
	for (size_t i = 0; i < m->n; i++)
		if (holds(m->rows[i].point, path) &&
		    (!best || strlen(m->rows[i].point) >= strlen(best->point)))
			best = &m->rows[i];
	return best;
}

bool mount_is_shared(const struct mount *m)
{
	static const char *const types[] = {
		"nfs", "nfs4", "cifs", "smb3",   "smbfs",  "ceph",     "gfs2",     "ocfs2",  "gpfs",
		"afs", "9p",   "coda", "lustre", "beegfs", "orangefs", "virtiofs", "vboxsf",
	};

	if (span_starts(span_of(m->type), "fuse"))
		return true;
	for (size_t i = 0; i < ROWS(types); i++)
		if (!strcmp(m->type, types[i]))
			return true;
	return false;
}

void mount_within(const struct mount *m, const char *path, struct buf *out)
{
	size_t n = strlen(m->point);

	buf_add_text(out, strcmp(m->root, "/") == 0 ? "" : m->root);
	if (strlen(path) >= n)
		buf_add_text(out, n == 1 ? path : path + n);
	if (!out->n)
		buf_add_char(out, '/');
}
