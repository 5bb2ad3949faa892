/* rejoin.c - a stopped copy becomes a slave again. */

#include "rejoin.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "data.h"
#include "file.h"
#include "job.h"
#include "keywords.h"
#include "mark.h"
#include "process.h"
#include "program.h"
#include "settings.h"

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
	const char	*host;
	off_t		 log_from;		/* where the job's lines begin */
};

bool
rejoin_allows(struct failover *f, enum rejoin_way way)
{
	const char	*option = f->option(f, "on_divergence");

	return way == REJOIN_AS_IS || strcmp(option, "copy") == 0 ||
	    (way == REJOIN_REWIND && strcmp(option, "rewind") == 0);
}

/* What people and packages leave in a data directory. */
bool
rejoin_may_rewind(struct failover *f, bool others, char *why, size_t size)
{
	DIR		*dir = opendir(data_folder(f));
	struct dirent	*d;
	struct stat	 s;
	bool		 file, ours = true, ok = true;

	while (ours && ok && dir != NULL && (d = readdir(dir)) != NULL) {
		if (strcmp(d->d_name, "..") == 0 ||
		    fstatat(dirfd(dir), d->d_name, &s, 0) != 0)
			continue;
		file = S_ISREG(s.st_mode) || S_ISDIR(s.st_mode);
		ours = !file || faccessat(dirfd(dir), d->d_name,
		    S_ISDIR(s.st_mode) ? R_OK | W_OK | X_OK : R_OK | W_OK,
		    AT_EACCESS) == 0;
		ok = file || !others;
		if (!ours)
			snprintf(why, size, "pg_rewind can't write %s/%s: give "
			    "it to the user of the server (chown), or put it "
			    "elsewhere", data_folder(f), d->d_name);
		else if (!ok)
			snprintf(why, size, "%s/%s is not a regular file, so "
			    "pg_rewind will fail on any copy that uses this "
			    "one as its source: put it elsewhere "
			    "(unix_socket_directories?)", data_folder(f),
			    d->d_name);
	}
	if (dir != NULL)
		closedir(dir);
	return ours && ok;
}

/*
 * The job's steps.  What they say goes to the log file; the line with "error:"
 * in it is what people are told.
 */

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

/* pg_rewind empties the history files before it fetches the master's, and where
 * it fails then, finds no common ancestor any more.  So they are in the note of
 * it, each below a line with its name. */
#define HISTORY_NAME	"== "

static char *
history_keep(struct failover *f)
{
	char		 folder[PATH_MAX], path[2 * PATH_MAX];
	char		*text, *all = strdup(""), *more;
	DIR		*dir;
	struct dirent	*d;

	data_path(f, "pg_wal", folder);
	dir = opendir(folder);
	while (dir != NULL && all != NULL && (d = readdir(dir)) != NULL) {
		if (strlen(d->d_name) != strlen("00000002.history") ||
		    strcmp(d->d_name + 8, ".history") != 0)
			continue;
		snprintf(path, sizeof(path), "%s/%s", folder, d->d_name);
		text = file_read(path);
		if (text == NULL || *text == '\0') {
			free(text);	/* lost already */
			continue;
		}
		if (asprintf(&more, HISTORY_NAME "%s\n%s%s", d->d_name, text,
		    all) == -1)
			more = NULL;
		free(text);
		free(all);
		all = more;
	}
	if (dir != NULL)
		closedir(dir);
	return all;
}

static bool
history_restore(struct failover *f)
{
	char	*note = mark_torn_note(f), *at = note, *name, *end;
	char	 path[PATH_MAX], folder[PATH_MAX], file[32];
	bool	 ok = true;

	while (at != NULL && strncmp(at, HISTORY_NAME, 3) == 0) {
		name = at + 3;
		at = strchr(name, '\n');
		if (at == NULL)
			break;
		*at++ = '\0';
		end = strstr(at, "\n" HISTORY_NAME);
		if (end != NULL)
			end[1] = '\0';
		snprintf(file, sizeof(file), "pg_wal/%.16s", name);
		data_path(f, file, path);
		ok = file_write(path, at) && ok;
		if (end != NULL)
			end[1] = *HISTORY_NAME;
		at = end == NULL ? NULL : end + 1;
	}
	free(note);
	data_path(f, "pg_wal", folder);
	return file_sync_folder(folder) && ok;
}

