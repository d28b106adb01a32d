/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/cleanup.h"
#include "base/memory.h"
#include "lists/archive_export.h"
#include "lists/archive_html.h"
#include "lists/archive_rewrite.h"
#include "lists/archive_split.h"
#include "lists/archive_volume.h"
#include "lists/hyperkitty_letters.h"
#include "unit/lists/hosts.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

/* ── From_ lines ─────────────────────────────────────────────────────────────────────────────── */

static void a_from_line_has_a_sender_and_a_date_that_can_be(void **state)
{
	static const struct {
		const char *line;
		bool is;
	} rows[] = {
		{ "From alice@example.org Sun Mar  1 02:13:07 2026", true },
		{ "From alice@example.org  Sun Mar  1 02:13 CET 2026", true },
		{ "From alice@example.org Sun Mar 1 02:13:07 2026 +0100", true },
		{ "From alice at example.org  Sun Mar  1 02:13:07 2026", true },
		{ "From \"a b\"@example.org Sun Mar  1 02:13:07 2026", true },
		{ "From MAILER-DAEMON Thu Jan  1 00:00:00 1970", true },
		{ "From now on all is well", false },
		{ "From alice@example.org Sun Mar  0 02:13:07 2026", false },
		{ "From alice@example.org Sun Mar 32 02:13:07 2026", false },
		{ "From alice@example.org Foo Mar  1 02:13:07 2026", false },
		{ "From alice@example.org Sun Mar  1 25:13:07 2026", false },
		{ "From alice@example.org Sun Mar  1 02:13:07", false },
		{ "From what we said on Sun Mar  1 02:13:07 2026", false },
		{ ">From alice@example.org Sun Mar  1 02:13:07 2026", false },
	};
	int64_t time;

	for (size_t i = 0; i < ROWS(rows); i++)
		if (archive_from_line(span_of(rows[i].line), NULL) != rows[i].is)
			fail_msg("%s", rows[i].line);
	assert_true(archive_from_line(span_of(rows[0].line), &time));
	assert_int_equal(time, 1772331187);
}

struct counts {
	unsigned from, close, strays;
	struct buf octets;
};

static int count(void *context, enum archive_line kind, uint64_t line, struct span octets,
                 struct error *err)
{
	struct counts *c = context;

	c->from += kind == ARCHIVE_LINE_FROM;
	c->close += kind == ARCHIVE_LINE_FROM_CLOSE;
	c->strays += kind == ARCHIVE_LINE_STRAY;
	buf_add_span(&c->octets, octets);
	return 0;
}

#define LINE "From alice@example.org Sun Mar  1 02:13:07 2026\n"

static void a_message_begins_where_a_header_section_follows(void **state)
{
	static const struct {
		const char *mbox;
		unsigned from, close, strays;
	} rows[] = {
		{ LINE "From: a\n\nx\n\n" LINE "Subject: b\n\ny\n", 2, 0, 0 },
		{ LINE "From: a\n\nx\n\nFrom here on\n\n", 1, 0, 1 },
		/* quoted in a body: a blank line before, and no header behind */
		{ LINE "From: a\n\nx\n\n" LINE "is what it said\n", 1, 0, 1 },
		/* a colon is not enough */
		{ LINE "From: a\n\nx\n\n" LINE "Note: this\n\n", 1, 0, 1 },
		/* two mboxes put together */
		{ LINE "From: a\n\nx\n" LINE "X-A: 1\nDate: b\nFrom: c\n\ny\n", 1, 1, 0 },
		/* no blank line, and too little behind */
		{ LINE "From: a\n\nx\n" LINE "Subject: b\n\ny\n", 1, 0, 1 },
		/* two in a row: the second is looked at */
		{ LINE "From: a\n\nx\n\n" LINE LINE "From: b\nDate: c\n\n", 1, 1, 1 },
		{ LINE "From: a\n b\n\nx\n\n" LINE "X-A: 1\n 2\nTo: b\n\n", 2, 0, 0 },
		{ LINE, 0, 0, 1 },
		{ "x\n\nFrom \n", 0, 0, 1 },
	};
	struct error err = { 0 };

	for (size_t i = 0; i < ROWS(rows); i++) {
		struct counts c = { 0 };
		AUTO_ARCHIVE_SPLIT struct archive_split s = { .take = count, .context = &c };

		for (const char *p = rows[i].mbox; *p; p++)
			assert_good(archive_split_feed(&s, (struct span){ p, 1 }, &err), &err);
		assert_good(archive_split_end(&s, &err), &err);
		if (c.from != rows[i].from || c.close != rows[i].close ||
		    c.strays != rows[i].strays)
			fail_msg("row %zu: %u from, %u close, %u strays", i, c.from, c.close,
			         c.strays);
		assert_string_equal(buf_text(&c.octets), rows[i].mbox);
		buf_fini(&c.octets);
	}
}

