/* SPDX-License-Identifier: BSD-2-Clause */

/* A mailbox of an IMAP server that is not to be relied on becomes a Maildir. */

#include "copy/imap.h"

#include "copy/imap_server.h"
#include "copy/sites.h"
#include "state/coming.h"

#include <dirent.h>

#define ONE "Message-ID: <one@example.org>\r\n\r\none\r\n"
#define TWO "Message-ID: <two@example.org>\r\n\r\ntwo\r\n"
#define INBOX "new/home/alice/Maildir/"

struct place {
	struct sites sites;
	struct server *server;
	struct copy_imap source;
	struct copy_imap_told told;
	struct copy_result r;
	struct copy_options options;
};

static void begin(struct place *p, const char *capabilities)
{
	*p = (struct place){ .server = server_start(capabilities) };
	sites_begin(&p->sites, MAILBOX_MAILDIR);
	sites_make(&p->sites, "new/home/alice/Maildir");
	p->source = (struct copy_imap){
		.server = { .host = "127.0.0.1",
		            .port = p->server->port,
		            .tls = IMAP_TLS_NONE,
		            .silence_ms = 60000 },
		.login = { .user = "alice", .password = "wrong \"horse\\" },
		.pause_ms = 1,
	};
}

static int pass(struct place *p, struct error *err)
{
	const struct copy_account account = { &p->sites.from, &p->sites.to, NULL };

	copy_result_fini(&p->r);
	p->told = (struct copy_imap_told){ 0 };
	return copy_imap_pass(&p->source, p->sites.new, &account, p->sites.state, &p->options,
	                      &p->r, &p->told, err);
}

static void pass_well(struct place *p)
{
	struct error err = { 0 };

	assert_good(pass(p, &err), &err);
}

static void end(struct place *p)
{
	copy_result_fini(&p->r);
	server_end(p->server);
	sites_end(&p->sites);
}

static void holds(const struct place *p, const char *name, const char *want)
{
	AUTO_FREE char *path = xasprintf(INBOX "%s", name);
	AUTO_FREE char *text = sites_read(&p->sites, path);

	assert_string_equal(text, want);
}

static size_t files(const struct place *p)
{
	return sites_count(&p->sites, INBOX "cur");
}

static bool is_told(const struct place *p, const char *words)
{
	for (size_t i = 0; i < p->r.skipped.n; i++)
		if (strstr(p->r.skipped.rows[i], words))
			return true;
	return false;
}

static void what_a_server_gives_is_on_disk_with_uids_flags_and_dates(void **state)
{
	struct place p;
	struct stat st;

	begin(&p, "");
	server_add(p.server, "\\Seen $Junk Blue", ONE);
	server_add(p.server, "\\Recent", TWO);
	server_add(p.server, "", TWO)->fault = FAULT_UID_LAST;
	server_add(p.server, "\\Flagged", "Subject: x")->fault = FAULT_TEXT;
	server_expunge(p.server, 1);
	pass_well(&p);
	assert_int_equal(p.r.skipped.n, 0);
	assert_int_equal(p.r.copied, 3);
	holds(&p, "cur/1700000000.U1.imap:2,Sab", "Message-ID: <one@example.org>\n\none\n");
	holds(&p, "cur/1700000000.U3.imap:2,", "Message-ID: <two@example.org>\n\ntwo\n");
	holds(&p, "cur/1700000000.U4.imap:2,F", "Subject: x");
	holds(&p, "dovecot-keywords", "0 $Junk\n1 Blue\n");
	holds(&p, "subscriptions", "V\t2\n\nINBOX\n");
	AUTO_FREE char *list = sites_read(&p.sites, INBOX "dovecot-uidlist");
	assert_non_null(strstr(list, "3 V1700000000 N5 G"));
	assert_non_null(strstr(list, "\n1 :1700000000.U1.imap\n3 :1700000000.U3.imap\n"));
	AUTO_FREE char *path = sites_path(&p.sites, INBOX "cur/1700000000.U1.imap:2,Sab");
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mtime, 1772331187);
	end(&p);
}

