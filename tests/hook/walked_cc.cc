// SPDX-License-Identifier: BSD-2-Clause
/* walked_cc.cc - ways that exceptions take. */
#include "walked.h"

#include <stdexcept>

namespace
{
struct guard {
	long n;
	explicit guard(long number) : n(number)
	{
	}
	~guard()
	{
		n += mark(n);
	}
};
} // namespace

static __attribute__((noinline)) long thrower(long n)
{
	guard g(n);

	if (n)
		throw std::runtime_error("away");
	return g.n;
}

long by_exception(long n)
{
	try {
		return thrower(n) + 1;
	} catch (const std::runtime_error &) {
		return mark(n + 1) + 1;
	}
}
