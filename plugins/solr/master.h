/*
 * master.h - to be the master, and who has its indexes open then.
 */
#ifndef SOLR_MASTER_H
#define SOLR_MASTER_H

#include "core.h"

#include <sys/types.h>

/* Of each core, the process that had it open when ensure_master was done; 0:
 * nobody. */
extern pid_t	masters[CORES];

#endif
