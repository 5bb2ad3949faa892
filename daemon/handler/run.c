/* run.c - the content of struct failover for a plugin. */
#include "run.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "clock.h"
#include "memory.h"

static const struct run_option *
run_find(const struct failover *f, const char *name)
{
	const struct run	*r = (const struct run *)f;
	size_t			 i;

	for (i = 0; i < r->option_count; i++)
		if (strcmp(r->options[i].name, name) == 0)
			return &r->options[i];
	return NULL;
}

static const char *
run_option(const struct failover *f, const char *name)
{
	const struct run_option	*o = run_find(f, name);

	return o == NULL ? NULL : o->value;
}

static int64_t
run_number(const struct failover *f, const char *name)
{
	const struct run_option	*o = run_find(f, name);

	return o == NULL ? 0 : o->number;
}

static int64_t
run_time_left(const struct failover *f)
{
	int64_t	 now = clock_ms();

	return f->deadline > now ? f->deadline - now : 0;
}

enum failover_result
run_say(struct failover *f, enum failover_result result, const char *fmt, ...)
{
	struct run	*r = (struct run *)f;
	va_list		 ap;

	va_start(ap, fmt);
	vsnprintf(r->sentence, sizeof r->sentence, fmt, ap);
	va_end(ap);
	return result;
}

void
run_log(struct failover *f, enum failover_level level, const char *fmt, ...)
{
	struct run	*r = (struct run *)f;
	char		 line[FAILOVER_SENTENCE];
	va_list		 ap;

	va_start(ap, fmt);
	vsnprintf(line, sizeof line, fmt, ap);
	va_end(ap);
	wire_begin(&r->out, WIRE_LOG);
	wire_put_number(&r->out, (uint64_t)level);
	wire_put_string(&r->out, line);
	run_send(r);
}

static enum failover_result
run_say_text(struct failover *f, enum failover_result result, const char *text)
{
	return run_say(f, result, "%s", text);
}

static void
run_log_text(struct failover *f, enum failover_level level, const char *text)
{
	run_log(f, level, "%s", text);
}

static enum failover_result
run_read_secret(struct failover *f, const char *option, const char *path,
    char *text, size_t size)
{
	enum failover_result	 result = FAILOVER_DONE;
	struct stat		 st;
	FILE			*file;

	file = fopen(path, "re");
	if (file == NULL || fstat(fileno(file), &st) != 0 ||
	    (fgets(text, (int)size, file) == NULL && ferror(file)))
		result = run_say(f, FAILOVER_FAILED, "%s: %s: %s", option,
		    path, strerror(errno));
	else if ((st.st_mode & S_IROTH) != 0)
		result = run_say(f, FAILOVER_FAILED, "%s: any user can read "
		    "%s: chmod o-r it", option, path);
	else if (strlen(text) == size - 1 && text[size - 2] != '\n')
		result = run_say(f, FAILOVER_FAILED, "%s: the first line of %s "
		    "is longer than %zu bytes", option, path, size - 2);
	if (file != NULL)
		fclose(file);
	text[result == FAILOVER_DONE ? strcspn(text, "\r\n") : 0] = '\0';
	return result;
}

static enum failover_result
run_secret(struct failover *f, const char *option, char *text, size_t size)
{
	const struct run	*r = (const struct run *)f;
	const struct run_option	*o = run_find(f, option);

	text[0] = '\0';
	if (o == NULL || o->value[0] == '\0' ||
	    run_read_secret(f, option, o->value, text, size) == FAILOVER_DONE)
		return FAILOVER_DONE;
	/* A file that went bad under a master must not keep it one. */
	if (!r->demoting || o->secret[0] == '\0' || strlen(o->secret) >= size)
		return FAILOVER_FAILED;
	f->log(f, FAILOVER_WARNING, "%s; demoting with the one that was read "
	    "at the start", r->sentence);
	strcpy(text, o->secret);
	return FAILOVER_DONE;
}

static enum failover_result
run_remember(struct failover *f, const char *text)
{
	struct run	*r = (struct run *)f;
	char		 line[FAILOVER_SENTENCE];
	struct error	 err;

	snprintf(line, sizeof line, "%.*s", (int)strcspn(text, "\r\n"), text);
	if (strcmp(line, r->memory) == 0)
		return FAILOVER_DONE;
	if (!memory_write(r->memory_path, line, &err))
		return run_say(f, FAILOVER_FAILED, "%s: free space on its "
		    "disk, or set [agent] state_dir; not kept: %s", err.text,
		    line);
	memcpy(r->memory, line, sizeof line);
	return FAILOVER_DONE;
}

void
run_init(struct run *r)
{
	r->f = (struct failover){ .size = sizeof r->f, .option = run_option,
	    .number = run_number, .time_left = run_time_left, .say = run_say,
	    .log = run_log, .secret = run_secret, .remember = run_remember,
	    .say_text = run_say_text, .log_text = run_log_text };
	r->watch = -1;
}
