/* registration_role.h - the role of a copy, from its tag in Consul. */
#ifndef REGISTRATION_ROLE_H
#define REGISTRATION_ROLE_H

/* The role among tags, joined by ','; "" if there is none. */
const char	*registration_role(const char *tags);

#endif
