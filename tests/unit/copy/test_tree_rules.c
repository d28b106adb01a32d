/* SPDX-License-Identifier: BSD-2-Clause */
#include "copy/trees.h"
#include "state/trees.h"

/* What the tests' rules are told, and say. */
struct told {
	struct strings found;
	struct strings read;
	const char *leaves; /* of what was read: content that does not belong to the pass */
	bool keeps;         /* nothing is removed */
	struct sites *s;    /* NULL: the ledger is not asked */
};

/* What the ledger says of a file in shunt/ at this moment; NULL: nothing. */
static const struct tree_record *in_ledger(struct sites *s, struct tree_records *rows,
                                           const char *dir, const char *name)
{
	AUTO_TREE_LEDGER struct tree_ledger *l = NULL;
	AUTO_FREE char *words = xasprintf("%s %s:%s > %s %s:%s", host_name(s->old),
	                                  host_target(s->old), "/src", host_name(s->new),
	                                  host_target(s->new), "/dst");
	struct error err = { 0 };

	assert_good(tree_ledger_open(&l, s->state, words, &err), &err);
	assert_good(tree_ledger_load(l, dir, rows, &err), &err);
	return tree_records_find(rows, name);
}

static bool belongs(void *context, const char *path, const struct tree_node *node)
{
	return !strstr(path, ".lock");
}

static void dress(void *context, const char *path, struct tree_node *node)
{
	if (node->kind == TREE_FILE)
		node->mode |= 0660;
}

static bool reads(void *context, const char *path, const struct tree_node *node)
{
	return !strncmp(path, "shunt/", 6);
}

static enum copy_tree_verdict read_whole(void *context, const char *path, struct buf *content)
{
	struct told *t = context;

	strings_add(&t->read, path);
	if (t->s) {
		AUTO_TREE_RECORDS struct tree_records rows = { 0 };
		const struct tree_record *known = in_ledger(t->s, &rows, "shunt", path + 6);

		/* it is said to be ours before it can be there, and proves nothing yet */
		assert_non_null(known);
		assert_int_equal(known->ctime_ns, 0);
	}
	if (t->leaves && !strcmp(buf_text(content), t->leaves))
		return COPY_TREE_LEAVE;
	buf_add_text(content, "+new");
	return COPY_TREE_TAKE;
}

static bool removes(void *context, const char *path, const struct tree_node *node)
{
	const struct told *t = context;

	return !t->keeps;
}

static void found(void *context, const char *path, enum copy_tree_found what)
{
	struct told *t = context;

	strings_addf(&t->found, "%d %s", (int)what, path);
}

static struct copy_tree_rules rules_of(struct told *t)
{
	return (struct copy_tree_rules){ t, belongs, dress, reads, read_whole, removes, found };
}

static void told_fini(struct told *t)
{
	strings_fini(&t->found);
	strings_fini(&t->read);
}

static void pass(struct sites *s, const struct copy_tree_options *o, struct copy_tree_result *r)
{
	trees_grow_old();
	trees_pass_with(s, o, r);
}

static void what_does_not_belong_is_left_alone_on_both_sides(void **state)
{
	AUTO_COPY_TREE_RESULT struct copy_tree_result r = { 0 };
	struct copy_tree_options o = trees_options();
	struct told t = { 0 };
	const struct copy_tree_rules rules = rules_of(&t);
	struct sites s;

	trees_begin(&s);
	o.rules = &rules;
	o.delete_extra = true;
	sites_write(&s, OLD "config.pck", "1");
	sites_write(&s, OLD "test.lock", "/locks/test.lock.old.1.0");
	sites_make(&s, OLD "x.lock.d/below");
	sites_make(&s, "new/dst");
	sites_write(&s, NEW "mine.lock", "mine");
	sites_write(&s, NEW "other", "extra");
	pass(&s, &o, &r);
	assert_int_equal(r.entries, 1);
	assert_int_equal(r.created, 1);
	assert_int_equal(r.removed, 1);
	assert_false(sites_has(&s, NEW "test.lock"));
	assert_false(sites_has(&s, NEW "x.lock.d"));
	assert_file(&s, NEW "mine.lock", "mine");
	told_fini(&t);
	sites_end(&s);
}

