/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pcap.c - capture files, read and written by libpcap: pcap and pcapng in, pcap with nanosecond
 * stamps out.  Frames are Ethernet; other link types are refused by name.
 */
#include "net/net.h"

#include <pcap/pcap.h>

#include "base/alloc.h"

#define SNAPLEN 262144 /* what tcpdump takes for "whole packets" */

struct capture {
	pcap_t *pcap;	     /* the file that is read, or the shape of what is written */
	pcap_dumper_t *dump; /* the file that is written, NULL for a source */
	char *path;	     /* for messages */
	uint64_t nr;	     /* packets so far */
};

static void capture_close(void *priv)
{
	struct capture *c = priv;

	if (!c)
		return;
	if (c->dump)
		pcap_dump_close(c->dump);
	if (c->pcap)
		pcap_close(c->pcap);
	skep_free(c->path);
	skep_free(c);
}

static void capture_cleanup(struct capture **c)
{
	capture_close(*c);
}

static struct capture *capture_new(const char *path, struct skep_diag *d)
{
	struct capture *c = skep_alloc(sizeof(*c));

	if (c)
		c->path = skep_strdup(path);
	if (c && c->path)
		return c;
	skep_free(c);
	diag_set(d, -ENOMEM, SKEP_AT_NONE, 0, "out of memory");
	return NULL;
}

static int open_source(const char *path, void **ret_priv, struct skep_diag *d)
{
	_cleanup_(capture_cleanup) struct capture *c = capture_new(path, d);
	char why[PCAP_ERRBUF_SIZE];
	const char *link;
	FILE *f;

	if (!c)
		return -ENOMEM;
	f = strcmp(path, "-") ? fopen(path, "rbe") : stdin;
	if (!f)
		return diag_set(d, -errno, SKEP_AT_NONE, 0, "%s: %s", path, strerror(errno));
	c->pcap = pcap_fopen_offline_with_tstamp_precision(f, PCAP_TSTAMP_PRECISION_NANO, why);
	if (!c->pcap) {
		if (f != stdin)
			fclose(f);
		diag_set(d, -EINVAL, SKEP_AT_NONE, 0, "%s: not a capture file: %s", path, why);
		diag_hint(d, "pcap and pcapng are read");
		return -EINVAL;
	}
	if (pcap_datalink(c->pcap) != DLT_EN10MB) {
		link = pcap_datalink_val_to_name(pcap_datalink(c->pcap));
		diag_set(d, -EOPNOTSUPP, SKEP_AT_NONE, 0, "%s: link type %s, not Ethernet", path,
			 link ? link : "unknown");
		diag_hint(d, "capture on one interface, not on \"any\"");
		return -EOPNOTSUPP;
	}
	*ret_priv = TAKE_PTR(c);
	return 0;
}

static int open_sink(const char *path, void **ret_priv, struct skep_diag *d)
{
	_cleanup_(capture_cleanup) struct capture *c = capture_new(path, d);

	if (!c)
		return -ENOMEM;
	c->pcap = pcap_open_dead_with_tstamp_precision(DLT_EN10MB, SNAPLEN,
						       PCAP_TSTAMP_PRECISION_NANO);
	if (!c->pcap)
		return diag_set(d, -ENOMEM, SKEP_AT_NONE, 0, "out of memory");
	errno = 0;
	c->dump = pcap_dump_open(c->pcap, path);
	if (!c->dump)
		return diag_set(d, errno ? -errno : -EIO, SKEP_AT_NONE, 0, "%s",
				pcap_geterr(c->pcap));
	*ret_priv = TAKE_PTR(c);
	return 0;
}

static int next_packet(void *priv, struct net_packet *ret, struct skep_diag *d)
{
	struct capture *c = priv;
	struct pcap_pkthdr *h;
	const uint8_t *data;
	int r = pcap_next_ex(c->pcap, &h, &data);

	if (r == PCAP_ERROR_BREAK)
		return 0;
	if (r != 1)
		return diag_set(d, -EIO, SKEP_AT_NONE, 0, "%s: after packet %llu: %s", c->path,
				(unsigned long long)c->nr, pcap_geterr(c->pcap));
	c->nr++;
	*ret = (struct net_packet){
		.data = data,
		.len = h->caplen,
		.wire_len = MAX(h->len, h->caplen),
		.time = (uint64_t)h->ts.tv_sec * 1000000000 + (uint64_t)h->ts.tv_usec,
	};
	return 1;
}

static int put_packet(void *priv, const struct net_packet *p, struct skep_diag *d)
{
	struct capture *c = priv;
	struct pcap_pkthdr h = {
		.ts = { .tv_sec = (time_t)(p->time / 1000000000),
			.tv_usec = (suseconds_t)(p->time % 1000000000) },
		.caplen = p->len,
		.len = p->wire_len,
	};

	pcap_dump((u_char *)c->dump, &h, p->data);
	c->nr++;
	if (ferror(pcap_dump_file(c->dump)))
		return diag_set(d, -EIO, SKEP_AT_NONE, 0, "%s: write error at packet %llu", c->path,
				(unsigned long long)c->nr);
	return 0;
}

static int flush_packets(void *priv, struct skep_diag *d)
{
	struct capture *c = priv;

	if (c->dump && pcap_dump_flush(c->dump))
		return diag_set(d, -errno, SKEP_AT_NONE, 0, "%s: %s", c->path, strerror(errno));
	return 0;
}

const struct net_ops net_pcap_ops = {
	.name = "pcap",
	.open_source = open_source,
	.open_sink = open_sink,
	.next = next_packet,
	.put = put_packet,
	.flush = flush_packets,
	.close = capture_close,
};
