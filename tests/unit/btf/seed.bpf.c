/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * seed.bpf.c - C whose BTF has every kind that clang 14 makes: what the mutation test and the
 * fuzzer start from.
 */
#define TAG(s)	    __attribute__((btf_decl_tag(s)))
#define TYPE_TAG(s) __attribute__((btf_type_tag(s)))

typedef unsigned int u32;
typedef const volatile u32 cvu32;

struct later;

enum color { RED, GREEN = 7, BLUE = -1 };

struct bits {
	unsigned a : 3, b : 5;
	enum color c : 4;
	long long d : 40;
	_Bool e;
} TAG("bits");

union either {
	struct bits bits;
	float f;
	double d;
	char text[12];
};

struct node {
	struct node *next, **all;
	union either u[2][3];
	const struct later *later;
	int (*call)(struct node *, const char *restrict name, ...);
	struct {
		cvu32 inner TAG("inner");
		enum { A = 1, B } e;
	};
	void *data;
	int TYPE_TAG("user") * user;
	__int128 big;
};

static volatile const int limit = 10;
u32 counter TAG("counter");
struct node *head;
char name[16];

static __attribute__((noinline)) int walk(const struct node *n, cvu32 *sum, enum color c)
{
	int left = limit;

	while (n && left--) {
		*(u32 *)sum += n->inner + c;
		n = n->next;
	}
	return left;
}

int entry(struct node *n TAG("arg"))
{
	head = n;
	counter++;
	return walk(n, &counter, RED) + name[0];
}
