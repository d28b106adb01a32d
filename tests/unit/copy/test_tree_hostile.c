/* SPDX-License-Identifier: BSD-2-Clause */

/* A tree whose host lies, whose links lead out, which changes under our hands, or whose new place
 * is full. With HOSTILE in its environment, this program is the agent of such a host. */

#include "copy/trees.h"

#include "state/trees.h"
#include "tree/below.h"
#include "tree/write.h"
#include "wire/mailbox.h"
#include "wire/tree.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

/* ── an agent that lies ──────────────────────────────────────────────────────────────────────── */

static void put_node(struct buf *out, enum tree_kind kind, uint64_t size)
{
	struct tree_node node = { .kind = kind, .mode = 0644, .size = size, .links = 1 };

	node.target = kind == TREE_LINK ? (char *)(uintptr_t) "../../outside" : NULL;
	wire_put_node(out, &node);
}

static void put_entry(struct buf *out, struct span name, enum tree_kind kind, uint64_t size)
{
	wire_put_tree_tag(out, WIRE_TREE_ENTRY);
	wire_put_span(out, name);
	put_node(out, kind, size);
}

static void put_dir(struct buf *out)
{
	wire_put_tree_tag(out, WIRE_TREE_DIR);
	put_node(out, TREE_DIR, 0);
	wire_put_u64(out, 1);
}

static const struct {
	const char *mode;
	struct span name;
} names[] = {
	{ "dotdot", SPAN("..") },       { "way out", SPAN("a/../../b") }, { "slash", SPAN("a/b") },
	{ "absolute", SPAN("/etc/x") }, { "nul", SPAN("a\0b") },          { "dot", SPAN(".") },
	{ "nameless", SPAN("") },
};

static void lie_about_names(const char *mode, struct buf *out)
{
	uint64_t size = !strcmp(mode, "vast") ? 1ull << 63 : 10;

	for (size_t i = 0; i < ROWS(names); i++)
		if (!strcmp(mode, names[i].mode))
			put_entry(out, names[i].name, TREE_FILE, 10);
	if (!strcmp(mode, "twice")) {
		/* a link and, behind it, a directory of the same name */
		put_entry(out, SPAN("f"), TREE_LINK, 10);
		put_entry(out, SPAN("f"), TREE_DIR, 10);
	}
	if (!strcmp(mode, "two answers"))
		put_dir(out);
	if (!strcmp(mode, "unknown record"))
		wire_put_u64(out, 77);
	put_entry(out, SPAN("file"), TREE_FILE, size);
	if (strcmp(mode, "no end") != 0)
		put_dir(out);
}

static void put_bytes(struct buf *out, uint64_t offset, const char *bytes)
{
	wire_put_tree_tag(out, WIRE_TREE_BYTES);
	wire_put_u64(out, offset);
	wire_put_text(out, bytes);
}

static void lie_about_content(const char *mode, struct buf *out)
{
	struct digest digest = digest_of(SPAN("0123456789"));

	if (strcmp(mode, "no begin") != 0) {
		wire_put_tree_tag(out, WIRE_TREE_BEGIN);
		put_node(out, !strcmp(mode, "a link now") ? TREE_LINK : TREE_FILE,
		         !strcmp(mode, "vast") ? 1ull << 63 : 10);
		wire_put_u64(out, 0);
		wire_put_u64(out, 0);
	}
	if (!strcmp(mode, "too long"))
		put_bytes(out, 5, "0123456789");
	else if (!strcmp(mode, "far off"))
		put_bytes(out, UINT64_MAX - 3, "0123456789");
	else if (!strcmp(mode, "other octets"))
		put_bytes(out, 0, "0123456788");
	else
		put_bytes(out, 0, "0123456789");
	if (!strcmp(mode, "backwards"))
		put_bytes(out, 3, "x");
	wire_put_tree_tag(out, WIRE_TREE_DONE);
	wire_put_digest(out, &digest);
	wire_put_u64(out, 0);
}

