/* SPDX-License-Identifier: Apache-2.0 */
#include "io/child_limit.h"
#include "io/child.h"

#include <errno.h>
#include <sys/resource.h>

/* Two output pipes and files, the channel, the control socket. */
#define DESCRIPTORS_CHILD 6
/* The rest of the coordinator: the intake's connections (one or two for each worker), forwarding,
 * journal, loop. */
#define DESCRIPTORS_OTHER 1024

/* The soft limit before it was raised; 0: it has not been. */
static rlim_t before;

uint64_t child_descriptors_needed(unsigned children)
{
    return (uint64_t)children * DESCRIPTORS_CHILD + DESCRIPTORS_OTHER;
}

int child_raise_descriptors(unsigned children, struct err *e)
{
    struct rlimit limit;
    rlim_t wanted = child_descriptors_needed(children);
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) {
        return err_sys(e, ERR_INTERNAL, errno, "cannot read the limit of open descriptors");
    }
    if (limit.rlim_cur >= wanted) {
        return 0;
    }
    rlim_t was = limit.rlim_cur;
    limit.rlim_cur = wanted < limit.rlim_max ? wanted : limit.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &limit) != 0) {
        return err_sys(e, ERR_INTERNAL, errno, "cannot raise the limit of open descriptors");
    }
    before = before != 0 ? before : was;
    if (limit.rlim_max < wanted) {
        return err_set(e, ERR_MISSING,
                       "%u workers at once need %llu open descriptors and the hard limit is %llu: "
                       "raise it (ulimit -Hn) or run fewer workers",
                       children, (unsigned long long)wanted, (unsigned long long)limit.rlim_max);
    }
    return 0;
}

uint64_t child_descriptors_before(void)
{
    return before;
}
