/* SPDX-License-Identifier: BSD-2-Clause */
/* Where files are in a process, and functions in files. */
#include "inject/image.h"
#include "tests/harness/test.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* The path of what holds an address. */
static void path_at(const void *p, char *to, size_t n)
{
	Dl_info info;

	ASSERT(dladdr(p, &info));
	snprintf(to, n, "%s", info.dli_fname);
}

TEST(image_finds_a_function_of_libc)
{
	char path[256];
	struct image_symbol s;
	struct image_file file;
	struct images m;
	uint64_t at = 0;
	void *want = dlsym(RTLD_DEFAULT, "getenv");

	path_at(want, path, sizeof(path));
	ASSERT_EQ(image_symbol(path, "getenv", &s, NULL), 0);
	ASSERT_GT(s.size, 0);
	ASSERT_EQ(image_file(path, &file, NULL), 0);
	ASSERT_EQ(images_read(&m, getpid(), NULL), 0);
	ASSERT(images_next(&m, &file, s.off, &at));
	ASSERT_EQ(at, (uintptr_t)want);
	ASSERT(!images_next(&m, &file, s.off, &at));
	vec_foreach (i, &m) {
		ASSERT(images_at(&m, i->start) == i && images_at(&m, i->end - 1) == i);
		ASSERT(images_at(&m, i->start - 1) != i && images_at(&m, i->end) != i);
	}
	ASSERT(images_at(&m, at)->exec && !images_at(&m, 0) && !images_at(&m, UINT64_MAX));
	images_fini(&m);
}

int image_test_marker(int x);
__attribute__((noinline, used)) int image_test_marker(int x)
{
	return x * 3 + 1;
}

TEST(image_finds_a_function_of_a_symbol_table)
{
	struct image_symbol s;
	struct image_file file;
	struct images m;
	uint64_t at = 0;

	ASSERT_EQ(image_symbol("/proc/self/exe", "image_test_marker", &s, NULL), 0);
	ASSERT_EQ(image_file("/proc/self/exe", &file, NULL), 0);
	ASSERT_EQ(images_read(&m, getpid(), NULL), 0);
	ASSERT(images_next(&m, &file, s.off, &at));
	ASSERT_EQ(at, (uintptr_t)image_test_marker);
	images_fini(&m);
}

TEST(image_gives_every_place_of_a_file_that_is_gone)
{
	char path[] = "/tmp/skep-image-XXXXXX";
	const int fd = mkstemp(path);
	struct image_file file;
	struct images m;
	uint64_t at = 0;
	uint8_t *p[2];

	ASSERT_GE(fd, 0);
	ASSERT_EQ(ftruncate(fd, 8192), 0);
	ASSERT_EQ(image_file(path, &file, NULL), 0);
	for (int i = 0; i < 2; i++) {
		p[i] = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 4096);
		ASSERT(p[i] != MAP_FAILED);
	}
	ASSERT(mmap(NULL, 8192, PROT_READ, MAP_PRIVATE, fd, 0) != MAP_FAILED);
	unlink(path);
	ASSERT_EQ(images_read(&m, getpid(), NULL), 0);
	ASSERT(images_next(&m, &file, 4100, &at));
	ASSERT_EQ(at, (uintptr_t)MIN(p[0], p[1]) + 4);
	ASSERT(images_next(&m, &file, 4100, &at));
	ASSERT_EQ(at, (uintptr_t)MAX(p[0], p[1]) + 4);
	ASSERT(!images_next(&m, &file, 4100, &at));
	at = 0;
	ASSERT(!images_next(&m, &file, 100, &at)); /* mapped, but not as code */
	images_fini(&m);
}

TEST(image_says_what_is_wrong)
{
	struct skep_diag d = { 0 };
	struct image_symbol s;
	struct image_file file;
	struct images m;

	ASSERT_EQ(image_symbol("/proc/self/exe", "no_such_function", &s, &d), -ENOENT);
	ASSERT_STRHAS(d.msg, "no_such_function");
	ASSERT_EQ(image_symbol("/dev/null", "main", &s, NULL), -ENOEXEC);
	ASSERT_EQ(image_symbol("/no/such/file", "main", &s, NULL), -ENOENT);
	ASSERT_EQ(image_file("/no/such/file", &file, NULL), -ENOENT);
	ASSERT_EQ(images_read(&m, 0x7ffffff, NULL), -ESRCH);
}
