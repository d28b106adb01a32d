/* SPDX-License-Identifier: BSD-2-Clause */

/* A port that somebody has becomes ours, and no client is refused. */

#include "gate/listen.h"
#include "unit/unit.h"

#include "base/clock.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define MANY 50

/* A free port of this machine, as an address. */
static struct gate_address free_address(void)
{
	struct sockaddr_in at = { .sin_family = AF_INET,
		                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct error err = { 0 };
	struct gate_address a;
	socklen_t size = sizeof at;
	char text[64];
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof at), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &size), 0);
	close(fd);
	(void)snprintf(text, sizeof text, "127.0.0.1:%u", ntohs(at.sin_port));
	assert_good(gate_address_parse(&a, "x", text, &err), &err);
	return a;
}

/* As an MTA does it. */
static int hold(const struct gate_address *at, bool share)
{
	const int one = 1;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
	if (share)
		(void)setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof one);
	assert_int_equal(bind(fd, &at->any, at->size), 0);
	assert_int_equal(listen(fd, 128), 0);
	return fd;
}

static bool connects(const struct gate_address *at)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool good = connect(fd, &at->any, at->size) == 0;

	close(fd);
	return good;
}

/* How many wait in the queue of `fd`; they are taken out of it. */
static size_t waiting(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	size_t n = 0;

	while (poll(&p, 1, 50) == 1) {
		int one = accept4(fd, NULL, NULL, SOCK_NONBLOCK);

		if (one < 0)
			break;
		close(one);
		n++;
	}
	return n;
}

static void beside_one_who_shares_all_new_clients_are_ours(void **state)
{
	struct gate_address at = free_address();
	struct gate_given none = { .n = 0 };
	struct error err = { 0 };
	uint64_t neighbour, other;
	int theirs = hold(&at, true), ours;

	(void)state;
	assert_true(connects(&at));
	ours = gate_listen(&at, GATE_TAKE_STEER, &none, 0, &err);
	assert_good(ours, &err);
	assert_int_equal(gate_listen_others(ours, &neighbour), 1);
	for (int i = 0; i < MANY; i++)
		assert_true(connects(&at));
	assert_int_equal(waiting(theirs), 1);
	assert_int_equal(waiting(ours), MANY);
	/* and after his end, which makes the last of the group the first */
	close(theirs);
	for (int i = 0; i < MANY; i++)
		assert_true(connects(&at));
	assert_int_equal(waiting(ours), MANY);
	/* back: he comes again, and we leave */
	theirs = hold(&at, true);
	assert_int_equal(gate_listen_others(ours, &other), 1);
	assert_true(other != neighbour);
	assert_true(gate_listen_yield(ours, neighbour));
	for (int i = 0; i < MANY; i++)
		assert_true(connects(&at));
	assert_int_equal(waiting(ours), 0);
	assert_int_equal(waiting(theirs), MANY);
	close(ours);
	assert_true(connects(&at));
	close(theirs);
}

static void one_who_was_there_before_and_still_is_gets_the_clients_back(void **state)
{
	struct gate_address at = free_address();
	struct gate_given none = { .n = 0 };
	struct error err = { 0 };
	int theirs = hold(&at, true), ours;
	uint64_t neighbour;

	(void)state;
	ours = gate_listen(&at, GATE_TAKE_STEER, &none, 0, &err);
	assert_good(ours, &err);
	(void)gate_listen_others(ours, &neighbour);
	assert_true(gate_listen_yield(ours, neighbour));
	for (int i = 0; i < MANY; i++)
		assert_true(connects(&at));
	assert_int_equal(waiting(ours), 0);
	assert_int_equal(waiting(theirs), MANY);
	close(ours);
	close(theirs);
}

static void the_socket_of_one_who_does_not_share_is_copied(void **state)
{
	struct gate_address at = free_address();
	struct gate_given none = { .n = 0 };
	struct error err = { 0 };
	int ready[2], ours;
	char word;
	pid_t child;

	(void)state;
	assert_int_equal(pipe(ready), 0);
	child = fork();
	if (child == 0) {
		(void)hold(&at, false);
		(void)!write(ready[1], "x", 1);
		for (;;)
			pause();
	}
	assert_int_equal(read(ready[0], &word, 1), 1);
	assert_fails(gate_listen(&at, GATE_TAKE_WAIT, &none, 0, &err), &err, "listen at");
	assert_int_equal(err.retry, ERROR_RETRY_LATER);
	/* he does not share: there is nothing to steer */
	assert_fails(gate_listen(&at, GATE_TAKE_STEER, &none, 0, &err), &err, "listen at");
	assert_true(connects(&at));
	ours = gate_listen(&at, GATE_TAKE_COPY, &none, 0, &err);
	assert_good(ours, &err);
	kill(child, SIGKILL);
	assert_int_equal(waitpid(child, NULL, 0), child);
	/* who waited for him, and whoever comes now */
	for (int i = 0; i < MANY; i++)
		assert_true(connects(&at));
	assert_int_equal(waiting(ours), MANY + 1);
	close(ours);
	close(ready[0]);
	close(ready[1]);
}

static void a_socket_that_was_given_is_taken_by_its_address(void **state)
{
	struct gate_address at = free_address(), elsewhere = free_address();
	struct gate_given given = { .n = 0 };
	struct error err = { 0 };
	int fd;

	(void)state;
	given.fds[given.n++] = hold(&elsewhere, false);
	given.fds[given.n++] = hold(&at, false);
	fd = gate_listen(&at, GATE_TAKE_WAIT, &given, 0, &err);
	assert_good(fd, &err);
	assert_true(connects(&at));
	assert_int_equal(waiting(fd), 1);
	assert_int_equal(given.fds[1], -1);
	close(fd);
	gate_given_fini(&given); /* the other one is closed */
	assert_false(connects(&elsewhere));
	assert_fails(gate_given_by_gate(&given, "/nonexistent/control", &err), &err, "hand-over");
}

UNIT_TESTS("gate/listen", cmocka_unit_test(beside_one_who_shares_all_new_clients_are_ours),
           cmocka_unit_test(one_who_was_there_before_and_still_is_gets_the_clients_back),
           cmocka_unit_test(the_socket_of_one_who_does_not_share_is_copied),
           cmocka_unit_test(a_socket_that_was_given_is_taken_by_its_address));
