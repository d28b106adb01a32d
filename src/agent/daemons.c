/* SPDX-License-Identifier: BSD-2-Clause */
#include "agent/agent.h"
#include "agent/processes.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define ARGUMENTS_MAX 64u
#define READY_MS 20000 /* until it has written its pid file; it waits for its port itself */
#define STOP_MS 10000  /* from SIGTERM to SIGKILL */
#define LOOK_MS 10
#define TELL_MS 20000 /* a daemon that is told something answers within this */
#define TELL_AGAIN_MS 50
#define TELL_MAX (1u << 20) /* octets of its answer */
#define DESCRIPTORS 1024

/*
 * Programs of ours that outlive the agent. mailhaul places the program beside the agent, and the
 * program writes its pid file when it is ready to serve; by its --control socket it is told the rest:
 * a line, then an answer, then the end. To add one, add a row.
 */
struct daemon {
	const char *name;
	const char *program; /* file beside the agent */
};

static const struct daemon daemons[] = {
	{ "gate", "mailhaul-gate" },
};

enum daemon_act { DAEMON_STOP = 0, DAEMON_START = 1, DAEMON_LOOK = 2, DAEMON_TELL = 3 };

struct daemon_paths {
	char *program, *pid_file, *log, *control; /* owned */
};
#define AUTO_PATHS __attribute__((cleanup(paths_fini)))

static void paths_fini(struct daemon_paths *p)
{
	free(p->program);
	free(p->pid_file);
	free(p->log);
	free(p->control);
}

static int find_paths(const struct daemon *d, struct daemon_paths *out, struct error *err)
{
	char self[PATH_MAX], *slash;
	ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
	/* /run forgets at a reboot, as a pid file should; without the right to write there, the
	 * agent's own directory does */
	const char *run = "/run/mailhaul";

	if (n < 0)
		return error_system(err, "find the agent's own directory");
	self[n] = '\0';
	slash = strrchr(self, '/');
	*slash = '\0';
	if ((mkdir(run, 0700) < 0 && errno != EEXIST) || access(run, W_OK) < 0)
		run = self;
	out->program = xasprintf("%s/%s", self, d->program);
	out->pid_file = xasprintf("%s/%s.pid", run, d->name);
	out->log = xasprintf("%s/%s.log", run, d->name);
	out->control = xasprintf("%s/%s.control", run, d->name);
	return 0;
}

/* The pid file may be older than the last crash, and its number given to another process: only a
 * process that runs our program counts. */
static uint64_t running_pid(const struct daemon_paths *p)
{
	AUTO_BUF struct buf text = { 0 }, program = { 0 };
	struct agent_process process;
	struct error ignored;
	uint64_t pid;

	if (file_read(p->pid_file, 32, &text, &ignored) < 0 ||
	    !span_parse_u64(span_trim(buf_span(&text)), &pid) || pid < 2 || pid > INT_MAX)
		return 0;
	(void)waitpid((pid_t)pid, NULL, WNOHANG); /* it may be a child of this very agent */
	if (!agent_process_read(pid, &process) || process.state == 'Z')
		return 0;
	agent_process_add_program(pid, &program);
	if (span_ends(buf_span(&program), " (deleted)"))
		program.n -= sizeof " (deleted)" - 1; /* replaced by a newer one since it started */
	return span_is(buf_span(&program), p->program) ? pid : 0;
}

static void run_child(const struct daemon_paths *p, char *const argv[], int log, int tell)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC), e;

	setsid();
	signal(SIGPIPE, SIG_DFL);
	/* a descriptor kept open would keep ssh from ending */
	for (int fd = 3; fd < DESCRIPTORS; fd++)
		(void)fcntl(fd, F_SETFD, FD_CLOEXEC);
	if (chdir("/") == 0 && dup2(null, 0) == 0 && dup2(log, 1) == 1 && dup2(log, 2) == 2)
		execv(p->program, argv);
	e = errno;
	(void)!write(tell, &e, sizeof e);
	_exit(127);
}

/* What it said last, for the error. */
static int report_end(const struct daemon *d, const struct daemon_paths *p, off_t log_from,
                      int status, struct error *err)
{
	AUTO_BUF struct buf text = { 0 }, shown = { 0 };
	struct span rest, line, last = SPAN("it said nothing");
	int code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
	enum error_retry retry = code == EXIT_CODE_LATER ? ERROR_RETRY_LATER : ERROR_RETRY_PERSON;

	AUTO_CLOSE int fd = open(p->log, O_RDONLY | O_CLOEXEC);
	if (fd >= 0 && lseek(fd, log_from, SEEK_SET) == log_from) {
		ssize_t n = read(fd, buf_room(&text, 4096), 4096);

		if (n > 0)
			buf_grown(&text, (size_t)n);
	}
	rest = buf_span(&text);
	while (span_next_line(&rest, &line))
		if (span_trim(line).n)
			last = span_trim(line);
	buf_add_printable(&shown, last);
	return error_set(err, ERROR_SCOPE_HOST, retry, 0, "%s ended with %d: %.400s", d->program,
	                 code, buf_text(&shown));
}

