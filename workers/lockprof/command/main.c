/* SPDX-License-Identifier: Apache-2.0 */
#include "lockprof/command/commands.h"

#include <fcntl.h>
#include <stdbool.h>
#include <unistd.h>

/* Where the caller has closed a standard descriptor, a file of ours would get its number, and what is said on standard
 * error would land in it. What takes its place is closed again in the program that is run: it finds things as we did.
 */
static bool occupy_standard_descriptors(void)
{
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
        if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", (fd == STDIN_FILENO ? O_WRONLY : O_RDONLY) | O_CLOEXEC) != fd)
            return false;
    return true;
}

int main(int argc, char **argv)
{
    if (!occupy_standard_descriptors())
        return ERR_INTERNAL;
    return commands_main(argc, argv);
}
