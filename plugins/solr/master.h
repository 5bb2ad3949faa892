/*
 * master.h - the role of a master, and the processes that then have its indexes
 * open.
 */
#ifndef SOLR_MASTER_H
#define SOLR_MASTER_H

#include "core.h"

#include <sys/types.h>

/* Of each core, the process that had it open when ensure_master was done; 0:
 * none. */
extern pid_t	masters[CORES];

#endif
