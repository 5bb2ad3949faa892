/* guard_agent.h - the agent's messages, and its end. */
#ifndef GUARD_AGENT_H
#define GUARD_AGENT_H

#include <stdbool.h>

#include "error.h"

struct guard;

/* Waits for its first two messages, SETUP and START, and begins with what they
 * contain.  False: they can't be read, which is logged, unless the agent is
 * gone, which logs itself why it did not start. */
bool	guard_agent_set_up(struct guard *) CHECKED;
/* Carries out all messages that wait in the channel, or notes its end.  BYE
 * ends the process. */
void	guard_agent_read(struct guard *);

#endif