static void answer(const char *mode, const struct wire_frame *asked)
{
	AUTO_BUF struct buf body = { 0 }, out = { 0 };
	struct wire_reader r = { .rest = asked->body };

	if (asked->kind == WIRE_HELLO) {
		wire_put_hello(&body, &(struct wire_hello){ .version = WIRE_VERSION,
		                                            .hostname = SPAN("liar") });
		wire_frame(&out, WIRE_END, asked->request, buf_span(&body));
	} else {
		(void)wire_get_span(&r);
		if (asked->kind == WIRE_TREE_SCAN && r.rest.n)
			lie_about_names(mode, &body);
		else if (asked->kind == WIRE_TREE_FETCH)
			lie_about_content(mode, &body);
		if (body.n)
			wire_frame(&out, WIRE_DATA, asked->request, buf_span(&body));
		wire_frame(&out, WIRE_END, asked->request, SPAN(""));
	}
	if (fd_write_all(1, out.p, out.n) < 0)
		_exit(1);
}

static int serve(const char *mode)
{
	AUTO_BUF struct buf in = { 0 };

	for (;;) {
		struct wire_frame frame;
		struct error err = { 0 };
		size_t used;
		ssize_t n;

		while (wire_read_frame(buf_span(&in), &frame, &used, &err) == 1) {
			answer(mode, &frame);
			buf_drop_front(&in, used);
		}
		n = read(0, buf_room(&in, 65536), 65536);
		if (n <= 0)
			return 0;
		buf_grown(&in, (size_t)n);
	}
}

static void open_liar(struct sites *s, const char *mode)
{
	AUTO_FREE char *real = xstrdup(getenv("MAILHAUL_AGENT"));
	struct error err = { 0 };

	host_close(s->old);
	s->old = NULL;
	setenv("HOSTILE", mode, 1);
	setenv("MAILHAUL_AGENT", "/proc/self/exe", 1);
	assert_good(host_open(&s->old,
	                      &(struct host_place){
				      .name = "old", .reach = HOST_FOLDER, .target = "/nowhere" },
	                      &err),
	            &err);
	unsetenv("HOSTILE");
	setenv("MAILHAUL_AGENT", real, 1);
}

/* The pass ends with these words, and nothing came to new, nor to anywhere. */
static void assert_lie(const char *mode, const char *words)
{
	AUTO_COPY_TREE_RESULT struct copy_tree_result r = { 0 };
	const struct copy_tree_options o = trees_options();
	struct error err = { 0 };
	struct sites s;

	trees_begin(&s);
	open_liar(&s, mode);
	if (copy_tree(s.old, s.new, &o, s.state, &r, &err) == 0)
		fail_msg("%s: was believed", mode);
	if (!strstr(err.text, words))
		fail_msg("%s: %s", mode, err.text);
	assert_int_equal(sites_count(&s, "new/dst"), 0);
	assert_int_equal(sites_count(&s, "new"), 3);
	assert_int_equal(sites_count(&s, "outside"), 0);
	sites_end(&s);
}

static void names_that_lead_out_end_the_pass(void **state)
{
	for (size_t i = 0; i < ROWS(names); i++)
		assert_lie(names[i].mode, "malformed answer about a file tree");
	assert_lie("twice", "malformed answer");
	assert_lie("two answers", "malformed answer");
	assert_lie("unknown record", "malformed answer");
	assert_lie("no end", "malformed answer");
}

static void content_that_cannot_be_is_not_stored(void **state)
{
	assert_lie("no begin", "malformed answer");
	assert_lie("a link now", "malformed answer");
	assert_lie("too long", "malformed answer");
	assert_lie("far off", "malformed answer");
	assert_lie("backwards", "malformed answer");
	assert_lie("other octets", "what arrived is not what was sent");
}

static void a_file_of_2_63_octets_is_told_of(void **state)
{
	AUTO_COPY_TREE_RESULT struct copy_tree_result r = { 0 };
	struct sites s;

	trees_begin(&s);
	open_liar(&s, "vast");
	const struct copy_tree_options o = trees_options();
	struct error err = { 0 };
	/* its digest is wrong as well, so that one of the two ends it */
	assert_fails(copy_tree(s.old, s.new, &o, s.state, &r, &err), &err, "what arrived");
	assert_int_equal(sites_count(&s, "new/dst"), 0);
	sites_end(&s);
}

