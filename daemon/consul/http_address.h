/* http_address.h - the address of Consul's HTTP port, from the config. */
#ifndef HTTP_ADDRESS_H
#define HTTP_ADDRESS_H

#include <stdbool.h>

#include <curl/curl.h>

#include "error.h"

struct http_address {
	char			*text;		/* for people */
	char			*url;		/* goes before each path */
	char			*socket_path;	/* "" if it is not unix:// */
	bool			 tls;
	struct curl_slist	*connect_to;	/* with its header "Host: …", */
	char			*host;		/* or NULL */
};

/* Fills a struct that is all 0.  Text is host:port, a URL, or unix:///path;
 * with https, tls_server_name ("" for none) replaces the name in it.  Fails if
 * text is not such an address. */
bool	http_address_set(struct http_address *, const char *text,
	    const char *tls_server_name, struct error *) CHECKED;
void	http_address_free(struct http_address *);	/* what it owns */

#endif
