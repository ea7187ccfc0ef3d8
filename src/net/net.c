/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * net.c - a port: its kind's ops and what they need.
 */
#include "net/net.h"

#include "base/alloc.h"

struct net_port {
	const struct net_ops *ops; /* never NULL */
	void *priv;		   /* the kind's own */
};

static int port_open(const struct net_ops *ops, const char *what, struct net_port **ret,
		     int (*open)(const char *, void **, struct skep_diag *), struct skep_diag *d)
{
	struct net_port *p = skep_alloc(sizeof(*p));
	int r;

	if (!p)
		return diag_set(d, -ENOMEM, SKEP_AT_NONE, 0, "out of memory");
	p->ops = ops;
	r = open(what, &p->priv, d);
	if (r) {
		skep_free(p);
		return r;
	}
	*ret = p;
	return 0;
}

int net_open_source(const struct net_ops *ops, const char *what, struct net_port **ret,
		    struct skep_diag *reterr_diag)
{
	return port_open(ops, what, ret, ops->open_source, reterr_diag);
}

int net_open_sink(const struct net_ops *ops, const char *what, struct net_port **ret,
		  struct skep_diag *reterr_diag)
{
	return port_open(ops, what, ret, ops->open_sink, reterr_diag);
}

int net_next(struct net_port *p, struct net_packet *ret, struct skep_diag *reterr_diag)
{
	return p->ops->next(p->priv, ret, reterr_diag);
}

int net_put(struct net_port *p, const struct net_packet *pkt, struct skep_diag *reterr_diag)
{
	return p->ops->put(p->priv, pkt, reterr_diag);
}

int net_flush(struct net_port *p, struct skep_diag *reterr_diag)
{
	return p->ops->flush(p->priv, reterr_diag);
}

void net_close(struct net_port *p)
{
	if (!p)
		return;
	p->ops->close(p->priv);
	skep_free(p);
}
