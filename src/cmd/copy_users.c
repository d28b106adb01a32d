/* SPDX-License-Identifier: BSD-2-Clause */
#include "cmd/copy_users.h"

#include "base/cleanup.h"
#include "base/memory.h"
#include "mail/flags.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define FILE_MAX (64u << 20)

static void forget(char *secret)
{
	if (secret)
		explicit_bzero(secret, strlen(secret));
	free(secret);
}

void copy_users_fini(struct copy_users *u)
{
	for (size_t i = 0; i < u->n; i++) {
		free(u->rows[i].name);
		forget(u->rows[i].password);
	}
	free(u->rows);
	forget(u->password);
	*u = (struct copy_users){ 0 };
}

/* ── files ───────────────────────────────────────────────────────────────────────────────────── */

static int refuse(const char *path, const char *what, struct error *err)
{
	return error_set(err, ERROR_SCOPE_MOVE, ERROR_RETRY_PERSON, 0, "%s: %s", path, what);
}

static int read_secret(const char *path, struct buf *out, struct error *err)
{
	AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0) {
		error_system(err, "open %s", path);
		err->retry = ERROR_RETRY_PERSON;
		return -1;
	}
	if (S_ISREG(st.st_mode) && st.st_mode & 077) {
		refuse(path, "others can read it", err);
		return error_hint(err, "chmod 600 %s", path);
	}
	for (;;) {
		ssize_t n = read(fd, buf_room(out, 65536), 65536);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return error_system(err, "read %s", path);
		if (n == 0)
			return 0;
		buf_grown(out, (size_t)n);
		if (out->n > FILE_MAX)
			return refuse(path, "too long", err);
	}
}

static void forget_buf(struct buf *secret)
{
	if (secret->p)
		explicit_bzero(secret->p, secret->room);
	buf_fini(secret);
}

int copy_users_read_password(struct copy_users *u, const char *path, struct error *err)
{
	struct buf text = { 0 };
	struct span rest, line;
	int result = read_secret(path, &text, err);

	rest = buf_span(&text);
	if (result == 0 && (!span_next_line(&rest, &line) || !line.n || span_find(line, 0) >= 0))
		result = refuse(path, "there is no password in its first line", err);
	if (result == 0)
		u->password = span_dup(line);
	forget_buf(&text);
	return result;
}

static void add_user(struct copy_users *u, struct span line)
{
	ssize_t colon = span_find(line, ':');

	ARRAY_GROW(u->rows, u->n, u->room);
	u->rows[u->n++] = (struct copy_user){
		.name = span_dup(colon < 0 ? line : (struct span){ line.p, (size_t)colon }),
		.password = colon < 0 ? NULL : span_dup(span_from(line, (size_t)colon + 1)),
	};
}

int copy_users_read(struct copy_users *u, const char *path, struct error *err)
{
	struct buf text = { 0 };
	struct span rest, line;
	int result = read_secret(path, &text, err);

	rest = buf_span(&text);
	while (result == 0 && span_next_line(&rest, &line)) {
		if (!span_trim(line).n || line.p[0] == '#')
			continue;
		if (span_find(line, 0) >= 0)
			result = refuse(path, "holds an octet 0", err);
		else
			add_user(u, line);
	}
	if (result == 0 && !u->n)
		result = refuse(path, "names no user", err);
	forget_buf(&text);
	return result;
}

/* ── places ──────────────────────────────────────────────────────────────────────────────────── */

void copy_url_fini(struct copy_url *url)
{
	free(url->user);
	free(url->host);
	*url = (struct copy_url){ 0 };
}

static int hex_of(char c)
{
	c = ascii_lower(c);
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static char *decoded(struct span text)
{
	AUTO_BUF struct buf out = { 0 };

	for (size_t i = 0; i < text.n; i++) {
		int high = text.p[i] == '%' && i + 2 < text.n ? hex_of(text.p[i + 1]) : -1;
		int low = high >= 0 ? hex_of(text.p[i + 2]) : -1;

		if (low < 0 || high + low == 0) {
			buf_add_char(&out, text.p[i]);
			continue;
		}
		buf_add_char(&out, (char)(high * 16 + low));
		i += 2;
	}
	return buf_take(&out);
}

/* "host", "host:143", "[2001:db8::1]:143". */
static bool parse_host(struct span text, struct copy_url *out)
{
	ssize_t end = text.n && text.p[0] == '[' ? span_find(text, ']') : span_find(text, ':');
	struct span host = text, port = SPAN("");
	uint64_t number = 0;

	if (text.n && text.p[0] == '[') {
		if (end < 0)
			return false;
		host = (struct span){ text.p + 1, (size_t)end - 1 };
		port = span_from(text, (size_t)end + 1);
	} else if (end >= 0) {
		host.n = (size_t)end;
		port = span_from(text, (size_t)end);
	}
	if (!host.n ||
	    (port.n && (port.p[0] != ':' || !span_parse_u64(span_from(port, 1), &number) ||
	                !number || number > UINT16_MAX)))
		return false;
	out->host = span_dup(host);
	out->port = (uint16_t)number;
	return true;
}

bool copy_url_parse(const char *text, struct copy_url *out)
{
	struct span rest = span_of(text);
	ssize_t at = -1;

	*out = (struct copy_url){ .implicit_tls = span_starts_nocase(rest, "imaps://") };
	rest = span_from(rest, out->implicit_tls ? strlen("imaps://") : strlen("imap://"));
	if (rest.n && rest.p[rest.n - 1] == '/')
		rest.n--;
	/* a user's name may hold an '@' itself */
	for (size_t i = 0; i < rest.n; i++)
		if (rest.p[i] == '@')
			at = (ssize_t)i;
	/* "USER:PASSWORD@": all can read what stands in a command line */
	if (at > 0 && span_find((struct span){ rest.p, (size_t)at }, ':') >= 0)
		return false;
	if (at == 0 || span_find(span_from(rest, (size_t)(at + 1)), '/') >= 0)
		return false;
	if (!parse_host(span_from(rest, (size_t)(at + 1)), out))
		return false;
	if (at > 0)
		out->user = decoded((struct span){ rest.p, (size_t)at });
	return true;
}

char *copy_users_place(const char *place, const char *user)
{
	struct span name = span_of(user), domain = SPAN("");
	ssize_t at = span_find(name, '@');
	AUTO_BUF struct buf out = { 0 };
	bool put = false;

	if (at >= 0) {
		domain = span_from(name, (size_t)at + 1);
		name.n = (size_t)at;
	}
	if (!mail_name_fits(span_of(user)) || !mail_name_fits(name) ||
	    (domain.n && !mail_name_fits(domain)))
		return NULL;
	for (const char *p = place; *p; p++) {
		bool is_word = p[0] == '%' && p[1] && strchr("und", p[1]);

		if (!is_word) {
			buf_add_char(&out, *p);
			continue;
		}
		put = true;
		buf_add_span(&out, *++p == 'u' ? span_of(user) : *p == 'n' ? name : domain);
	}
	if (!put)
		buf_addf(&out, "/%s", user);
	return buf_take(&out);
}
