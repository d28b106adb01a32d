/* SPDX-License-Identifier: BSD-2-Clause */
#include "rehearse/mounts.h"

#include "base/memory.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* Made up by the kernel or a daemon, or private to a running system; nothing of it is the host's
 * own data on a disk. */
static const char *const made_up[] = {
	"autofs",     "binfmt_misc", "bpf",      "cgroup",   "cgroup2", "configfs",
	"debugfs",    "devpts",      "devtmpfs", "efivarfs", "fusectl", "hugetlbfs",
	"mqueue",     "nsfs",        "proc",     "pstore",   "ramfs",   "rpc_pipefs",
	"securityfs", "selinuxfs",   "sysfs",    "tmpfs",    "tracefs",
};

/* Every sealed host has its own of these, whatever the real host mounts below them. */
static const char *const own[] = { "/proc", "/sys", "/dev", "/run", "/tmp" };

void mount_list_fini(struct mount_list *l)
{
	for (size_t i = 0; i < l->n; i++) {
		free(l->rows[i].path);
		free(l->rows[i].type);
	}
	free(l->rows);
	*l = (struct mount_list){ 0 };
}

/* proc(5): blank, tab, newline and backslash in a path stand as \ooo. */
static char *path_decode(struct span s)
{
	AUTO_BUF struct buf b = { 0 };

	for (size_t i = 0; i < s.n; i++) {
		const char *p = s.p + i;

		if (*p == '\\' && s.n - i >= 4 && p[1] >= '0' && p[1] <= '3' && p[2] >= '0' &&
		    p[2] <= '7' && p[3] >= '0' && p[3] <= '7') {
			buf_add_char(&b,
			             (char)((p[1] - '0') * 64 + (p[2] - '0') * 8 + (p[3] - '0')));
			i += 3;
		} else {
			buf_add_char(&b, *p);
		}
	}
	return span_dup(buf_span(&b));
}

static bool is_carried(const char *path, const char *type)
{
	if (path[0] != '/' || !path[1])
		return false;
	for (size_t i = 0; i < ROWS(own); i++) {
		size_t n = strlen(own[i]);

		if (strncmp(path, own[i], n) == 0 && (!path[n] || path[n] == '/'))
			return false;
	}
	for (size_t i = 0; i < ROWS(made_up); i++)
		if (strcmp(type, made_up[i]) == 0)
			return false;
	return true;
}

/* "36 35 98:0 /root /mount/point rw,noatime master:1 - ext3 /dev/root rw": after the sixth word
 * any number of tags up to a lone "-". */
static bool line_parse(struct span line, uint64_t *id, struct span *path, struct span *type)
{
	struct span word;

	for (int i = 0; i < 6; i++) {
		if (!span_next_word(&line, &word))
			return false;
		if (i == 0 && !span_parse_u64(word, id))
			return false;
		if (i == 4)
			*path = word;
	}
	while (span_next_word(&line, &word))
		if (span_is(word, "-"))
			return span_next_word(&line, type);
	return false;
}

void mount_list_parse(struct mount_list *out, struct span mountinfo)
{
	struct span line, path = { 0 }, type = { 0 };
	uint64_t id;

	while (span_next_line(&mountinfo, &line)) {
		struct mount_row row;

		if (!line_parse(line, &id, &path, &type) || id > INT32_MAX)
			continue;
		row = (struct mount_row){ (int)id, path_decode(path), span_dup(type) };
		if (!is_carried(row.path, row.type)) {
			free(row.path);
			free(row.type);
			continue;
		}
		ARRAY_GROW(out->rows, out->n, out->room);
		out->rows[out->n++] = row;
	}
}

bool mount_is_visible(int id, const char *path)
{
	struct statx s;

	/* no automount, no question to a file server: one that is gone would hold us for ever */
	if (statx(AT_FDCWD, path, AT_NO_AUTOMOUNT | AT_STATX_DONT_SYNC, STATX_MNT_ID, &s) < 0)
		return false;
	return (s.stx_mask & STATX_MNT_ID) && s.stx_mnt_id == (uint64_t)id;
}
