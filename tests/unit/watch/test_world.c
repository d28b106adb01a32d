/* SPDX-License-Identifier: BSD-2-Clause */

/* The watch, over a BIND that is changed, a BIND that follows, and an Unbound that remembers. */

#include "dns/update.h"
#include "unit/dns/net.h"
#include "watch/watch.h"

#define TTL_S 3

static struct net net;
static char *resolvers[] = { (char[]){ "127.0.0.55" } };
static char *domains[] = { (char[]){ "example.org" }, (char[]){ "example.net" } };
static struct config_record records[] = {
	{ .name = (char[]){ "mail.example.org" },
	  .old_address = (char[]){ "203.0.113.10" },
	  .new_address = (char[]){ "203.0.113.20" } },
};
static struct config config = {
	.domains = domains,
	.domains_count = 2,
	.switch_by = CONFIG_SWITCH_DNS,
	.dns = { .server = (char[]){ "127.0.0.53" },
	         .port = 53,
	         .ttl = TTL_S,
	         .records = records,
	         .records_count = 1 },
	.resolvers = resolvers,
	.resolvers_count = 1,
	.watch_interval = 1,
};

#define OPTIONS(address)                                                                           \
	"options { directory \"%DIR%\"; listen-on { " address "; }; listen-on-v6 { none; };\n"     \
	"  pid-file none; session-keyfile none; recursion no; empty-zones-enable no;\n"            \
	"  dnssec-validation no; allow-transfer { any; }; notify-delay 0; notify explicit;\n"      \
	"  also-notify { 127.0.0.54; }; notify-rate 100; serial-query-rate 100;\n"                 \
	"  notify-source 127.0.0.53; };\ncontrols { };\n"

/* clang-format off */
static const struct {
	const char *name, *text;
} files[] = {
	{ "primary.conf", OPTIONS("127.0.0.53")
	  "zone \"example.org\" { type primary; file \"%DIR%/org.zone\";\n"
	  "  allow-update { 127.0.0.0/8; }; };\n" },
	{ "org.zone",
	  "$TTL 3\n@ SOA ns1 hostmaster 1 3600 600 86400 3\n"
	  "@ NS ns1\n@ NS ns2\n@ MX 10 mail\n@ MX 20 backup.example.net.\n"
	  "ns1 A 127.0.0.53\nns2 A 127.0.0.54\nmail A 203.0.113.10\n" },
	{ "secondary.conf", OPTIONS("127.0.0.54")
	  "zone \"example.org\" { type secondary; primaries { 127.0.0.53; };\n"
	  "  file \"%DIR%/org.copy\"; };\n" },
	/* its mail goes to a host in the zone above, of which its server knows nothing */
	{ "other.conf", OPTIONS("127.0.0.56")
	  "zone \"example.net\" { type primary; file \"%DIR%/net.zone\"; };\n" },
	{ "net.zone",
	  "$TTL 3\n@ SOA ns hostmaster 1 3600 600 86400 3\n@ NS ns\nns A 127.0.0.56\n"
	  "@ MX 10 mail.example.org.\nbackup A 198.51.100.7\n" },
	{ "unbound.conf",
	  "server:\n interface: 127.0.0.55\n chroot: \"\"\n username: \"\"\n pidfile: \"\"\n"
	  " directory: \"%DIR%\"\n use-syslog: no\n access-control: 127.0.0.0/8 allow\n"
	  " do-not-query-localhost: no\n module-config: \"iterator\"\n"
	  "stub-zone:\n name: example.org\n stub-addr: 127.0.0.53\n"
	  "stub-zone:\n name: example.net\n stub-addr: 127.0.0.56\n" },
};
/* clang-format on */

static size_t secondary;

static int begin(void **state)
{
	const char *unbound[] = { "/usr/sbin/unbound", "-d", "-c", NULL, NULL };
	AUTO_FREE char *conf = NULL;

	(void)state;
	net_enter(&net);
	for (size_t i = 0; i < ROWS(files); i++)
		net_write(&net, files[i].name, files[i].text);
	net_start_bind(&net, "primary", "127.0.0.53", "example.org");
	net_start_bind(&net, "other", "127.0.0.56", "example.net");
	secondary = net_start_bind(&net, "secondary", "127.0.0.54", "example.org");
	conf = xasprintf("%s/unbound.conf", net.dir);
	unbound[3] = conf;
	net_add_address("127.0.0.55");
	net_start(&net, "unbound", unbound);
	net_await_name(&net, "unbound", "127.0.0.55", "example.org");
	return 0;
}

static int finish(void **state)
{
	(void)state;
	net_leave(&net);
	return 0;
}

/* What the last table says, row by row: "ns1.example.org:oo." */
struct seen {
	struct buf first, last;
	unsigned rounds;
	int64_t changed_ms;
	bool matrix;
};

