/*
 * host_calls.c - the system's calls for files, which host_files.c answers: with
 * 64-bit offsets, which meson asks for, glibc calls them so.
 */

#include "host_files_private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "guards.h"

#define MACHINE		"/etc/machine-id"
#define BOOT		"/proc/sys/kernel/random/boot_id"

int	__real_open64(const char *, int, ...);
int	__wrap_open64(const char *, int, ...);
int	__real_close(int);
int	__wrap_close(int);
ssize_t	__real_pread64(int, void *, size_t, off_t);
ssize_t	__wrap_pread64(int, void *, size_t, off_t);
ssize_t	__real_pwrite64(int, const void *, size_t, off_t);
ssize_t	__wrap_pwrite64(int, const void *, size_t, off_t);
int	__real_fstat64(int, struct stat *);
int	__wrap_fstat64(int, struct stat *);
int	__real_stat64(const char *, struct stat *);
int	__wrap_stat64(const char *, struct stat *);
int	__real_fchmod(int, mode_t);
int	__wrap_fchmod(int, mode_t);
int	__real_mkdir(const char *, mode_t);
int	__wrap_mkdir(const char *, mode_t);
int	__real_unlink(const char *);
int	__wrap_unlink(const char *);
int	__real_flock(int, int);
int	__wrap_flock(int, int);
int	__real_fcntl64(int, int, ...);
int	__wrap_fcntl64(int, int, ...);
FILE	*__real_fopen64(const char *, const char *);
FILE	*__wrap_fopen64(const char *, const char *);
pid_t	__real_getpid(void);
pid_t	__wrap_getpid(void);

static struct host *
host_here(void)
{
	return host_of(world.current);
}

/* What follows the run_dir; NULL: it is not there, or nothing happens at a
 * host. */
static const char *
path_in_run_dir(const char *path)
{
	const char	*folder = world.current == NULL ? NULL :
			    world.current->config.run_dir;
	size_t		 n = folder == NULL ? 0 : strlen(folder);

	return folder != NULL && strncmp(path, folder, n) == 0 ? path + n :
	    NULL;
}

static bool
is_simulated(const char *path)
{
	const char	*rest = path_in_run_dir(path);

	return rest != NULL && rest[0] == '/';
}

static struct opened *
opened_of(int fd)
{
	if (fd < HOST_FD || fd >= HOST_FD + OPENED ||
	    opened[fd - HOST_FD].pid == 0)
		abort();
	return &opened[fd - HOST_FD];
}

static int
file_open(const char *path, int flags, mode_t mode)
{
	struct host	*h = host_here();
	struct file	*f = host_file(h, path);

	if (f == NULL && ((flags & O_CREAT) == 0 || !h->has_folder))
		return -1;
	if (f == NULL)
		f = host_file_new(h, path, mode);
	return HOST_FD + (int)(opened_new(world.current, host_pid(), f) -
	    opened);
}

static void
file_describe(const struct file *f, struct stat *st)
{
	memset(st, 0, sizeof *st);
	st->st_mode = S_IFREG | f->mode;
	st->st_uid = f->owner;
	st->st_ino = f->number;
	st->st_size = (off_t)f->length;
}

int
__wrap_open64(const char *path, int flags, ...)
{
	mode_t	mode = 0;
	va_list	ap;

	if ((flags & O_CREAT) != 0) {
		va_start(ap, flags);
		mode = (mode_t)va_arg(ap, int);
		va_end(ap);
	}
	if (is_simulated(path))
		return file_open(path, flags, mode);
	/* A device, which nothing here writes to. */
	return guard_running != NULL ? NULL_FD :
	    __real_open64(path, flags, mode);
}

int
__wrap_close(int fd)
{
	if (fd >= HOST_FD)
		opened_close(opened_of(fd));
	else if (!channel_closes(fd))
		return __real_close(fd);
	return 0;
}

ssize_t
__wrap_pread64(int fd, void *to, size_t size, off_t at)
{
	const struct file	*f;
	size_t			 left;

	if (fd < HOST_FD)
		return __real_pread64(fd, to, size, at);
	f = opened_of(fd)->file;
	if (world.bug == BUG_LEASE_NOT_INHERITED && f->locked == host_pid())
		return 0;
	left = (size_t)at < f->length ? f->length - (size_t)at : 0;
	if (size > left)
		size = left;
	memcpy(to, f->content + at, size);
	return (ssize_t)size;
}

