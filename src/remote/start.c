/* SPDX-License-Identifier: BSD-2-Clause */
#include "remote/start.h"

#include "base/file.h"
#include "base/memory.h"
#include "base/process.h"
#include "mail/digest.h"
#include "remote/cipher.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#define AGENT_SIZE_MAX (64u << 20)
#define PIPE_SIZE (1 << 20) /* octets */
#define COPY_TIMEOUT_MS 120000

int program_beside(const char *name, char out[4096], struct error *err)
{
	char self[PATH_MAX - 64];
	ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
	char *slash;

	if (n < 0)
		return error_system(err, "readlink /proc/self/exe");
	self[n] = 0;
	slash = strrchr(self, '/');
	snprintf(out, 4096, "%.*s/%s", (int)(slash - self), self, name);
	if (access(out, X_OK) < 0)
		return error_system(err, "%s must stand beside %s", name, self);
	return 0;
}

static int find_agent(char out[4096], struct error *err)
{
	const char *given = getenv("MAILHAUL_AGENT");

	if (!given)
		return program_beside("mailhaul-agent", out, err);
	snprintf(out, 4096, "%s", given);
	return 0;
}

/* Words of an ssh command up to and with the host; those after it are the caller's. `ciphers` may be
 * NULL. */
static void ssh_words(const struct host_place *place, const char *ciphers, struct strings *words)
{
	static const char *const always[] = {
		"ssh", "-T",
		"-x",  "-a",
		"-e",  "none",
		"-o",  "BatchMode=yes",
		"-o",  "ConnectTimeout=10",
		"-o",  "ServerAliveInterval=5",
		"-o",  "ServerAliveCountMax=3",
	};

	for (size_t i = 0; i < ROWS(always); i++)
		strings_add(words, always[i]);
	for (size_t i = 0; place->ssh_options && place->ssh_options[i]; i++)
		strings_add(words, place->ssh_options[i]);
	if (ciphers)
		strings_addf(words, "-oCiphers=%s", ciphers);
	strings_add(words, "--");
	strings_add(words, place->target);
}

static const char **argv_of(const struct strings *words)
{
	const char **argv = xcalloc(words->n + 1, sizeof *argv);

	for (size_t i = 0; i < words->n; i++)
		argv[i] = words->rows[i];
	return argv;
}

static int ssh_run(const struct host_place *place, const char *command, struct span input,
                   struct process_result *result, struct error *err)
{
	AUTO_STRINGS struct strings words = { 0 };
	struct process_options options = { .input = input, .timeout_ms = COPY_TIMEOUT_MS };

	ssh_words(place, NULL, &words);
	strings_add(&words, command);
	AUTO_FREE const char **argv = argv_of(&words);
	if (process_run(argv, &options, result, err) < 0)
		return -1;
	if (result->status == 255) { /* ssh(1): an error of ssh's own */
		AUTO_BUF struct buf said = { 0 };

		buf_add_printable(&said, span_trim(buf_span(&result->errors)));
		return error_set(err, ERROR_SCOPE_HOST, ERROR_RETRY_REACH, 0, "host %s: ssh %s: %s",
		                 place->name, place->target, buf_text(&said));
	}
	return 0;
}

/* Where the agent stands on the far host: one folder of ours, that nobody else can enter. */
struct far_agent {
	char *name;        /* owned; relative to the home of the user there */
	struct span bytes; /* borrowed; the program */
	struct digest digest;
	bool has_aes; /* the processor there has instructions for it */
};

/* Words of a shell that ends when the folder is not a directory of that user's own. */
#define PRIVATE                                                                                    \
	"umask 077; mkdir -p .mailhaul && test ! -L .mailhaul && test -O .mailhaul && "            \
	"chmod 700 .mailhaul"

/* What lies there is read back, and hashed here, when that host has no sha256sum(1). */
static int read_back(const struct host_place *place, const struct far_agent *far, bool *same,
                     struct error *err)
{
	AUTO_PROCESS_RESULT struct process_result read = { 0 };
	AUTO_FREE char *command = xasprintf("cat ./%s", far->name);
	struct digest got;

	if (ssh_run(place, command, (struct span){ 0 }, &read, err) < 0)
		return -1;
	got = digest_of(buf_span(&read.out));
	*same = read.status == 0 && digest_equal(&got, &far->digest);
	return 0;
}

/* *same: what stands there now has the digest of the program. It is asked again each time, because
 * somebody may have been there since. */
static int check_far(const struct host_place *place, struct far_agent *far, bool *same,
                     struct error *err)
{
	AUTO_PROCESS_RESULT struct process_result hashed = { 0 };
	AUTO_FREE char *command = xasprintf(PRIVATE " || exit 3; test ! -L %s && test -f %s && "
	                                            "test -x %s || exit 4; sha256sum <%s || exit; "
	                                            "! grep -qsw aes /proc/cpuinfo || echo aes",
	                                    far->name, far->name, far->name, far->name);
	char expected[2 * DIGEST_SIZE + 1];
	struct span words;

