/* SPDX-License-Identifier: Apache-2.0 */
/* Standard descriptors that the caller may have closed. */
#ifndef LOCKTRAIL_BASE_DESCRIPTORS_H
#define LOCKTRAIL_BASE_DESCRIPTORS_H

#include <stdbool.h>

/* Where the caller has closed a standard descriptor, the next file or socket would get its number and be taken for it:
 * what is said on standard error would land in it, and libuv aborts when it is closed. What takes its place here is
 * open in the wrong direction, so that whoever reads or writes there still learns that it is closed. `flags`: O_CLOEXEC
 * where programs that are started shall find things as we did, else 0. False: it can't be opened. First of all in main.
 */
bool descriptors_occupy_standard(int flags);

#endif
