/* core_tag.h - the tag of our service in Consul, which clients ask for. */
#ifndef CORE_TAG_H
#define CORE_TAG_H

#include "core_types.h"

/* Sets it, where it is another one now. */
void	core_tag_show(struct core *);

#endif
