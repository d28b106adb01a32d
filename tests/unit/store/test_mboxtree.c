/* SPDX-License-Identifier: BSD-2-Clause */

/* What a look at an account of mbox files makes of files that it can't open. */

#include "base/cleanup.h"
#include "base/file.h"
#include "base/memory.h"
#include "store/mboxfile.h"
#include "store/store.h"
#include "unit/files.h"
#include "unit/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#define FOLDERS 3u /* with the INBOX */

struct place {
	char dir[64];
	int fd;
	struct mailbox_account account;
};

struct seen {
	unsigned folders, troubles;
	char words[512];
};

static int see_folder(void *context, const struct mail_folder *f, struct error *err)
{
	((struct seen *)context)->folders++;
	return 0;
}

static int see_message(void *context, const struct mail_message *m, struct error *err)
{
	return 0;
}

static int see_file(void *context, const struct mail_file *f, struct error *err)
{
	return 0;
}

static int see_trouble(void *context, const char *words, bool left_out, struct error *err)
{
	struct seen *s = context;

	s->troubles++;
	snprintf(s->words, sizeof s->words, "%s", words);
	return 0;
}

static void write_mbox(const struct place *p, const char *path)
{
	AUTO_FREE char *whole = xasprintf("%s/%s", p->dir, path);
	AUTO_FILE FILE *f = fopen(whole, "w");

	assert_non_null(f);
	fputs("From alice@example.org Sun Mar  1 02:13:07 2026\n\nx\n\n", f);
	assert_int_equal(chmod(whole, 0644), 0);
}

static void make_dir(const struct place *p, const char *path)
{
	AUTO_FREE char *whole = xasprintf("%s/%s", p->dir, path);

	assert_int_equal(mkdir(whole, 0755), 0);
	assert_int_equal(chmod(whole, 0755), 0); /* whatever the umask is */
}

static void begin(struct place *p)
{
	*p = (struct place){ .account = { .user = (char *)(uintptr_t) "alice",
		                          .root = (char *)(uintptr_t) "/mail",
		                          .inbox = (char *)(uintptr_t) "/inbox",
		                          .format = MAILBOX_MBOX } };
	snprintf(p->dir, sizeof p->dir, "/tmp/mailhaul-test.XXXXXX");
	assert_non_null(mkdtemp(p->dir));
	assert_int_equal(chmod(p->dir, 0755), 0);
	make_dir(p, "mail");
	make_dir(p, "mail/Archive");
	write_mbox(p, "inbox");
	write_mbox(p, "mail/Archive/2018");
	write_mbox(p, "mail/Sent");
	p->fd = open(p->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(p->fd >= 0);
}

static void end(struct place *p)
{
	close(p->fd);
	files_remove(p->dir);
}

static int scan(const struct place *p, struct seen *seen, struct error *err)
{
	const struct store_sink sink = { seen, see_folder, see_message, see_file, see_trouble };

	*seen = (struct seen){ 0 };
	return store_mbox.scan(p->fd, &p->account, &sink, err);
}

/* With any number of descriptors left: all of it, or an error. */
static void without_descriptors_no_folder_looks_gone(void **state)
{
	struct rlimit limit, was;
	struct place p;
	struct seen seen;
	unsigned failures = 0;
	int result = -1;

	begin(&p);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &was), 0);
	limit = was;
	for (limit.rlim_cur = (rlim_t)p.fd + 1; result < 0; limit.rlim_cur++) {
		struct error err = { 0 };

		assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
		result = scan(&p, &seen, &err);
		assert_int_equal(setrlimit(RLIMIT_NOFILE, &was), 0);
		assert_int_equal(seen.troubles, 0);
		if (result < 0)
			assert_int_equal(err.sys_errno, EMFILE);
		failures += result < 0;
	}
	assert_int_equal(seen.folders, FOLDERS);
	assert_true(failures > 2);
	end(&p);
}

static void deny(const struct place *p, const char *path, mode_t mode)
{
	AUTO_FREE char *whole = xasprintf("%s/%s", p->dir, path);

	assert_int_equal(chmod(whole, mode), 0);
}

