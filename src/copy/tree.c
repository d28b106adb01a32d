/* SPDX-License-Identifier: BSD-2-Clause */
#include "copy/tree.h"

#include "base/clock.h"
#include "base/memory.h"
#include "copy/tree_pass.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void copy_tree_result_fini(struct copy_tree_result *r)
{
	strings_fini(&r->not_kept);
	strings_fini(&r->extra);
	strings_fini(&r->notes);
	*r = (struct copy_tree_result){ 0 };
}

void tree_pass_tell(struct strings *to, const char *path, const char *why)
{
	AUTO_BUF struct buf words = { 0 };

	buf_add_printable(&words, span_of(*path ? path : "."));
	buf_addf(&words, ": %s", why);
	strings_add(to, buf_text(&words));
}

void tree_pass_failed(struct tree_pass *p, const char *path, const char *why)
{
	p->out->failed++;
	tree_pass_tell(&p->out->not_kept, path, why);
}

/* A root is there when it can be scanned for nothing. */
static int look_at_root(struct host *h, const char *root, bool *there, struct error *err)
{
	*there = false;
	if (tree_scan_send(h, root, NULL, 0, err) < 0)
		return -1;
	if (tree_scan_collect(h, NULL, 0, err) == 0) {
		*there = true;
		return 0;
	}
	return -1;
}

static int make_root(struct tree_pass *p, bool *there, struct error *err)
{
	uint32_t uid = (uint32_t)host_hello(p->to)->uid;
	const char *root = p->options->to_root;

	if (look_at_root(p->to, root, there, err) == 0 || err->sys_errno != ENOENT)
		return *there ? 0 : -1;
	if (p->options->dry_run)
		return 0;
	/* the root gets its attributes with those of all directories */
	if (host_mkdir(p->to, root, 0700, uid, uid, err) < 0)
		return -1;
	return look_at_root(p->to, root, there, err);
}

/* Whether `inner` is `outer`, or lies in it. Both are absolute. */
static bool lies_in(const char *inner, const char *outer)
{
	size_t n = strlen(outer);

	while (n && outer[n - 1] == '/')
		n--;
	return !strncmp(inner, outer, n) && (inner[n] == '/' || !inner[n]);
}

static int check_roots(const struct tree_pass *p, struct error *err)
{
	const char *from = p->options->from_root, *to = p->options->to_root;

	if (!span_equal(host_hello(p->from)->instance, host_hello(p->to)->instance) ||
	    (!lies_in(from, to) && !lies_in(to, from)))
		return 0;
	return error_set(err, ERROR_SCOPE_MOVE, ERROR_RETRY_PERSON, 0,
	                 "%s and %s are on one host, and one lies in the other", from, to);
}

static char *ledger_name(const struct tree_pass *p)
{
	return xasprintf("%s %s:%s > %s %s:%s", host_name(p->from), host_target(p->from),
	                 p->options->from_root, host_name(p->to), host_target(p->to),
	                 p->options->to_root);
}

static int run(struct tree_pass *p, struct error *err)
{
	AUTO_FREE char *name = ledger_name(p);
	bool old_there, new_there;

	if (check_roots(p, err) < 0 ||
	    look_at_root(p->from, p->options->from_root, &old_there, err) < 0 ||
	    make_root(p, &new_there, err) < 0 ||
	    tree_ledger_open(&p->ledger, p->state, name, err) < 0)
		return -1;
	p->owns = host_hello(p->to)->uid == 0;
	if (!p->owns)
		strings_addf(&p->out->notes,
		             "host %s: the agent is not root, so owners are not looked at",
		             host_name(p->to));
	return tree_pass_dirs(p, new_there, err);
}

static void pass_fini(struct tree_pass *p)
{
	for (size_t i = 0; i < p->rows_n; i++)
		tree_row_fini(&p->rows[i]);
	free(p->rows);
	tree_pass_dirs_fini(p);
	tree_pass_links_fini(p);
	strings_fini(&p->unmapped);
	tree_ledger_close(p->ledger);
}

int copy_tree(struct host *from, struct host *to, const struct copy_tree_options *options,
              struct state *state, struct copy_tree_result *out, struct error *err)
{
	int64_t begun = clock_monotonic_ms();
	struct tree_pass p = {
		.from = from,
		.to = to,
		.options = options,
		.state = state,
		.out = out,
		.progress = { .path = "" },
	};
	int result = run(&p, err);

	pass_fini(&p);
	out->seconds += (double)(clock_monotonic_ms() - begun) / 1000;
	return result < 0 ? error_context(err, "copy %s", options->from_root) : 0;
}
