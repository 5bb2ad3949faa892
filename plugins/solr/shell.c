/* shell.c - runs the operator's commands, which end or restart Solr. */
#include "shell.h"

#include <string.h>
#include <sys/wait.h>

#include "deadline.h"

#define LAST	500	/* ms before the deadline: time to look at Solr */

static enum failover_result
how_it_ended(struct failover *f, const struct shell *s)
{
	const struct output	*o = &s->output;

	if (o->error != 0)
		return f->say(f, FAILOVER_FAILED, "%s: %s", s->line,
		    strerror(o->error));
	if (o->late)
		return f->say(f, FAILOVER_FAILED, "%s did not end within %.1f "
		    "s", s->line, (double)o->limit / 1000);
	if (!WIFEXITED(o->status))
		return f->say(f, FAILOVER_FAILED, "%s was killed", s->line);
	if (WEXITSTATUS(o->status) != 0)
		return f->say(f, FAILOVER_FAILED, "%s ended with exit status "
		    "%d", s->line, WEXITSTATUS(o->status));
	return FAILOVER_DONE;
}

static enum failover_result
wait_until(struct failover *f, struct shell *s, int64_t until)
{
	if (!command_wait(&s->running, until, &s->output))
		return FAILOVER_AGAIN;
	command_end(&s->running);
	return how_it_ended(f, s);
}

enum failover_result
shell_look(struct failover *f, struct shell *s)
{
	return s->running.keeper == 0 ? FAILOVER_DONE : wait_until(f, s, 0);
}

enum failover_result
shell_run(struct failover *f, struct shell *s, const char *line, int64_t limit)
{
	struct command	 c;
	int64_t		 left = f->time_left(f);
	int64_t		 time = left - (left / 2 < LAST ? left / 2 : LAST);

	if (s->running.keeper == 0) {
		command_set_shell(&c, line);
		command_begin(&s->running, &c, limit, &s->output);
		s->line = line;
	}
	return wait_until(f, s, deadline_now() + time);
}
