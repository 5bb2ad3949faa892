/* conform_checks.h - the checks of plugin test: see the table in conform.c. */
#ifndef CONFORM_CHECKS_H
#define CONFORM_CHECKS_H

#include "trial.h"

/* conform_info.c */
enum trial_verdict	conform_description(struct trial *);
enum trial_verdict	conform_options(struct trial *);
enum trial_verdict	conform_functions(struct trial *);

/* conform_reads.c */
enum trial_verdict	conform_health(struct trial *);
enum trial_verdict	conform_watch(struct trial *);
enum trial_verdict	conform_position(struct trial *);
enum trial_verdict	conform_has_own(struct trial *);
enum trial_verdict	conform_garbage(struct trial *);

/* conform_traces.c */
enum trial_verdict	conform_traces(struct trial *);

/* conform_roles.c */
enum trial_verdict	conform_demoted(struct trial *);
enum trial_verdict	conform_writes(struct trial *);
enum trial_verdict	conform_role_health(struct trial *);
enum trial_verdict	conform_slave(struct trial *);
enum trial_verdict	conform_master(struct trial *);
enum trial_verdict	conform_kept(struct trial *);
enum trial_verdict	conform_final(struct trial *);

/* conform_limits.c */
enum trial_verdict	conform_short(struct trial *);
enum trial_verdict	conform_killed(struct trial *);
enum trial_verdict	conform_short_demotion(struct trial *);

#endif
