/*
 * unit.h - the systemd unit that owns the server, if there is one.
 *
 * When the main process of a unit ends, systemd runs its ExecStop, which stops
 * any server of that data directory, also a new one.
 */
#ifndef UNIT_H
#define UNIT_H

#include <consul-failover/plugin.h>

#include <stdbool.h>
#include <sys/types.h>

/* Sets the current postmaster; 0: there is none, and the previous one
 * counts. */
void	unit_note(pid_t postmaster);

/* The unit whose main process the postmaster is; NULL: none, or systemd can't
 * be asked. */
const char	*unit_owner(struct failover *);

/* Waits, in a job, until the previous postmaster's unit has finished its
 * stop. */
void	unit_wait(struct failover *);

#endif
