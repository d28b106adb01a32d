/* SPDX-License-Identifier: BSD-2-Clause */
#include "gate/keeper.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "gate/listen.h"
#include "gate/log.h"
#include "gate/rights.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#define AGAIN_LEAST_MS 50
#define AGAIN_MOST_MS 5000
#define GOOD_AFTER_MS                                                                              \
	60000 /* one that has served so long has not died of what the last one died of */

struct keeper {
	const struct gate_options *options; /* borrowed */
	struct gate_ports ports;
	sigset_t before; /* the signals that were blocked when we came */
	int signals;     /* signalfd(2) */
	int hear;        /* from the gate; -1: it has nothing more to say */
	int pid_file;    /* -1: none, or written */
	pid_t child;     /* 0: none */
	unsigned deaths; /* in a row */
	unsigned still;  /* in a row, before they served */
	int64_t begun_ms, again_ms;
	unsigned mode; /* what it was told last, or its options */
	bool hold;
	bool ready, has_served, ending;
	int code;
};

/* ── birth ───────────────────────────────────────────────────────────────────────────────────── */

/* In the child: what is the keeper's goes, what is left is the gate's. */
static void be_born(struct keeper *k, int tell, pid_t keeper, struct gate_birth *out)
{
	(void)close(k->signals);
	if (k->pid_file >= 0)
		(void)close(k->pid_file);
	sigprocmask(SIG_SETMASK, &k->before, NULL);
	*out = (struct gate_birth){ .ports = k->ports,
		                    .tell_fd = tell,
		                    .keeper = keeper,
		                    .mode = k->mode,
		                    .hold = k->hold };
}

/* True in the child. */
static bool begin_child(struct keeper *k, struct gate_birth *out)
{
	pid_t own = getpid();
	int ends[2];

	k->again_ms = 0;
	k->ready = false;
	k->begun_ms = clock_monotonic_ms();
	gate_log_flush(); /* or it would be said twice */
	if (pipe2(ends, O_CLOEXEC) < 0) {
		k->again_ms = k->begun_ms + AGAIN_MOST_MS;
		return false;
	}
	k->child = fork();
	if (k->child == 0) {
		(void)close(ends[0]);
		be_born(k, ends[1], own, out);
		return true;
	}
	(void)close(ends[1]);
	k->hear = ends[0];
	if (k->child < 0) {
		k->child = 0;
		(void)close(fd_take(&k->hear));
		k->again_ms = k->begun_ms + AGAIN_MOST_MS;
	}
	return false;
}

/* ── what it hears ───────────────────────────────────────────────────────────────────────────── */

static void note_ready(struct keeper *k)
{
	struct error err = { 0 };

	k->ready = k->has_served = true;
	if (k->pid_file >= 0 && gate_pid_file_write(k->pid_file, &err) < 0)
		gate_log("keeper why=\"%s\"", err.text);
	if (k->pid_file >= 0)
		(void)close(fd_take(&k->pid_file));
}

/* The sockets are the gate's alone from now on: a client that still came to ours would wait for ever. */
static void let_go(struct keeper *k)
{
	k->ending = true;
	gate_ports_close(&k->ports);
}

static void hear_gate(struct keeper *k)
{
	char octet;
	ssize_t n = read(k->hear, &octet, 1);

	if (n < 0 && errno == EINTR)
		return;
	if (n <= 0)
		(void)close(fd_take(&k->hear));
	else if (octet == GATE_TELLS_READY)
		note_ready(k);
	else if (octet == GATE_TELLS_END)
		let_go(k);
	else if (octet == GATE_TELLS_HOLD || octet == GATE_TELLS_RELEASE)
		k->hold = octet == GATE_TELLS_HOLD;
	else if (octet >= GATE_TELLS_MODE && octet <= GATE_TELLS_MODE + (int)GATE_RELAY)
		k->mode = (unsigned)(octet - GATE_TELLS_MODE);
}

static void hear_signal(struct keeper *k)
{
	struct signalfd_siginfo one;

	if (read(k->signals, &one, sizeof one) != (ssize_t)sizeof one || one.ssi_signo == SIGCHLD)
		return;
	if (one.ssi_signo != SIGHUP)
		let_go(k);
	k->code = EXIT_CODE_GOOD; /* should there be no gate just now */
	if (k->child)
		kill(k->child, (int)one.ssi_signo);
}

