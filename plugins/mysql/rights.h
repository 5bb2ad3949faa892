/*
 * rights.h - what our account may not do, told before it must.
 */
#ifndef RIGHTS_H
#define RIGHTS_H

#include <consul-failover/plugin.h>

/* That our account may do what must be done; also told to a master. */
enum failover_result	rights_check(struct failover *);

#endif