static void odd_line_ends_are_kept_octet_by_octet(void **state)
{
	struct place p;

	begin(&p, "");
	server_add(p.server, "", "a\r\r\nb\r\n");
	server_add(p.server, "", "a\nb\r\n");
	server_add(p.server, "", "\r\r\ra\rb\r\n\r");
	server_add(p.server, "", "\n");
	pass_well(&p);
	assert_int_equal(p.r.skipped.n, 0);
	holds(&p, "cur/1700000000.U1.imap:2,", "a\r\r\nb\r\n");
	holds(&p, "cur/1700000000.U2.imap:2,", "a\nb\r\n");
	holds(&p, "cur/1700000000.U3.imap:2,", "\r\r\ra\rb\n\r");
	holds(&p, "cur/1700000000.U4.imap:2,", "\n");
	end(&p);
}

/* With nothing, with CONDSTORE, with QRESYNC. */
static void follow(const char *capabilities, unsigned commands)
{
	struct place p;

	begin(&p, capabilities);
	for (unsigned i = 0; i < 20; i++)
		server_add(p.server, i % 2 ? "\\Seen" : "", ONE);
	pass_well(&p);
	assert_int_equal(p.r.copied, 20);

	p.server->commands = p.server->fetches = 0;
	pass_well(&p);
	assert_false(copy_result_changed(&p.r));
	assert_int_equal(p.r.unchanged, 20);
	assert_true(p.server->commands <= commands);
	assert_int_equal(p.told.folders_asked, *capabilities ? 0 : 1);

	server_flag(p.server, 2, "\\Flagged");
	pass_well(&p);
	assert_int_equal(p.r.renamed, 1);
	assert_int_equal(p.r.unchanged, 19);

	server_flag(p.server, 3, "\\Answered later");
	server_expunge(p.server, 5);
	server_add(p.server, "\\Draft", TWO);
	server_add(p.server, "", TWO);
	server_expunge(p.server, 21);
	pass_well(&p);
	assert_int_equal(p.r.skipped.n, 0);
	assert_int_equal(p.r.copied, 1);
	assert_int_equal(p.r.renamed, 1);
	assert_int_equal(p.r.removed, 1);
	assert_int_equal(p.r.unchanged, 18);
	assert_int_equal(files(&p), 20);
	holds(&p, "cur/1700000000.U4.imap:2,Ra", "Message-ID: <one@example.org>\n\none\n");
	assert_int_equal(p.server->rows[4].asked, 1);
	end(&p);
}

static void changes_are_followed_on_any_server(void **state)
{
	follow("", 12);
	follow("CONDSTORE", 7);
	follow("CONDSTORE QRESYNC ENABLE", 8);
}

static void a_message_that_does_not_come_is_named_and_the_others_come(void **state)
{
	struct place p;

	begin(&p, "CONDSTORE");
	for (unsigned i = 0; i < 40; i++)
		server_add(p.server, "", ONE);
	p.server->rows[3].fault = FAULT_NIL;
	p.server->rows[7].fault = FAULT_EMPTY;
	p.server->rows[11].fault = FAULT_SILENT;
	p.server->rows[17].fault = FAULT_REFUSED;
	p.server->rows[23].fault = FAULT_CUT;
	p.server->rows[29].fault = FAULT_HUGE;
	p.server->rows[31].fault = FAULT_ENDLESS;
	pass_well(&p);
	assert_int_equal(p.r.copied, 33);
	assert_int_equal(p.r.skipped.n, 7);
	assert_true(is_told(&p, "INBOX/UID 4: the server lists this message and gives no content"));
	assert_true(is_told(&p, "INBOX/UID 8: the server lists this message and gives no content"));
	assert_true(
		is_told(&p, "INBOX/UID 12: the server lists this message, and answers nothing"));
	assert_true(is_told(&p, "INBOX/UID 18: the server refuses: this one is broken"));
	assert_true(is_told(&p, "INBOX/UID 24: the connection breaks whenever"));
	assert_true(is_told(&p, "INBOX/UID 30: the connection breaks whenever"));
	assert_true(is_told(&p, "INBOX/UID 32: the connection breaks whenever"));

	/* the next pass asks for those again, and only for those */
	for (unsigned i = 0; i < 40; i++) {
		p.server->rows[i].fault = FAULT_NONE;
		p.server->rows[i].asked = 0;
	}
	pass_well(&p);
	assert_int_equal(p.r.copied, 7);
	assert_int_equal(p.server->rows[0].asked, 0);
	end(&p);
}