/* ── records that a hostile or broken mailhaul might send ────────────────────────────────────── */

static void store(struct sites *s, const char *root, const char *path, const char *words)
{
	AUTO_BUF struct buf body = { 0 };
	struct error err = { 0 };

	wire_put_text(&body, root);
	wire_put_tree_tag(&body, WIRE_TREE_MAKE_DIR);
	wire_put_u64(&body, 0);
	wire_put_text(&body, path);
	assert_fails(host_call(s->new, WIRE_TREE_STORE, buf_span(&body), NULL, NULL, NULL, &err),
	             &err, words);
	(void)!host_call(s->new, WIRE_TREE_COMMIT, SPAN(""), NULL, NULL, NULL, &err);
}

static void the_agent_refuses_paths_that_lead_out(void **state)
{
	struct error err = { 0 };
	struct sites s;

	trees_begin(&s);
	sites_make(&s, "new/dst");
	store(&s, "/dst", "a/../../b", "malformed TREE_STORE");
	store(&s, "/dst", "..", "malformed TREE_STORE");
	store(&s, "/dst", "/b", "malformed TREE_STORE");
	store(&s, "dst", "b", "malformed TREE_STORE");
	assert_int_equal(sites_count(&s, "new/dst"), 0);
	assert_int_equal(sites_count(&s, "new"), 3);

	host_close(s.new);
	AUTO_FREE char *new = sites_path(&s, "new");
	assert_good(host_open(&s.new,
	                      &(struct host_place){
				      .name = "new", .reach = HOST_FOLDER, .target = new },
	                      &err),
	            &err);
	store(&s, "/dst", "b", "was started read-only");
	sites_end(&s);
}

/* ── links on new ────────────────────────────────────────────────────────────────────────────── */

static void nothing_is_written_through_a_link(void **state)
{
	AUTO_COPY_TREE_RESULT struct copy_tree_result r = { 0 };
	struct sites s;
	struct stat before, after;

	trees_begin(&s);
	sites_make(&s, OLD "dir/deep");
	sites_write(&s, OLD "dir/deep/file", "from old");
	sites_write(&s, OLD "file", "from old");
	sites_write(&s, OLD "hard", "precious");
	trees_mode(&s, OLD "hard", 0666);
	sites_message(&s, "outside/precious", "precious", 1000000000);
	trees_time(&s, OLD "hard", 1000000000, 123456789);
	sites_make(&s, "new/dst");
	trees_link(&s, "../../outside", NEW "dir");
	trees_link(&s, "../../outside/precious", NEW "file");
	trees_hard(&s, "outside/precious", NEW "hard");
	before = trees_stat(&s, "outside/precious");
	trees_pass(&s, &r);
	after = trees_stat(&s, "outside/precious");
	assert_int_equal(sites_count(&s, "outside"), 1);
	assert_file(&s, "outside/precious", "precious");
	assert_int_equal(after.st_mode, before.st_mode);
	assert_true(after.st_mtim.tv_sec == before.st_mtim.tv_sec);
	assert_int_equal(after.st_nlink, 1);
	assert_file(&s, NEW "dir/deep/file", "from old");
	assert_file(&s, NEW "file", "from old");
	assert_same(&s, "hard");
	assert_int_equal(r.failed, 0);
	sites_end(&s);
}

static struct tree_batch *open_batch(const struct sites *s)
{
	AUTO_FREE char *root = sites_path(s, "new/dst");
	int fd = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	assert_true(fd >= 0);
	return tree_batch_new(fd);
}

static void put_whole(struct tree_batch *b, uint64_t id, const char *path)
{
	struct tree_node node = { .kind = TREE_FILE, .mode = 0666, .size = 1, .uid = getuid() };
	const struct tree_attributes none = { 0 };
	struct digest digest = digest_of(SPAN("x"));
	struct error err = { 0 };

	node.gid = getgid();
	assert_good(tree_put_file(b, id, path, &node, &none, &err), &err);
	assert_good(tree_put_bytes(b, 0, SPAN("x"), &err), &err);
	assert_good(tree_put_done(b, &digest, &err), &err);
}

