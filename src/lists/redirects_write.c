/* SPDX-License-Identifier: BSD-2-Clause */
#include "lists/redirects.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "base/memory.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

/* ── maps ────────────────────────────────────────────────────────────────────────────────────── */

static void add_line(const struct redirect *row, struct span key, struct buf *out)
{
	buf_add_span(out, key);
	buf_add_char(out, ' ');
	buf_add_text(out, row->to);
	buf_add_char(out, '\n');
}

void redirects_plain(const struct redirects *r, struct buf *out)
{
	for (size_t i = 0; i < r->n; i++) {
		AUTO_BUF struct buf key = { 0 };

		redirects_escape(span_of(r->rows[i].from), &key);
		add_line(&r->rows[i], buf_span(&key), out);
	}
}

/* Not each Apache escapes a semicolon: then both forms are there. */
static void add_older(const struct redirect *row, struct span key, struct buf *out)
{
	AUTO_BUF struct buf older = { 0 };

	for (size_t i = 0; i < key.n; i++)
		if (key.p[i] == ';')
			buf_add_text(&older, "%3b");
		else
			buf_add_char(&older, key.p[i]);
	if (older.n != key.n)
		add_line(row, buf_span(&older), out);
}

void redirects_apache(const struct redirects *r, struct buf *out)
{
	for (size_t i = 0; i < r->n; i++) {
		AUTO_BUF struct buf key = { 0 };

		if (r->rows[i].stays)
			continue;
		redirects_escape(span_of(r->rows[i].from), &key);
		add_line(&r->rows[i], buf_span(&key), out);
		add_older(&r->rows[i], buf_span(&key), out);
	}
}

static int by_lowered(const void *x, const void *y)
{
	const struct redirect *const *a = x, *const *b = y;
	int order = strcasecmp((*a)->from, (*b)->from);

	return order ? order : strcmp((*a)->from, (*b)->from);
}

/* A word of a configuration: in quotation marks, in which only these two mean something. */
static void add_quoted(struct span text, struct buf *out)
{
	buf_add_char(out, '"');
	for (size_t i = 0; i < text.n; i++) {
		if (strchr("\"\\", text.p[i]))
			buf_add_char(out, '\\');
		buf_add_char(out, text.p[i]);
	}
	buf_add_char(out, '"');
}

/* nginx compares strings without regard to case: paths that differ in nothing else are expressions. */
static void add_expression(struct span path, struct buf *out)
{
	AUTO_BUF struct buf text = { 0 };

	buf_add_text(&text, "~^");
	for (size_t i = 0; i < path.n; i++) {
		unsigned char c = (unsigned char)path.p[i];

		if (c < 128 && !isalnum(c) && c != '/' && c != '-' && c != '_')
			buf_addf(&text, "\\x%02x", c);
		else
			buf_add_char(&text, (char)c);
	}
	buf_add_char(&text, '$');
	add_quoted(buf_span(&text), out);
}

static bool is_same_lowered(const struct redirect *a, const struct redirect *b)
{
	return strcasecmp(a->from, b->from) == 0;
}

void redirects_nginx(const struct redirects *r, struct buf *out)
{
	AUTO_FREE const struct redirect **rows = xcalloc(r->n + 1, sizeof(void *));
	size_t n = 0;

	for (size_t i = 0; i < r->n; i++)
		if (!r->rows[i].stays)
			rows[n++] = &r->rows[i];
	qsort(rows, n, sizeof(void *), by_lowered);
	for (size_t i = 0; i < n; i++) {
		bool alike = (i && is_same_lowered(rows[i - 1], rows[i])) ||
		             (i + 1 < n && is_same_lowered(rows[i], rows[i + 1]));

		if (alike)
			add_expression(span_of(rows[i]->from), out);
		else
			add_quoted(span_of(rows[i]->from), out);
		buf_add_char(out, ' ');
		add_quoted(span_of(rows[i]->to), out);
		buf_add_text(out, ";\n");
	}
}

/* ── configurations ──────────────────────────────────────────────────────────────────────────── */

static const char *host_of(const struct redirects_to *to)
{
	return to->base + strlen("https://");
}

static void add_expression_of_host(const char *host, struct buf *out)
{
	for (; *host; host++) {
		if (strchr(".[]", *host))
			buf_add_char(out, '\\');
		buf_add_char(out, *host);
	}
}

