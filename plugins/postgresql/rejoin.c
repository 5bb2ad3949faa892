/* rejoin.c - a stopped copy becomes a slave again. */

#include "rejoin.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "query.h"

#define ANSWER_TIME	1000	/* ms of the call that are left for an answer */
#define CONNINFO	2048

/* What this host has set, which pg_rewind and pg_basebackup would overwrite
 * with what the master's host has. */
static const char	*const config_files[] = { "postgresql.conf",
			    "postgresql.auto.conf", "pg_hba.conf",
			    "pg_ident.conf" };
#define CONFIG_FILES	(sizeof(config_files) / sizeof(config_files[0]))

struct rejoin {
	enum rejoin_way	 way;
	bool		 clean;
	int		 version;
	char		 primary[CONNINFO];	/* primary_conninfo */
	char		 source[CONNINFO];	/* for a program */
	char		*config[CONFIG_FILES];	/* NULL: there is none */
};

bool
rejoin_allows(struct failover *f, enum rejoin_way way)
{
	const char	*option = f->option(f, "on_divergence");

	return way == REJOIN_AS_IS || strcmp(option, "copy") == 0 ||
	    (way == REJOIN_REWIND && strcmp(option, "rewind") == 0);
}

/*
 * The job's steps.  What they say goes to the log file; the line with "error:"
 * in it is what people are told.
 */

static char *
file_read(const char *path)
{
	FILE	*file = fopen(path, "re");
	char	*text = NULL;
	size_t	 size = 0;

	if (file != NULL) {
		if (getdelim(&text, &size, '\0', file) == -1 && text != NULL)
			text[0] = '\0';
		fclose(file);
	}
	return text;
}

static bool
file_write(const char *path, const char *text)
{
	FILE	*file = fopen(path, "we");
	bool	 ok = file != NULL && fputs(text, file) >= 0 &&
		    fflush(file) == 0 && fsync(fileno(file)) == 0;

	if (file != NULL)
		fclose(file);
	return ok;
}

static void
config_keep(struct rejoin *r, const char *folder)
{
	char	 path[PATH_MAX];
	size_t	 i;

	for (i = 0; i < CONFIG_FILES; i++) {
		snprintf(path, sizeof(path), "%s/%s", folder, config_files[i]);
		r->config[i] = file_read(path);
	}
}

static bool
config_restore(const struct rejoin *r, const char *folder)
{
	char	 path[PATH_MAX];
	size_t	 i;

	for (i = 0; i < CONFIG_FILES; i++) {
		snprintf(path, sizeof(path), "%s/%s", folder, config_files[i]);
		if (r->config[i] != NULL && !file_write(path, r->config[i]))
			return false;
	}
	return true;
}

/* As ALTER SYSTEM would write it, which needs a server that runs; the last line
 * for a setting wins. */
static bool
config_follow(const struct rejoin *r, const char *folder)
{
	char	 path[PATH_MAX], line[2 * CONNINFO + 32], *at, *text, *all;
	const char *c;
	bool	 ok;

	at = stpcpy(line, "primary_conninfo = '");
	for (c = r->primary; *c != '\0'; *at++ = *c++)
		if (*c == '\'' || *c == '\\')
			*at++ = *c;
	strcpy(at, "'\n");
	snprintf(path, sizeof(path), "%s/postgresql.auto.conf", folder);
	text = file_read(path);
	if (text != NULL && strlen(text) >= strlen(line) &&
	    strcmp(text + strlen(text) - strlen(line), line) == 0) {
		free(text);
		return true;
	}
	ok = asprintf(&all, "%s%s", text == NULL ? "" : text, line) != -1;
	if (ok) {
		ok = file_write(path, all);
		free(all);
	}
	free(text);
	return ok;
}

/* pg_rewind wants a data directory that was left in good order. */
static bool
recover(struct failover *f, int log)
{
	const char	*file = f->option(f, "config_file");
	char		 program[PATH_MAX], option[PATH_MAX + 16];
	const char	*argv[] = { program, "--single", "-D", server_data(f),
			    "-c", option, "template1", NULL };

	server_program(f, "postgres", program);
	snprintf(option, sizeof(option), "config_file=%s", file);
	if (!*file) {
		argv[4] = "template1";
		argv[5] = NULL;
	}
	server_clear(f);
	/* It refuses to run as a standby. */
	if (server_mark(f) != MARK_NONE && !server_set_mark(f, MARK_NONE))
		return false;
	return program_run(argv, log) == 0;
}

/* A server that somebody else starts meanwhile would open half of each: while
 * there is this file, with the number of a living process, it does not start.
 * pg_rewind removes it as one of its last steps. */
static bool
take_pid_file(struct failover *f, char path[PATH_MAX])
{
	char	 text[32];

	snprintf(path, PATH_MAX, "%s/postmaster.pid", server_data(f));
	snprintf(text, sizeof(text), "%d\n", (int)getpid());
	return server_gone(f) && file_write(path, text);
}

static bool
rewind_data(struct failover *f, struct rejoin *r, int log)
{
	char		 program[PATH_MAX], pid_file[PATH_MAX];
	char		 source[CONNINFO + 32];
	const char	*argv[] = { program, "-D", server_data(f), source,
			    r->version >= 13 ? "--no-ensure-shutdown" : NULL,
			    NULL };
	bool		 ok;

	server_program(f, "pg_rewind", program);
	snprintf(source, sizeof(source), "--source-server=%s", r->source);
	config_keep(r, server_data(f));
	if ((!r->clean && !server_torn(f) && !recover(f, log)) ||
	    !take_pid_file(f, pid_file)) {
		server_set_mark(f, MARK_STANDBY);
		return false;
	}
	ok = server_set_torn(f, true);
	if (!ok)
		dprintf(log, "error: can't write beside %s: %s\n",
		    server_data(f), strerror(errno));
	ok = ok && program_run(argv, log) == 0;
	ok = config_restore(r, server_data(f)) && ok;
	/* The master has no standby.signal, so pg_rewind has removed ours. */
	ok = server_set_mark(f, MARK_STANDBY) && ok;
	ok = ok && server_set_torn(f, false);
	unlink(pid_file);
	return ok;
}

