/* SPDX-License-Identifier: Apache-2.0 */
#include "commands/commands.h"

#include "base/descriptors.h"
#include "base/err.h"

int main(int argc, char **argv)
{
    if (!descriptors_occupy_standard(0))
        return ERR_INTERNAL;
    return commands_main(argc, argv);
}
