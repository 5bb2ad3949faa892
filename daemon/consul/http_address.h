/* http_address.h - where Consul's HTTP port is, as the config says it. */
#ifndef HTTP_ADDRESS_H
#define HTTP_ADDRESS_H

#include <stdbool.h>

#include <curl/curl.h>

#include "error.h"

struct http_address {
	char			*text;		/* for people */
	char			*url;		/* goes before each path */
	char			*socket_path;	/* "" where it is no unix:// */
	bool			 tls;
	struct curl_slist	*connect_to;	/* with its header "Host: …", */
	char			*host;		/* or NULL */
};

/* Into one that is all 0.  Text is host:port, a URL, or unix:///path; by
 * tls_server_name, "" for none, an https has another name than there.  Fails
 * where it is no such address. */
bool	http_address_set(struct http_address *, const char *text,
	    const char *tls_server_name, struct error *) CHECKED;
void	http_address_free(struct http_address *);	/* what it owns */

#endif
