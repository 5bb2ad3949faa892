/* host_files.c - the files of each simulated host. */

#include "host_files_private.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "guards.h"

static struct host	hosts[NODES_MAX];
struct opened		opened[OPENED];
static ino_t		last_number;

/*
 * The hosts and their processes.
 */

pid_t
host_new_pid(void)
{
	static pid_t	last = 1;

	return last = last == INT32_MAX ? 2 : last + 1;
}

pid_t
host_pid(void)
{
	return guard_running != NULL ? guard_running->pid :
	    leave_running != NULL ? leave_running->pid : world.current->pid;
}

static void
host_name_boot(const struct node *n)
{
	struct host	*h = &hosts[n->id];

	snprintf(h->place.boot, sizeof h->place.boot, "boot-%d-%d", n->id,
	    h->boots);
}

/* At first all are containers on one kernel, which have one boot id. */
struct host *
host_of(const struct node *n)
{
	struct host	*h = &hosts[n->id];

	if (h->place.machine[0] == '\0') {
		snprintf(h->place.machine, sizeof h->place.machine,
		    "machine-%d", n->id);
		snprintf(h->place.boot, sizeof h->place.boot, "boot");
	}
	return h;
}

void
host_files_begin(void)
{
	memset(hosts, 0, sizeof hosts);
	memset(opened, 0, sizeof opened);
	last_number = 0;
}

struct file *
host_file(struct host *h, const char *path)
{
	size_t	i;

	for (i = 0; i < FILES; i++)
		if (h->files[i].linked && strcmp(h->files[i].path, path) == 0)
			return &h->files[i];
	errno = ENOENT;
	return NULL;
}

struct file *
host_file_new(struct host *h, const char *path, mode_t mode)
{
	size_t	i = 0;

	while (i < FILES && (h->files[i].linked || h->files[i].opened > 0))
		i++;
	if (i == FILES || strlen(path) >= sizeof h->files[i].path)
		abort();
	memset(&h->files[i], 0, sizeof h->files[i]);
	h->files[i].linked = true;
	h->files[i].owner = geteuid();
	h->files[i].mode = mode;
	h->files[i].number = ++last_number;
	strcpy(h->files[i].path, path);
	return &h->files[i];
}

/*
 * Descriptors.
 */

/* A process that closes any descriptor of a file loses its fcntl lock. */
void
opened_close(struct opened *o)
{
	if (o->file->locked == o->pid)
		o->file->locked = 0;
	o->file->opened--;
	memset(o, 0, sizeof *o);
}

void
host_process_ends(const struct node *n, pid_t pid)
{
	size_t	i;

	for (i = 0; i < OPENED; i++)
		if (opened[i].pid == pid && opened[i].node == n)
			opened_close(&opened[i]);
}

struct opened *
opened_new(const struct node *n, pid_t pid, struct file *f)
{
	int	i = 0;

	while (i < OPENED && opened[i].pid != 0)
		i++;
	if (i == OPENED)
		abort();
	f->opened++;
	opened[i] = (struct opened){ .node = n, .pid = pid, .file = f,
	    .lock = LOCK_UN };
	return &opened[i];
}

/*
 * What happens to hosts and their files.
 */

static void
host_lose_descriptors(const struct node *n)
{
	size_t	i;

	for (i = 0; i < OPENED; i++)
		if (opened[i].pid != 0 && opened[i].node == n)
			opened_close(&opened[i]);
}

void
host_boots(const struct node *n, bool kept)
{
	struct host	*h = host_of(n);

	host_lose_descriptors(n);
	h->boots++;
	host_name_boot(n);
	if (kept)
		return;
	h->has_folder = false;
	memset(h->files, 0, sizeof h->files);
}

void
host_is_copy_of(const struct node *n, const struct node *other,
    bool on_its_kernel)
{
	struct host	*h = host_of(n);
	size_t		 i;

	host_lose_descriptors(n);
	h->has_folder = true;
	if (on_its_kernel)
		h->place = host_of(other)->place;
	memcpy(h->files, host_of(other)->files, sizeof h->files);
	for (i = 0; i < FILES; i++) {
		h->files[i].opened = 0;
		h->files[i].locked = 0;
		h->files[i].owner = geteuid();
		h->files[i].number = ++last_number;
	}
}

void
host_run_file_given(const struct node *n, bool locked)
{
	struct file	*f = host_file(host_of(n), RUN_FILE);

	if (f == NULL)
		return;
	f->owner = geteuid() + 1;
	if (locked)
		opened_new(n, host_new_pid(), f)->lock = LOCK_EX;
}

void
host_run_file_returned(const struct node *n, bool removed)
{
	struct file	*f = host_file(host_of(n), RUN_FILE);
	size_t		 i;

	if (f == NULL || f->owner == geteuid())
		return;
	for (i = 0; i < OPENED; i++)
		if (opened[i].file == f)
			opened_close(&opened[i]);
	f->owner = geteuid();
	f->linked = !removed;
}

bool
host_run_file_is_foreign(const struct node *n)
{
	const struct host	*h = host_of(n);
	const struct file	*f = host_file(host_of(n), RUN_FILE);

	return f != NULL && (strcmp(f->written.machine, h->place.machine) != 0 ||
	    strcmp(f->written.boot, h->place.boot) != 0);
}

bool
host_run_file_is_ours(const struct node *n)
{
	const struct file	*f = host_file(host_of(n), RUN_FILE);

	return f != NULL && f->owner == geteuid();
}
