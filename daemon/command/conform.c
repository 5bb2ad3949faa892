/*
 * conform.c - consul-failover plugin test: does a plugin keep its promises?
 *
 * Each check starts from the state that the previous one left: their order, in
 * the table below, is the life of a copy.
 */
#include "conform.h"

#include <stdio.h>

#include "conform_checks.h"
#include "leave.h"
#include "printable.h"
#include "runfile.h"
#include "trial.h"

#define FINAL_LIMIT	60000	/* ms: the demotion at the end may take long */

/*
 * What was noticed all the time.
 */

static enum trial_verdict
conform_sentences(struct trial *t)
{
	if (t->mute[0] != '\0')
		return trial_failed(t, "a call reports only \"%s\": use f->say "
		    "to report the reason, for /health, the log and status",
		    t->mute);
	return trial_ok(t, "each call reports something");
}

static enum trial_verdict
conform_secrets(struct trial *t)
{
	if (t->secrets.leak != NULL)
		return trial_failed(t, "the value of %s is in a sentence or in "
		    "the log, where others can read it", t->secrets.leak);
	if (t->secrets.count == 0)
		return trial_skipped(t, "no option with password, secret or "
		    "token in its name is given");
	return trial_ok(t, "no password is in a sentence or in the log");
}

/*
 * The table.
 */

#define CONFIG		0x1	/* needs a config */
#define HEALTHY		0x2	/* a copy that is fit to serve */
#define CHANGES		0x4	/* makes the copy master or slave */
#define MASTER		0x8	/* the address of one */
#define WATCH		0x10
#define DEMOTED		0x20	/* the functions */
#define POSITION	0x40
#define PROBE		0x80	/* what tells whether writes are taken */
#define KILLS		0x100	/* may make it kill the application */
#define LIVE		(CONFIG | HEALTHY)
#define LIFE		(LIVE | CHANGES)

static const struct check {
	const char		*name;
	enum trial_verdict	(*run)(struct trial *);
	unsigned		 needs;
} checks[] = {
	{ "description", conform_description, 0 },
	{ "options", conform_options, 0 },
	{ "functions", conform_functions, 0 },
	{ "health", conform_health, CONFIG },
	{ "watch_fd", conform_watch, LIVE | WATCH },
	{ "position", conform_position, LIVE | POSITION },
	{ "has_position", conform_has_own, LIVE | POSITION },
	{ "no position", conform_garbage, LIVE | POSITION },
	{ "traces", conform_traces, LIVE },
	{ "demoted", conform_demoted, LIFE | DEMOTED },
	{ "demoted's writes", conform_writes, LIFE | DEMOTED | PROBE },
	{ "demoted's traces", conform_traces, LIFE | DEMOTED },
	{ "demoted's health", conform_role_health, LIFE | DEMOTED },
	{ "slave", conform_slave, LIFE | MASTER },
	{ "slave's writes", conform_writes, LIFE | MASTER | PROBE },
	{ "slave's health", conform_role_health, LIFE | MASTER },
	{ "slave's traces", conform_traces, LIFE | MASTER },
	{ "slave's position", conform_has_own, LIFE | MASTER | POSITION },
	{ "master", conform_master, LIFE },
	{ "master's writes", conform_writes, LIFE | PROBE },
	{ "master's health", conform_role_health, LIFE },
	{ "master's traces", conform_traces, LIFE },
	{ "kept position", conform_kept, LIFE | POSITION },
	{ "master's position", conform_has_own, LIFE | POSITION },
	{ "master demoted", conform_demoted, LIFE | DEMOTED },
	{ "demoted master's writes", conform_writes, LIFE | DEMOTED | PROBE },
	{ "final position", conform_final, LIFE | DEMOTED | POSITION },
	{ "short deadline", conform_short, LIVE },
	{ "killed", conform_killed, LIFE | DEMOTED },
	{ "short demotion", conform_short_demotion, CONFIG | CHANGES | DEMOTED |
	    KILLS },
	{ "sentences", conform_sentences, CONFIG },
	{ "secrets", conform_secrets, CONFIG },
};