static void swap_a_link_in(struct sites *s)
{
	struct tree_node dir = { .kind = TREE_DIR, .mode = 0777, .links = 2 };
	struct tree_node file = { .kind = TREE_FILE, .mode = 0777, .links = 1 };
	const struct tree_attributes none = { 0 };
	AUTO_TREE_BATCH struct tree_batch *b = NULL;
	const struct tree_told *told;
	struct error err = { 0 };
	uint64_t done;
	size_t n;

	trees_begin(s);
	sites_make(s, "new/dst/d/e");
	sites_make(s, "outside/e");
	sites_write(s, "outside/precious", "");
	trees_mode(s, "outside/precious", 0600);
	trees_hard(s, "outside/precious", "new/dst/hard");
	b = open_batch(s);
	put_whole(b, 1, "d/e/first");
	put_whole(b, 2, "top");
	sites_rename(s, "new/dst/d", "new/dst/was");
	trees_link(s, "../../outside", "new/dst/d");
	put_whole(b, 3, "d/second");
	put_whole(b, 4, "d/e/third");
	assert_good(tree_make_dir(b, 5, "d/sub", &err), &err);
	assert_good(tree_remove(b, 6, "d/e", true, &err), &err);
	assert_good(tree_set(b, 7, "d", &dir, &none, &err), &err);
	assert_good(tree_set(b, 8, "d/e", &dir, &none, &err), &err);
	assert_good(tree_put_hard(b, 9, "d/top", "top", &err), &err);
	assert_good(tree_set(b, 10, "hard", &file, &none, &err), &err);
	assert_good(tree_commit(b, &told, &n, &done, &err), &err);
	assert_int_equal(done, 1);
	assert_int_equal(n, 9); /* all but "top" */
	assert_int_equal(sites_count(s, "outside"), 2);
	assert_int_equal(trees_stat(s, "outside/precious").st_mode & 07777, 0600);
	assert_int_equal(sites_count(s, "outside/e"), 0);
	assert_file(s, "new/dst/top", "x");
}

static void a_link_that_is_swapped_in_is_not_followed(void **state)
{
	struct sites s;

	swap_a_link_in(&s);
	sites_end(&s);
}

