/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/native.h"

#include "base/mem.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

char *native_profiler(const char *directory)
{
    return mem_printf("%s/lockprof", directory);
}

char *native_library(const char *directory)
{
    return mem_printf("%s/liblockprof.so", directory);
}

char *native_workload(const char *directory, enum build build)
{
    return mem_printf("%s/native/native-%s", directory, scenario_build_name(build));
}

int native_check(const char *directory, enum build build, struct err *e)
{
    const struct {
        char *path;
        int mode;
    } files[] = {{native_profiler(directory), X_OK},
                 {native_library(directory), R_OK},
                 {native_workload(directory, build), X_OK}};
    int result = 0;
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        if (result == 0 && access(files[i].path, files[i].mode) < 0)
            result = err_sys(e, ERR_MISSING, errno,
                             "a native worker needs %s (make builds lockprof and the C workload)", files[i].path);
        free(files[i].path);
    }
    return result;
}
