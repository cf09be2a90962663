/* SPDX-License-Identifier: Apache-2.0 */
#include "lockprof/command/commands.h"

#include "base/descriptors.h"

#include <fcntl.h>

int main(int argc, char **argv)
{
    if (!descriptors_occupy_standard(O_CLOEXEC))
        return ERR_INTERNAL;
    return commands_main(argc, argv);
}
