/* SPDX-License-Identifier: BSD-2-Clause */

/* An agent that lies: each lie ends in a clear error, in bounded time and memory. */

#include "unit/remote/liar.h"

#include "base/clock.h"
#include "remote/mailbox.h"
#include "wire/mailbox.h"

#include <sys/stat.h>

static void say_text(enum wire_kind kind, uint32_t request, struct span body)
{
	liar_frame(kind, request, body);
	liar_wait();
}

static void give_a_length_of_4_gigabytes(uint32_t request)
{
	liar_say(SPAN("\xff\xff\xff\xff\x01\x02\0\0\0"));
	liar_wait();
}

static void give_a_length_and_stay_silent(uint32_t request)
{
	liar_say(SPAN("\0\0\x10\0\x01\x02\0\0\0some"));
	liar_wait();
}

static void answer_another_request(uint32_t request)
{
	say_text(WIRE_END, request + 5, SPAN(""));
}

static void answer_with_an_unknown_kind(uint32_t request)
{
	say_text((enum wire_kind)99, request, SPAN("x"));
}

static void say_nothing(uint32_t request)
{
	liar_wait();
}

static void read_nothing(uint32_t request)
{
	pause();
}

static void trickle(uint32_t request)
{
	static const char body[2000];
	AUTO_BUF struct buf out = { 0 };

	wire_frame(&out, WIRE_DATA, request, (struct span){ body, sizeof body });
	for (size_t i = 0; i < out.n && liar_say((struct span){ out.p + i, 1 }); i++)
		clock_sleep_ms(30);
}

static void send_pieces_without_end(uint32_t request)
{
	AUTO_BUF struct buf body = { 0 }, many = { 0 };

	wire_put_entry(&body, &(struct wire_entry){ .path = SPAN("x"), .mode = S_IFREG | 0644 });
	while (many.n < 1u << 18)
		wire_frame(&many, WIRE_DATA, request, buf_span(&body));
	while (liar_say(buf_span(&many)))
		;
}

static void send_large_pieces_without_end(uint32_t request)
{
	AUTO_BUF struct buf body = { 0 };

	memset(buf_room(&body, WIRE_BODY_MAX), 'x', WIRE_BODY_MAX);
	buf_grown(&body, WIRE_BODY_MAX);
	while (liar_frame(WIRE_DATA, request, buf_span(&body)))
		;
}

static void send_empty_pieces_without_end(uint32_t request)
{
	while (liar_frame(WIRE_DATA, request, SPAN("")))
		;
}

static void rest_unasked(uint32_t request)
{
	AUTO_BUF struct buf body = { 0 };

	wire_put_text(&body, "I am tired");
	while (liar_frame(WIRE_NOTICE, request, buf_span(&body)))
		clock_sleep_ms(10);
}

static void end_in_the_middle(uint32_t request)
{
	liar_say(SPAN("\0\0\x10\0\x01\x02\0\0\0some"));
}

static void send_a_broken_error(uint32_t request)
{
	say_text(WIRE_ERROR, request, SPAN("\1\2\3"));
}

static void send_a_broken_end(uint32_t request)
{
	say_text(WIRE_END, request, SPAN("\1\2\3"));
}

static void send_an_error_full_of_controls(uint32_t request)
{
	AUTO_BUF struct buf body = { 0 };

	wire_put_u64(&body, UINT64_MAX);
	wire_put_u64(&body, UINT64_MAX);
	wire_put_u64(&body, UINT64_MAX);
	wire_put_span(&body, SPAN("\033[2Jgone\n\0\r"));
	wire_put_span(&body, SPAN("\033]0;x\007"));
	say_text(WIRE_ERROR, request, buf_span(&body));
}

/* ── names that would lead out of the mailbox ────────────────────────────────────────────────── */

#define TEXT(words) ((char *)(uintptr_t)(words))

static void scan_folder(uint32_t request, const char *name, const char *base, const char *suffix)
{
	AUTO_BUF struct buf body = { 0 };

	wire_put_tag(&body, WIRE_MAIL_FOLDER);
	wire_put_folder(&body, &(struct mail_folder){ .name = TEXT(name) });
	if (base) {
		wire_put_tag(&body, WIRE_MAIL_MESSAGE);
		wire_put_message(&body, &(struct mail_message){ .base = TEXT(base),
		                                                .suffix = TEXT(suffix) });
	}
	liar_frame(WIRE_DATA, request, buf_span(&body));
	liar_frame(WIRE_END, request, SPAN(""));
	liar_wait();
}