static void a_line_that_is_cut_is_opened_again_and_little_comes_twice(void **state)
{
	unsigned asked = 0;
	struct place p;

	begin(&p, "");
	p.source.connections = 1;
	for (unsigned i = 0; i < SERVER_MESSAGES; i++)
		server_add(p.server, "", ONE);
	p.server->rows[300].fault = FAULT_CUT_ONCE;
	p.server->rows[500].fault = FAULT_CUT_ONCE;
	pass_well(&p);
	assert_int_equal(p.r.copied, SERVER_MESSAGES);
	assert_int_equal(p.r.skipped.n, 0);
	assert_int_equal(p.told.breaks, 2);
	for (unsigned i = 0; i < SERVER_MESSAGES; i++)
		asked += p.server->rows[i].asked;
	assert_int_equal(asked, SERVER_MESSAGES + 2);
	end(&p);
}

static void a_server_that_wants_less_is_waited_for(void **state)
{
	struct place p;

	begin(&p, "");
	for (unsigned i = 0; i < 300; i++)
		server_add(p.server, "", ONE);
	p.server->throttle = 5;
	p.server->connections = 2;
	pass_well(&p);
	assert_int_equal(p.r.copied, 300);
	assert_int_equal(p.r.skipped.n, 0);
	end(&p);
}

static void a_folder_that_was_numbered_anew_is_taken_anew_without_doubles(void **state)
{
	struct place p;

	begin(&p, "CONDSTORE QRESYNC ENABLE");
	for (unsigned i = 0; i < 5; i++)
		server_add(p.server, "", ONE);
	pass_well(&p);
	p.server->uidvalidity++;
	p.server->modseq = 3;
	pass_well(&p);
	assert_int_equal(p.r.copied, 5);
	assert_int_equal(p.r.removed, 5);
	assert_int_equal(p.r.skipped.n, 0);
	assert_int_equal(p.r.notes.n, 1);
	assert_non_null(strstr(p.r.notes.rows[0], "UIDVALIDITY 1700000001 instead of 1700000000"));
	assert_int_equal(files(&p), 5);
	end(&p);
}

static void a_folder_that_is_numbered_anew_while_it_is_copied_waits_for_the_next_pass(void **state)
{
	struct place p;

	begin(&p, "");
	for (unsigned i = 0; i < 5; i++)
		server_add(p.server, "", ONE);
	p.server->renumber = 2;
	pass_well(&p);
	assert_int_equal(p.r.copied, 0);
	assert_int_equal(p.r.skipped.n, 5);
	assert_true(is_told(&p, "INBOX/UID 1: the folder's UIDVALIDITY has changed meanwhile"));
	pass_well(&p);
	assert_int_equal(p.r.copied, 5);
	assert_int_equal(p.r.skipped.n, 0);
	assert_int_equal(files(&p), 5);
	end(&p);
}

static void a_size_that_is_not_true_is_noted_and_what_came_is_taken(void **state)
{
	struct place p;

	begin(&p, "");
	server_add(p.server, "", ONE)->lie = 7;
	pass_well(&p);
	assert_int_equal(p.r.copied, 1);
	assert_int_equal(p.r.skipped.n, 0);
	assert_int_equal(p.told.unequal_sizes, 1);
	assert_non_null(strstr(p.r.notes.rows[0], "which were taken"));
	pass_well(&p);
	assert_false(copy_result_changed(&p.r));
	end(&p);
}

static void a_server_that_shows_less_than_there_was_takes_nothing_away(void **state)
{
	struct error err = { 0 };
	struct place p;

	begin(&p, "CONDSTORE");
	server_add(p.server, "", ONE);
	server_add(p.server, "", TWO);
	pass_well(&p);
	p.server->no_inbox = true;
	assert_fails(pass(&p, &err), &err, "lists no INBOX");
	assert_int_equal(files(&p), 2);
	p.server->no_inbox = false;
	p.server->counts_more = true;
	pass_well(&p);
	assert_true(is_told(&p, "INBOX: the server counts 4 messages, and lists 2"));
	assert_int_equal(files(&p), 2);
	end(&p);
}

