/* SPDX-License-Identifier: BSD-2-Clause */
#include "store/append.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "base/memory.h"
#include "mail/header.h"
#include "store/folder.h"
#include "store/mbox.h"
#include "store/mboxfile.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define CHUNK (256u << 10)
/* Of a header section; behind a longer one the Status lines stand in front. */
#define HEADER_MAX (4u << 20)

struct work {
	const struct append_message *m;
	int contentfd; /* what a user sent */
	int textfd;    /* what goes into the file */
	uint64_t content_size, text_size;
	bool ends_without_lf;
	struct digest with_lf; /* of the content and an LF, which is how it reads in an mbox then */
	/* what the file holds */
	bool is_there;
	uint64_t last; /* offset of its last message */
};

/* An anonymous file in the directory of `m->path`. */
static int open_anonymous(int dirfd)
{
	int fd = openat(dirfd, "mailhaul.tmp.append",
	                O_RDWR | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);

	if (fd >= 0)
		(void)unlinkat(dirfd, "mailhaul.tmp.append", 0);
	return fd;
}

static int copy_octets(int from, uint64_t offset, uint64_t end, int to, struct error *err)
{
	AUTO_FREE char *chunk = xmalloc(CHUNK);

	while (offset < end) {
		size_t want = end - offset < CHUNK ? (size_t)(end - offset) : CHUNK;
		ssize_t n = mboxfile_pread(&from, chunk, want, offset);

		if (n < 0 || (size_t)n < want)
			return error_system(err, "read the message");
		if (fd_write_all(to, chunk, want) < 0)
			return error_system(err, "write the message");
		offset += want;
	}
	return 0;
}

/* Octets of the header fields, up to the empty line. */
static uint64_t header_size(struct span text)
{
	const char *at = text.p;
	struct span rest = text, line;

	while (span_next_line(&rest, &line)) {
		if (line.n == 0)
			return (uint64_t)(line.p - at);
	}
	return text.n;
}

static void add_status(const struct append_message *m, struct buf *out)
{
	static const struct {
		char letter, status;
	} rows[] = { { 'R', 'A' }, { 'F', 'F' }, { 'D', 'T' }, { 'T', 'D' } };
	AUTO_BUF struct buf more = { 0 };

	buf_addf(out, "Status: %sO\n", strchr(m->flags, 'S') ? "R" : "");
	for (size_t i = 0; i < ROWS(rows); i++)
		if (strchr(m->flags, rows[i].letter))
			buf_add_char(&more, rows[i].status);
	if (more.n)
		buf_addf(out, "X-Status: %s\n", buf_text(&more));
	if (*m->keywords)
		buf_addf(out, "X-Keywords: %s\n", m->keywords);
}

static int check_content(struct work *w, struct error *err)
{
	AUTO_FREE char *chunk = xmalloc(CHUNK);
	struct digest_state state, more;
	struct digest digest;
	uint64_t at = 0;
	char last = '\n';
	ssize_t n;

	digest_begin(&state);
	while ((n = mboxfile_pread(&w->contentfd, chunk, CHUNK, at)) > 0) {
		digest_add(&state, chunk, (size_t)n);
		last = chunk[n - 1];
		at += (uint64_t)n;
	}
	if (n < 0)
		return error_system(err, "read the message");
	more = state;
	digest = digest_end(&state);
	if (!digest_equal(&digest, &w->m->digest))
		return error_set(err, ERROR_SCOPE_MESSAGE, ERROR_RETRY_LATER, 0,
		                 "what arrived is not what was sent");
	w->content_size = at;
	w->ends_without_lf = last != '\n';
	digest_add(&more, "\n", 1);
	w->with_lf = digest_end(&more);
	return 0;
}

static int compose(struct work *w, struct error *err)
{
	AUTO_BUF struct buf head = { 0 }, text = { 0 };
	size_t want = w->content_size < HEADER_MAX ? (size_t)w->content_size : HEADER_MAX;
	uint64_t header, body;
	ssize_t n = mboxfile_pread(&w->contentfd, buf_room(&head, want), want, 0);
	struct stat st;

	if (n < 0)
		return error_system(err, "read the message");
	buf_grown(&head, (size_t)n);
	header = header_size(buf_span(&head));
	if (header == HEADER_MAX)
		header = 0;
	/* the empty line belongs to the header; what is behind it is the body */
	body = w->content_size - header;
	if (body)
		body -= head.p[header] == '\r' && body > 1 ? 2 : 1;
	buf_addf(&text, "%s\n", w->m->from_line);
	buf_add(&text, head.p, header);
	add_status(w->m, &text);
	/* so that a line "From ..." in the body does not cut the message */
	buf_addf(&text, "Content-Length: %llu\n", (unsigned long long)body);
	if (fd_write_all(w->textfd, text.p, text.n) < 0)
		return error_system(err, "write the message");
	if (copy_octets(w->contentfd, header, w->content_size, w->textfd, err) < 0)
		return -1;
	if (fd_write_all(w->textfd, "\n\n", w->ends_without_lf ? 2 : 1) < 0)
		return error_system(err, "write the message");
	if (fstat(w->textfd, &st) < 0)
		return error_system(err, "stat the message");
	w->text_size = (uint64_t)st.st_size;
	return 0;
}