static void name_a_folder_above(uint32_t request)
{
	scan_folder(request, "../../etc", NULL, NULL);
}

static void name_a_folder_from_the_root(uint32_t request)
{
	scan_folder(request, "/etc", NULL, NULL);
}

static void name_a_message_above(uint32_t request)
{
	scan_folder(request, "", "..", "");
}

static void name_a_message_elsewhere(uint32_t request)
{
	scan_folder(request, "", "../../../etc/passwd", "");
}

static void name_flags_elsewhere(uint32_t request)
{
	scan_folder(request, "", "1.a.host", ":2,/../../x");
}

static void name_a_file_above(uint32_t request)
{
	AUTO_BUF struct buf body = { 0 };

	wire_put_tag(&body, WIRE_MAIL_FILE);
	wire_put_file(&body, &(struct mail_file){ .path = TEXT("a/../../x") });
	liar_frame(WIRE_DATA, request, buf_span(&body));
	liar_frame(WIRE_END, request, SPAN(""));
	liar_wait();
}

static void name_with_a_nul(uint32_t request)
{
	AUTO_BUF struct buf body = { 0 };

	wire_put_tag(&body, WIRE_MAIL_FOLDER);
	wire_put_span(&body, SPAN("a\0b"));
	for (int i = 0; i < 7; i++)
		wire_put_u64(&body, 0);
	liar_frame(WIRE_DATA, request, buf_span(&body));
	liar_frame(WIRE_END, request, SPAN(""));
	liar_wait();
}

/* ── a listing that would fill the memory ────────────────────────────────────────────────────── */

/* Each record is small, and so many of them take ten times what is allowed; then the END. */
static void list(uint32_t request, struct span record)
{
	AUTO_BUF struct buf folder = { 0 }, many = { 0 };

	wire_put_tag(&folder, WIRE_MAIL_FOLDER);
	wire_put_folder(&folder, &(struct mail_folder){ .name = TEXT("") });
	liar_frame(WIRE_DATA, request, buf_span(&folder));
	while (many.n < 1u << 18)
		buf_add_span(&many, record);
	for (size_t n = 0; n < 10 * LIAR_KEPT_MAX; n += many.n + many.n / record.n * 200)
		liar_frame(WIRE_DATA, request, buf_span(&many));
	liar_frame(WIRE_END, request, SPAN(""));
	liar_wait();
}

static void list_messages(uint32_t request)
{
	AUTO_BUF struct buf record = { 0 };

	wire_put_tag(&record, WIRE_MAIL_MESSAGE);
	wire_put_message(&record, &(struct mail_message){ .base = TEXT("x"), .suffix = TEXT("") });
	list(request, buf_span(&record));
}

static void list_files(uint32_t request)
{
	AUTO_BUF struct buf record = { 0 };

	wire_put_tag(&record, WIRE_MAIL_FILE);
	wire_put_file(&record, &(struct mail_file){ .path = TEXT("x") });
	list(request, buf_span(&record));
}

static void list_uids(uint32_t request)
{
	AUTO_BUF struct buf record = { 0 };
	static const char octets[100000] = "3 V1 N2\n";

	wire_put_tag(&record, WIRE_MAIL_UIDLIST);
	wire_put_span(&record, (struct span){ octets, sizeof octets });
	list(request, buf_span(&record));
}

/* ── one that works for long ─────────────────────────────────────────────────────────────────── */

static void answer_late(uint32_t request)
{
	AUTO_BUF struct buf body = { 0 };

	clock_sleep_ms(LIAR_SILENCE_MS + LIAR_SILENCE_MS / 2);
	for (unsigned i = 0; i < 4; i++) /* status, output, errors, cut */
		if (i == 1 || i == 2)
			wire_put_text(&body, "");
		else
			wire_put_u64(&body, 0);
	say_text(WIRE_END, request, buf_span(&body));
}

