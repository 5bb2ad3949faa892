/* core_rules.h - the table: which state follows which, and when. */
#ifndef CORE_RULES_H
#define CORE_RULES_H

#include "core_types.h"

/* Which text follows the reason. */
enum core_rule_detail {
	CORE_RULE_NOTHING,
	CORE_RULE_HEALTH,
	CORE_RULE_CALL,
	CORE_RULE_HOLDER,
	CORE_RULE_STOP,
	CORE_RULE_DISABLE,
	CORE_RULE_YIELD,
};

struct core_rule {
	enum core_state		 in;
	bool			(*when)(struct core *);
	enum core_state		 to;
	const char		*because;
	enum core_rule_detail	 detail;
	bool			 routine; /* a normal promotion: no warning */
};

extern const struct core_rule	core_rules[];
extern const size_t		core_rules_count;

/* Applies one row of the table; false if none holds. */
bool	core_rules_step(struct core *);

#endif
