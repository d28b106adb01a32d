/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/memory.h"
#include "unit/unit.h"
#include "wire/tree.h"

#include <stdlib.h>
#include <string.h>

static void nodes_and_attributes_come_back_as_they_were(void **state)
{
	AUTO_TREE_ATTRIBUTES struct tree_attributes sent = { 0 }, got = { 0 };
	struct tree_node node = { .kind = TREE_LINK,
		                  .mode = 07777,
		                  .uid = UINT32_MAX,
		                  .gid = 3,
		                  .size = UINT64_MAX,
		                  .links = 4,
		                  .inode = 5,
		                  .device = 6,
		                  .mtime_ns = -7,
		                  .ctime_ns = 8,
		                  .target = (char *)(uintptr_t) "../\xff\n" };
	AUTO_BUF struct buf body = { 0 };
	struct tree_node out;
	struct error err = { 0 };
	struct wire_reader r;

	tree_attributes_add(&sent, "user.a", (struct span){ "x\0y", 3 });
	tree_attributes_add(&sent, "security.capability", SPAN(""));
	wire_put_node(&body, &node);
	wire_put_attributes(&body, &sent);
	r = (struct wire_reader){ .rest = buf_span(&body) };
	wire_get_node(&r, &out);
	wire_get_attributes(&r, &got);
	assert_good(wire_read_end(&r, "test", &err), &err);
	assert_string_equal(out.target, node.target);
	assert_true(tree_node_same_version(&out, &node));
	assert_true(out.mode == 07777 && out.uid == UINT32_MAX && out.gid == 3 && out.links == 4);
	assert_true(tree_attributes_equal(&sent, &got));
	tree_node_fini(&out);

	/* cut anywhere, it is bad */
	for (size_t cut = 0; cut < body.n; cut++) {
		struct tree_attributes some;

		r = (struct wire_reader){ .rest = { body.p, cut } };
		wire_get_node(&r, &out);
		wire_get_attributes(&r, &some);
		assert_true(r.bad);
		tree_node_fini(&out);
		tree_attributes_fini(&some);
	}
}

static bool takes(char *get(struct wire_reader *r), const char *text, size_t n)
{
	AUTO_BUF struct buf body = { 0 };
	struct wire_reader r;

	wire_put_span(&body, (struct span){ text, n });
	r = (struct wire_reader){ .rest = buf_span(&body) };
	free(get(&r));
	return !r.bad;
}

static void paths_that_lead_out_are_refused(void **state)
{
	char *deep = xmalloc(TREE_PATH_MAX + 1);

	assert_true(takes(wire_get_tree_path, "", 0));
	assert_true(takes(wire_get_tree_path, "a/b\n/\xff", 6));
	assert_true(takes(wire_get_tree_path, "...", 3));
	assert_false(takes(wire_get_tree_path, "..", 2));
	assert_false(takes(wire_get_tree_path, "a/../b", 6));
	assert_false(takes(wire_get_tree_path, "a/..", 4));
	assert_false(takes(wire_get_tree_path, "./a", 3));
	assert_false(takes(wire_get_tree_path, "/a", 2));
	assert_false(takes(wire_get_tree_path, "a//b", 4));
	assert_false(takes(wire_get_tree_path, "a/", 2));
	assert_false(takes(wire_get_tree_path, "a\0b", 3));
	assert_true(takes(wire_get_tree_name, "a b", 3));
	assert_false(takes(wire_get_tree_name, "", 0));
	assert_false(takes(wire_get_tree_name, "a/b", 3));
	assert_false(takes(wire_get_tree_name, "..", 2));
	assert_true(takes(wire_get_tree_root, "/", 1));
	assert_false(takes(wire_get_tree_root, "srv", 3));
	assert_false(takes(wire_get_tree_root, "", 0));
	for (size_t i = 0; i <= TREE_PATH_MAX; i++)
		deep[i] = i % 2 ? '/' : 'a';
	assert_true(takes(wire_get_tree_path, deep, TREE_PATH_MAX));
	assert_false(takes(wire_get_tree_path, deep, TREE_PATH_MAX + 1));
	free(deep);
}

static void attributes_that_are_not_carried_are_refused(void **state)
{
	AUTO_TREE_ATTRIBUTES struct tree_attributes got = { 0 };
	AUTO_BUF struct buf body = { 0 };
	struct wire_reader r;

	wire_put_u64(&body, 1);
	wire_put_text(&body, "trusted.overlay.opaque");
	wire_put_text(&body, "y");
	r = (struct wire_reader){ .rest = buf_span(&body) };
	wire_get_attributes(&r, &got);
	assert_true(r.bad);
	assert_int_equal(got.n, 0);
}

UNIT_TESTS("wire/tree", cmocka_unit_test(nodes_and_attributes_come_back_as_they_were),
           cmocka_unit_test(paths_that_lead_out_are_refused),
           cmocka_unit_test(attributes_that_are_not_carried_are_refused));
