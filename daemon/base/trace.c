/*
 * trace.c - what a plugin's calls have left behind in their process.
 *
 * The process looks at itself: it is not dumpable, so only root could do that
 * from outside.
 */
#include "trace.h"

#include <ctype.h>
#include <dirent.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <inttypes.h>
#include <malloc.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#define GROWN_MEMORY	(64 * 1024)	/* KiB */

static int64_t
trace_count_descriptors(void)
{
	DIR	*folder = opendir("/proc/self/fd");
	int64_t	 count = -1;	/* the folder's own */

	if (folder == NULL)
		return 0;
	for (struct dirent *e; (e = readdir(folder)) != NULL;)
		count += e->d_name[0] != '.';
	closedir(folder);
	return count;
}

/* Is it a child of ours, or has it lost its parent but not our group? */
static bool
trace_is_child(const char *pid)
{
	char	 path[64], line[512] = "", *end;
	int	 parent, group;
	FILE	*file;

	snprintf(path, sizeof path, "/proc/%.16s/stat", pid);
	file = fopen(path, "re");
	if (file == NULL)
		return false;
	end = fgets(line, sizeof line, file) == NULL ? NULL :
	    strrchr(line, ')');		/* its name may have some, too */
	fclose(file);
	return end != NULL &&
	    sscanf(end, ") %*c %d %d", &parent, &group) == 2 &&
	    (parent == getpid() || group == getpid());
}

static int64_t
trace_count_children(void)
{
	DIR	*folder = opendir("/proc");
	int64_t	 count = 0;
	char	 own[16];

	if (folder == NULL)
		return 0;
	snprintf(own, sizeof own, "%d", (int)getpid());
	for (struct dirent *e; (e = readdir(folder)) != NULL;)
		count += isdigit((unsigned char)e->d_name[0]) &&
		    strcmp(e->d_name, own) != 0 && trace_is_child(e->d_name);
	closedir(folder);
	return count;
}

/* Pages of its own, which the file tells second and third. */
static int64_t
trace_read_memory(void)
{
	int64_t	 resident = 0, shared = 0;
	char	 line[128];
	int	 fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
	ssize_t	 n = fd < 0 ? 0 : read(fd, line, sizeof line - 1);

	/* It keeps what was freed, and finds leaks itself. */
	if (dlsym(RTLD_DEFAULT, "__asan_init") != NULL)
		n = 0;
	if (fd >= 0)
		close(fd);
	line[n > 0 ? n : 0] = '\0';
	sscanf(line, "%*d %" SCNd64 " %" SCNd64, &resident, &shared);
	return (resident - shared) * (sysconf(_SC_PAGESIZE) / 1024);
}

static void
trace_read_status(struct trace *t)
{
	FILE	*file = fopen("/proc/self/status", "re");
	char	 line[512];

	while (file != NULL && fgets(line, sizeof line, file) != NULL) {
		sscanf(line, "SigBlk: %" SCNx64, &t->blocked);
		sscanf(line, "Umask: %" SCNo64, &t->umask);
	}
	if (file != NULL)
		fclose(file);
}

void
trace_measure(struct trace *t)
{
	t->memory = trace_read_memory();
	t->descriptors = trace_count_descriptors();
}

bool
trace_has_grown(const struct trace *first, const struct trace *now,
    char *text, size_t size)
{
	struct rlimit	 files;
	int64_t		 memory = now->memory - first->memory;

	if (memory > GROWN_MEMORY) {
		snprintf(text, size, "by %" PRId64 " MiB of memory since its "
		    "first call", memory / 1024);
		return true;
	}
	if (getrlimit(RLIMIT_NOFILE, &files) != 0 ||
	    now->descriptors <= (int64_t)(files.rlim_cur / 2) ||
	    now->descriptors <= first->descriptors)
		return false;
	snprintf(text, size, "to %" PRId64 " descriptors, of %" PRId64
	    " that it may have", now->descriptors, (int64_t)files.rlim_cur);
	return true;
}

void
trace_take(struct trace *t)
{
	struct rusage	 own;
	struct stat	 folder;

	memset(t, 0, sizeof *t);
#if defined(__GLIBC__)
	struct mallinfo2 heap = mallinfo2();

	t->heap = (int64_t)(heap.uordblks + heap.hblkhd);
#endif
	trace_measure(t);
	t->children = trace_count_children();
	trace_read_status(t);
	if (getrusage(RUSAGE_SELF, &own) == 0)
		t->written = own.ru_oublock;	/* a command may log */
	if (stat(".", &folder) == 0)
		t->folder = (uint64_t)folder.st_dev << 40 ^
		    (uint64_t)folder.st_ino;
}

/* Of both, so that they can't differ. */
#define FORMAT(number, hex)						\
	"heap %" number " memory %" number " descriptors %" number	\
	" children %" number " written %" number " blocked %" hex	\
	" umask %" hex " folder %" hex " closed_watch %d"

void
trace_print(const struct trace *t, char *text, size_t size)
{
	snprintf(text, size, FORMAT(PRId64, PRIx64), t->heap, t->memory,
	    t->descriptors, t->children, t->written, t->blocked, t->umask,
	    t->folder, t->closed_watch);
}

bool
trace_parse(struct trace *t, const char *text)
{
	int	 closed_watch, n = sscanf(text, FORMAT(SCNd64, SCNx64),
	    &t->heap, &t->memory, &t->descriptors, &t->children, &t->written,
	    &t->blocked, &t->umask, &t->folder, &closed_watch);

	t->closed_watch = n == 9 && closed_watch != 0;
	return n == 9;
}