void redirects_apache_conf(const struct redirects_to *to, const char *folder, struct buf *out)
{
	AUTO_BUF struct buf map = { 0 };

	buf_add_text(&map, "txt:");
	buf_add_text(&map, folder);
	buf_add_text(&map, "/apache.map");
	buf_add_text(out,
	             "# Written by `mailhaul lists redirects`. Include it in each <VirtualHost> by "
	             "which the old\n# pages were reached, of port 80 and of port 443. With many "
	             "pages, `httxt2dbm -i apache.map -o\n# apache.dbm` makes look-ups that miss "
	             "quicker; then \"dbm:\" stands for \"txt:\" below.\nRewriteEngine On\n"
	             "RewriteMap mailhaul-escape int:escape\nRewriteMap mailhaul-moved ");
	add_quoted(buf_span(&map), out);
	buf_add_text(
		out,
		"\nRewriteCond \"${mailhaul-moved:${mailhaul-escape:%{REQUEST_URI}}}\" \"^(.+)$\"\n"
		"RewriteRule \"^/+(?:pipermail|mailman|cgi-bin/mailman|(?:listinfo|admin|admindb|"
		"roster|options|private)\\.cgi)(?:/|$)\" \"%1\" [R=301,L,NE,QSD]\n"
		"# all else: the same path as it was asked for, by https, at the canonical host\n"
		"RewriteCond \"%{HTTPS}\" \"!=on\" [OR]\nRewriteCond \"%{HTTP_HOST}\" \"!^");
	add_expression_of_host(host_of(to), out);
	/* not what it was decoded to: Apache refuses to write "%3f" again */
	buf_addf(out,
	         "%s$\" [NC]\nRewriteCond \"%%{THE_REQUEST}\" "
	         "\"^[A-Za-z]+ +(?:[a-z]+://[^/ ]*)?/*(/[^ ?]*)\"\n"
	         "RewriteRule \"^\" \"%s%%1\" [R=301,L,NE]\n",
	         strchr(host_of(to), ':') ? "" : "(?::443)?", to->base);
}

static unsigned long power_above(unsigned long n)
{
	unsigned long power = 64;

	while (power < n)
		power *= 2;
	return power;
}

void redirects_nginx_conf(const struct redirects *r, const struct redirects_to *to,
                          const char *folder, struct buf *http, struct buf *server)
{
	AUTO_BUF struct buf map = { 0 };
	size_t longest = 0;

	for (size_t i = 0; i < r->n; i++)
		longest = longest < strlen(r->rows[i].from) ? strlen(r->rows[i].from) : longest;
	buf_add_text(&map, folder);
	buf_add_text(&map, "/nginx.map");
	/* an element: a pointer, a length of two octets, the name; two of them in a bucket */
	buf_addf(
		http,
		"# Written by `mailhaul lists redirects`. Include it in http {}; nginx-server.conf "
		"in each\n# server {} by which the old pages were reached, of port 80 and of port "
		"443.\nmap_hash_max_size %lu;\nmap_hash_bucket_size %lu;\n"
		"map $uri $mailhaul_moved {\n\tdefault \"\";\n\tinclude ",
		power_above(2 * r->n), power_above(2 * (longest + 32)));
	add_quoted(buf_span(&map), http);
	buf_addf(http,
	         ";\n}\nmap \"$scheme://$http_host\" $mailhaul_elsewhere {\n\tdefault 1;\n"
	         "\t\"%s\" \"\";\n",
	         to->base);
	if (!strchr(host_of(to), ':'))
		buf_addf(http, "\t\"%s:443\" \"\";\n", to->base);
	buf_add_text(http, "}\n");
	buf_addf(server,
	         "# Written by `mailhaul lists redirects`; nginx-http.conf tells where it goes.\n"
	         "if ($mailhaul_moved) {\n\treturn 301 $mailhaul_moved;\n}\n"
	         "# all else: the same path, by https and at the canonical host\n"
	         "if ($mailhaul_elsewhere) {\n\treturn 301 %s$request_uri;\n}\n",
	         to->base);
}

/* ── files ───────────────────────────────────────────────────────────────────────────────────── */

int redirects_write(const struct redirects *r, const struct redirects_to *to, const char *folder,
                    struct error *err)
{
	struct buf texts[6] = { 0 };
	static const char *const names[] = {
		"redirects.txt", "apache.map",      "apache.conf",
		"nginx.map",     "nginx-http.conf", "nginx-server.conf"
	};
	AUTO_FREE char *real = NULL;
	int result = 0;

	if (mkdir(folder, 0755) < 0 && errno != EEXIST)
		return error_system(err, "%s", folder);
	real = realpath(folder, NULL);
	if (!real)
		return error_system(err, "%s", folder);
	for (const char *p = real; *p; p++)
		if ((unsigned char)*p < 33 || *p == '$' || *p == '%')
			return error_set(err, ERROR_SCOPE_MOVE, ERROR_RETRY_PERSON, 0,
			                 "the path of %s cannot stand in a configuration", folder);
	redirects_plain(r, &texts[0]);
	redirects_apache(r, &texts[1]);
	redirects_apache_conf(to, real, &texts[2]);
	redirects_nginx(r, &texts[3]);
	redirects_nginx_conf(r, to, real, &texts[4], &texts[5]);
	for (size_t i = 0; i < ROWS(names); i++) {
		AUTO_FREE char *path = xasprintf("%s/%s", real, names[i]);

		if (result == 0)
			result = file_write_path_durable(path, r->has_private ? 0640 : 0644,
			                                 buf_span(&texts[i]), err);
		buf_fini(&texts[i]);
	}
	return result;
}