/* pg_rewind wants a data directory that was left in good order. */
static bool
recover(struct failover *f, int log)
{
	const char	*file = f->option(f, "config_file");
	char		 program[PATH_MAX], option[PATH_MAX + 16];
	const char	*argv[] = { program, "--single", "-D", data_folder(f),
			    "-c", option, "template1", NULL };

	data_program(f, "postgres", program);
	snprintf(option, sizeof(option), "config_file=%s", file);
	if (!*file) {
		argv[4] = "template1";
		argv[5] = NULL;
	}
	process_clear(f);
	/* It refuses to run as a standby. */
	if (mark_get(f) != MARK_NONE && !mark_set(f, MARK_NONE))
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

	snprintf(path, PATH_MAX, "%s/postmaster.pid", data_folder(f));
	snprintf(text, sizeof(text), "%d\n", (int)getpid());
	return process_gone(f) && file_write(path, text);
}

/* A try that can't come to its end is to leave the copy as it is. */
static bool
rewind_run(struct failover *f, const char *argv[], int words, int log)
{
	char	*note;
	bool	 ok;

	argv[words] = "--dry-run";
	if (program_run(argv, log) != 0)
		return false;
	argv[words] = NULL;
	note = history_keep(f);
	ok = note != NULL && mark_set_torn(f, note);
	free(note);
	if (!ok) {
		dprintf(log, "error: can't write beside %s: %s\n",
		    data_folder(f), strerror(errno));
		return false;
	}
	if (program_run(argv, log) == 0)
		return true;
	history_restore(f);
	return false;
}

static bool
rewind_data(struct failover *f, struct rejoin *r, int log)
{
	char		 program[PATH_MAX], pid_file[PATH_MAX];
	char		 source[CONNINFO + 32], why[FAILOVER_SENTENCE];
	const char	*argv[7] = { program, "-D", data_folder(f), source };
	int		 words = 4;
	bool		 ok;

	if (r->version >= 13)
		argv[words++] = "--no-ensure-shutdown";
	if (!rejoin_may_rewind(f, false, why, sizeof(why))) {
		dprintf(log, "error: %s\n", why);
		return false;
	}
	data_program(f, "pg_rewind", program);
	snprintf(source, sizeof(source), "--source-server=%s", r->source);
	config_keep(r, data_folder(f));
	if ((!r->clean && !mark_torn(f) && !recover(f, log)) ||
	    !take_pid_file(f, pid_file)) {
		mark_set(f, MARK_STANDBY);
		return false;
	}
	/* Of one that was killed, maybe. */
	ok = (!mark_torn(f) || history_restore(f)) &&
	    rewind_run(f, argv, words, log);
	ok = config_restore(r, data_folder(f)) && ok;
	/* The master has no standby.signal, so pg_rewind has removed ours. */
	ok = mark_set(f, MARK_STANDBY) && ok;
	ok = ok && mark_set_torn(f, NULL);
	unlink(pid_file);
	return ok;
}

/* Beside the old data, which is kept, and does not run meanwhile. */
static bool
copy_data(struct failover *f, struct rejoin *r, int log)
{
	char		 program[PATH_MAX], new[PATH_MAX], old[PATH_MAX];
	char		 pid_file[PATH_MAX], data[PATH_MAX / 2];
	bool		 fresh = data_empty(f);
	const char	*argv[] = { program, "-D", fresh ? data : new, "-d",
			    r->source, "-c", "fast", "-X", "stream", "-w",
			    NULL };

	data_program(f, "pg_basebackup", program);
	/* While it is being replaced nothing is there. */
	snprintf(data, sizeof(data), "%s", data_folder(f));
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
		return mark_set(f, MARK_STANDBY);
	if (config_restore(r, new) && process_gone(f) &&
	    rename(data, old) == 0 && rename(new, data) == 0)
		return mark_set(f, MARK_STANDBY) &&
		    mark_set_torn(f, NULL);
	dprintf(log, "error: can't put %s in the place of %s: %s\n", new, data,
	    strerror(errno));
	unlink(pid_file);
	return false;
}

/* The last line of the log file that was written from here on and names an
 * error, or else the last one. */