static void note(void *context, const struct watch_round *round)
{
	struct seen *seen = context;
	const struct watch_table *t = round->now;
	AUTO_BUF struct buf shown = { 0 };

	buf_reset(&seen->last);
	for (size_t r = 0; r < t->rows_n; r++) {
		buf_addf(&seen->last, "%s%s:", r ? " " : "", t->rows[r].name);
		for (size_t c = 0; c < t->columns_n; c++)
			buf_addf(&seen->last, "%c", ".-w?tcoxn"[watch_sight_at(t, r, c)->look]);
	}
	if (!seen->rounds++)
		buf_add_span(&seen->first, buf_span(&seen->last));
	watch_add_matrix(&shown, round, 0);
	watch_add_lines(&shown, round);
	watch_add_json(&shown, round);
}

static void run_watch_with(void (*look)(void *context, const struct watch_round *round),
                           enum watch_goal goal, int64_t limit_ms, struct seen *seen,
                           enum watch_end *end, struct watch_verdict *v)
{
	struct watch_hooks hooks = { .seen = look, .context = seen };
	AUTO_WATCH_PLAN struct watch_plan plan = { 0 };
	struct error err = { 0 };

	assert_good(watch_plan_make(&plan, &config, NULL, false, &err), &err);
	assert_good(watch_until(&plan, goal, clock_monotonic_ms() + limit_ms, &hooks, end, v, &err),
	            &err);
}

static void run_watch(enum watch_goal goal, int64_t limit_ms, struct seen *seen,
                      enum watch_end *end, struct watch_verdict *v)
{
	run_watch_with(note, goal, limit_ms, seen, end, v);
}

#define BEFORE "ns1.example.org:o.o ns2.example.org:o.o ns.example.net:.o. resolver:ooo"
#define AFTER "ns1.example.org:n.n ns2.example.org:n.n ns.example.net:.n. resolver:nnn"

static void before_the_change_all_say_old(void **state)
{
	struct seen seen = { 0 };
	struct watch_verdict v;
	enum watch_end end;

	(void)state;
	run_watch(WATCH_ONCE, 120000, &seen, &end, &v);
	assert_int_equal(end, WATCH_DEADLINE);
	assert_string_equal(buf_text(&seen.last), BEFORE);
	assert_false(v.agree);
	buf_fini(&seen.first);
	buf_fini(&seen.last);
}

/* Once the world before the change was seen, it is made. */
static void note_and_change(void *context, const struct watch_round *round)
{
	struct dns_change c = { .name = "mail.example.org",
		                .from = "203.0.113.10",
		                .to = "203.0.113.20",
		                .ttl = TTL_S };
	struct seen *seen = context;
	enum dns_change_result done;
	struct error err = { 0 };

	note(context, round);
	if (seen->rounds > 1)
		return;
	seen->changed_ms = clock_monotonic_ms();
	assert_good(dns_replace_address(&config.dns, &c, &done, &err), &err);
}

static void it_ends_when_all_say_new_and_the_old_ttl_has_run_out(void **state)
{
	struct seen seen = { 0 };
	struct watch_verdict v;
	enum watch_end end;

	(void)state;
	run_watch_with(note_and_change, WATCH_UNTIL_DONE, 120000, &seen, &end, &v);
	assert_int_equal(end, WATCH_REACHED);
	assert_string_equal(buf_text(&seen.first), BEFORE);
	assert_string_equal(buf_text(&seen.last), AFTER);
	assert_true(v.done);
	/* until then the old answer was given, and lives for 3 s */
	assert_true(clock_monotonic_ms() - seen.changed_ms >= TTL_S * 1000);
	buf_fini(&seen.first);
	buf_fini(&seen.last);
}

static void a_dead_secondary_neither_hangs_it_nor_counts_as_agreed(void **state)
{
	struct config_record many[100];
	char names[ROWS(many)][32], dead[] = "127.0.0.54", *primary_server = config.dns.server;
	struct seen seen = { 0 };
	struct watch_verdict v;
	int64_t begun = clock_monotonic_ms(), took;
	enum watch_end end;

	(void)state;
	/* names that are not there; "mail" is */
	for (size_t i = 0; i < ROWS(many); i++)
		many[i] = records[0];
	for (size_t i = 1; i < ROWS(many); i++) {
		snprintf(names[i], sizeof names[i], "h%zu.example.org", i);
		many[i].name = names[i];
	}
	config.dns.records = many;
	config.dns.records_count = ROWS(many);
	config.dns.server = dead; /* nor does it when it is the one that takes updates */
	kill(net.daemons[secondary], SIGSTOP);
	run_watch(WATCH_ONCE, 600000, &seen, &end, &v);
	kill(net.daemons[secondary], SIGCONT);
	took = clock_monotonic_ms() - begun;
	config.dns.records = records;
	config.dns.records_count = 1;
	config.dns.server = primary_server;
	assert_int_equal(end, WATCH_DEADLINE);
	assert_non_null(strstr(buf_text(&seen.last), "ns1.example.org:n.n"));
	assert_non_null(strstr(buf_text(&seen.last), "ns2.example.org:-.-"));
	assert_false(v.agree);
	/* a few time-outs of 3 s, not one for each name: far from 300 s, however slow the machine */
	assert_true(took >= 2500 && took < (int64_t)ROWS(many) * 3000 / 2);
	buf_fini(&seen.first);
	buf_fini(&seen.last);
}

