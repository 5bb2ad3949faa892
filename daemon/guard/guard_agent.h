/* guard_agent.h - what the agent says, and that it is gone. */
#ifndef GUARD_AGENT_H
#define GUARD_AGENT_H

#include <stdbool.h>

#include "error.h"
#include "wire.h"

struct guard;

/* Takes what g->setup says; false where that is not one whole SETUP of our
 * version. */
bool	guard_agent_read_setup(struct guard *) CHECKED;
/* Programs and plugin that came with it, now the guard's; -1: none came. */
void	guard_agent_take_files(struct guard *, const int files[WIRE_FILES]);
/* Does what the messages say that wait in the channel, all of them, or takes
 * note of its end.  BYE ends the process. */
void	guard_agent_read(struct guard *);

#endif
