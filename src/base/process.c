/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/process.h"

#include "base/cleanup.h"
#include "base/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define TIMEOUT_MS_DEFAULT 60000
#define LIMIT_DEFAULT (16u << 20)
#define ERRORS_LIMIT 65536u

void process_result_fini(struct process_result *r)
{
	buf_fini(&r->out);
	buf_fini(&r->errors);
}

struct child {
	pid_t pid;
	int in, out, errors; /* our ends; -1 once closed */
};

static void child_run(const char *const argv[], const int in[2], const int out[2],
                      const int errors[2], int tell)
{
	const char *path = getenv("PATH");
	char wide[4096];
	int e;

	setpgid(0, 0);
	signal(SIGPIPE, SIG_DFL);
	dup2(in[0], 0);
	dup2(out[1], 1);
	dup2(errors[1], 2);
	snprintf(wide, sizeof wide, "%s:/usr/sbin:/usr/bin:/sbin:/bin",
	         path ? path : "/usr/local/sbin:/usr/local/bin");
	setenv("PATH", wide, 1);
	setenv("LC_ALL", "C", 1);
	/* execvp(3) takes char *const[] for history's sake and changes nothing */
	execvp(argv[0], (char *const *)(uintptr_t)argv);
	e = errno;
	(void)!write(tell, &e, sizeof e);
	_exit(127);
}

static int child_start(struct child *c, const char *const argv[], struct error *err)
{
	int in[2], out[2], errors[2], tell[2], e = 0;

	if (pipe2(in, O_CLOEXEC) < 0 || pipe2(out, O_CLOEXEC) < 0 || pipe2(errors, O_CLOEXEC) < 0 ||
	    pipe2(tell, O_CLOEXEC) < 0)
		return error_system(err, "pipe for %s", argv[0]);
	c->pid = fork();
	if (c->pid == 0)
		child_run(argv, in, out, errors, tell[1]);
	close(in[0]);
	close(out[1]);
	close(errors[1]);
	close(tell[1]);
	c->in = in[1];
	c->out = out[0];
	c->errors = errors[0];
	/* the pipe closes by exec, or brings errno */
	if (c->pid < 0 || read(tell[0], &e, sizeof e) == sizeof e) {
		errno = c->pid < 0 ? errno : e;
		error_system(err, "start %s", argv[0]);
		if (c->pid > 0)
			waitpid(c->pid, NULL, 0);
		close(tell[0]);
		return -1;
	}
	close(tell[0]);
	fcntl(c->in, F_SETFL, O_NONBLOCK);
	return 0;
}

static void drop(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static void feed(struct child *c, struct span *input)
{
	ssize_t n = input->n ? write(c->in, input->p, input->n) : 0;

	if (n > 0)
		*input = span_from(*input, (size_t)n);
	if (!input->n || (n < 0 && errno != EAGAIN && errno != EINTR))
		drop(&c->in);
}

/* Returns true when something beyond the limit was thrown away. */
static bool catch_output(int *fd, struct buf *into, size_t limit)
{
	char chunk[65536];
	ssize_t n = read(*fd, chunk, sizeof chunk);
	size_t take;

	if (n < 0 && errno == EINTR)
		return false;
	if (n <= 0) {
		drop(fd);
		return false;
	}
	take = into->n < limit ? limit - into->n : 0;
	if (take > (size_t)n)
		take = (size_t)n;
	buf_add(into, chunk, take);
	return take < (size_t)n;
}

/* Serves the pipes until output and errors are closed; false when the time is up. */
static bool serve(struct child *c, const struct process_options *o, struct process_result *r)
{
	int64_t end = clock_monotonic_ms() + (o->timeout_ms ? o->timeout_ms : TIMEOUT_MS_DEFAULT);
	struct span input = o->input;

	if (!input.n)
		drop(&c->in);
	while (c->out >= 0 || c->errors >= 0) {
		struct pollfd fds[] = {
			{ .fd = c->out, .events = POLLIN },
			{ .fd = c->errors, .events = POLLIN },
			{ .fd = c->in, .events = POLLOUT },
		};
		int64_t left = end - clock_monotonic_ms();

		if (left <= 0)
			return false;
		if (poll(fds, 3, (int)(left > 1000 ? 1000 : left)) < 0 && errno != EINTR)
			return false;
		if (fds[0].revents)
			r->cut |= catch_output(&c->out, &r->out,
			                       o->limit ? o->limit : LIMIT_DEFAULT);
		if (fds[1].revents)
			catch_output(&c->errors, &r->errors, ERRORS_LIMIT);
		if (fds[2].revents)
			feed(c, &input);
		/* a daemon that the program started may hold the pipes for ever */
		siginfo_t ended = { 0 };
		if (!fds[0].revents && !fds[1].revents &&
		    waitid(P_PID, (id_t)c->pid, &ended, WEXITED | WNOHANG | WNOWAIT) == 0 &&
		    ended.si_pid == c->pid)
			break;
	}
	return true;
}

int process_run(const char *const argv[], const struct process_options *options,
                struct process_result *out, struct error *err)
{
	static const struct process_options plain = { 0 };
	const struct process_options *o = options ? options : &plain;
	AUTO_PROCESS_RESULT struct process_result r = { 0 };
	struct child c = { .in = -1, .out = -1, .errors = -1 };
	struct sigaction ignore = { .sa_handler = SIG_IGN }, before;
	bool in_time;
	int status = 0;

	if (child_start(&c, argv, err) < 0) {
		drop(&c.in);
		drop(&c.out);
		drop(&c.errors);
		return -1;
	}
	sigaction(SIGPIPE, &ignore, &before);
	in_time = serve(&c, o, &r);
	sigaction(SIGPIPE, &before, NULL);
	drop(&c.in);
	drop(&c.out);
	drop(&c.errors);
	if (!in_time)
		kill(-c.pid, SIGKILL);
	while (waitpid(c.pid, &status, 0) < 0 && errno == EINTR)
		;
	if (!in_time)
		return error_set(err, ERROR_SCOPE_HOST, ERROR_RETRY_LATER, ETIMEDOUT, "%s",
		                 argv[0]);
	r.status = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
	*out = r;
	r = (struct process_result){ 0 };
	return 0;
}

int process_expect_good(const char *const argv[], const struct process_result *r, struct error *err)
{
	AUTO_BUF struct buf said = { 0 };
	struct span words = span_trim(buf_span(&r->errors));

	if (r->status == 0)
		return 0;
	if (words.n > 300)
		words = span_from(words, words.n - 300);
	buf_add_printable(&said, words);
	return error_set(err, ERROR_SCOPE_HOST, ERROR_RETRY_NEVER, 0, "%s ended with %d%s%s",
	                 argv[0], r->status, said.n ? ": " : "", buf_text(&said));
}

int process_begin(const char *const argv[], int in, int out, pid_t *pid)
{
	posix_spawn_file_actions_t files;
	posix_spawnattr_t how;
	sigset_t plain;
	int result;

	sigemptyset(&plain);
	sigaddset(&plain, SIGPIPE);
	posix_spawn_file_actions_init(&files);
	posix_spawnattr_init(&how);
	posix_spawn_file_actions_adddup2(&files, in, STDIN_FILENO);
	posix_spawn_file_actions_adddup2(&files, out, STDOUT_FILENO);
	posix_spawnattr_setflags(&how, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGDEF);
	posix_spawnattr_setsigdefault(&how, &plain);
	result = posix_spawnp(pid, argv[0], &files, &how, (char *const *)(uintptr_t)argv, environ);
	posix_spawn_file_actions_destroy(&files);
	posix_spawnattr_destroy(&how);
	return result;
}