static void greet_with_rubbish(uint32_t request)
{
	say_text(WIRE_END, request, SPAN("hello"));
}

static void greet_and_pack_unasked(uint32_t request)
{
	liar_greet(request, WIRE_FEATURE_ZSTD);
}

static void greet_as_ssh_banners_do(uint32_t request)
{
	liar_say(SPAN("This system is for authorised users of example.org only.\r\n"));
	liar_wait();
}

static const struct lie lies[] = {
	{ "length 4 GB", give_a_length_of_4_gigabytes, "a frame of 4294967295 octets", false },
	{ "silent in a frame", give_a_length_and_stay_silent, "answers too slowly", false },
	{ "another request", answer_another_request, "another request", false },
	{ "unknown kind", answer_with_an_unknown_kind, "of unknown kind", false },
	{ "silence", say_nothing, "does not answer", false },
	{ "trickle", trickle, "answers too slowly", false },
	{ "pieces", send_pieces_without_end, "no end|more than it was asked|malformed", false },
	{ "large pieces", send_large_pieces_without_end, "no end|more than it was asked|malformed",
	  false },
	{ "empty pieces", send_empty_pieces_without_end, "an empty piece", false },
	{ "rest", rest_unasked, "nobody told it to", false },
	{ "end in the middle", end_in_the_middle, "broke", false },
	{ "broken error", send_a_broken_error, "malformed error", false },
	{ "broken end", send_a_broken_end, "malformed|never asked", false },
	{ "controls", send_an_error_full_of_controls, "gone", false },
	{ "folder above", name_a_folder_above, "malformed folder", false },
	{ "folder from the root", name_a_folder_from_the_root, "malformed folder", false },
	{ "message above", name_a_message_above, "malformed message", false },
	{ "message elsewhere", name_a_message_elsewhere, "malformed message", false },
	{ "flags elsewhere", name_flags_elsewhere, "malformed message", false },
	{ "file above", name_a_file_above, "malformed file", false },
	{ "NUL", name_with_a_nul, "malformed folder", false },
	{ "messages", list_messages, "takes more than 8 MB of memory", false },
	{ "files", list_files, "takes more than 8 MB of memory", false },
	{ "uids", list_uids, "takes more than 8 MB of memory", false },
	{ "late", answer_late, "does not answer|answers too slowly", false },
	{ "rubbish", greet_with_rubbish, "malformed greeting", true },
	{ "pack", greet_and_pack_unasked, "nobody told it to", true },
	{ "does not read", read_nothing, "does not answer", false },
	{ "banner", greet_as_ssh_banners_do, "a frame of", true },
};

/* ── what is asked of it ─────────────────────────────────────────────────────────────────────── */

static int ask_list(struct host *h, struct error *err)
{
	AUTO_LISTING struct host_listing l = { 0 };

	return host_list(h, "/etc", 3, &l, err);
}

static int ask_read(struct host *h, struct error *err)
{
	AUTO_BUF struct buf out = { 0 };

	return host_read(h, "/etc/motd", 100, &out, err);
}

static int ask_space(struct host *h, struct error *err)
{
	struct host_space space;

	return host_space(h, "/", &space, err);
}

static int ask_processes(struct host *h, struct error *err)
{
	AUTO_PROCESSES struct host_processes p = { 0 };

	return host_processes(h, &p, err);
}

static int ask_scan(struct host *h, struct error *err)
{
	const struct mailbox_account account = { .user = (char *)(uintptr_t) "alice",
		                                 .home = (char *)(uintptr_t) "/home/alice",
		                                 .root = (char *)(uintptr_t) "/home/alice/M" };
	AUTO_MAIL_LISTING struct mail_listing out = { 0 };

	return mailbox_scan(h, &account, &out, err);
}

static int ask_run(struct host *h, struct error *err)
{
	return host_do(h, "postfix-queue", NULL, SPAN(""), NULL, err);
}

static int (*const questions[])(struct host *h, struct error *err) = {
	ask_list, ask_read, ask_space, ask_processes, ask_scan, ask_run,
};

#define SCAN 4 /* of these */

static bool is_one_of(const char *text, const char *words)
{
	struct span rest = span_of(words), part;

	while (span_next_part(&rest, '|', &part)) {
		AUTO_FREE char *some = span_dup(part);

		if (strstr(text, some))
			return true;
	}
	return false;
}

