/* shell.c - runs the operator's commands, which end or restart Solr. */
#include "shell.h"

#include <string.h>
#include <sys/wait.h>

#include "deadline.h"

#define LAST	500	/* ms before the deadline: time to look at Solr */

enum failover_result
shell_run(struct failover *f, struct shell *s, const char *line, int64_t limit)
{
	struct output	*o = &s->output;
	struct command	 c;
	int64_t		 left = f->time_left(f);
	int64_t		 time = left - (left / 2 < LAST ? left / 2 : LAST);

	if (s->running.keeper == 0) {
		command_set_shell(&c, line);
		o->out = s->out;
		o->out_size = sizeof(s->out);
		command_begin(&s->running, &c, limit == 0 ? time : limit, o);
	}
	if (!command_wait(&s->running, limit == 0 ? INT64_MAX :
	    deadline_now() + time, o))
		return FAILOVER_AGAIN;
	command_end(&s->running);
	command_pass_on(o);
	if (o->error != 0)
		return f->say(f, FAILOVER_FAILED, "%s: %s", line,
		    strerror(o->error));
	if (o->late)
		return f->say(f, FAILOVER_FAILED, "%s did not end within %.1f "
		    "s", line, (double)o->limit / 1000);
	if (!WIFEXITED(o->status))
		return f->say(f, FAILOVER_FAILED, "%s was killed", line);
	if (WEXITSTATUS(o->status) != 0)
		return f->say(f, FAILOVER_FAILED, "%s ended with exit status "
		    "%d", line, WEXITSTATUS(o->status));
	return FAILOVER_DONE;
}