ssize_t
__wrap_pwrite64(int fd, const void *from, size_t size, off_t at)
{
	struct file	*f;

	if (fd < HOST_FD)
		return __real_pwrite64(fd, from, size, at);
	f = opened_of(fd)->file;
	if ((size_t)at + size >= CONTENT)
		abort();
	f->written = host_here()->place;
	memcpy(f->content + at, from, size);
	if ((size_t)at + size > f->length)
		f->length = (size_t)at + size;
	return (ssize_t)size;
}

int
__wrap_fstat64(int fd, struct stat *st)
{
	if (fd < HOST_FD)
		return __real_fstat64(fd, st);
	file_describe(opened_of(fd)->file, st);
	return 0;
}

int
__wrap_stat64(const char *path, struct stat *st)
{
	const struct file	*f;

	if (!is_simulated(path))
		return __real_stat64(path, st);
	if ((f = host_file(host_here(), path)) == NULL)
		return -1;
	file_describe(f, st);
	return 0;
}

int
__wrap_fchmod(int fd, mode_t mode)
{
	if (fd < HOST_FD)
		return __real_fchmod(fd, mode);
	opened_of(fd)->file->mode = mode;
	return 0;
}

int
__wrap_mkdir(const char *path, mode_t mode)
{
	const char	*rest = path_in_run_dir(path);
	struct host	*h;

	if (rest == NULL || rest[0] != '\0')
		return __real_mkdir(path, mode);
	h = host_here();
	errno = EEXIST;
	if (h->has_folder)
		return -1;
	h->has_folder = true;
	return 0;
}

int
__wrap_unlink(const char *path)
{
	struct file	*f;

	if (!is_simulated(path))
		return __real_unlink(path);
	if ((f = host_file(host_here(), path)) == NULL)
		return -1;
	f->linked = false;
	return 0;
}

int
__wrap_flock(int fd, int how)
{
	struct opened	*mine;
	size_t		 i;
	int		 lock = how & (LOCK_SH | LOCK_EX | LOCK_UN);

	if (fd < HOST_FD)
		return __real_flock(fd, how);
	mine = opened_of(fd);
	errno = EWOULDBLOCK;
	for (i = 0; i < OPENED && lock != LOCK_UN; i++)
		if (&opened[i] != mine && opened[i].pid != 0 &&
		    opened[i].file == mine->file && opened[i].lock != LOCK_UN &&
		    (lock == LOCK_EX || opened[i].lock == LOCK_EX))
			return -1;
	mine->lock = lock;
	return 0;
}

static int
file_lock(struct file *f, int how, struct flock *l)
{
	bool	others = f->locked != 0 && f->locked != host_pid() &&
		    world.bug != BUG_GUARD_NOT_AWAITED;

	if (how == F_GETLK) {
		if (others)
			l->l_pid = f->locked;
		else
			l->l_type = F_UNLCK;
		return 0;
	}
	errno = EAGAIN;
	if (others && l->l_type != F_UNLCK)
		return -1;
	if (!others)
		f->locked = l->l_type == F_UNLCK ? 0 : host_pid();
	return 0;
}

int
__wrap_fcntl64(int fd, int how, ...)
{
	va_list	ap;
	void	*arg;

	va_start(ap, how);
	arg = va_arg(ap, void *);
	va_end(ap);
	if (fd >= HOST_FD)
		return file_lock(opened_of(fd)->file, how, arg);
	return guard_running != NULL ? 0 : __real_fcntl64(fd, how, arg);
}

FILE *
__wrap_fopen64(const char *path, const char *how)
{
	struct file	*f;
	struct place	*p;
	char		*word;

	if (world.current != NULL && (strcmp(path, MACHINE) == 0 ||
	    strcmp(path, BOOT) == 0)) {
		p = &host_here()->place;
		word = strcmp(path, BOOT) == 0 ? p->boot : p->machine;
		return fmemopen(word, strlen(word), how);
	}
	if (!is_simulated(path))
		return __real_fopen64(path, how);
	f = host_file(host_here(), path);
	return f == NULL ? NULL : fmemopen(f->content, f->length, how);
}

pid_t
__wrap_getpid(void)
{
	return world.current == NULL ? __real_getpid() : host_pid();
}
