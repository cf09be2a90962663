/* SPDX-License-Identifier: Apache-2.0 */
/* Opens two modules by turns, each closed before the other is opened, and lets each lock 3 times.
 *
 *     reopen A.so B.so TIMES      prints the address at which each was loaded, `A 0x…` and `B 0x…`, once for each time
 */
#include <dlfcn.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv)
{
    if (argc != 4)
        return 64;
    for (int i = 0; i < atoi(argv[3]); i++) {
        for (int k = 0; k < 2; k++) {
            void *module = dlopen(argv[1 + k], RTLD_NOW);
            void (*use)(void) = module ? (void (*)(void))dlsym(module, "module_use") : NULL;
            struct link_map *map;
            if (!use || dlinfo(module, RTLD_DI_LINKMAP, &map) != 0) {
                fprintf(stderr, "%s\n", dlerror());
                return 1;
            }
            use();
            printf("%c 0x%lx\n", 'A' + k, (unsigned long)map->l_addr);
            dlclose(module);
        }
    }
    return 0;
}