	if (ssh_run(place, command, (struct span){ 0 }, &hashed, err) < 0)
		return -1;
	words = buf_span(&hashed.out);
	*same = false;
	switch (hashed.status) {
	case 0:
		digest_text(expected, &far->digest);
		far->has_aes = span_find_text(words, "\naes\n") >= 0;
		words.n = words.n < 2 * DIGEST_SIZE ? words.n : 2 * DIGEST_SIZE;
		*same = span_is(words, expected);
		return 0;
	case 3:
		error_set(err, ERROR_SCOPE_HOST, ERROR_RETRY_PERSON, 0,
		          "host %s: ~/.mailhaul there is no private folder of that user",
		          place->name);
		return error_hint(err, "look at it, and take it away: it is made anew");
	case 127: /* sh(1): no such program */
		return read_back(place, far, same, err);
	default:
		return 0;
	}
}

/* Sends the program under another name; only what arrived whole gets the name that is started. */
static int send_agent(const struct host_place *place, const struct far_agent *far,
                      struct error *err)
{
	AUTO_PROCESS_RESULT struct process_result copied = { 0 };
	AUTO_FREE char *command = xasprintf(PRIVATE " && rm -f %s %s.new && cat >%s.new && "
	                                            "chmod 700 %s.new && mv %s.new %s",
	                                    far->name, far->name, far->name, far->name, far->name,
	                                    far->name);
	AUTO_BUF struct buf said = { 0 };

	if (ssh_run(place, command, far->bytes, &copied, err) < 0)
		return -1;
	if (copied.status == 0)
		return 0;
	buf_add_printable(&said, span_trim(buf_span(&copied.errors)));
	return error_set(err, ERROR_SCOPE_HOST, ERROR_RETRY_PERSON, 0,
	                 "host %s: could not place the agent: %s", place->name, buf_text(&said));
}

/* Makes sure that this very program stands on the far host; *path is its place there. */
static int copy_agent(const struct host_place *place, const char *program, char **path,
                      bool *has_aes, struct error *err)
{
	AUTO_BUF struct buf bytes = { 0 };
	struct far_agent far = { 0 };
	char hash[2 * DIGEST_SIZE + 1];
	bool same;

	if (file_read(program, AGENT_SIZE_MAX, &bytes, err) < 0)
		return -1;
	far.bytes = buf_span(&bytes);
	far.digest = digest_of(far.bytes);
	digest_text(hash, &far.digest);

	AUTO_FREE char *name = xasprintf(".mailhaul/agent-" MAILHAUL_VERSION "-%.24s", hash);
	far.name = name;
	if (check_far(place, &far, &same, err) < 0)
		return -1;
	if (!same && (send_agent(place, &far, err) < 0 || check_far(place, &far, &same, err) < 0))
		return -1;
	if (!same)
		return error_set(err, ERROR_SCOPE_HOST, ERROR_RETRY_PERSON, 0,
		                 "host %s: the agent that arrived there is not the one that was "
		                 "sent; it was not started",
		                 place->name);
	*path = TAKE(name);
	*has_aes = far.has_aes;
	return 0;
}

static int start(const char *const argv[], pid_t *pid, int *tofd, int *fromfd, struct error *err)
{
	int to[2], from[2], result;

	if (pipe2(to, O_CLOEXEC) < 0 || pipe2(from, O_CLOEXEC) < 0)
		return error_system(err, "pipe");
	/* so that a frame fits; the kernel may say no, and the pipe works as it is */
	(void)fcntl(to[1], F_SETPIPE_SZ, PIPE_SIZE);
	(void)fcntl(from[0], F_SETPIPE_SZ, PIPE_SIZE);
	result = process_begin(argv, to[0], from[1], pid);
	close(to[0]);
	close(from[1]);
	*tofd = to[1];
	*fromfd = from[0];
	/* the other end is another open file; see host_send() */
	(void)fcntl(*tofd, F_SETFL, O_NONBLOCK);
	if (!result)
		return 0;
	close(to[1]);
	close(from[0]);
	errno = result;
	error_system(err, "start %s", argv[0]);
	err->scope = ERROR_SCOPE_HOST;
	err->retry = ERROR_RETRY_REACH;
	return -1;
}

/* The caller owns it; NULL: as ssh itself has them. */
static char *ciphers_for(const struct host_place *place)
{
	AUTO_STRINGS struct strings words = { 0 };

	if (!cipher_is_fast_here())
		return NULL;
	ssh_words(place, NULL, &words);
	return cipher_order(&words);
}

int agent_start(const struct host_place *place, pid_t *pid, int *tofd, int *fromfd,
                struct error *err)
{
	AUTO_STRINGS struct strings words = { 0 };
	char program[4096];

	if (find_agent(program, err) < 0)
		return -1;
	if (place->reach == HOST_THROUGH) {
		for (size_t i = 0; place->ssh_options[i]; i++)
			strings_add(&words, place->ssh_options[i]);
		if (place->control)
			strings_add(&words, "--control");
	} else if (place->reach == HOST_SSH) {
		AUTO_FREE char *path = NULL;
		bool has_aes = false;

		if (copy_agent(place, program, &path, &has_aes, err) < 0)
			return -1;
		AUTO_FREE char *ciphers = has_aes ? ciphers_for(place) : NULL;
		ssh_words(place, ciphers, &words);
		strings_addf(&words, "exec ./%s%s", path, place->control ? " --control" : "");
	} else {
		strings_add(&words, program);
		if (place->control)
			strings_add(&words, "--control");
		if (place->reach == HOST_FOLDER) {
			strings_add(&words, "--root");
			strings_add(&words, place->target);
		}
	}
	AUTO_FREE const char **argv = argv_of(&words);
	return start(argv, pid, tofd, fromfd, err);
}