/* Those that are waited for are told once. */
static bool is_slow(lie_fn *tell)
{
	return tell == say_nothing || tell == read_nothing || tell == trickle ||
	       tell == give_a_length_and_stay_silent || tell == answer_late;
}

/* Those in the words of a scan. */
static bool is_scan(lie_fn *tell)
{
	return tell == name_a_folder_above || tell == name_a_folder_from_the_root ||
	       tell == name_a_message_above || tell == name_a_message_elsewhere ||
	       tell == name_flags_elsewhere || tell == name_a_file_above ||
	       tell == name_with_a_nul || tell == list_messages || tell == list_files ||
	       tell == list_uids;
}

/* One that is waited for briefly, and greets in time: on a busy machine not the first one. */
static int open_slow_one(size_t i, struct host **h, struct error *err)
{
	int result = -1;

	for (int n = 0; result < 0 && n < 60; n++) {
		*err = (struct error){ 0 };
		result = liar_open(i, LIAR_SILENCE_MS, h, err);
	}
	return result;
}

static void try_lie(size_t i, size_t question)
{
	AUTO_HOST struct host *h = NULL;
	struct error err = { 0 };
	int result = is_slow(lies[i].tell) && !lies[i].in_hello
	                     ? open_slow_one(i, &h, &err)
	                     : liar_open(i,
	                                 lies[i].in_hello && is_slow(lies[i].tell)
	                                         ? LIAR_SILENCE_MS
	                                         : LIAR_PATIENCE_MS,
	                                 &h, &err);

	if (result == 0) {
		assert_false(lies[i].in_hello);
		result = questions[question](h, &err);
	}
	/* an END without a field is an answer to those that want none */
	if (result == 0 && lies[i].tell == send_a_broken_end)
		return;
	assert_int_equal(result, -1);
	if (!is_one_of(err.text, lies[i].words))
		fail_msg("%s, question %zu: \"%s\"", lies[i].name, question, err.text);
	for (const char *p = err.text; *p; p++)
		assert_true((unsigned char)*p >= ' ');
}

static void each_lie_ends_in_a_clear_error(void **state)
{
	(void)state;
	for (size_t i = 0; i < ROWS(lies); i++)
		for (size_t q = 0;
		     q < (lies[i].in_hello || is_slow(lies[i].tell) || is_scan(lies[i].tell)
		                  ? 1
		                  : ROWS(questions));
		     q++)
			try_lie(i, is_scan(lies[i].tell) ? SCAN : q);
}

/* Not a lie at all, if the question is one of those that take long. */
static void programs_that_work_through_much_data_may_take_long(void **state)
{
	AUTO_HOST struct host *h = NULL;
	struct error err = { 0 };
	size_t late = 0;

	(void)state;
	while (lies[late].tell != answer_late)
		late++;
	assert_good(open_slow_one(late, &h, &err), &err);
	assert_good(host_do(h, "file-sync", NULL, SPAN(""), NULL, &err), &err);
}

/* Never reads: what is sent to it fills the pipe. */
static void an_agent_that_does_not_read_is_given_up(void **state)
{
	AUTO_BUF struct buf much = { 0 };
	AUTO_HOST struct host *h = NULL;
	struct error err = { 0 };

	(void)state;
	memset(buf_room(&much, 3u << 20), 'x', 3u << 20);
	buf_grown(&much, 3u << 20);
	assert_good(open_slow_one(ROWS(lies) - 2, &h, &err), &err);
	assert_good(host_send(h, WIRE_LISTENERS, SPAN(""), &err), &err);
	clock_sleep_ms(30);
	assert_fails(host_write(h, "/x", 0644, 0, 0, buf_span(&much), &err), &err, "does not read");
	assert_true(host_is_broken(h));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_lie_ends_in_a_clear_error),
		cmocka_unit_test(an_agent_that_does_not_read_is_given_up),
		cmocka_unit_test(programs_that_work_through_much_data_may_take_long),
	};

	if (liar_is_asked(lies, ROWS(lies)))
		return 0;
	return cmocka_run_group_tests_name("remote/hostile", tests, NULL, NULL);
}