static void modes_are_what_the_rules_say_and_stay_so(void **state)
{
	AUTO_COPY_TREE_RESULT struct copy_tree_result r = { 0 };
	struct copy_tree_options o = trees_options();
	struct told t = { 0 };
	const struct copy_tree_rules rules = rules_of(&t);
	struct sites s;

	trees_begin(&s);
	o.rules = &rules;
	sites_write(&s, OLD "digest.mbox", "1");
	trees_mode(&s, OLD "digest.mbox", 0640);
	pass(&s, &o, &r);
	assert_int_equal(trees_stat(&s, NEW "digest.mbox").st_mode & 07777, 0660);
	pass(&s, &o, &r);
	assert_nothing_done(&r);
	trees_mode(&s, OLD "digest.mbox", 0644);
	pass(&s, &o, &r);
	assert_int_equal(r.attributes, 1);
	assert_int_equal(trees_stat(&s, NEW "digest.mbox").st_mode & 07777, 0664);
	trees_mode(&s, NEW "digest.mbox", 0600);
	o.content = true;
	pass(&s, &o, &r);
	assert_int_equal(trees_stat(&s, NEW "digest.mbox").st_mode & 07777, 0664);
	pass(&s, &o, &r);
	assert_nothing_done(&r);
	told_fini(&t);
	sites_end(&s);
}

static void what_the_rules_change_is_written_so_once(void **state)
{
	AUTO_COPY_TREE_RESULT struct copy_tree_result r = { 0 };
	struct copy_tree_options o = trees_options();
	struct told t = { .leaves = "of another list" };
	const struct copy_tree_rules rules = rules_of(&t);
	struct sites s;

	trees_begin(&s);
	o.rules = &rules;
	o.delete_brought = true;
	sites_make(&s, OLD "shunt");
	sites_message(&s, OLD "shunt/1+a.pck", "one", 1000000000);
	sites_message(&s, OLD "shunt/2+b.pck", "of another list", 1000000001);
	o.dry_run = true;
	pass(&s, &o, &r);
	assert_int_equal(r.created, 2); /* shunt, and 1+a.pck */
	assert_false(sites_has(&s, "new/dst"));
	o.dry_run = false;
	t.s = &s;
	pass(&s, &o, &r);
	t.s = NULL;
	assert_int_equal(r.failed, 0);
	assert_file(&s, NEW "shunt/1+a.pck", "one+new");
	assert_false(sites_has(&s, NEW "shunt/2+b.pck"));
	assert_int_equal(trees_stat(&s, NEW "shunt/1+a.pck").st_mtim.tv_sec, 1000000000);
	strings_fini(&t.read);
	pass(&s, &o, &r);
	assert_nothing_done(&r);
	assert_int_equal(t.read.n, 1); /* only what is left is looked at again */
	assert_string_equal(t.read.rows[0], "shunt/2+b.pck");

	/* someone else has brought it as it was: it has to be changed all the same */
	sites_message(&s, OLD "shunt/3+c.pck", "three", 1000000002);
	sites_message(&s, NEW "shunt/3+c.pck", "three", 1000000002);
	pass(&s, &o, &r);
	assert_file(&s, NEW "shunt/3+c.pck", "three+new");
	told_fini(&t);
	sites_end(&s);
}

static void what_was_brought_goes_when_old_has_it_no_more(void **state)
{
	AUTO_COPY_TREE_RESULT struct copy_tree_result r = { 0 };
	struct copy_tree_options o = trees_options();
	struct told t = { 0 };
	const struct copy_tree_rules rules = rules_of(&t);
	struct sites s;

	trees_begin(&s);
	o.rules = &rules;
	o.delete_brought = true;
	sites_make(&s, OLD "in");
	sites_make(&s, OLD "gone");
	sites_write(&s, OLD "gone/1", "x");
	sites_write(&s, OLD "in/1", "1");
	sites_write(&s, OLD "in/2", "2");
	pass(&s, &o, &r);
	sites_write(&s, NEW "in/theirs", "3");
	sites_remove(&s, OLD "in/1");
	sites_remove(&s, OLD "gone/1");
	AUTO_FREE char *empty = sites_path(&s, OLD "gone");
	assert_int_equal(rmdir(empty), 0);
	t.keeps = true;
	pass(&s, &o, &r);
	assert_int_equal(r.removed, 0);
	assert_told(&r.extra, "in/1");
	t.keeps = false;
	pass(&s, &o, &r);
	assert_int_equal(r.removed, 2);
	assert_told(&r.extra, "in/theirs");
	assert_int_equal(r.extra.n, 1);
	assert_false(sites_has(&s, NEW "in/1"));
	assert_false(sites_has(&s, NEW "gone"));
	assert_file(&s, NEW "in/2", "2");
	assert_file(&s, NEW "in/theirs", "3");
	pass(&s, &o, &r);
	assert_nothing_done(&r);
	told_fini(&t);
	sites_end(&s);
}