/* When a table was seen, example.org gets a server that knows nothing of it. */
static void note_and_add_server(void *context, const struct watch_round *round)
{
	struct seen *seen = context;
	AUTO_FREE char *file = xasprintf("%s/add", net.dir);
	const char *nsupdate[] = { "/usr/bin/nsupdate", file, NULL };
	AUTO_PROCESS_RESULT struct process_result r = { 0 };
	struct error err = { 0 };

	note(context, round);
	if (seen->rounds > 1)
		return;
	net_write(&net, "add",
	          "server 127.0.0.53\nupdate add ns3.example.org 3 A 127.0.0.56\n"
	          "update add example.org 3 NS ns3.example.org\nsend\n");
	assert_good(process_run(nsupdate, &(struct process_options){ 0 }, &r, &err), &err);
	assert_good(process_expect_good(nsupdate, &r, &err), &err);
}

static bool has_third_server(void *context)
{
	const struct seen *seen = context;

	return strstr(buf_text(&seen->last), "ns.example.net:?") != NULL;
}

static void a_server_that_comes_to_a_zone_is_asked_once_its_ttl_is_over(void **state)
{
	AUTO_WATCH_PLAN struct watch_plan plan = { 0 };
	AUTO_WATCH struct watch *w = NULL;
	AUTO_WATCH_PAST struct watch_past past = { 0 };
	struct seen seen = { 0 };
	struct error err = { 0 };

	(void)state;
	assert_good(watch_plan_make(&plan, &config, NULL, false, &err), &err);
	assert_good(watch_open(&w, &plan, &err), &err);
	watch_past_init(&past, &plan);
	for (int64_t end = clock_monotonic_ms() + 60000;
	     !has_third_server(&seen) && clock_monotonic_ms() < end; clock_sleep_ms(200)) {
		AUTO_WATCH_TABLE struct watch_table t = { 0 };
		struct watch_round round = { .now = &t, .past = &past };

		watch_look(w, NULL, &t);
		note_and_add_server(&seen, &round);
	}
	assert_string_equal(
		buf_text(&seen.last),
		"ns1.example.org:n.n ns2.example.org:n.n ns.example.net:?nn resolver:nnn");
	buf_fini(&seen.first);
	buf_fini(&seen.last);
}

static bool stop_at_once(void)
{
	return true;
}

static void it_can_be_stopped_and_a_name_that_is_nowhere_is_told(void **state)
{
	char *nowhere[] = { (char[]){ "nowhere.example.org" } };
	struct config odd = config;
	struct watch_hooks hooks = { .stopped = stop_at_once };
	AUTO_WATCH_PLAN struct watch_plan plan = { 0 };
	AUTO_WATCH struct watch *w = NULL;
	AUTO_WATCH_TABLE struct watch_table t = { 0 };
	AUTO_WATCH_PAST struct watch_past past = { 0 };
	struct watch_verdict v;
	struct error err = { 0 };
	enum watch_end end;

	(void)state;
	odd.domains = nowhere;
	odd.domains_count = 1;
	assert_good(watch_plan_make(&plan, &odd, NULL, false, &err), &err);
	assert_good(watch_until(&plan, WATCH_UNTIL_DONE, 0, &hooks, &end, &v, &err), &err);
	assert_int_equal(end, WATCH_STOPPED);
	assert_good(watch_open(&w, &plan, &err), &err);
	watch_look(w, NULL, &t);
	watch_past_init(&past, &plan);
	v = watch_judge(&t, &past, t.at_ms);
	assert_int_equal(v.unplaced, 1);
	assert_false(v.agree);
	assert_non_null(strstr(t.columns[0].problem, "does not exist"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(before_the_change_all_say_old),
		cmocka_unit_test(it_ends_when_all_say_new_and_the_old_ttl_has_run_out),
		cmocka_unit_test(a_dead_secondary_neither_hangs_it_nor_counts_as_agreed),
		cmocka_unit_test(a_server_that_comes_to_a_zone_is_asked_once_its_ttl_is_over),
		cmocka_unit_test(it_can_be_stopped_and_a_name_that_is_nowhere_is_told),
	};

	return cmocka_run_group_tests_name("watch/world", tests, begin, finish);
}
