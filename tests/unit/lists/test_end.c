/* SPDX-License-Identifier: BSD-2-Clause */
#include "unit/files.h"
#include "unit/unit.h"

#include "base/file.h"
#include "base/memory.h"
#include "lists/end_files.h"
#include "lists/mlmmj_inside.h"
#include "lists/mlmmj_rosters.h"

#include <fcntl.h>
#include <regex.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void every_end_has_a_word_on_every_attribute(void **state)
{
	size_t ends_n, n;
	const struct lists_end *const *ends = lists_ends(&ends_n);
	const struct lists_attribute *all = lists_attributes(&n);
	struct value_arena *arena = value_arena_new();
	struct lists_list l = { .name = xstrdup("talk"),
		                .charset = lists_charset_new("iso-8859-1"),
		                .config = value_new_dict(arena) };

	(void)state;
	assert_true(ends_n > 1);
	for (size_t i = 0; i < n; i++)
		value_dict_set(arena, l.config, value_str(arena, span_of(all[i].name)),
		               all[i].types & LISTS_STRING ? value_str(arena, SPAN("x"))
		               : all[i].types & (LISTS_FLAG | LISTS_INT | LISTS_NUMBER)
		                       ? value_int(arena, 1)
		                       : value_none());
	value_dict_set(arena, l.config, value_str(arena, SPAN("a_patch_of_ours")),
	               value_int(arena, 3));
	for (size_t i = 0; i < ends_n; i++) {
		AUTO_LISTS_END_PLAN struct lists_end_plan p = { 0 };

		assert_ptr_equal(lists_end_named(ends[i]->name), ends[i]);
		ends[i]->plan(&p, &l, NULL);
		assert_int_equal(p.n, n + 1);
		for (size_t k = 0; k < p.n; k++) {
			bool is_ours = !strcmp(p.rows[k].name, "a_patch_of_ours");

			assert_true(p.rows[k].fate >= LISTS_FATE_SET &&
			            p.rows[k].fate <= LISTS_FATE_UNUSED);
			assert_true(p.rows[k].to || p.rows[k].why);
			assert_int_equal(p.rows[k].why && strstr(p.rows[k].why, "none of Mailman"),
			                 is_ours);
		}
	}
	assert_null(lists_end_named("majordomo"));
	l.config = (struct value){ 0 };
	lists_list_fini(&l);
	value_arena_free(arena);
}

/* ── mlmmj's rules ───────────────────────────────────────────────────────────────────────────── */

/* What mlmmj does with a rule: 1 it is about that header, 0 it is not, -1 it can't be said. */
static int about(const char *entry, const char *header)
{
	struct buf out = { 0 };
	int result = -1;

	if (mlmmj_access_from("deny", span_of(entry), &out)) {
		regex_t compiled;

		assert_int_equal(strncmp(buf_text(&out), "deny ^From:", 11), 0);
		out.p[out.n - 1] = '\0';
		assert_int_equal(
			regcomp(&compiled, out.p + 5, REG_EXTENDED | REG_NOSUB | REG_ICASE), 0);
		result = !regexec(&compiled, header, 0, NULL, 0);
		regfree(&compiled);
	}
	buf_fini(&out);
	return result;
}

static void an_address_is_no_part_of_another(void **state)
{
	static const char *const entry = "a.b+c@example.org";

	(void)state;
	assert_int_equal(about(entry, "From: a.b+c@example.org"), 1);
	assert_int_equal(about(entry, "From:A.B+C@EXAMPLE.org"), 1);
	assert_int_equal(about(entry, "From: Me <a.b+c@example.org>"), 1);
	assert_int_equal(about(entry, "From: a.b+c@example.org (Me)"), 1);
	assert_int_equal(about(entry, "From: xa.b+c@example.org"), 0);
	assert_int_equal(about(entry, "From: <a.b+c@example.org.net>"), 0);
	assert_int_equal(about(entry, "From: axb+c@example.org"), 0);
	assert_int_equal(about(entry, "To: a.b+c@example.org"), 0);
}