static int compare(void *context, const struct mbox_message *m, struct error *err)
{
	struct work *w = context;

	w->last = m->offset;
	if (digest_equal(&m->digest, &w->m->digest) ||
	    (w->ends_without_lf && digest_equal(&m->digest, &w->with_lf)))
		w->is_there = true;
	return 0;
}

/* The file ends with a part of what we are going to write: an earlier append was killed there. */
static bool is_half_done(struct work *w, struct mboxfile *file)
{
	uint64_t size = (uint64_t)file->st.st_size - w->last;
	AUTO_FREE char *have = NULL, *want = NULL;

	if (w->is_there || !file->st.st_size || size >= w->text_size)
		return false;
	have = xmalloc(CHUNK);
	want = xmalloc(CHUNK);
	for (uint64_t at = 0; at < size;) {
		size_t n = size - at < CHUNK ? (size_t)(size - at) : CHUNK;

		if (mboxfile_pread(&file->fd, have, n, w->last + at) != (ssize_t)n ||
		    mboxfile_pread(&w->textfd, want, n, at) != (ssize_t)n ||
		    memcmp(have, want, n) != 0)
			return false;
		at += n;
	}
	return true;
}

/* Line ends that are missing between what is there and a From_ line. */
static const char *separator(struct mboxfile *file, uint64_t size)
{
	char last[2] = { '\n', '\n' };

	if (size >= 2)
		(void)!mboxfile_pread(&file->fd, last, 2, size - 2);
	if (last[1] != '\n')
		return "\n\n";
	return last[0] == '\n' || last[0] == '\r' ? "" : "\n";
}

static int write_text(struct work *w, struct mboxfile *file, uint64_t size, struct error *err)
{
	const char *before = separator(file, size);

	if (lseek(file->fd, (off_t)size, SEEK_SET) < 0)
		return error_system(err, "seek in %s", file->name);
	if (fd_write_all(file->fd, before, strlen(before)) < 0)
		return error_system(err, "write %s", file->name);
	if (copy_octets(w->textfd, 0, w->text_size, file->fd, err) < 0)
		return -1;
	if (fsync(file->fd) < 0 || fsync(file->dirfd) < 0)
		return error_system(err, "fsync %s", file->name);
	return 0;
}

static int write_at_end(struct work *w, struct mboxfile *file, struct error *err)
{
	uint64_t size = is_half_done(w, file) ? w->last : (uint64_t)file->st.st_size;

	if (ftruncate(file->fd, (off_t)size) < 0)
		return error_system(err, "cut %s", file->name);
	if (write_text(w, file, size, err) == 0)
		return 0;
	/* whole or not at all; if this fails too, the next append takes back what is half there */
	(void)!ftruncate(file->fd, (off_t)size);
	return error_context(err, "append to %s", file->name);
}

static int append_locked(struct work *w, struct mboxfile *file, bool *appended, struct error *err)
{
	const struct mbox_visitor visitor = { .context = w, .end = compare };

	if (mbox_walk(mboxfile_pread, &file->fd, 0, (uint64_t)file->st.st_size, false, file->name,
	              &visitor, err) < 0)
		return -1;
	*appended = !w->is_there;
	if (w->is_there)
		return 0;
	if ((file->st.st_uid != w->m->uid || file->st.st_gid != w->m->gid) &&
	    file->st.st_size == 0 && fchown(file->fd, w->m->uid, w->m->gid) < 0)
		return error_system(err, "give %s to user %u", file->name, w->m->uid);
	return write_at_end(w, file, err);
}

int append_to_mbox(int rootfd, const struct mailbox_account *account,
                   const struct append_message *m, bool *appended, struct error *err)
{
	AUTO_MBOXFILE struct mboxfile file = MBOXFILE_NONE;
	AUTO_CLOSE int root = folder_open_root(rootfd, account->root, err);
	struct work w = { .m = m };
	const char *name = NULL;
	struct stat st;
	int64_t ignored;

	if (root < 0)
		return -1;
	if (!mbox_from_line(span_of(m->from_line), &ignored))
		return error_set(err, ERROR_SCOPE_MESSAGE, ERROR_RETRY_NEVER, EINVAL,
		                 "\"%s\" is no From_ line", m->from_line);

	AUTO_CLOSE int dir = folder_open_parent(root, m->path, &name);
	AUTO_CLOSE int content = dir < 0 ? -1 : folder_open_file(dir, name, &st);
	if (content < 0)
		return error_system(err, "open %s", m->path);
	AUTO_CLOSE int text = open_anonymous(dir);
	if (text < 0)
		return error_system(err, "make a temporary file");
	w.contentfd = content;
	w.textfd = text;
	if (check_content(&w, err) < 0 || compose(&w, err) < 0 ||
	    mboxfile_open(&file, rootfd, account, m->folder, MBOXFILE_APPEND, err) < 0 ||
	    append_locked(&w, &file, appended, err) < 0)
		return -1;
	if (unlinkat(dir, name, 0) < 0 && errno != ENOENT)
		return error_system(err, "remove %s", m->path);
	return 0;
}
