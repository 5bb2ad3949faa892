/* guard_agent.h - what the agent says, and that it is gone. */
#ifndef GUARD_AGENT_H
#define GUARD_AGENT_H

#include <stdbool.h>

#include "error.h"

struct guard;

/* Waits for its first two messages, SETUP and START, and begins with what they
 * say.  False: they can't be read; the log says so, unless the agent is gone,
 * which says why it did not start. */
bool	guard_agent_set_up(struct guard *) CHECKED;
/* Does what the messages say that wait in the channel, all of them, or takes
 * note of its end.  BYE ends the process. */
void	guard_agent_read(struct guard *);

#endif
