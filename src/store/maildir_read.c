/* SPDX-License-Identifier: BSD-2-Clause */

/* maildir_read -- one message of a Maildir, wherever it is by now. */

#include "store/maildir.h"

#include "base/cleanup.h"
#include "base/memory.h"
#include "mail/flags.h"
#include "store/folder.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#define READ_SIZE (256u << 10)
/* So much of a message is asked for when it is opened; what follows, the kernel reads ahead by itself. */
#define AHEAD_MAX (512u << 10)

static int give_bytes(int fd, uint64_t size, const struct store_reader *reader, struct error *err)
{
	/* one octet more than there should be: what is short is at its end */
	size_t room = size < READ_SIZE ? (size_t)size + 1 : READ_SIZE;
	AUTO_FREE char *chunk = xmalloc(room);
	uint64_t at = 0;

	for (;;) {
		ssize_t n = read(fd, chunk, room);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return error_system(err, "read");
		at += (uint64_t)n;
		if (n && reader->bytes(reader->context, (struct span){ chunk, (size_t)n }, err) < 0)
			return -1;
		if ((size_t)n < room)
			break;
	}
	if (at == size)
		return 0;
	return error_set(err, ERROR_SCOPE_MESSAGE, ERROR_RETRY_LATER, 0,
	                 "changed while it was read: %llu octets instead of %llu",
	                 (unsigned long long)at, (unsigned long long)size);
}

void store_places_fini(struct store_places *p)
{
	if (!p->folder)
		return;
	fd_close_at(&p->folderfd);
	fd_close_at(&p->newfd);
	fd_close_at(&p->curfd);
	free(p->folder);
	*p = (struct store_places){ 0 };
}

static int enter_folder(int rootfd, const struct mailbox_account *account, const char *folder,
                        struct store_places *p, struct error *err)
{
	if (p->folder && !strcmp(p->folder, folder))
		return 0;
	store_places_fini(p);

	AUTO_CLOSE int root = folder_open_root(rootfd, account->root, err);
	int fd = root < 0 ? -1 : folder_open_below(root, folder);
	if (root < 0)
		return -1;
	if (fd < 0)
		return error_system(err, "open");
	*p = (struct store_places){ xstrdup(folder), fd, maildir_open_directory(fd, "new"),
		                    maildir_open_directory(fd, "cur"), courier_is_used(fd) };
	return 0;
}

/* ":2,Sab" of a listing is ":2,S" on the disk; this is where "ab" begins. */
static const char *letters_of(const char *suffix)
{
	size_t n = strlen(suffix);

	while (n && suffix[n - 1] >= 'a' && suffix[n - 1] <= 'z')
		n--;
	return suffix + n;
}

/* Where it was last seen, else wherever it is by now. */
static int open_message(const struct store_places *p, const struct store_wanted *wanted,
                        struct folder_message *file)
{
	int at = wanted->in_new ? p->newfd : p->curfd;
	size_t n = p->courier ? (size_t)(letters_of(wanted->suffix) - wanted->suffix)
	                      : strlen(wanted->suffix);
	AUTO_FREE char *suffix = xstrndup(wanted->suffix, n);

	*file = (struct folder_message){ .fd = -1, .in_new = wanted->in_new };
	file->name = xasprintf("%s%s", wanted->base, suffix);
	if (at >= 0)
		file->fd = folder_open_file(at, file->name, &file->st);
	if (file->fd >= 0)
		return 0;
	folder_message_fini(file);
	return folder_open_message(p->folderfd, wanted->base, suffix, wanted->in_new, file);
}

struct store_opened {
	struct folder_message file;
	char *base;   /* owned; as it was wanted */
	char *suffix; /* owned; as the message has it now, keywords and all */
};

void store_opened_free(struct store_opened *o)
{
	if (!o)
		return;
	folder_message_fini(&o->file);
	free(o->base);
	free(o->suffix);
	free(o);
}

/* One file that can't be read costs one message. */
static int spoilt(struct error *err)
{
	if (err->scope != ERROR_SCOPE_HOST)
		err->scope = ERROR_SCOPE_MESSAGE;
	return -1;
}

/* Whether the last octet is in memory; then the rest most probably is. Before Linux 4.14 nobody can say. */
static bool is_in_memory(int fd, uint64_t size)
{
	char last;
	struct iovec into = { &last, 1 };

	return preadv2(fd, &into, 1, (off_t)(size - 1), RWF_NOWAIT) == 1;
}

/* Where all is in memory, to look for what has to be read costs the kernel as much as opening the file. */
static void ask_ahead(int fd, uint64_t size)
{
	if (size && !is_in_memory(fd, size))
		(void)posix_fadvise(fd, 0, AHEAD_MAX, POSIX_FADV_WILLNEED);
}

int maildir_open(int rootfd, const struct mailbox_account *account,
                 const struct store_wanted *wanted, struct store_opened **out, struct error *err)
{
	struct folder_message file = { .fd = -1 };
	struct span base, suffix;

	*out = NULL;
	if (enter_folder(rootfd, account, wanted->folder, wanted->places, err) < 0)
		return spoilt(err);
	if (open_message(wanted->places, wanted, &file) < 0) {
		(void)error_system(err, "open");
		folder_message_fini(&file);
		return spoilt(err);
	}
	ask_ahead(file.fd, (uint64_t)file.st.st_size);
	mail_name_split(span_of(file.name), &base, &suffix);

	const char *letters = wanted->places->courier && !file.in_new ? letters_of(wanted->suffix)
	                                                              : "";

	*out = xcalloc(1, sizeof **out);
	**out = (struct store_opened){
		.file = file,
		.base = xstrdup(wanted->base),
		.suffix = xasprintf("%.*s%s%s", (int)suffix.n, suffix.p,
		                    *letters && !suffix.n ? ":2," : "", letters),
	};
	return 0;
}

int maildir_read(struct store_opened *o, const struct store_reader *reader, struct error *err)
{
	const struct stat *st = &o->file.st;
	const struct mail_message now = {
		.base = o->base,
		.suffix = o->suffix,
		.in_new = o->file.in_new,
		.mode = st->st_mode & 07777,
		.size = (uint64_t)st->st_size,
		.inode = st->st_ino,
		.mtime_ns = st->st_mtim.tv_sec * 1000000000LL + st->st_mtim.tv_nsec,
	};

	if (reader->begin(reader->context, &now, SPAN(""), err) < 0 ||
	    give_bytes(o->file.fd, now.size, reader, err) < 0)
		return spoilt(err);
	return 0;
}