static const char *
lacks(const struct trial *t, unsigned needs)
{
	if ((needs & WATCH) != 0 && !t->plugin->has_watch_fd)
		return "there is none";
	if ((needs & DEMOTED) != 0 && !trial_has(t, OPERATION_ENSURE_DEMOTED))
		return "there is no ensure_demoted: a master that loses the "
		    "lock takes writes until ensure_slave has run";
	if ((needs & POSITION) != 0 && (!trial_has(t, OPERATION_POSITION) ||
	    !trial_has(t, OPERATION_HAS_POSITION)))
		return "there is no position to compare";
	if ((needs & CHANGES) != 0 && !t->terms->may_change)
		return "makes the copy master and slave, and leaves it "
		    "demoted: use --yes if this one is not in use";
	if ((needs & MASTER) != 0 && t->terms->master_host == NULL)
		return "needs a master: use --master HOST:PORT";
	if ((needs & PROBE) != 0 && t->terms->probe == NULL)
		return "needs a command that exits with 0 where the copy takes "
		    "writes: use --probe COMMAND";
	if ((needs & KILLS) != 0 && !t->terms->may_kill)
		return "gives ensure_demoted so little time that it may kill "
		    "the application: use --kill if it may";
	if ((needs & HEALTHY) != 0 && !t->healthy)
		return "needs a copy that is fit to serve";
	return NULL;
}

static void
run_check(struct trial *t, const struct check *c)
{
	static const char *const	 words[] = { "ok", "FAILED",
					    "skipped" };
	const char			*why = lacks(t, c->needs);
	enum trial_verdict		 v;

	v = why != NULL ? trial_skipped(t, "%s", why) : c->run(t);
	secrets_pass_log(&t->secrets);
	printf("%-8s %s: %s\n", words[v], c->name, printable(t->sentence));
	fflush(stdout);
	t->counts[v]++;
}

static void
run_checks(struct trial *t)
{
	size_t	 i;

	for (i = 0; i < sizeof checks / sizeof checks[0]; i++) {
		if (t->config == NULL && (checks[i].needs & CONFIG) != 0)
			break;
		run_check(t, &checks[i]);
	}
	if (t->config == NULL)
		puts("skipped  the calls: they need a config: use -c FILE");
	else if (t->terms->may_change &&
	    trial_has(t, OPERATION_ENSURE_DEMOTED) &&
	    !t->demoted && trial_ensure_within(t, OPERATION_ENSURE_DEMOTED,
	    FINAL_LIMIT, FINAL_LIMIT) != HANDLER_DONE)
		puts("Warning: the copy may still be a master");
	printf("%u ok, %u failed%s\n", t->counts[TRIAL_OK],
	    t->counts[TRIAL_FAILED],
	    t->config == NULL || t->counts[TRIAL_SKIPPED] > 0 ?
	    "; what was skipped is not tested" : "");
}

static void
run_live(struct trial *t)
{
	trial_begin(t);
	secrets_find(&t->secrets, t->plugin, t->config);
	secrets_catch_log(&t->secrets);
	run_checks(t);
	trial_end(t);
	secrets_release_log(&t->secrets);
}

/* No agent is at work here, nor a guard, nor will one be; and the next agent
 * will not go on as a master where the last one has ended. */
static CHECKED bool
take_copy(const struct config *c, struct runfile **r, struct error *err)
{
	return runfile_open(r, c, true, err) && leave_may(c, err) &&
	    runfile_save(*r, "", 0, err);
}

bool
conform_test(const struct plugin_description *p, const struct config *c,
    const struct trial_terms *terms, struct error *err)
{
	struct trial	 t = {
		.plugin = p, .config = c, .terms = terms, .secrets.log = -1,
	};
	struct runfile	*r = NULL;

	err->text[0] = '\0';
	if (c == NULL)
		run_checks(&t);
	else if (!terms->may_change || take_copy(c, &r, err))
		run_live(&t);
	runfile_close(r);
	return t.counts[TRIAL_FAILED] == 0 && err->text[0] == '\0';
}