/* As if we were killed between the moment when a file was in place and the one when the ledger knew. */
static void what_was_coming_when_we_were_killed_goes_too(void **state)
{
	AUTO_COPY_TREE_RESULT struct copy_tree_result r = { 0 };
	struct copy_tree_options o = trees_options();
	struct tree_record coming = { .kind = TREE_FILE };
	struct error err = { 0 };
	struct sites s;

	trees_begin(&s);
	o.delete_brought = true;
	sites_make(&s, OLD "in");
	sites_make(&s, "new/dst/in");
	sites_write(&s, NEW "in/1+a.pck", "1");
	{
		AUTO_TREE_LEDGER struct tree_ledger *l = NULL;
		AUTO_FREE char *name = xasprintf("%s %s:%s > %s %s:%s", host_name(s.old),
		                                 host_target(s.old), "/src", host_name(s.new),
		                                 host_target(s.new), "/dst");

		assert_good(tree_ledger_open(&l, s.state, name, &err), &err);
		coming.name = (char *)(uintptr_t) "1+a.pck";
		assert_good(state_begin(s.state, &err), &err);
		assert_good(tree_ledger_put(l, "in", &coming, &err), &err);
		assert_good(state_commit(s.state, &err), &err);
	}
	pass(&s, &o, &r);
	assert_int_equal(r.removed, 1);
	assert_false(sites_has(&s, NEW "in/1+a.pck"));
	sites_end(&s);
}

static void a_dry_run_names_each_difference(void **state)
{
	AUTO_COPY_TREE_RESULT struct copy_tree_result r = { 0 };
	struct copy_tree_options o = trees_options();
	struct told t = { 0 };
	const struct copy_tree_rules rules = rules_of(&t);
	struct sites s;

	trees_begin(&s);
	o.rules = &rules;
	sites_make(&s, OLD "dir");
	sites_message(&s, OLD "same", "1", 1000000000);
	sites_message(&s, OLD "content", "1", 1000000000);
	sites_message(&s, OLD "missing", "1", 1000000000);
	sites_message(&s, OLD "mode", "1", 1000000000);
	pass(&s, &o, &r);
	sites_message(&s, NEW "content", "2", 1000000000);
	trees_mode(&s, NEW "content", 0660);
	sites_remove(&s, NEW "missing");
	trees_mode(&s, NEW "mode", 0600);
	trees_mode(&s, NEW "dir", 0700);
	sites_write(&s, NEW "dir/extra", "1");
	o.dry_run = o.content = true;
	pass(&s, &o, &r);
	strings_sort(&t.found);
	static const char *const expected[] = { "1 missing", "2 content", "3 dir", "3 mode",
		                                "4 dir/extra" };
	for (size_t i = 0; i < t.found.n; i++)
		print_message("# %s\n", t.found.rows[i]);
	assert_int_equal(t.found.n, ROWS(expected));
	for (size_t i = 0; i < t.found.n; i++)
		assert_string_equal(t.found.rows[i], expected[i]);
	told_fini(&t);
	sites_end(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_does_not_belong_is_left_alone_on_both_sides),
		cmocka_unit_test(modes_are_what_the_rules_say_and_stay_so),
		cmocka_unit_test(what_the_rules_change_is_written_so_once),
		cmocka_unit_test(what_was_brought_goes_when_old_has_it_no_more),
		cmocka_unit_test(what_was_coming_when_we_were_killed_goes_too),
		cmocka_unit_test(a_dry_run_names_each_difference),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
