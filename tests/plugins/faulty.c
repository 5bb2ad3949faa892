/*
 * faulty.c - a plugin that keeps all promises but one: which one, says its
 * option fault.  Its application is a file, which holds its role.
 */
#include <consul-failover/plugin.h>

#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

static const struct failover_option options[] = {
	{ "folder", FAILOVER_STRING | FAILOVER_REQUIRED, NULL,
	    "where its files are" },
	{ "fault", FAILOVER_STRING, "", "the promise that is broken" },
	{ "password", FAILOVER_STRING, NULL, "a secret" },
	{ "password_file", FAILOVER_STRING, NULL, "a file with a secret" },
	{ 0 }
};

FAILOVER_PLUGIN("faulty", "1.0", "breaks a promise, for tests", options);

static bool
is(struct failover *f, const char *fault)
{
	return strcmp(f->option(f, "fault"), fault) == 0;
}

static char *
file(struct failover *f, const char *name)
{
	static char	 path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/%s", f->option(f, "folder"), name);
	return path;
}

/* How often this has been asked, in all processes. */
static int
count(struct failover *f, const char *name)
{
	FILE	*log = fopen(file(f, name), "ae");
	long	 n;

	fputc('x', log);
	fflush(log);
	fseek(log, 0, SEEK_END);
	n = ftell(log);
	fclose(log);
	return (int)n;
}

static void
become(struct failover *f, const char *role)
{
	FILE	*out = fopen(file(f, "role"), "we");

	fputs(role, out);
	fclose(out);
}

static const char *
role(struct failover *f)
{
	static char	 text[32];
	FILE		*in = fopen(file(f, "role"), "re");

	text[0] = '\0';
	if (in != NULL && fgets(text, sizeof(text), in) == NULL)
		text[0] = '\0';
	if (in != NULL)
		fclose(in);
	return text;
}

static _Noreturn void
hang(void)
{
	for (;;)
		pause();
}

/* What a call leaves behind, as the fault of this name says. */
static void
leave(struct failover *f, const char *op)
{
	char	 fault[64];

	snprintf(fault, sizeof(fault), "%s leaks memory", op);
	if (is(f, fault))
		*(volatile char *)malloc(64) = 'x';
	snprintf(fault, sizeof(fault), "%s leaks descriptors", op);
	if (is(f, fault))
		(void)!open("/dev/null", O_RDONLY | O_CLOEXEC);
	snprintf(fault, sizeof(fault), "%s leaks children", op);
	if (is(f, fault) && fork() == 0)
		_exit(0);
	snprintf(fault, sizeof(fault), "%s blocks signals", op);
	if (is(f, fault)) {
		sigset_t	 set;

		sigemptyset(&set);
		sigaddset(&set, SIGTERM);
		sigprocmask(SIG_BLOCK, &set, NULL);
	}
	snprintf(fault, sizeof(fault), "%s changes umask", op);
	if (is(f, fault))
		umask(0177);
	snprintf(fault, sizeof(fault), "%s changes folder", op);
	if (is(f, fault))
		(void)!chdir("/usr");
}

enum failover_result
health(struct failover *f)
{
	char	 name[64];

	leave(f, "health");
	if (is(f, "health hangs"))
		hang();
	if (is(f, "health crashes"))
		raise(SIGSEGV);
	if (is(f, "health fails"))
		return f->say(f, FAILOVER_FAILED, "not fit");
	if (is(f, "health flips") && count(f, "flips") % 2 == 0)
		return f->say(f, FAILOVER_FAILED, "no longer fit");
	if (is(f, "health writes"))
		count(f, "written");
	if (is(f, "health writes elsewhere"))
		count(f, "elsewhere");
	if (is(f, "health says nothing"))
		return FAILOVER_DONE;
	if (is(f, "health tells"))
		return f->say(f, FAILOVER_DONE, "as root:%s",
		    f->option(f, "password"));
	snprintf(name, sizeof(name), "%s unhealthy", role(f));
	if (is(f, name) || access(file(f, "wedged"), F_OK) == 0)
		return f->say(f, FAILOVER_FAILED, "%s", name);
	if (is(f, "short crashes") && f->time_left(f) < 100)
		abort();
	if (is(f, "short wedges") && f->time_left(f) < 100)
		count(f, "wedged");
	return f->say(f, FAILOVER_DONE, "fit");
}