static void what_is_there_and_not_in_the_ledger_is_compared_and_not_doubled(void **state)
{
	struct error err = { 0 };
	struct place p;

	begin(&p, "");
	for (unsigned i = 0; i < 4; i++)
		server_add(p.server, "\\Seen", ONE);
	pass_well(&p);
	state_close(p.sites.state);
	sites_make(&p.sites, "elsewhere");
	AUTO_FREE char *elsewhere = sites_path(&p.sites, "elsewhere");
	assert_good(state_open(&p.sites.state, elsewhere, &err), &err);
	sites_write(&p.sites, INBOX "cur/1700000000.U2.imap:2,S", "other words\n");
	p.options.dry_run = true;
	pass_well(&p);
	assert_int_equal(p.r.copied, 0);
	p.options.dry_run = false;
	pass_well(&p);
	assert_int_equal(p.r.copied, 0);
	assert_int_equal(p.r.unchanged, 3);
	assert_int_equal(p.r.skipped.n, 1);
	assert_true(is_told(&p, "INBOX/UID 2: another message has its name"));
	holds(&p, "cur/1700000000.U2.imap:2,S", "other words\n");
	end(&p);
}

static void what_a_killed_pass_left_and_old_has_not_any_more_goes(void **state)
{
	const struct coming_name left = { "alice", "", "1700000000.U9.imap" };
	struct error err = { 0 };
	struct place p;
	int64_t batch;

	begin(&p, "");
	server_add(p.server, "", ONE);
	pass_well(&p);
	sites_write(&p.sites, INBOX "cur/1700000000.U9.imap:2,", "expunged meanwhile\n");
	assert_good(coming_put(p.sites.state, &left, 1, &batch, &err), &err);
	pass_well(&p);
	assert_int_equal(p.r.removed, 1);
	assert_int_equal(p.r.extra.n, 0);
	assert_int_equal(files(&p), 1);
	end(&p);
}

static void octets_that_changed_on_new_are_seen_when_they_are_looked_at(void **state)
{
	struct place p;

	begin(&p, "CONDSTORE");
	server_add(p.server, "\\Seen", ONE);
	pass_well(&p);
	AUTO_FREE char *path = sites_path(&p.sites, INBOX "cur/1700000000.U1.imap:2,S");
	struct stat st;
	assert_int_equal(stat(path, &st), 0);
	sites_write(&p.sites, INBOX "cur/1700000000.U1.imap:2,S",
	            "Message-ID: <one@example.org>\n\n0ne\n");
	const struct timespec times[2] = { st.st_atim, st.st_mtim };
	assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
	p.options.look_everywhere = true;
	pass_well(&p);
	assert_true(is_told(&p, "INBOX/UID 1: other octets on the new host than came"));
	end(&p);
}

UNIT_TESTS(
	"copy/imap", cmocka_unit_test(what_a_server_gives_is_on_disk_with_uids_flags_and_dates),
	cmocka_unit_test(odd_line_ends_are_kept_octet_by_octet),
	cmocka_unit_test(changes_are_followed_on_any_server),
	cmocka_unit_test(a_message_that_does_not_come_is_named_and_the_others_come),
	cmocka_unit_test(a_line_that_is_cut_is_opened_again_and_little_comes_twice),
	cmocka_unit_test(a_server_that_wants_less_is_waited_for),
	cmocka_unit_test(a_folder_that_was_numbered_anew_is_taken_anew_without_doubles),
	cmocka_unit_test(a_folder_that_is_numbered_anew_while_it_is_copied_waits_for_the_next_pass),
	cmocka_unit_test(a_size_that_is_not_true_is_noted_and_what_came_is_taken),
	cmocka_unit_test(a_server_that_shows_less_than_there_was_takes_nothing_away),
	cmocka_unit_test(what_is_there_and_not_in_the_ledger_is_compared_and_not_doubled),
	cmocka_unit_test(what_a_killed_pass_left_and_old_has_not_any_more_goes),
	cmocka_unit_test(octets_that_changed_on_new_are_seen_when_they_are_looked_at));