/* Beside the old data, which is kept, and does not run meanwhile. */
static bool
copy_data(struct failover *f, struct rejoin *r, int log)
{
	char		 program[PATH_MAX], new[PATH_MAX], old[PATH_MAX];
	char		 pid_file[PATH_MAX];
	const char	*data = server_data(f);
	bool		 fresh = server_empty(f);
	const char	*argv[] = { program, "-D", fresh ? data : new, "-d",
			    r->source, "-c", "fast", "-X", "stream", "-w",
			    NULL };

	server_program(f, "pg_basebackup", program);
	snprintf(new, sizeof(new), "%s.new", data);
	snprintf(old, sizeof(old), "%s.diverged", data);
	config_keep(r, data);
	if (!fresh && access(old, F_OK) == 0) {
		dprintf(log, "error: %s is in the way of a new copy\n", old);
		return false;
	}
	if (!fresh && !take_pid_file(f, pid_file)) {
		dprintf(log, "error: the server in %s runs again\n", data);
		return false;
	}
	if (program_run(argv, log) != 0) {
		if (!fresh)
			unlink(pid_file);
		return false;
	}
	if (fresh)
		return server_set_mark(f, MARK_STANDBY);
	if (config_restore(r, new) && server_gone(f) &&
	    rename(data, old) == 0 && rename(new, data) == 0)
		return server_set_mark(f, MARK_STANDBY) &&
		    server_set_torn(f, false);
	dprintf(log, "error: can't put %s in the place of %s: %s\n", new, data,
	    strerror(errno));
	unlink(pid_file);
	return false;
}

static bool
rejoin_job(struct failover *f, void *arg, int log)
{
	struct rejoin	*r = arg;
	bool		 ok = true;

	if (r->way == REJOIN_REWIND)
		ok = rewind_data(f, r, log);
	if (r->way == REJOIN_COPY ||
	    (!ok && rejoin_allows(f, REJOIN_COPY)))
		ok = copy_data(f, r, log);
	return ok && config_follow(r, server_data(f)) &&
	    server_set_mark(f, MARK_STANDBY) && server_start(f, 0, log);
}

/*
 * What people are told.
 */

/* The last line of the log file that was written from here on and names an
 * error, or else the last one. */
static void
last_error(struct failover *f, off_t from, char *text, size_t size)
{
	FILE	*file = fopen(server_log(f), "re");
	char	*line = NULL;
	size_t	 room = 0;
	bool	 found = false, error;

	snprintf(text, size, "see %s", server_log(f));
	if (file == NULL)
		return;
	fseeko(file, from, SEEK_SET);
	while (getline(&line, &room, file) > 0) {
		error = strstr(line, "error:") || strstr(line, "FATAL:") ||
		    strstr(line, "fatal:");
		if (line[0] == '\n' || (found && !error))
			continue;
		found = error;
		line[strcspn(line, "\n")] = '\0';
		snprintf(text, size, "%s", line);
	}
	free(line);
	fclose(file);
}

static bool
can_copy(struct failover *f)
{
	static const char	*const used[] = { "new", "diverged" };
	char			 path[PATH_MAX];
	size_t			 i;

	for (i = 0; i < sizeof(used) / sizeof(used[0]); i++) {
		snprintf(path, sizeof(path), "%s.%s", server_data(f), used[i]);
		if (access(path, F_OK) == 0) {
			f->say(f, FAILOVER_FAILED, "%s is in the way of a new "
			    "copy: look whether it is still needed, and "
			    "remove it", path);
			return false;
		}
	}
	return true;
}

enum failover_result
rejoin(struct failover *f, const struct server *s, const char *host,
    enum rejoin_way way)
{
	static const char	*const verbs[] = { "the start", "pg_rewind",
				    "the new copy" };
	static struct rejoin	 r;
	struct program		 job;
	struct stat		 before = { 0 };
	char			 error[FAILOVER_SENTENCE];

	r = (struct rejoin){ .way = way, .clean = s->control.clean,
	    .version = server_version(f) };
	if (way == REJOIN_COPY && !can_copy(f))
		return FAILOVER_FAILED;
	if (!query_conninfo(f, host, f->master_port, "", r.primary,
	    sizeof(r.primary)) ||
	    !query_conninfo(f, host, f->master_port, "postgres", r.source,
	    sizeof(r.source)))
		return f->say(f, FAILOVER_FAILED,
		    "option replication is too long");
	if (stat(server_log(f), &before) != 0)
		before.st_size = 0;
	if (way != REJOIN_AS_IS)
		f->log(f, FAILOVER_WARNING, "%s of %s from %s:%d begins",
		    verbs[way], server_data(f), host, f->master_port);
	if (!job_start(&job, f, false, rejoin_job, &r))
		return f->say(f, FAILOVER_AGAIN, "%s waits for another one",
		    verbs[way]);
	if (!program_wait(&job, f, ANSWER_TIME))
		return f->say(f, FAILOVER_AGAIN, "%s is under way: see %s",
		    verbs[way], server_log(f));
	if (job.status == 0)
		return f->say(f, FAILOVER_AGAIN, "started as a standby");
	last_error(f, before.st_size, error, sizeof(error));
	return f->say(f, FAILOVER_FAILED, "%s failed: %s", verbs[way], error);
}
