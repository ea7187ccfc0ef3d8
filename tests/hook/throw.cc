// SPDX-License-Identifier: BSD-2-Clause
/* throw.cc - a function that leaves by an exception every tenth time: throw CALLS */
#include <cstdio>
#include <cstdlib>
#include <stdexcept>

extern "C" long thrower(long a, long b);

extern "C" __attribute__((noinline)) long thrower(long a, long b)
{
	if (a % 10 == 0)
		throw std::runtime_error("ten");
	return a * 3 + b;
}

int main(int argc, char **argv)
{
	const long n = argc > 1 ? atol(argv[1]) : 1;
	long sum = 0, caught = 0;

	for (long i = 0; i < n; i++) {
		try {
			sum += thrower(i, i / 2);
		} catch (const std::runtime_error &) {
			caught++;
		}
	}
	printf("%ld caught %ld\n", sum, caught);
}
