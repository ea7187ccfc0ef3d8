/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Capture files: what is written comes back, other people's files are read, bad ones refused.
 * The files are built by hand from the format's description, not by the code under test.
 */
#include "tests/harness/test.h"

#include <errno.h>
#include <unistd.h>

#include "base/alloc.h"
#include "net/net.h"

static char path[64];

static void write_file(const void *data, size_t n)
{
	FILE *f;

	snprintf(path, sizeof(path), "/tmp/skep-net-XXXXXX");
	f = fdopen(mkstemp(path), "wb");
	ASSERT(f && fwrite(data, 1, n, f) == n && !fclose(f));
}

/* A pcap file header and one packet header: link type and magic are what cases vary. */
static size_t classic(uint8_t *out, uint32_t magic, uint32_t link, uint32_t frac)
{
	const uint32_t head[] = { magic, 2 | 4 << 16, 0, 0, 65535, link };
	const uint32_t packet[] = { 1700000000, frac, 14, 60 };

	memcpy(out, head, sizeof(head));
	memcpy(out + 24, packet, sizeof(packet));
	memset(out + 40, 0xab, 14);
	return 54;
}

static void expect_packet(uint64_t nsec)
{
	struct net_port *port;
	struct net_packet p;
	struct skep_diag d = { 0 };
	uint8_t frame[14];

	memset(frame, 0xab, sizeof(frame));
	ASSERT_EQ(net_open_source(&net_pcap_ops, path, &port, &d), 0);
	ASSERT_EQ(net_next(port, &p, &d), 1);
	ASSERT_EQ(p.len, 14);
	ASSERT_EQ(p.wire_len, 60);
	ASSERT_EQ(p.time, UINT64_C(1700000000) * 1000000000 + nsec);
	ASSERT_MEMEQ(p.data, frame, 14);
	ASSERT_EQ(net_next(port, &p, &d), 0);
	net_close(port);
	unlink(path);
}

TEST(reads_microsecond_files)
{
	uint8_t file[64];

	write_file(file, classic(file, 0xa1b2c3d4, 1, 123456));
	expect_packet(123456000);
}

TEST(reads_nanosecond_files)
{
	uint8_t file[64];

	write_file(file, classic(file, 0xa1b23c4d, 1, 123456789));
	expect_packet(123456789);
}

TEST(reads_pcapng)
{
	/* section header, interface with if_tsresol 9 (nanoseconds), enhanced packet */
	const uint64_t t = UINT64_C(1700000000) * 1000000000 + 987654321;
	const uint32_t shb[] = { 0x0a0d0d0a, 28, 0x1a2b3c4d, 1, ~0u, ~0u, 28 };
	const uint32_t idb[] = { 1, 32, 1, 65535, 9 | 1 << 16, 9, 0, 32 };
	const uint32_t epb[] = { 6, 48, 0, (uint32_t)(t >> 32), (uint32_t)t, 14, 60 };
	uint8_t file[128];
	const uint32_t tail = 48;

	memcpy(file, shb, 28);
	memcpy(file + 28, idb, 32);
	memcpy(file + 60, epb, 28);
	memset(file + 88, 0xab, 14);
	memset(file + 102, 0, 2);
	memcpy(file + 104, &tail, 4);
	write_file(file, 108);
	expect_packet(987654321);
}

TEST(writes_what_it_reads)
{
	struct net_port *port;
	struct net_packet p = { .data = (const uint8_t *)"ethernet header and so on",
				.len = 25,
				.wire_len = 1500,
				.time = UINT64_C(1234567890123456789) },
			  q;
	struct skep_diag d = { 0 };

	write_file("", 0);
	ASSERT_EQ(net_open_sink(&net_pcap_ops, path, &port, &d), 0);
	ASSERT_EQ(net_put(port, &p, &d), 0);
	ASSERT_EQ(net_flush(port, &d), 0);
	net_close(port);
	ASSERT_EQ(net_open_source(&net_pcap_ops, path, &port, &d), 0);
	ASSERT_EQ(net_next(port, &q, &d), 1);
	ASSERT_EQ(q.time, p.time);
	ASSERT_EQ(q.len, p.len);
	ASSERT_EQ(q.wire_len, p.wire_len);
	ASSERT_MEMEQ(q.data, p.data, p.len);
	net_close(port);
	unlink(path);
}

TEST(names_the_link_type_that_it_refuses)
{
	struct net_port *port = NULL;
	struct skep_diag d = { 0 };
	uint8_t file[64];

	write_file(file, classic(file, 0xa1b2c3d4, 113, 0));
	ASSERT_EQ(net_open_source(&net_pcap_ops, path, &port, &d), -EOPNOTSUPP);
	ASSERT_STRHAS(d.msg, "LINUX_SLL");
	ASSERT_STRHAS(d.hint, "any");
	ASSERT(!port);
	unlink(path);
}

TEST(refuses_what_is_no_capture)
{
	struct net_port *port = NULL;
	struct skep_diag d = { 0 };

	write_file("GIF89a, not packets at all....", 30);
	ASSERT_EQ(net_open_source(&net_pcap_ops, path, &port, &d), -EINVAL);
	ASSERT_STRHAS(d.msg, "not a capture file");
	unlink(path);
	d = (struct skep_diag){ 0 };
	ASSERT_EQ(net_open_source(&net_pcap_ops, path, &port, &d), -ENOENT);
	ASSERT_STRHAS(d.msg, "No such file");
	d = (struct skep_diag){ 0 };
	ASSERT_EQ(net_open_sink(&net_pcap_ops, "/nonexistent/x.pcap", &port, &d), -ENOENT);
	ASSERT_STRHAS(d.msg, "/nonexistent/x.pcap");
}

TEST(says_where_a_file_breaks_off)
{
	struct net_port *port;
	struct net_packet p;
	struct skep_diag d = { 0 };
	uint8_t file[64];

	write_file(file, classic(file, 0xa1b2c3d4, 1, 0) - 5);
	ASSERT_EQ(net_open_source(&net_pcap_ops, path, &port, &d), 0);
	ASSERT_EQ(net_next(port, &p, &d), -EIO);
	ASSERT_STRHAS(d.msg, "after packet 0");
	net_close(port);
	unlink(path);
}

TEST(survives_failing_allocations)
{
	struct net_port *port;
	uint8_t file[64];

	write_file(file, classic(file, 0xa1b2c3d4, 1, 0));
	for (long n = 1;; n++) {
		int r;

		skep_alloc_fail_at(n);
		r = net_open_source(&net_pcap_ops, path, &port, NULL);
		if (!skep_alloc_failed()) {
			ASSERT_EQ(r, 0);
			break;
		}
		ASSERT_EQ(r, -ENOMEM);
	}
	skep_alloc_fail_at(0);
	net_close(port);
	unlink(path);
}