static void what_may_not_be_read_is_told_with_its_path(void **state)
{
	struct error err = { 0 };
	struct place p;
	struct seen seen;

	begin(&p);
	if (getuid() == 0)
		assert_int_equal(seteuid(65534), 0);
	assert_good(scan(&p, &seen, &err), &err);
	assert_int_equal(seen.folders, FOLDERS);
	assert_int_equal(seteuid(getuid()), 0);
	deny(&p, "mail/Archive/2018", 0);
	deny(&p, "inbox", 0);
	if (getuid() == 0)
		assert_int_equal(seteuid(65534), 0);
	assert_good(scan(&p, &seen, &err), &err);
	assert_int_equal(seen.folders, FOLDERS - 2);
	assert_int_equal(seen.troubles, 2);
	assert_non_null(strstr(seen.words, "open /mail/Archive/2018: Permission denied"));
	assert_int_equal(seteuid(getuid()), 0);

	/* names that may be seen, and nothing of what they are */
	deny(&p, "mail/Archive", 0644);
	deny(&p, "inbox", 0644);
	if (getuid() == 0)
		assert_int_equal(seteuid(65534), 0);
	assert_good(scan(&p, &seen, &err), &err);
	assert_int_equal(seen.folders, FOLDERS - 1);
	assert_int_equal(seen.troubles, 1);
	assert_non_null(strstr(seen.words, "open /mail/Archive: Permission denied"));
	assert_int_equal(seteuid(getuid()), 0);
	deny(&p, "mail/Archive", 0755);
	end(&p);
}

static struct mbox_sum sum_of_file(struct mboxfile *file, uint64_t size)
{
	struct mbox_summing summing;
	struct error err = { 0 };

	mbox_sum_begin(&summing);
	assert_good(mboxfile_sum(file, &summing, 0, size, &err), &err);
	return mbox_sum_end(&summing);
}

static struct mbox_sum sum_in_pieces(const char *octets, size_t n, size_t piece)
{
	struct mbox_summing summing;

	mbox_sum_begin(&summing);
	for (size_t at = 0; at < n; at += piece)
		mbox_sum_add(&summing, octets + at, n - at < piece ? n - at : piece);
	return mbox_sum_end(&summing);
}

/* Long enough for several processes to read it. */
#define LONG ((33u << 20) + 123)

static void a_long_file_has_one_sum_whoever_reads_it(void **state)
{
	AUTO_MBOXFILE struct mboxfile file = MBOXFILE_NONE;
	AUTO_FREE char *octets = xmalloc(LONG);
	struct mbox_sum read, added;
	struct error err = { 0 };
	struct place p;

	begin(&p);
	for (size_t i = 0; i < LONG; i++)
		octets[i] = (char)(i * 7 + i / 1000);
	file.fd = openat(p.fd, "long", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	file.name = xstrdup("long");
	assert_int_equal(fd_write_all(file.fd, octets, LONG), 0);
	read = sum_of_file(&file, LONG);
	added = sum_in_pieces(octets, LONG, 4097);
	assert_true(mbox_sum_equal(&read, &added));
	for (uint64_t at = 5; at < LONG; at += 11u << 20) {
		const char other = (char)(octets[at] ^ 1);

		assert_int_equal(pwrite(file.fd, &other, 1, (off_t)at), 1);
		read = sum_of_file(&file, LONG);
		assert_false(mbox_sum_equal(&read, &added));
		assert_int_equal(pwrite(file.fd, octets + at, 1, (off_t)at), 1);
	}
	read = sum_of_file(&file, LONG);
	assert_true(mbox_sum_equal(&read, &added));

	/* shorter than it was said to be */
	struct mbox_summing summing;
	mbox_sum_begin(&summing);
	assert_int_equal(mboxfile_sum(&file, &summing, 0, LONG + (4u << 20), &err), -1);
	assert_int_equal(err.retry, ERROR_RETRY_LATER);
	assert_int_equal(unlinkat(p.fd, "long", 0), 0);
	end(&p);
}

UNIT_TESTS("store/mboxtree", cmocka_unit_test(a_long_file_has_one_sum_whoever_reads_it),
           cmocka_unit_test(without_descriptors_no_folder_looks_gone),
           cmocka_unit_test(what_may_not_be_read_is_told_with_its_path));