static void
last_error(struct failover *f, off_t from, char *text, size_t size)
{
	FILE	*file = fopen(data_log(f), "re");
	char	*line = NULL;
	size_t	 room = 0;
	bool	 found = false, error;

	snprintf(text, size, "see %s", data_log(f));
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

/* What another try would only meet again. */
static bool
is_final(const char *error)
{
	static const char	*const words[] = {
		"could not find common ancestor",
		"could not find previous WAL record",
		"\"wal_log_hints = on\"",
	};
	size_t			 i;

	for (i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strstr(error, words[i]) != NULL)
			return true;
	return false;
}

static void
final_words(const char *host, uint16_t port, char text[static 160])
{
	snprintf(text, 160, "has diverged from %.100s:%d, and pg_rewind "
	    "failed: ", host, port);
}

bool
rejoin_failed(struct failover *f, const char *host)
{
	char	 words[160];

	final_words(host, f->master_port, words);
	return !rejoin_allows(f, REJOIN_COPY) &&
	    strncmp(f->memory, words, strlen(words)) == 0;
}

enum failover_result
rejoin_say_failed(struct failover *f)
{
	return f->say(f, FAILOVER_FAILED, "%s; only a new copy helps: "
	    "pg_basebackup by hand, or on_divergence = copy", f->memory);
}

static void
remember_final(struct failover *f, const char *host, const char *error)
{
	char	 words[160], text[FAILOVER_SENTENCE - 128];

	final_words(host, f->master_port, words);
	snprintf(text, sizeof(text), "%s%.200s", words, error);
	if (is_final(error))
		f->remember(f, text);
}

static bool
rejoin_job(struct failover *f, void *arg, int log)
{
	struct rejoin	*r = arg;
	char		 error[FAILOVER_SENTENCE];
	bool		 ok = true;

	if (r->way == REJOIN_REWIND)
		ok = rewind_data(f, r, log);
	if (r->way == REJOIN_COPY ||
	    (!ok && rejoin_allows(f, REJOIN_COPY)))
		ok = copy_data(f, r, log);
	else if (!ok) {
		/* The call may be over. */
		last_error(f, r->log_from, error, sizeof(error));
		remember_final(f, r->host, error);
	}
	/* What a crash has left is compared with the master's before it gets
	 * any of that: a stream would hide that it has diverged. */
	return ok && settings_set(f, "primary_conninfo",
	    r->way == REJOIN_AS_IS && !r->clean ? "" : r->primary) &&
	    mark_set(f, MARK_STANDBY) && server_start(f, 0, log);
}

/*
 * What people are told.
 */

static bool
can_copy(struct failover *f)
{
	static const char	*const used[] = { "new", "diverged" };
	char			 path[PATH_MAX];
	size_t			 i;

	for (i = 0; i < sizeof(used) / sizeof(used[0]); i++) {
		snprintf(path, sizeof(path), "%s.%s", data_folder(f), used[i]);
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
	static bool		 told;		/* one that has failed since */
	struct program		 job;
	struct stat		 before = { 0 };
	char			 error[FAILOVER_SENTENCE];

	r = (struct rejoin){ .way = way, .clean = s->control.clean,
	    .version = data_version(f), .host = host };
	if (way == REJOIN_COPY && !can_copy(f))
		return FAILOVER_FAILED;
	if (!keywords_conninfo(f, host, f->master_port, "", r.primary,
	    sizeof(r.primary)) ||
	    !keywords_conninfo(f, host, f->master_port, "postgres", r.source,
	    sizeof(r.source)))
		return f->say(f, FAILOVER_FAILED,
		    "option replication is too long");
	if (stat(data_log(f), &before) == 0)
		r.log_from = before.st_size;
	if (way != REJOIN_AS_IS && !told)
		f->log(f, FAILOVER_WARNING, "%s of %s from %s:%d begins",
		    verbs[way], data_folder(f), host, f->master_port);
	if (!job_start(&job, f, false, rejoin_job, &r))
		return f->say(f, FAILOVER_AGAIN, "%s waits for another one",
		    verbs[way]);
	if (!program_wait(&job, f, ANSWER_TIME))
		return f->say(f, FAILOVER_AGAIN, "%s is under way: see %s",
		    verbs[way], data_log(f));
	told = told && job.status != 0;
	if (job.status == 0 && way != REJOIN_AS_IS &&
	    f->remember(f, "") != FAILOVER_DONE)
		return FAILOVER_FAILED;
	if (job.status == 0)
		return f->say(f, FAILOVER_AGAIN, "started as a standby");
	last_error(f, r.log_from, error, sizeof(error));
	told = true;
	if (way == REJOIN_REWIND)
		remember_final(f, host, error);
	if (rejoin_failed(f, host))
		return rejoin_say_failed(f);
	return f->say(f, FAILOVER_FAILED, "%s failed: %s", verbs[way], error);
}
