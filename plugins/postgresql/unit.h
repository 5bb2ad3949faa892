/*
 * unit.h - the systemd unit that owns the server, where one does.
 *
 * When the main process of a unit ends, systemd runs its ExecStop, which stops
 * whatever server has the data directory then: a new one, too.
 */
#ifndef UNIT_H
#define UNIT_H

#include <consul-failover/plugin.h>

#include <stdbool.h>
#include <sys/types.h>

/* That is the postmaster now; 0: there is none, and the one before counts. */
void	unit_note(pid_t postmaster);

/* The unit whose main process the postmaster is; NULL: none, or nobody can be
 * asked. */
const char	*unit_owner(struct failover *);

/* Waits, in a job, until the unit of the postmaster before has come to rest. */
void	unit_wait(struct failover *);

#endif