/* Says the role again and again, as long as nothing is to be done for it. */
static enum failover_result
ensure(struct failover *f, const char *to)
{
	bool	 again = strcmp(role(f), to) == 0;
	char	 fault[64];

	leave(f, to);
	snprintf(fault, sizeof(fault), "%s %s", to, again ? "again" : "first");
	if (is(f, fault))
		return f->say(f, FAILOVER_FAILED, "the disk is full");
	snprintf(fault, sizeof(fault), "%s slow", to);
	if (is(f, fault) && again)
		usleep(1200000);
	snprintf(fault, sizeof(fault), "%s for ever", to);
	if (is(f, fault))
		return f->say(f, FAILOVER_AGAIN, "catching up");
	snprintf(fault, sizeof(fault), "%s lies", to);
	if (is(f, fault))
		to = strcmp(to, "master") == 0 ? "slave" : "master";
	become(f, to);
	return f->say(f, FAILOVER_DONE, "%s", to);
}

enum failover_result
ensure_master(struct failover *f)
{
	if (is(f, "half undemotable") || is(f, "half unpromotable")) {
		if (access(file(f, "half"), F_OK) == 0)
			return f->say(f, FAILOVER_FAILED, "half made");
		count(f, "half");
		usleep(300000);
		unlink(file(f, "half"));
	}
	if (is(f, "master logs")) {
		FILE	*in = fopen(f->option(f, "password_file"), "re");
		char	 line[64] = "";

		f->log(f, FAILOVER_INFO, "as root:%s",
		    fgets(line, sizeof(line), in));
		fclose(in);
	}
	return ensure(f, "master");
}

enum failover_result
ensure_slave(struct failover *f, const char *master_host)
{
	(void)master_host;
	return ensure(f, "slave");
}

enum failover_result
ensure_demoted(struct failover *f)
{
	if (is(f, "demoted hangs"))
		hang();
	if (is(f, "demoted crashes") && f->time_left(f) < 100)
		abort();
	if (f->time_left(f) < 100)
		count(f, "killed");	/* as one does that needs longer */
	if (is(f, "undemotable") && strcmp(role(f), "master") == 0)
		return f->say(f, FAILOVER_FAILED, "it does not obey");
	if (is(f, "half undemotable") && access(file(f, "half"), F_OK) == 0)
		return f->say(f, FAILOVER_FAILED, "half made");
	return ensure(f, "demoted");
}

/* "LIVES.WRITES": the first grows with each mastership, where it forgets. */
enum failover_result
position(struct failover *f, char *text, size_t size)
{
	int	 written = 0;

	if (is(f, "position fails"))
		return f->say(f, FAILOVER_FAILED, "it is dark");
	if (is(f, "position empty"))
		return FAILOVER_DONE;
	if (is(f, "position long")) {
		memset(text, 'x', size);
		return FAILOVER_DONE;
	}
	if (is(f, "position moves"))
		count(f, "written");
	if (is(f, "no final position") && strcmp(role(f), "demoted") == 0 &&
	    access(file(f, "masters"), F_OK) == 0)
		return f->say(f, FAILOVER_FAILED, "it is stopped");
	if (access(file(f, "written"), F_OK) == 0)
		written = count(f, "written");
	if (strcmp(role(f), "master") == 0 &&
	    access(file(f, "masters"), F_OK) != 0)
		count(f, "masters");
	snprintf(text, size, "%d.%d", is(f, "forgets") &&
	    strcmp(role(f), "master") == 0, written);
	return FAILOVER_DONE;
}

static bool
parse(const char *text, int *life, int *write)
{
	char	 end;

	return sscanf(text, "%d.%d%c", life, write, &end) == 2;
}

enum failover_result
has_position(struct failover *f, const char *text)
{
	int	 life, write;

	if (is(f, "has nothing"))
		return FAILOVER_FAILED;
	if (!parse(text, &life, &write)) {
		if (is(f, "garbage crashes"))
			abort();
		return is(f, "has garbage") ? FAILOVER_DONE : FAILOVER_AGAIN;
	}
	return life == (is(f, "forgets") && strcmp(role(f), "master") == 0) ?
	    FAILOVER_DONE : FAILOVER_FAILED;
}

int64_t
behind(struct failover *f, const char *text)
{
	int	 life, write;

	if (!parse(text, &life, &write))
		return is(f, "behind garbage") ? 0 : -1;
	return is(f, "behind itself") ? 3 : 0;
}

int
watch_fd(struct failover *f)
{
	static int	 din = -1;

	if (din == -1 && is(f, "watch_fd din"))
		din = eventfd(1, EFD_CLOEXEC);
	if (din == -1 && is(f, "watch_fd closed"))
		close(din = eventfd(0, EFD_CLOEXEC));
	return din;
}