/* ── death ───────────────────────────────────────────────────────────────────────────────────── */

static int64_t delay_of(unsigned deaths)
{
	int64_t delay = AGAIN_LEAST_MS;

	while (--deaths && delay < AGAIN_MOST_MS)
		delay *= 2;
	return delay < AGAIN_MOST_MS ? delay : AGAIN_MOST_MS;
}

static void bury(struct keeper *k, int status)
{
	int64_t now = clock_monotonic_ms();
	bool was_killed = WIFSIGNALED(status);

	while (k->hear >= 0) /* its last words */
		hear_gate(k);
	k->child = 0;
	k->code = was_killed ? EXIT_CODE_LATER : WEXITSTATUS(status);
	if (k->ending || !k->has_served || (k->ready && !was_killed && k->code == EXIT_CODE_GOOD)) {
		let_go(k);
		return;
	}
	k->deaths = k->ready && now - k->begun_ms >= GOOD_AFTER_MS ? 1 : k->deaths + 1;
	k->still = k->ready ? 0 : k->still + 1;
	if (k->still == KEEPER_TRIES) {
		gate_log("gate died too often code=%d", k->code);
		k->code = EXIT_CODE_LATER;
		let_go(k);
		return;
	}
	k->again_ms = now + delay_of(k->deaths);
	gate_log("gate died %s=%d deaths=%u again_in_ms=%lld", was_killed ? "signal" : "code",
	         was_killed ? WTERMSIG(status) : k->code, k->deaths,
	         (long long)delay_of(k->deaths));
}

static void look_for_death(struct keeper *k)
{
	int status;

	if (k->child && waitpid(k->child, &status, WNOHANG) == k->child)
		bury(k, status);
	gate_log_flush();
}

/* ── life ────────────────────────────────────────────────────────────────────────────────────── */

static void wait_for_something(struct keeper *k)
{
	int64_t left = k->again_ms - clock_monotonic_ms();
	struct pollfd of[2] = { { .fd = k->signals, .events = POLLIN },
		                { .fd = k->hear, .events = POLLIN } };

	if (poll(of, 2, !k->again_ms ? -1 : left > 0 ? (int)left : 0) <= 0)
		return;
	if (of[0].revents)
		hear_signal(k);
	if (of[1].revents && k->hear >= 0)
		hear_gate(k);
}

/* True in a gate. */
static bool live(struct keeper *k, struct gate_birth *out)
{
	if (begin_child(k, out))
		return true;
	while (k->child || !k->ending) {
		wait_for_something(k);
		look_for_death(k);
		if (!k->child && !k->ending && k->again_ms && clock_monotonic_ms() >= k->again_ms &&
		    begin_child(k, out))
			return true;
	}
	return false;
}

static int begin(struct keeper *k, struct error *err)
{
	sigset_t ours;

	sigemptyset(&ours);
	sigaddset(&ours, SIGTERM);
	sigaddset(&ours, SIGINT);
	sigaddset(&ours, SIGHUP);
	sigaddset(&ours, SIGCHLD);
	sigprocmask(SIG_BLOCK, &ours, &k->before);
	k->signals = signalfd(-1, &ours, SFD_CLOEXEC);
	if (k->signals < 0)
		return error_system(err, "signalfd");
	if (gate_ports_take(&k->ports, k->options, err) < 0)
		return -1;
	if (!k->options->pid_file)
		return 0;
	k->pid_file = gate_pid_file_open(k->options->pid_file, err);
	return k->pid_file < 0 ? -1 : 0;
}

bool gate_keep(const struct gate_options *o, struct gate_birth *out, int *code, struct error *err)
{
	struct keeper k = { .options = o,
		            .mode = o->mode,
		            .hold = o->hold,
		            .signals = -1,
		            .hear = -1,
		            .pid_file = -1 };

	gate_no_dumps();
	if (begin(&k, err) < 0) {
		*code = error_exit_code(err);
	} else {
		if (live(&k, out))
			return true;
		*code = k.code;
	}
	gate_ports_close(&k.ports);
	if (k.signals >= 0)
		(void)close(k.signals);
	if (k.pid_file >= 0)
		(void)close(k.pid_file);
	gate_log_flush();
	return false;
}