/* As before Linux 5.6. */
static int without_openat2(void)
{
	struct sock_filter rows[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_openat2, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { .len = ROWS(rows), .filter = rows };

	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
	                       prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0
	               ? 0
	               : -1;
}

static void an_old_kernel_follows_no_link_either(void **state)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		struct sites s;

		if (without_openat2() < 0)
			_exit(1);
		swap_a_link_in(&s);
		sites_end(&s);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

/* ── things that change meanwhile ────────────────────────────────────────────────────────────── */

static void keep_appending(const char *path)
{
	int fd = open(path, O_WRONLY | O_APPEND | O_CLOEXEC);

	prctl(PR_SET_PDEATHSIG, SIGKILL); /* also when the test fails */
	(void)!nice(-19);                 /* on a busy machine it must not come too late */
	for (size_t i = 0; i < 64u << 20; i++)
		if (write(fd, "x", 1) != 1)
			break;
	_exit(1);
}

static void a_file_that_grows_while_it_is_read_is_not_called_copied(void **state)
{
	AUTO_COPY_TREE_RESULT struct copy_tree_result r = { 0 };
	struct sites s;
	pid_t pid;

	trees_begin(&s);
	sites_write(&s, OLD "other", "x");
	AUTO_FREE char *log = sites_path(&s, OLD "log");
	sites_write(&s, OLD "log", "");
	assert_int_equal(truncate(log, 1), 0);
	AUTO_CLOSE int fd = open(log, O_WRONLY | O_CLOEXEC);
	AUTO_FREE char *some = xcalloc(1, 16u << 20);
	memset(some, 'a', 16u << 20);
	assert_int_equal(fd_write_all(fd, some, 16u << 20), 0);
	pid = fork();
	if (pid == 0)
		keep_appending(log);
	while (trees_stat(&s, OLD "log").st_size == 16 << 20) /* until it has begun */
		trees_grow_old();
	trees_pass(&s, &r);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	assert_int_equal(r.failed, 1);
	assert_told(&r.not_kept, "log: it changed while it was read");
	assert_true(r.bytes_read > 32u << 20); /* it was tried twice */
	assert_int_equal(r.created, 1);
	assert_true(sites_has(&s, NEW "other"));
	assert_int_equal(sites_count(&s, "new/dst"), 1);

	trees_pass(&s, &r);
	assert_int_equal(r.failed, 0);
	assert_same(&s, "log");
	sites_end(&s);
}

/* ── the end of the disk, of a process ───────────────────────────────────────────────────────── */

static void a_full_disk_ends_the_pass_and_room_lets_it_go_on(void **state)
{
	AUTO_COPY_TREE_RESULT struct copy_tree_result r = { 0 };
	const struct copy_tree_options o = trees_options();
	struct error err = { 0 };
	struct sites s;

	if (unshare(CLONE_NEWNS) < 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		skip();
	trees_begin(&s);
	sites_make(&s, "new/dst");
	AUTO_FREE char *dst = sites_path(&s, "new/dst");
	AUTO_FREE char *text = xcalloc(1, 100001);
	assert_int_equal(mount("none", dst, "tmpfs", 0, "size=1m"), 0);
	/* the agent of before lives in another mount namespace */
	host_close(s.old);
	host_close(s.new);
	sites_open_hosts(&s);
	memset(text, 'a', 100000);
	for (int i = 0; i < 20; i++) {
		AUTO_FREE char *path = xasprintf(OLD "f%d", i);

		sites_write(&s, path, text);
	}
	assert_fails(copy_tree(s.old, s.new, &o, s.state, &r, &err), &err, "no room in /dst");
	assert_int_equal(err.retry, ERROR_RETRY_PERSON);
	assert_int_equal(err.sys_errno, ENOSPC);
	assert_int_equal(sites_count(&s, "new/dst"), 0); /* nothing half done is left */

	assert_int_equal(mount("none", dst, "tmpfs", MS_REMOUNT, "size=10m"), 0);
	trees_pass(&s, &r);
	assert_int_equal(r.created, 20);
	assert_same(&s, "f19");
	host_close(s.new);
	s.new = NULL;
	assert_int_equal(umount(dst), 0);
	sites_end(&s);
}

static void copy_until_killed(const struct sites *s)
{
	AUTO_COPY_TREE_RESULT struct copy_tree_result r = { 0 };
	const struct copy_tree_options o = trees_options();
	struct sites mine = *s;
	struct error err = { 0 };

	AUTO_FREE char *move = sites_path(s, "move");
	mine.state = NULL;
	sites_open_hosts(&mine);
	if (state_open(&mine.state, move, &err) < 0 ||
	    copy_tree(mine.old, mine.new, &o, mine.state, &r, &err) < 0) {
		print_message("# a copy failed: %s\n", err.text);
		_exit(1);
	}
	_exit(0);
}

static void what_cannot_be_placed_is_told_and_not_in_the_ledger(void **state)
{
	AUTO_COPY_TREE_RESULT struct copy_tree_result r = { 0 };
	AUTO_TREE_RECORDS struct tree_records records = { 0 };
	AUTO_TREE_LEDGER struct tree_ledger *ledger = NULL;
	struct error err = { 0 };
	struct sites s;

	if (unshare(CLONE_NEWNS) < 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		skip();
	trees_begin(&s);
	sites_write(&s, OLD "busy", "1");
	sites_write(&s, OLD "free", "2");
	sites_make(&s, "new/dst");
	sites_write(&s, NEW "busy", "mounted over");
	sites_write(&s, "outside/f", "precious");
	AUTO_FREE char *busy = sites_path(&s, NEW "busy");
	AUTO_FREE char *outside = sites_path(&s, "outside/f");
	assert_int_equal(mount(outside, busy, NULL, MS_BIND, NULL), 0);
	host_close(s.old);
	host_close(s.new);
	sites_open_hosts(&s);
	trees_pass(&s, &r);
	assert_int_equal(r.failed, 1);
	assert_told(&r.not_kept, "busy: rename it into place: Device or resource busy");
	assert_file(&s, NEW "free", "2");
	assert_file(&s, "outside/f", "precious");
	assert_int_equal(sites_count(&s, "new/dst"), 2);

	AUTO_FREE char *name = xasprintf("old %s/old:/src > new %s/new:/dst", s.dir, s.dir);
	assert_good(tree_ledger_open(&ledger, s.state, name, &err), &err);
	assert_good(tree_ledger_load(ledger, "", &records, &err), &err);
	assert_non_null(tree_records_find(&records, "free"));
	assert_null(tree_records_find(&records, "busy"));

	/* the agents hold no mount: it goes, and the pass goes on */
	assert_int_equal(umount(busy), 0);
	trees_pass(&s, &r);
	assert_int_equal(r.failed, 0);
	assert_file(&s, NEW "busy", "1");
	tree_ledger_close(TAKE(ledger));
	sites_end(&s);
}

#define MANY 5400

static void what_is_killed_goes_on_and_does_nothing_twice(void **state)
{
	AUTO_COPY_TREE_RESULT struct copy_tree_result r = { 0 };
	struct error err = { 0 };
	struct sites s;
	int kills = 0;

	trees_begin(&s);
	for (int i = 0; i < 60; i++) {
		AUTO_FREE char *dir = xasprintf(OLD "d%d", i);

		sites_make(&s, dir);
		for (int j = 0; j < MANY / 60; j++) {
			AUTO_FREE char *path = xasprintf("%s/f%d", dir, j);

			sites_write(&s, path, path);
		}
	}
	/* agents whose mailhaul was killed go on for a moment; they become ours to wait for */
	host_close(s.old);
	host_close(s.new);
	assert_int_equal(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
	state_close(s.state);
	s.state = NULL;
	trees_grow_old();
	for (long ms = 10; ms < 1000; ms += 50 + ms / 2) {
		pid_t pid = fork();
		int status;

		if (pid == 0)
			copy_until_killed(&s);
		nanosleep(&(struct timespec){ .tv_nsec = ms * 1000000 }, NULL);
		kill(pid, SIGKILL);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		kills += WIFSIGNALED(status);
		assert_true(WIFSIGNALED(status) || WEXITSTATUS(status) == 0);
	}
	while (waitpid(-1, NULL, 0) > 0)
		;
	sites_open_hosts(&s);
	AUTO_FREE char *move = sites_path(&s, "move");
	assert_good(state_open(&s.state, move, &err), &err);
	trees_pass(&s, &r);
	print_message("# killed %d times, then %llu were sent\n", kills,
	              (unsigned long long)r.created);
	assert_true(kills > 0);
	assert_int_equal(r.failed, 0);
	assert_int_equal(r.created + r.unchanged + r.updated, MANY + 60);
	assert_int_equal(r.extra.n, 0);
	trees_pass(&s, &r);
	assert_nothing_done(&r);
	for (int i = 0; i < 60; i++) {
		AUTO_FREE char *dir = xasprintf("d%d", i);
		AUTO_FREE char *new = xasprintf(NEW "d%d", i);

		assert_same(&s, dir);
		assert_int_equal(sites_count(&s, new), MANY / 60); /* and no left-overs */
	}
	sites_end(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_that_lead_out_end_the_pass),
		cmocka_unit_test(content_that_cannot_be_is_not_stored),
		cmocka_unit_test(a_file_of_2_63_octets_is_told_of),
		cmocka_unit_test(the_agent_refuses_paths_that_lead_out),
		cmocka_unit_test(nothing_is_written_through_a_link),
		cmocka_unit_test(a_link_that_is_swapped_in_is_not_followed),
		cmocka_unit_test(an_old_kernel_follows_no_link_either),
		cmocka_unit_test(a_file_that_grows_while_it_is_read_is_not_called_copied),
		cmocka_unit_test(what_is_killed_goes_on_and_does_nothing_twice),
		cmocka_unit_test(what_cannot_be_placed_is_told_and_not_in_the_ledger),
		cmocka_unit_test(a_full_disk_ends_the_pass_and_room_lets_it_go_on),
	};
	const char *mode = getenv("HOSTILE");

	if (mode)
		return serve(mode);
	return cmocka_run_group_tests_name("copy/tree_hostile", tests, NULL, NULL);
}
