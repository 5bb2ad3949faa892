/* registration_role.c - the role of a copy, from its tag in Consul. */
#include "registration_role.h"

#include <string.h>

static const char *const role_tags[] = {
	"master", "slave", "unhealthy", "disabled"
};

const char *
registration_role(const char *tags)
{
	size_t	i;

	for (i = 0; i < sizeof role_tags / sizeof role_tags[0]; i++) {
		size_t	n = strlen(role_tags[i]);

		if (strncmp(tags, role_tags[i], n) == 0 &&
		    (tags[n] == '\0' || tags[n] == ','))
			return role_tags[i];
	}
	return "";
}
