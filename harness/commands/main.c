/* SPDX-License-Identifier: Apache-2.0 */
#include "commands/commands.h"

#include "base/err.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <unistd.h>

/* Where the caller has closed a standard descriptor, the next file or socket would get its number, be taken for it, and
 * libuv aborts when it is closed. What takes its place is open in the wrong direction, so that whoever reads or writes
 * there still learns that it is closed. */
static bool occupy_standard_descriptors(void)
{
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
        if (fcntl(fd, F_GETFD) >= 0 || errno != EBADF)
            continue;
        if (open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY) != fd)
            return false;
    }
    return true;
}

int main(int argc, char **argv)
{
    if (!occupy_standard_descriptors())
        return ERR_INTERNAL;
    return commands_main(argc, argv);
}