/* Until the pid file names the child, or the child has ended. */
static int await_ready(const struct daemon *d, const struct daemon_paths *p, pid_t child,
                       off_t log_from, struct error *err)
{
	int64_t until = clock_monotonic_ms() + READY_MS;
	int status;

	do {
		if (waitpid(child, &status, WNOHANG) == child)
			return report_end(d, p, log_from, status, err);
		if (running_pid(p) == (uint64_t)child)
			return 0;
		clock_sleep_ms(LOOK_MS);
	} while (clock_monotonic_ms() < until);
	kill(child, SIGKILL);
	(void)waitpid(child, &status, 0);
	return error_set(err, ERROR_SCOPE_HOST, ERROR_RETRY_LATER, ETIMEDOUT,
	                 "%s was not ready after %d s", d->program, READY_MS / 1000);
}

static int start(const struct daemon *d, const struct daemon_paths *p, char *const argv[],
                 struct error *err)
{
	struct stat before = { 0 };
	int tell[2], e = 0;
	ssize_t n;
	pid_t child;

	if (running_pid(p))
		return 0;
	if (unlink(p->pid_file) < 0 && errno != ENOENT)
		return error_system(err, "remove %s", p->pid_file);

	AUTO_CLOSE int log = open(p->log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	if (log < 0 || fstat(log, &before) < 0)
		return error_system(err, "open %s", p->log);
	if (pipe2(tell, O_CLOEXEC) < 0)
		return error_system(err, "pipe");

	AUTO_CLOSE int told = tell[0];
	child = fork();
	if (child == 0)
		run_child(p, argv, log, tell[1]);
	close(tell[1]);
	if (child < 0)
		return error_system(err, "fork");
	while ((n = read(told, &e, sizeof e)) < 0 && errno == EINTR)
		;
	if (n == (ssize_t)sizeof e) {
		(void)waitpid(child, NULL, 0);
		errno = e;
		return error_system(err, "start %s", p->program);
	}
	return await_ready(d, p, child, before.st_size, err);
}

static int stop(const struct daemon *d, const struct daemon_paths *p, struct error *err)
{
	uint64_t pid = running_pid(p);
	int64_t begun = clock_monotonic_ms();
	bool killed = false;

	if (!pid)
		return 0;
	if (kill((pid_t)pid, SIGTERM) < 0 && errno != ESRCH)
		return error_system(err, "end %s", d->program);
	while (running_pid(p) == pid) {
		int64_t waited = clock_monotonic_ms() - begun;

		if (waited > 2 * STOP_MS)
			return error_set(err, ERROR_SCOPE_HOST, ERROR_RETRY_PERSON, 0,
			                 "%s (pid %llu) does not end", d->program,
			                 (unsigned long long)pid);
		if (waited > STOP_MS && !killed) {
			kill((pid_t)pid, SIGKILL);
			killed = true;
		}
		clock_sleep_ms(LOOK_MS);
	}
	(void)unlink(p->pid_file);
	return 0;
}

static int take_words(struct wire_reader *r, struct strings *words, struct error *err)
{
	uint64_t n = wire_get_u64(r);

	for (uint64_t i = 0; i < n && i < ARGUMENTS_MAX; i++)
		strings_add_span(words, wire_get_span(r));
	return wire_read_end(r, "daemon request", err);
}

static int start_with(const struct daemon *d, const struct daemon_paths *p,
                      const struct strings *words, struct error *err)
{
	const char *const ours[] = { p->program, "--pid-file", p->pid_file, "--control",
		                     p->control };
	AUTO_FREE char **argv = xcalloc(ROWS(ours) + words->n + 1, sizeof *argv);
	AUTO_STRINGS struct strings all = { 0 };

	for (size_t i = 0; i < ROWS(ours); i++)
		strings_add(&all, ours[i]);
	for (size_t i = 0; i < words->n; i++)
		strings_add(&all, words->rows[i]);
	for (size_t i = 0; i < all.n; i++)
		argv[i] = all.rows[i];
	return start(d, p, argv, err);
}

/* ── told ────────────────────────────────────────────────────────────────────────────────────── */

static int call_daemon(const struct daemon *d, const struct daemon_paths *p, struct error *err)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	struct timeval limit = { .tv_sec = TELL_MS / 1000 };
	int fd;

