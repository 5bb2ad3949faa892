/* core_tag.h - the tag of our service in Consul, which clients query. */
#ifndef CORE_TAG_H
#define CORE_TAG_H

#include "core_types.h"

/* Sets it, if it has changed. */
void	core_tag_show(struct core *);

#endif
