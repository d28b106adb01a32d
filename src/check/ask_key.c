/* SPDX-License-Identifier: BSD-2-Clause */

/* ask_key -- who may read the key of the MTA's certificate. */

#include "check/check.h"

#include "base/memory.h"
#include "mta/mta.h"
#include "remote/host.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define LINKS_MOST 8u
#define GROUPS_MOST (1u << 20) /* octets of /etc/group */

/* The file at the end of all links; 0, or -1. */
static int find_file(const struct check_asking *a, char **path, struct host_listing *out,
                     struct error *err)
{
	for (unsigned i = 0; i < LINKS_MOST; i++) {
		const char *target;
		char *next;

		host_listing_fini(out);
		if (host_list(a->host, *path, 0, out, err) < 0)
			return -1;
		if (!out->n || !S_ISLNK(out->rows[0].mode))
			return out->n ? 0
			              : error_set(err, ERROR_SCOPE_HOST, ERROR_RETRY_NEVER, 0,
			                          "%s is not there", *path);
		target = out->rows[0].target;
		next = target[0] == '/'
		               ? xstrdup(target)
		               : xasprintf("%.*s%s", (int)(strrchr(*path, '/') + 1 - *path), *path,
		                           target);
		free(*path);
		*path = next;
	}
	return error_set(err, ERROR_SCOPE_HOST, ERROR_RETRY_NEVER, 0, "%s: too many links", *path);
}

/* "ssl-cert:x:110:postgres,www-data": who of the group is not the MTA. False: nobody. */
static bool others_of(struct span groups, uint32_t gid, struct buf *out)
{
	struct span line;

	while (span_next_line(&groups, &line)) {
		struct span name, password, number, member;
		uint64_t id;

		if (!span_next_part(&line, ':', &name) || !span_next_part(&line, ':', &password) ||
		    !span_next_part(&line, ':', &number) || !span_parse_u64(number, &id) ||
		    id != gid || !line.p)
			continue;
		while (span_next_part(&line, ',', &member))
			if (member.n && !span_is(member, "postfix") && !span_is(member, "root"))
				buf_addf(out, "%s%.*s", out->n ? ", " : "", (int)member.n,
				         member.p);
	}
	return out->n > 0;
}

enum check_answer check_tls_key(const struct check_asking *a, struct buf *seen)
{
	AUTO_RECEPTION struct mta_reception r = { 0 };
	AUTO_LISTING struct host_listing l = { 0 };
	AUTO_BUF struct buf groups = { 0 }, others = { 0 };
	AUTO_FREE char *path = NULL;
	struct error err = { 0 };

	if (mta_reception(a->host, NULL, &r, &err) < 0)
		return check_not_told(seen, &err);
	if (!r.key)
		return buf_add_text(seen, "it has no TLS"), CHECK_SKIPPED;
	path = xstrdup(r.key);
	if (path[0] != '/' || find_file(a, &path, &l, &err) < 0) {
		buf_addf(seen, "%s: %s", r.key, *err.text ? err.text : "is not there");
		return CHECK_NO;
	}
	buf_addf(seen, "%s: %04o, user %u, group %u", path, l.rows[0].mode & 07777, l.rows[0].uid,
	         l.rows[0].gid);
	if (l.rows[0].mode & 07)
		return CHECK_NO;
	if (!(l.rows[0].mode & 070) || !l.rows[0].gid)
		return CHECK_YES;
	if (host_read(a->host, "/etc/group", GROUPS_MOST, &groups, &err) < 0)
		return check_not_told(seen, &err);
	if (!others_of(buf_span(&groups), l.rows[0].gid, &others))
		return CHECK_YES;
	buf_addf(seen, ", in which are %s", buf_text(&others));
	return CHECK_NO;
}
