/*
 * host_files.h - the files of each simulated host: in memory, by path, with an
 * owner.
 *
 * ld's --wrap leads the daemon's open, close, pread, pwrite, fstat, stat, fchmod,
 * mkdir, unlink, flock, fcntl (F_SETLK, F_GETLK), fopen and getpid through here.
 * A file is of the host where something happens, world.current: what is below
 * its run_dir, the machine's id and the boot's.  All else is the real system's.
 *
 * A call is of the process whose turn it is: of the guard, guard_running; of a
 * run of `leave`, leave_running; or else of the node's agent.  Each has a pid,
 * by which it holds its locks, and for which it keeps its descriptors.
 */
#ifndef HOST_FILES_H
#define HOST_FILES_H

#include <stdbool.h>
#include <sys/types.h>

#include "sim.h"

/* Beginning with this one a descriptor is of a host's file. */
#define HOST_FD		(1 << 21)

pid_t	 host_new_pid(void);
pid_t	 host_pid(void);		/* of the process whose turn it is */
/* However it ends, its descriptors are closed, and its locks are free. */
void	 host_process_ends(const struct node *, pid_t);

void	 host_files_begin(void);	/* no host has any */
/* All its processes have ended.  With kept the run_dir is on a disk. */
void	 host_boots(const struct node *, bool kept);
/* It gets the other one's run_dir in place of its own; as a container on its
 * kernel the other one's machine id and boot id, too. */
void	 host_is_copy_of(const struct node *, const struct node *other,
	    bool on_its_kernel);

/* The run file of the service that is simulated. */
#define RUN_FILE	"/run/app.run"
/* It belongs to another user, who may have locked it; then no more, or it has
 * been removed. */
void	 host_run_file_given(const struct node *, bool locked);
void	 host_run_file_returned(const struct node *, bool removed);
/* It was written on another machine, or before the last boot. */
bool	 host_run_file_is_foreign(const struct node *);
bool	 host_run_file_is_ours(const struct node *);	/* our user's */

#endif