static void a_pattern_means_what_it_meant_or_is_not_said(void **state)
{
	(void)state;
	assert_int_equal(about("^.*@bad\\.example\\.com$", "From: X <x@bad.example.com>"), 1);
	assert_int_equal(about("^.*@bad\\.example\\.com$", "From: X <x@bad.example.com.org>"), 0);
	assert_int_equal(about("^spam[0-9]+@", "From: spam12@example.org"), 1);
	assert_int_equal(about("^a@x|b@y$", "From: <b@y>"), 1);
	assert_int_equal(about("^(?i)a@x", "From: a@x"), -1);
	assert_int_equal(about("^\\d+@x", "From: 1@x"), -1);
	assert_int_equal(about("^a+?@x", "From: a@x"), -1);
	assert_int_equal(about("^[\\w]@x", "From: a@x"), -1);
	assert_int_equal(about("^[a", "From: a"), -1);
	assert_int_equal(about("^(a", "From: a"), -1);
	assert_int_equal(about("^\xc3\xa4@x", "From: a"), -1);
	assert_int_equal(about("^", "From: a"), -1);
}

static void a_post_that_waits_is_as_mlmmj_keeps_it(void **state)
{
	struct mlmmj o = { 0 };
	struct buf out = { 0 };

	(void)state;
	buf_add_text(&o.prefix, "[T]");
	buf_add_text(&o.footer, "-- \nfoot\n");
	buf_add_text(&o.custom, "List-Id: <t.example.org>\n");
	buf_add_text(&o.deleted, "list-id:\nReply-To:\n");
	mlmmj_post(&o,
	           SPAN("From x@example.org Mon\nList-ID: a\n b\nSubject: one\n two\nreply-to: z\n"
	                "MIME-Version: 1.0\nX: y\n\nbody\n"),
	           &out);
	assert_string_equal(buf_text(&out), "Subject: [T] one two\nList-Id: <t.example.org>\n"
	                                    "MIME-Version: 1.0\nX: y\n\nbody\n-- \nfoot\n");
	buf_reset(&out);
	mlmmj_post(&o, SPAN("Subject: Re: [T] one"), &out);
	assert_string_equal(buf_text(&out),
	                    "Subject: Re: [T] one\nList-Id: <t.example.org>\n\n-- \nfoot\n");
	buf_reset(&out);
	mlmmj_post(&o, SPAN("\nbody\n"), &out);
	assert_string_equal(buf_text(&out),
	                    "List-Id: <t.example.org>\nSubject: [T]\n\nbody\n-- \nfoot\n");
	buf_fini(&out);
	buf_fini(&o.prefix);
	buf_fini(&o.footer);
	buf_fini(&o.custom);
	buf_fini(&o.deleted);
}

/* ── files ───────────────────────────────────────────────────────────────────────────────────── */

static json_t *give(const char *folder, json_t *work)
{
	struct lists_end_place place = { .folder = folder };
	struct lists_end_plan p = { .address = (char *)(uintptr_t) "t@example.org", .work = work };
	AUTO_END_FOLDER struct end_folder f = { .fd = -1 };
	json_t *answer = end_answer(&p);
	struct error err = { 0 };
	int fd;

	assert_int_equal(end_folder_open(&f, &place, &err), 0);
	fd = end_files_open(&f, LISTS_END_GIVE, &p, answer, &err);
	if (fd < 0 || end_files_give(fd, LISTS_END_GIVE, &p, answer, &err) < 0)
		end_answer_failed(answer, &err);
	if (fd >= 0)
		(void)close(fd);
	return answer;
}

static size_t changes(const char *folder, json_t *work, const char *error)
{
	json_t *answer = give(folder, work);
	size_t n = json_array_size(json_object_get(answer, "changed"));
	const char *said = json_string_value(json_object_get(answer, "error"));

	if (error)
		assert_non_null(strstr(said ? said : "", error));
	else
		assert_null(said);
	json_decref(answer);
	return n;
}

static json_t *new_work(void)
{
	return json_pack("{s:s, s:[s,s], s:{s:s, s:s}, s:[s], s:[{s:s, s:s, s:s, s:f, s:n}]}",
	                 "folder", "t", "dirs", "control", "wait", "files", "control/a", "1\n",
	                 "control/b", "\xc3\xa4\n", "absent", "control/c", "once", "thing",
	                 "post 1", "path", "wait/%s", "octets", "text", "at", 1e9, "told");
}

