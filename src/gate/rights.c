/* SPDX-License-Identifier: BSD-2-Clause */
#include "gate/rights.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/landlock.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define NOBODY 65534 /* Debian and most others; the number needs no account */

#ifndef SYS_landlock_create_ruleset
#define SYS_landlock_create_ruleset 444
#define SYS_landlock_add_rule 445
#define SYS_landlock_restrict_self 446
#endif

/* ── who we become ───────────────────────────────────────────────────────────────────────────── */

static int refuse(const char *user, const char *what, struct error *err)
{
	return error_set(err, ERROR_SCOPE_MOVE, ERROR_RETRY_PERSON, 0, "--user %.60s: %s", user,
	                 what);
}

/* name:password:uid:gid:... */
static bool find_name(struct span passwd, struct span name, uint64_t *uid, uint64_t *gid)
{
	struct span line, part;

	while (span_next_line(&passwd, &line)) {
		if (!span_next_part(&line, ':', &part) || !span_equal(part, name) ||
		    !span_next_part(&line, ':', &part) || !span_next_part(&line, ':', &part) ||
		    !span_parse_u64(part, uid) || !span_next_part(&line, ':', &part) ||
		    !span_parse_u64(part, gid))
			continue;
		return true;
	}
	return false;
}

int gate_account_find(const char *user, const char *spool, struct gate_account *out,
                      struct error *err)
{
	AUTO_BUF struct buf passwd = { 0 };
	uint64_t uid = NOBODY, gid = NOBODY;
	struct stat there;

	if (!user) {
		if (spool && stat(spool, &there) == 0 && there.st_uid != 0) {
			uid = there.st_uid;
			gid = there.st_gid;
		}
	} else if (text_parse_u64(user, &uid)) {
		gid = uid;
	} else {
		if (file_read("/etc/passwd", 16u << 20, &passwd, err) < 0)
			return -1;
		if (!find_name(buf_span(&passwd), span_of(user), &uid, &gid))
			return refuse(user, "no such account in /etc/passwd", err);
	}
	if (uid == 0 || uid >= UINT32_MAX || gid >= UINT32_MAX)
		return refuse(user ? user : "", "the gate does not run as root", err);
	*out = (struct gate_account){ (uid_t)uid, (gid_t)gid };
	return 0;
}

int gate_make_folder(const char *path, const struct gate_account *to, struct error *err)
{
	if (geteuid() != 0)
		return 0;
	if (mkdir(path, 0700) < 0) {
		if (errno != EEXIST)
			return error_system(err, "make %s", path);
		return 0;
	}
	/* fresh, empty, and nobody else may look into it */
	if (lchown(path, to->uid, to->gid) < 0)
		return error_system(err, "give %s away", path);
	return 0;
}

void gate_no_dumps(void)
{
	const struct rlimit none = { 0, 0 };

	(void)setrlimit(RLIMIT_CORE, &none);
	(void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	(void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); /* not on kernels before 3.5 */
}

int gate_drop_root(const struct gate_account *to, struct error *err)
{
	if (geteuid() != 0)
		return 0;
	if (setgroups(0, NULL) < 0 || setresgid(to->gid, to->gid, to->gid) < 0 ||
	    setresuid(to->uid, to->uid, to->uid) < 0)
		return error_system(err, "give up root");
	(void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0); /* a change of user may set it */
	return 0;
}

/* ── files ───────────────────────────────────────────────────────────────────────────────────── */

/* All that the oldest Landlock knows (5.13), and what came later as far as this kernel has it. */
static uint64_t known_rights(long abi)
{
	uint64_t rights = (LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1;

	if (abi >= 2)
		rights |= 1ull << 13; /* REFER: rename to another folder */
	if (abi >= 3)
		rights |= 1ull << 14; /* TRUNCATE */
	return rights;
}

static bool allow(int rules, const char *path, uint64_t rights, uint64_t known)
{
	struct landlock_path_beneath_attr rule = { 0 };
	struct stat there;

	AUTO_CLOSE int fd = open(path, O_PATH | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &there) < 0)
		return true; /* what can't be opened now need not be allowed */
	rule.parent_fd = fd;
	rule.allowed_access = rights & known;
	if (!S_ISDIR(there.st_mode))
		rule.allowed_access &= LANDLOCK_ACCESS_FS_READ_FILE |
		                       LANDLOCK_ACCESS_FS_WRITE_FILE | 1ull << 14;
	return syscall(SYS_landlock_add_rule, rules, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) == 0;
}

bool gate_confine_files(const char *const *writable, size_t writable_n, const char *const *readable,
                        size_t readable_n)
{
	const uint64_t read = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR;
	long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
	struct landlock_ruleset_attr all = { 0 };

	if (abi < 1)
		return false;
	all.handled_access_fs = known_rights(abi);

	AUTO_CLOSE int rules = (int)syscall(SYS_landlock_create_ruleset, &all, sizeof(uint64_t), 0);
	if (rules < 0)
		return false;
	for (size_t i = 0; i < writable_n; i++)
		if (writable[i] &&
		    !allow(rules, writable[i],
		           all.handled_access_fs & ~(uint64_t)LANDLOCK_ACCESS_FS_EXECUTE,
		           all.handled_access_fs))
			return false;
	for (size_t i = 0; i < readable_n; i++)
		if (readable[i] && !allow(rules, readable[i], read, all.handled_access_fs))
			return false;
	(void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	return syscall(SYS_landlock_restrict_self, rules, 0) == 0;
}