	if (strlen(p->control) >= sizeof at.sun_path)
		return error_set(err, ERROR_SCOPE_HOST, ERROR_RETRY_NEVER, ENAMETOOLONG,
		                 "the path of %s's control socket is too long", d->name);
	memcpy(at.sun_path, p->control, strlen(p->control) + 1);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return error_system(err, "socket");
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
	if (connect(fd, (const struct sockaddr *)&at, sizeof at) < 0) {
		error_system(err, "%s does not answer at %s", d->program, p->control);
		close(fd);
		return -1;
	}
	return fd;
}

static int tell_once(const struct daemon *d, const struct daemon_paths *p, struct span line,
                     struct buf *answer, struct error *err)
{
	AUTO_CLOSE int fd = call_daemon(d, p, err);
	if (fd < 0)
		return -1;
	if (fd_write_all(fd, line.p, line.n) < 0)
		return error_system(err, "tell %s", d->program);
	for (;;) {
		ssize_t n = read(fd, buf_room(answer, 4096), 4096);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return error_system(err, "hear %s", d->program);
		if (n == 0)
			return 0;
		buf_grown(answer, (size_t)n);
		if (answer->n > TELL_MAX)
			return error_set(err, ERROR_SCOPE_HOST, ERROR_RETRY_NEVER, 0,
			                 "%s talks without an end", d->program);
	}
}

/* A daemon whose parent starts it again does not listen for a moment, or hangs up in the middle. */
static bool is_being_born(const struct daemon_paths *p, int failed)
{
	static const int signs[] = { ECONNREFUSED, ENOENT, ECONNRESET, EPIPE };

	for (size_t i = 0; i < ROWS(signs); i++)
		if (failed == signs[i])
			return running_pid(p) != 0;
	return false;
}

/* `words` is one line, which ends here, whatever stands in it. It may be said twice. */
static int tell(const struct daemon *d, const struct daemon_paths *p, const struct strings *words,
                struct buf *answer, struct error *err)
{
	int64_t until = clock_monotonic_ms() + TELL_MS;
	AUTO_BUF struct buf line = { 0 };

	for (size_t i = 0; i < words->n; i++)
		buf_addf(&line, "%s%s", i ? " " : "", words->rows[i]);
	if (span_find(buf_span(&line), '\n') >= 0)
		return error_set(err, ERROR_SCOPE_HOST, ERROR_RETRY_NEVER, EINVAL,
		                 "%s is told one line at a time", d->name);
	buf_add_char(&line, '\n');
	for (;;) {
		int done;

		*err = (struct error){ 0 };
		buf_reset(answer);
		done = tell_once(d, p, buf_span(&line), answer, err);
		if ((done == 0 && answer->n) || clock_monotonic_ms() >= until ||
		    !is_being_born(p, done < 0 ? err->sys_errno : ECONNRESET))
			return done;
		clock_sleep_ms(TELL_AGAIN_MS);
	}
}

int agent_daemon(struct agent *a, struct wire_reader *r, struct buf *end, struct error *err)
{
	AUTO_PATHS struct daemon_paths paths = { 0 };
	AUTO_STRINGS struct strings words = { 0 };
	AUTO_BUF struct buf answer = { 0 };
	struct span name = wire_get_span(r);
	uint64_t act = wire_get_u64(r);
	const struct daemon *d = NULL;
	int done = 0;

	for (size_t i = 0; i < ROWS(daemons); i++)
		if (span_is(name, daemons[i].name))
			d = &daemons[i];
	if (!d || act > DAEMON_TELL)
		return error_set(err, ERROR_SCOPE_HOST, ERROR_RETRY_NEVER, 0,
		                 "no such daemon request: %.*s %llu", (int)name.n, name.p,
		                 (unsigned long long)act);
	if (agent_is_folder(a))
		return error_set(err, ERROR_SCOPE_HOST, ERROR_RETRY_NEVER, EOPNOTSUPP,
		                 "nothing can run in a folder");
	if (find_paths(d, &paths, err) < 0 || take_words(r, &words, err) < 0)
		return -1;
	if (act == DAEMON_START)
		done = start_with(d, &paths, &words, err);
	else if (act == DAEMON_STOP)
		done = stop(d, &paths, err);
	else if (act == DAEMON_TELL)
		done = tell(d, &paths, &words, &answer, err);
	if (done < 0)
		return -1;
	wire_put_u64(end, running_pid(&paths));
	wire_put_text(end, paths.program);
	wire_put_text(end, paths.log);
	wire_put_span(end, buf_span(&answer));
	return 0;
}