static unsigned count(const char *folder, const char *below)
{
	char path[256];

	(void)snprintf(path, sizeof path, "%s/%s", folder, below);
	return files_count(path);
}

static void what_is_brought_once_does_not_come_back(void **state)
{
	char folder[64], path[256], place[256];
	json_t *work = new_work();
	struct buf record = { 0 };
	struct error err = { 0 };
	struct stat st;
	const char *tab;
	struct span line, rest, part;

	(void)state;
	(void)snprintf(folder, sizeof folder, "/tmp/mailhaul-end.XXXXXX");
	assert_non_null(mkdtemp(folder));
	assert_int_equal(changes(folder, work, NULL), 6);
	assert_int_equal(changes(folder, work, NULL), 0);
	assert_int_equal(count(folder, "t/wait"), 1);
	/* octets, not characters */
	(void)snprintf(path, sizeof path, "%s/t/control/b", folder);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_size, 2);
	/* a break between the record and its place */
	(void)snprintf(path, sizeof path, "%s/t/mailhaul.brought", folder);
	assert_int_equal(file_read(path, 4096, &record, &err), 0);
	rest = buf_span(&record);
	assert_true(span_next_line(&rest, &line));
	assert_true(span_next_part(&line, '\t', &part));
	assert_true(span_next_part(&line, '\t', &part));
	(void)snprintf(place, sizeof place, "%s/t/%.*s", folder, (int)part.n, part.p);
	(void)snprintf(path, sizeof path, "%s/t/%.*s", folder, (int)line.n, line.p);
	assert_int_equal(stat(place, &st), 0);
	assert_int_equal(st.st_mtime, 1000000000);
	assert_int_equal(rename(place, path), 0);
	assert_int_equal(changes(folder, work, NULL), 0);
	assert_int_equal(stat(place, &st), 0);
	/* who deals with it takes it away for good */
	assert_int_equal(unlink(place), 0);
	assert_int_equal(changes(folder, work, NULL), 0);
	assert_int_equal(count(folder, "t/wait"), 0);
	/* what must not be there */
	(void)snprintf(path, sizeof path, "%s/t/control/c", folder);
	assert_int_equal(file_write_path_durable(path, 0600, SPAN("x"), &err), 0);
	assert_int_equal(changes(folder, work, NULL), 1);
	assert_int_equal(access(path, F_OK), -1);
	tab = buf_text(&record);
	assert_int_equal(strncmp(tab, "post 1\twait/", 12), 0);
	buf_fini(&record);
	json_decref(work);
	files_remove(folder);
}

static void no_name_leads_out_of_the_folder(void **state)
{
	char folder[64], outside[64], path[256];
	json_t *work = new_work();

	(void)state;
	(void)snprintf(folder, sizeof folder, "/tmp/mailhaul-end.XXXXXX");
	assert_non_null(mkdtemp(folder));
	(void)snprintf(outside, sizeof outside, "/tmp/mailhaul-end.XXXXXX");
	assert_non_null(mkdtemp(outside));
	json_object_set_new(work, "folder", json_string("../t"));
	assert_int_equal(changes(folder, work, "its name is none"), 0);
	json_object_set_new(work, "folder", json_string(".t"));
	assert_int_equal(changes(folder, work, "its name is none"), 0);
	json_object_set_new(work, "folder", json_string("t"));
	(void)snprintf(path, sizeof path, "%s/t", folder);
	assert_int_equal(symlink(outside, path), 0);
	(void)changes(folder, work, "t");
	assert_int_equal(count(outside, "."), 0);
	/* a folder of the list's that leads elsewhere */
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkdir(path, 0700), 0);
	(void)snprintf(path, sizeof path, "%s/t/control", folder);
	assert_int_equal(symlink(outside, path), 0);
	json_decref(give(folder, work));
	assert_int_equal(count(outside, "."), 0);
	json_decref(work);
	files_remove(folder);
	files_remove(outside);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_end_has_a_word_on_every_attribute),
		cmocka_unit_test(an_address_is_no_part_of_another),
		cmocka_unit_test(a_pattern_means_what_it_meant_or_is_not_said),
		cmocka_unit_test(a_post_that_waits_is_as_mlmmj_keeps_it),
		cmocka_unit_test(what_is_brought_once_does_not_come_back),
		cmocka_unit_test(no_name_leads_out_of_the_folder),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
