/* SPDX-License-Identifier: BSD-2-Clause */
#include "rehearse/stage.h"

#include <string.h>

/* What the kernel makes up, of the copy's own namespaces; a tmpfs is its own memory. */
static const char *const harmless[] = { "proc",   "sysfs",    "tmpfs", "devpts",
	                                "mqueue", "devtmpfs", "ramfs" };

/* One line of proc_pid_mountinfo(5): "36 35 98:0 /root /at rw,noatime tags - ext4 /dev/root rw". */
struct mount {
	struct span at, options, type, source, super;
};

static bool read_mount(struct span line, struct mount *m)
{
	struct span word;

	for (int i = 0; i < 6; i++) {
		if (!span_next_word(&line, &word))
			return false;
		if (i == 4)
			m->at = word;
		if (i == 5)
			m->options = word;
	}
	while (span_next_word(&line, &word) && !span_is(word, "-"))
		;
	return span_next_word(&line, &m->type) && span_next_word(&line, &m->source) &&
	       span_next_word(&line, &m->super);
}

static bool has_option(struct span options, const char *name)
{
	struct span word;

	while (span_next_part(&options, ',', &word))
		if (span_is(word, name))
			return true;
	return false;
}

static bool is_harmless(const struct mount *m)
{
	for (size_t i = 0; i < ROWS(harmless); i++)
		if (span_is(m->type, harmless[i]))
			return true;
	/* what is written to it goes to the throw-away disk, which was mounted there (rehearse/root.c) */
	if (span_is(m->type, "overlay"))
		return span_find_text(m->super, ",upperdir=/sys/disk/") >= 0;
	/* that disk itself: its node was made for the mount and is gone (rehearse/disk.c) */
	return span_is(m->source, "/sys/node");
}

size_t stage_judge_mounts(struct span mountinfo, struct strings *wrong)
{
	struct span line;
	size_t n = 0;

	while (span_next_line(&mountinfo, &line)) {
		struct mount m;

		if (!read_mount(line, &m))
			continue;
		n++;
		if (!is_harmless(&m) && !has_option(m.options, "ro") && !has_option(m.super, "ro"))
			strings_addf(wrong, "%.*s is a file system of this host, for writing",
			             (int)m.at.n, m.at.p);
	}
	return n;
}
