/* handover.c - what one master leaves to the next with the lock. */
#include "handover.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "log.h"

void
handover_begin(struct handover *h)
{
	h->goes_without = h->passes_on = false;
	h->lacks[0] = '\0';
}

void
handover_ask(struct handover *h, const struct lock_before *before,
    const struct core_action *act, bool again, struct handler_call *call)
{
	call->op = OPERATION_POSITION;
	h->final = act->call.was_master || (again && before->final);
	if (!again)
		h->passes_on = !act->call.was_master &&
		    before->position[0] != '\0';
	/* One that does not wait any more may have taken writes of its own. */
	h->compares = h->passes_on && !again && !h->goes_without;
	if (h->compares) {
		h->asked = *act;
		call->op = OPERATION_HAS_POSITION;
		call->what.position = before->position;
	}
}

/* It may have writes that only its own position names. */
static bool
speaks_for_itself(const struct handover *h)
{
	return !h->passes_on || h->goes_without;
}

bool
handover_answered(struct handover *h, enum handler_result result,
    struct core_event *ev)
{
	if (h->compares && result == HANDLER_DONE)
		return false;
	snprintf(h->untold, sizeof h->untold, "%s",
	    ev->call.result == CORE_RESULT_AGAIN ? ev->call.text : "");
	if (h->compares) {
		/* "Again": it may have all in a moment, and more. */
		if (ev->call.result != CORE_RESULT_AGAIN)
			ev->call.result = CORE_RESULT_DONE;
	} else if (ev->call.result == CORE_RESULT_DONE) {
		snprintf(h->position, sizeof h->position, "%s", ev->call.text);
		h->passes_on = false;
	} else if (ev->call.result == CORE_RESULT_FAILED &&
	    speaks_for_itself(h))
		log_info("The demoted copy can't report its position, so only "
		    "the others are compared: %.300s", ev->call.text);
	return true;
}

void
handover_release(struct handover *h, struct lock *lock,
    const struct core_action *act)
{
	if (speaks_for_itself(h) && !act->release.with_position &&
	    h->untold[0] != '\0')
		log_warning("The demoted copy did not report its position in "
		    "time; the next master will not wait for its data: %.300s",
		    h->untold);
	h->untold[0] = '\0';
	if (h->passes_on)
		lock_pass_on(lock, act->release.clean);
	else
		lock_release(lock, act->release.clean,
		    act->release.with_position ? h->position : "", h->final);
	h->passes_on = false;
}

void
handover_tell(struct handover *h, const struct lock_before *b, bool enough,
    bool promoting, struct handler_call *call)
{
	/* A lock that is believed again is still the one that it had. */
	enough = enough || h->goes_without;
	call->what.previous_host = b->host;
	call->what.previous_port = b->port;
	call->what.target = enough ? "" : b->position;
	call->what.enough = enough;
	if (!enough || !promoting || b->position[0] == '\0' ||
	    h->goes_without)
		return;
	h->goes_without = true;
	/* What this copy had itself, in an earlier try, it does not lack. */
	if (strcasecmp(b->node, call->what.node) == 0)
		return;
	snprintf(h->lacks, sizeof h->lacks, "the data of %.100s up to "
	    "position %.200s was not received within [election] catch_up",
	    b->node, b->position);
	log_error("Promoting without all data of the previous master %s "
	    "(position %.200s): not received within [election] catch_up; look "
	    "for the rest on %s", b->node, b->position, b->node);
}