/* ── an mbox on a host ───────────────────────────────────────────────────────────────────────── */

#define BOX_DIR "/var/lib/mailman/archives/private/talk.mbox"
#define BOX BOX_DIR "/talk.mbox"
static const char box[] = LINE "From: a\nMessage-ID: <1@example.org>\n\nx\nFrom here on\n\n" LINE
			       "From: b\nMessage-ID: <2@example.org>\n\ny\n" LINE
			       "From: c\nDate: d\nMessage-ID: <3@example.org>\n\nz\n";

static char *text_of(const char *path)
{
	AUTO_FREE char *all = hosts_path(path);
	AUTO_BUF struct buf text = { 0 };
	struct error err = { 0 };

	assert_good(file_read(all, 1u << 20, &text, &err), &err);
	return text.n ? buf_take(&text) : xstrdup("");
}

static void assert_text(const char *path, const char *expected)
{
	AUTO_FREE char *text = text_of(path);

	assert_string_equal(text, expected);
}

static void stray_lines_are_escaped_and_the_old_file_is_kept(void **state)
{
	struct archive_rewrite_options o = {
		.dir = BOX_DIR, .name = "talk.mbox", .escape = true, .keep = true, .dry_run = true
	};
	AUTO_ARCHIVE_REWRITE struct archive_rewrite shown = { 0 }, done = { 0 }, again = { 0 };
	struct error err = { 0 };
	AUTO_FREE char *kept = hosts_path(BOX ".before-mailhaul");
	struct stat st;

	hosts_write(BOX, box);
	o.h = hosts_host(true);
	assert_good(archive_rewrite(&o, &shown, &err), &err);
	assert_true(shown.changes && !shown.kept);
	assert_string_equal(shown.diff.rows[1], "- From here on");
	assert_string_equal(shown.diff.rows[2], "+ >From here on");
	assert_text(BOX, box);
	o.dry_run = false;
	assert_good(archive_rewrite(&o, &done, &err), &err);
	assert_int_equal(done.from_lines, 4);
	assert_int_equal(done.messages, 3);
	assert_int_equal(done.strays, 1);
	assert_int_equal(done.close, 1);
	assert_int_equal(done.octets_after, strlen(box) + 2);
	assert_text(BOX ".before-mailhaul", box);
	assert_int_equal(stat(kept, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0640); /* 0644 it was: the new one alone is public */
	o.dry_run = true;
	assert_good(archive_rewrite(&o, &again, &err), &err);
	assert_false(again.changes);
	assert_int_equal(again.from_lines, again.messages);
}

static void a_message_leaves_and_another_comes(void **state)
{
	static const char more[] = LINE "From: d\nMessage-ID: <4@example.org>\n\nw\n\n";
	AUTO_STRINGS struct strings drop = { 0 };
	AUTO_ARCHIVE_REWRITE struct archive_rewrite done = { 0 };
	struct archive_rewrite_options o = {
		.dir = BOX_DIR, .name = "talk.mbox", .drop = &drop, .append = span_of(more)
	};
	struct error err = { 0 };

	hosts_write(BOX, box);
	strings_add(&drop, "<1@example.org>");
	strings_add(&drop, "<3@example.org>");
	o.h = hosts_host(true);
	assert_good(archive_rewrite(&o, &done, &err), &err);
	assert_int_equal(done.dropped, 2);
	assert_text(BOX, LINE "From: b\nMessage-ID: <2@example.org>\n\ny\n" LINE
	                      "From: d\nMessage-ID: <4@example.org>\n\nw\n\n");
}

static void nothing_is_written_while_mailman_is_at_work(void **state)
{
	AUTO_FREE char *lock = hosts_path("/lock/talk.lock");
	struct lists_paths paths = { 0 };
	struct error err = { 0 };
	struct timespec times[2] = { { .tv_sec = 4102444800 }, { .tv_sec = 4102444800 } };

	lists_paths_set(&paths, LISTS_LOCK_DIR, "/lock");
	hosts_write("/lock/talk.lock", "");
	assert_good(archive_check_stopped(hosts_host(true), &paths, "talk", &err), &err);
	assert_int_equal(utimensat(AT_FDCWD, lock, times, 0), 0);
	assert_int_equal(archive_check_stopped(hosts_host(true), &paths, "talk", &err), -1);
	assert_int_equal(err.retry, ERROR_RETRY_PERSON);
	lists_paths_fini(&paths);
}

/* ── export ──────────────────────────────────────────────────────────────────────────────────── */

#define CONFIG "/var/lib/mailman/lists/talk/config.pck"

static void set_private(const char *how)
{
	AUTO_FREE char *pickle = xasprintf("(dp0\nS'archive_private'\np1\n%s.", how);

	hosts_write(CONFIG, pickle);
}

static mode_t mode_of(const char *path)
{
	AUTO_FREE char *all = hosts_path(path);
	struct stat st;

	return lstat(all, &st) < 0 ? 0 : st.st_mode & 07777;
}

static void a_private_archive_is_never_where_others_can_read(void **state)
{
	/* private; unreadable; without the attribute; of a wrong kind */
	static const char *const not_public[] = { "I1\ns", "", "I0\ns(", "S'0'\ns" };
	AUTO_FREE char *to = hosts_path("/out"), *tree = hosts_path("/tree");
	struct lists_paths paths = { 0 };
	struct archive_export out;
	struct error err = { 0 };

	lists_paths_default(&paths, "/var/lib/mailman", NULL);
	hosts_write(BOX, box);
	set_private("I0\ns");
	assert_good(archive_export(hosts_host(false), &paths, "talk", to, false, &out, &err), &err);
	assert_int_equal(mode_of("/out/public/talk.mbox"), 0600);
	assert_good(archive_export(hosts_host(false), &paths, "talk", tree, true, &out, &err),
	            &err);
	assert_int_equal(mode_of("/tree/talk.mbox"), 0644);
	assert_text("/tree/talk.mbox", box);
	for (size_t i = 0; i < ROWS(not_public); i++) {
		set_private(not_public[i]);
		assert_good(
			archive_export(hosts_host(false), &paths, "talk", to, false, &out, &err),
			&err);
		assert_int_equal(out.outcome, ARCHIVE_EXPORT_WRITTEN);
		assert_int_equal(mode_of("/out/public/talk.mbox"), 0);
		assert_int_equal(mode_of("/out/private/talk.mbox"), 0600);
		assert_int_equal(mode_of("/out/private"), 0700);
		assert_good(
			archive_export(hosts_host(false), &paths, "talk", tree, true, &out, &err),
			&err);
		assert_int_equal(out.outcome, ARCHIVE_EXPORT_PRIVATE);
		assert_int_equal(mode_of("/tree/talk.mbox"), 0);
	}
	/* somebody has opened the directory */
	AUTO_FREE char *closed = hosts_path("/out/private");
	assert_int_equal(chmod(closed, 0755), 0);
	assert_int_equal(archive_export(hosts_host(false), &paths, "talk", to, false, &out, &err),
	                 -1);
	lists_paths_fini(&paths);
}

/* ── letters and pages ───────────────────────────────────────────────────────────────────────── */

static void a_letter_is_read_as_text(void **state)
{
	static const char text[] =
		"From alice@example.org Sun Mar  1 02:13:07 2026\n"
		"From: =?utf-8?q?J=C3=A4ne?= =?utf-8?q?_Doe?= <jane@example.org>\n"
		"Date: Sun, 01 Mar 2026 12:00:00 +0200\nMessage-ID:\n <a@example.org>\n"
		"In-Reply-To: Your mail <b@example.org>\nReferences: <c@example.org> "
		"<b@example.org>\n"
		"Subject: RE: [Talk]  =?iso-8859-1?B?R3L832U=?= Now\n"
		"Content-Type: multipart/mixed; boundary=\"x\"\n\n--x\nContent-Type: text/plain;"
		" charset=iso-8859-1\nContent-Transfer-Encoding: quoted-printable\n\n"
		"Gr=FC=DFe an bob@example.org=\n!\n--x\nContent-Type: image/png\n\nabc\n--x--\n";
	AUTO_ARCHIVE_LETTER struct archive_letter l = { 0 };
	AUTO_BUF struct buf sorted = { 0 };

	archive_letter_read(&l, span_of(text), true);
	assert_string_equal(buf_text(&l.author), "J\u00e4ne Doe");
	assert_string_equal(buf_text(&l.email), "jane at example.org");
	assert_string_equal(buf_text(&l.id), "a@example.org");
	assert_string_equal(buf_text(&l.in_reply_to), "b@example.org");
	assert_int_equal(l.references.n, 2);
	assert_string_equal(buf_text(&l.subject), "RE: [Talk]  Gr\u00fc\u00dfe Now");
	assert_int_equal(l.date, 1772359200);
	assert_string_equal(buf_text(&l.body), "Gr\u00fc\u00dfe an bob at example.org!\n"
	                                       "[image/png, 4 octets: in the archive's mbox]\n");
	archive_letter_sorted(buf_span(&l.subject), SPAN("[talk] "), &sorted);
	assert_string_equal(buf_text(&sorted), "gr\u00fc\u00dfenow");
}

#define ENTRY(number, subject)                                                                     \
	"<LI><A HREF=\"00000" number ".html\">" subject "\n</A><A NAME=\"" number                  \
	"\">&nbsp;</A>\n<I>alice\n</I>\n\n"
#define TOP                                                                                        \
	"<h1>Archiv</h1>\n <ul>\n  <li>Sortiert\n </ul>\n"                                         \
	"<p><b>Von:</b> <i>Do</i><br>\n<b>Bis:</b> <i>Fr</i><br>\n<b>Nachrichten:</b> "
#define BOTTOM "    </ul>\n<a name=\"end\"><b>Letzte:</b></a> <i>Fr</i><br>\n<ul>\n</ul>\n"

static void what_an_index_page_has_stays_as_it_is(void **state)
{
	static const char page[] = TOP "2<p>\n     <ul>\n\n<!--0 01.1- -->\n" ENTRY(
		"1", "Gr\xfc\xdf"
		     "e") "<UL>\n<!--1 01.1-02.2- -->\n" ENTRY("2", "two") "</UL>\n" BOTTOM;
	static const char after[] = TOP "3<p>\n     <ul>\n\n<!--0 01.1- -->\n" ENTRY(
		"1",
		"Gr\xfc\xdf"
		"e") "<UL>\n<!--1 01.1-02.3- -->\n" ENTRY("3",
	                                                  "&lt;&#252;&gt;") "<UL>\n"
									    "<!--2 01.1-02.3-04.4- "
									    "-->\n" ENTRY(
										    "4",
										    "x") "</UL>\n</"
											 "UL>"
											 "\n" BOTTOM;
	const struct archive_row same[] = {
		{ 1, SPAN("01.1-"), SPAN("?"), SPAN("?") },
		{ 2, SPAN("01.1-02.2-"), SPAN("?"), SPAN("?") },
	};
	const struct archive_row other[] = {
		{ 1, SPAN("01.1-"), SPAN("?"), SPAN("?") },
		{ 3, SPAN("01.1-02.3-"), SPAN("<\u00fc>"), SPAN("alice") },
		{ 4, SPAN("01.1-02.3-04.4-"), SPAN("x"), SPAN("alice") },
	};
	AUTO_BUF struct buf out = { 0 }, changed = { 0 }, none = { 0 };

	assert_true(archive_html_index(span_of(page), ARCHIVE_THREAD, same, 2, NULL, NULL, &out));
	assert_string_equal(buf_text(&out), page);
	assert_true(
		archive_html_index(span_of(page), ARCHIVE_THREAD, other, 3, NULL, NULL, &changed));
	assert_string_equal(buf_text(&changed), after);
	assert_false(archive_html_index(SPAN("<html>own</html>\n"), ARCHIVE_THREAD, same, 2, NULL,
	                                NULL, &none));
}

static void links_to_what_is_withdrawn_say_no_subject(void **state)
{
	AUTO_BUF struct buf out = { 0 };

	assert_true(archive_html_hide_links(
		SPAN("<LI>Next: <A HREF=\"000042.html\">secret\n</A></li><A "
	             "HREF=\"000043.html\">x</A>"),
		42, &out));
	assert_string_equal(buf_text(&out), "<LI>Next: <A HREF=\"000042.html\">(withdrawn)\n"
	                                    "</A></li><A HREF=\"000043.html\">x</A>");
}

/* ── volumes ─────────────────────────────────────────────────────────────────────────────────── */

static void assert_volume(int64_t date, int64_t frequency, const char *expected)
{
	AUTO_BUF struct buf name = { 0 };

	archive_volume_of(date, frequency, &name);
	assert_string_equal(buf_text(&name), expected);
}

static void a_date_has_a_volume(void **state)
{
	assert_volume(1772359200, 0, "2026");
	assert_volume(1772359200, 1, "2026-March");
	assert_volume(1772359200, 2, "2026q1");
	assert_volume(1772359200, 3, "Week-of-Mon-20260223");
	assert_volume(1772359200, 4, "20260301");
}

/* strftime(3) has named it, in whatever charset. */
static void a_month_of_another_locale_is_known(void **state)
{
	static const char *const foreign[] = { "2026-novembre", "2026-M\xe4rz",
		                               "2026-\xe5\x8d\x81" };
	static const char *const others[] = { "2026-March", "2026",       "2026q1",
		                              "20260301",   "2026-",      "Week-of-Mon-20260223",
		                              "",           "attachments" };

	for (size_t i = 0; i < ROWS(foreign); i++)
		assert_true(archive_volume_is_foreign_month(foreign[i]));
	for (size_t i = 0; i < ROWS(others); i++)
		assert_false(archive_volume_is_foreign_month(others[i]));
}

static void add(struct archive_volume *v, int64_t number, const char *text)
{
	AUTO_ARCHIVE_LETTER struct archive_letter l = { 0 };
	struct archive_new new = { number, &l, SPAN("[Talk]"), "talk", "en" };
	struct error err = { 0 };

	archive_letter_read(&l, span_of(text), true);
	assert_good(archive_volume_add(v, &new, &err), &err);
}

static void assert_order(const struct archive_volume *v, enum archive_kind kind,
                         const char *numbers)
{
	AUTO_BUF struct buf order = { 0 };
	struct archive_row *rows = NULL;
	size_t n = archive_volume_order(v, kind, &rows);

	for (size_t i = 0; i < n; i++)
		buf_addf(&order, "%lld ", (long long)rows[i].number);
	free(rows);
	assert_string_equal(buf_text(&order), numbers);
}

static void a_volume_takes_messages_in_and_out(void **state)
{
	struct archive_volume v = { 0 }, again = { 0 };
	struct buf octets[ARCHIVE_FILES] = { 0 };
	struct error err = { 0 };

	assert_good(archive_volume_parse(&v, "2026-March", octets, &err), &err);
	assert_true(v.is_new);
	add(&v, 7,
	    "From: Zoe Ash <z@example.org>\nDate: 2 Mar 2026 00:00:00 +0000\n"
	    "Message-ID: <7@x>\nSubject: b\n\n");
	add(&v, 8,
	    "From: Al Young <a@example.org>\nDate: 1 Mar 2026 00:00:00 +0000\n"
	    "Message-ID: <8@x>\nSubject: c\n\n");
	add(&v, 9,
	    "From: Al Young <a@example.org>\nDate: 3 Mar 2026 00:00:00 +0000\n"
	    "Message-ID: <9@x>\nIn-Reply-To: <8@x>\nSubject: Re: A\n\n");
	assert_order(&v, ARCHIVE_DATE, "8 7 9 ");
	assert_order(&v, ARCHIVE_THREAD, "8 9 7 ");
	assert_order(&v, ARCHIVE_SUBJECT, "9 7 8 ");
	assert_order(&v, ARCHIVE_AUTHOR, "7 8 9 ");
	assert_true(archive_volume_drop(&v, SPAN("8@x")));
	assert_false(archive_volume_drop(&v, SPAN("8@x")));
	for (unsigned i = 0; i < ARCHIVE_FILES; i++)
		assert_good(archive_volume_file(&v, i, &octets[i], &err), &err);
	assert_good(archive_volume_parse(&again, "2026-March", octets, &err), &err);
	assert_order(&again, ARCHIVE_THREAD, "9 7 ");
	assert_int_equal(again.n, 2);
	archive_volume_fini(&again);
	/* a file that a crash has emptied would make Mailman forget the month */
	for (unsigned i = 0; i < ARCHIVE_FILES; i++)
		assert_good(archive_volume_file(&v, i, &octets[i], &err), &err);
	buf_fini(&octets[ARCHIVE_DATE]);
	assert_int_equal(archive_volume_parse(&again, "2026-March", octets, &err), -1);
	archive_volume_fini(&again);
	for (unsigned i = 0; i < ARCHIVE_FILES; i++) {
		buf_reset(&octets[i]);
		assert_good(archive_volume_file(&v, i, &octets[i], &err), &err);
	}
	buf_reset(&octets[ARCHIVE_SUBJECT]);
	buf_add_text(&octets[ARCHIVE_SUBJECT], "{0");
	assert_good(archive_volume_parse(&again, "2026-March", octets, &err), &err);
	assert_int_equal(archive_volume_check(&again, &err), -1);
	assert_good(archive_volume_check(&v, &err), &err);
	for (unsigned i = 0; i < ARCHIVE_FILES; i++)
		buf_fini(&octets[i]);
	archive_volume_fini(&again);
	archive_volume_fini(&v);
}

/* ── what an archiver is told ────────────────────────────────────────────────────────────────── */

#define FROM "From a@example.org Mon Jan  5 10:00:00 2004\n"

static void read_letters(const char *mbox, struct hyperkitty_letters *l)
{
	AUTO_LISTS_MBOX_INDEX struct lists_mbox_index index = { 0 };

	lists_mbox_index_feed(&index, span_of(mbox));
	lists_mbox_index_end(&index);
	hyperkitty_letters_begin(l, &index);
	hyperkitty_letters_feed(l, span_of(mbox));
	hyperkitty_letters_end(l);
}

static void each_message_has_one_name_which_is_the_same_each_time(void **state)
{
	const char *first = FROM "From: a\nMessage-ID: <one@x>\n\nfirst\n\n";
	const char *other = FROM "From: a\nMessage-ID: <one@x>\n\nsecond\n\n";
	const char *none = FROM "From: a\n\nnone\n\n";
	const char
		*from = "From nobody knows when\nFrom: b\nMessage-ID: <two words@x> (added)\n\nx\n";
	/* copies: one is written by another system, and came with another From_ line */
	const char *copy = "From b@example.org Tue Jan  6 10:00:00 2004\r\nFrom: a\r\nMessage-ID: "
			   "<one@x>\r\n\r\nfirst\r\n\r\n";
	AUTO_FREE char *mbox = xasprintf("%s%s%s%s%s%s", first, other, none, copy, none, from);
	AUTO_FREE char *turned = xasprintf("%s%s", none, first);
	AUTO_HYPERKITTY_LETTERS struct hyperkitty_letters l = { 0 }, again = { 0 };

	read_letters(mbox, &l);
	read_letters(turned, &again);
	assert_int_equal(l.n, 6);
	assert_string_equal(l.rows[0].id, "one@x");
	assert_true(l.rows[1].has_made_id && l.rows[1].is_other);
	assert_true(l.rows[2].has_made_id && !l.rows[2].is_other);
	assert_true(l.rows[3].is_copy && l.rows[4].is_copy);
	assert_string_equal(l.rows[3].id, l.rows[0].id);
	assert_string_equal(l.rows[5].id, "twowords@x");
	assert_int_equal(l.made + l.others + l.copies, 4);
	assert_string_equal(again.rows[0].id, l.rows[2].id);
	assert_true(span_ends(span_of(l.rows[2].id), "@mailhaul.invalid"));
	/* of the last message the blank line that parts it from none is not taken away */
	assert_int_equal(l.rows[5].at + l.rows[5].octets, strlen(mbox));
	assert_memory_equal(mbox + l.rows[0].at, "From: a\nMessage-ID: <one@x>\n\nfirst\nF",
	                    l.rows[0].octets);
}

static void a_date_that_can_be_none_is_that_on_which_it_came(void **state)
{
	static const struct {
		const char *field;
		int64_t at;
		enum hyperkitty_dated dated;
	} rows[] = {
		{ "Date: Mon, 05 Jan 2004 12:00:00 +0200", 1073296800, HYPERKITTY_DATED_OWN },
		{ "Date: Sun, 18 Jan 2004 10:00:00 +0000", 1074420000, HYPERKITTY_DATED_OWN },
		{ "Date: Mon, 05 Jan 1998 10:00:00 +0000", 883994400, HYPERKITTY_DATED_OWN },
		{ "Date: Mon, 26 Jan 2004 10:00:00 +0000", 1073296800, HYPERKITTY_DATED_CAME },
		{ "Date: Mon, 05 Jan 104 10:00:00 -0500", 1073314800, HYPERKITTY_DATED_OWN },
		{ "Date: Thu, 01 Jan 1970 00:00:00 +0000", 1073296800, HYPERKITTY_DATED_CAME },
		{ "Date: sometime", 1073296800, HYPERKITTY_DATED_CAME },
		{ "Subject: none", 1073296800, HYPERKITTY_DATED_CAME },
	};

	for (size_t i = 0; i < ROWS(rows); i++) {
		AUTO_FREE char *mbox = xasprintf(
			FROM "%s\nFrom: a\n\nx\n\n"
			     "From b@example.org Thu Jan  1 00:00:00 1970\nFrom: b\n\n",
			rows[i].field);
		AUTO_HYPERKITTY_LETTERS struct hyperkitty_letters l = { 0 };

		read_letters(mbox, &l);
		assert_int_equal(l.n, 2);
		if (l.rows[0].date != rows[i].at || l.rows[0].dated != rows[i].dated)
			fail_msg("%s: %lld", rows[i].field, (long long)l.rows[0].date);
		assert_int_equal(l.rows[1].date, rows[i].at);
		assert_int_equal(l.rows[1].dated, HYPERKITTY_DATED_BEFORE);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_from_line_has_a_sender_and_a_date_that_can_be),
		cmocka_unit_test(a_message_begins_where_a_header_section_follows),
		HOSTS_TEST(stray_lines_are_escaped_and_the_old_file_is_kept),
		HOSTS_TEST(a_message_leaves_and_another_comes),
		HOSTS_TEST(nothing_is_written_while_mailman_is_at_work),
		HOSTS_TEST(a_private_archive_is_never_where_others_can_read),
		cmocka_unit_test(a_letter_is_read_as_text),
		cmocka_unit_test(what_an_index_page_has_stays_as_it_is),
		cmocka_unit_test(links_to_what_is_withdrawn_say_no_subject),
		cmocka_unit_test(a_date_has_a_volume),
		cmocka_unit_test(a_month_of_another_locale_is_known),
		cmocka_unit_test(a_volume_takes_messages_in_and_out),
		cmocka_unit_test(each_message_has_one_name_which_is_the_same_each_time),
		cmocka_unit_test(a_date_that_can_be_none_is_that_on_which_it_came),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
