/*
 * rights.h - missing rights of our account, reported before they are needed.
 */
#ifndef RIGHTS_H
#define RIGHTS_H

#include <consul-failover/plugin.h>

/* Checks that our account has the rights that it needs; on a master, only logs
 * what is missing. */
enum failover_result	rights_check(struct failover *);

#endif
