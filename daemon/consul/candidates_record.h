/* candidates_record.h - the record of a candidate, in JSON. */
#ifndef CANDIDATES_RECORD_H
#define CANDIDATES_RECORD_H

#include <stdbool.h>
#include <stdint.h>

#include "consul_reply.h"
#include "election.h"
#include "json.h"

/* The key beside them for the master, whichever node that is. */
#define CANDIDATES_MASTER	"master"

/* Returns the tree that has the record's strings; free it with yajl_tree_free,
 * and the yields with free.  NULL: not a record that an agent would write. */
yajl_val	 candidates_record_read(const struct consul_record *,
		    struct election_record *);
/* Of a record's tree; borrows its strings, free the list alone. */
const char	*const *candidates_record_yields(yajl_val list);

/* Writing: begin, add the position if there is one, and finish, which frees the
 * generator and returns a new text. */
yajl_gen	 candidates_record_begin(const char *id, int64_t priority,
		    bool compares);
void		 candidates_record_put_position(yajl_gen, uint64_t epoch,
		    const char *position);
void		 candidates_record_put_yields(yajl_gen,
		    const char *const *yields);
char		*candidates_record_finish(yajl_gen);

#endif
