/* http_token.h - the token that we send to Consul. */
#ifndef HTTP_TOKEN_H
#define HTTP_TOKEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config.h"
#include "error.h"

#define HTTP_TOKEN_MAX	1024

/* The token without the white space around it; "" if there is none.  Fails if
 * the file can't be read, or has no token that fits a header and size. */
bool		http_token(const struct config *, char *token, size_t size,
		    struct error *) CHECKED;
/* Differs from token to token, but does not help to guess the token. */
uint16_t	http_token_hash(const char *token);

#endif
