/* SPDX-License-Identifier: Apache-2.0 */
/* 100 acquires of `plain_lock`, in a surrounding that a profiler may not like; exit status 7.
 *
 *     plain [WHAT]
 * closed       all descriptors from 3 up are closed first
 * reused       descriptors 3 to 19 are closed and opened on /dev/null, written to and closed again
 * fd3          says `three` on descriptor 3
 * nofile       no file may be opened
 * fsize        no file may grow
 * memory       the address space may grow by 8 MiB only
 * stack        the locking is done in a thread with the smallest stack, at its very end
 * user         root is given up before a child does the locking
 * root         an empty root directory is entered before
 * daemon       main leaves at once, its grandchild in a session of its own locks 0.3 s later
 * late         threads are still locking when main returns
 * plugin PATH  what dlopen(PATH) gives does the locking (plugin_use) */
#include <dlfcn.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define STATUS 7

static pthread_mutex_t plain_lock = PTHREAD_MUTEX_INITIALIZER;
static volatile long work;

static void *use(void *unused)
{
    for (int i = 0; i < 100; i++) {
        pthread_mutex_lock(&plain_lock);
        work++;
        pthread_mutex_unlock(&plain_lock);
    }
    return unused;
}

static void *use_for_ever(void *unused)
{
    for (;;)
        use(unused);
    return NULL;
}

static void in_thread(size_t stack)
{
    pthread_t thread;
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    if (pthread_attr_setstacksize(&attributes, stack) != 0 || pthread_create(&thread, &attributes, use, NULL) != 0 ||
        pthread_join(thread, NULL) != 0)
        abort();
}

static void limit(int resource, rlim_t value)
{
    struct rlimit limit = {value, value};
    if (setrlimit(resource, &limit) != 0)
        abort();
}

static void reuse_descriptors(void)
{
    for (int fd = 3; fd < 20; fd++)
        close(fd);
    for (int fd = 3; fd < 20; fd++)
        if (open("/dev/null", O_WRONLY) != fd || write(fd, "x", 1) != 1)
            abort();
    use(NULL);
    for (int fd = 3; fd < 20; fd++)
        close(fd);
}

static rlim_t address_space(void)
{
    unsigned long pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    if (!file || fscanf(file, "%lu", &pages) != 1)
        abort();
    fclose(file);
    return pages * 4096;
}

static int as_nobody(void)
{
    int status = -1;
    if (setgroups(0, NULL) != 0 || setgid(65534) != 0 || setuid(65534) != 0)
        return 77;
    pid_t pid = fork();
    if (pid == 0) {
        use(NULL);
        _exit(STATUS);
    }
    return waitpid(pid, &status, 0) == pid && WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

/* The directory is removed while it is entered, so that nothing is left of it. */
static int in_empty_root(void)
{
    char directory[] = "/tmp/lockprof-root-XXXXXX";
    if (!mkdtemp(directory) || chdir(directory) != 0 || rmdir(directory) != 0)
        return 1;
    if (chroot(".") != 0)
        return 77;
    use(NULL);
    return STATUS;
}

static int daemonize(void)
{
    if (fork() != 0)
        return STATUS;
    setsid();
    if (fork() != 0)
        _exit(0);
    for (int fd = 0; fd < 100; fd++)
        close(fd);
    usleep(300000);
    use(NULL);
    _exit(0);
}

static int late(void)
{
    pthread_t thread;
    use(NULL);
    for (int i = 0; i < 4; i++)
        if (pthread_create(&thread, NULL, use_for_ever, NULL) != 0)
            abort();
    usleep(20000);
    return STATUS;
}

static int plugin(const char *path)
{
    void *module = dlopen(path, RTLD_NOW);
    void (*plugin_use)(void) = module ? (void (*)(void))dlsym(module, "plugin_use") : NULL;
    if (!plugin_use) {
        fprintf(stderr, "%s\n", dlerror());
        return 1;
    }
    plugin_use();
    return STATUS;
}

int main(int argc, char **argv)
{
    const char *what = argc > 1 ? argv[1] : "";
    if (strcmp(what, "closed") == 0)
        closefrom(3);
    if (strcmp(what, "reused") == 0) {
        reuse_descriptors();
        return STATUS;
    }
    if (strcmp(what, "fd3") == 0 && write(3, "three", 5) != 5)
        return 1;
    if (strcmp(what, "nofile") == 0)
        limit(RLIMIT_NOFILE, 0);
    if (strcmp(what, "fsize") == 0)
        limit(RLIMIT_FSIZE, 0);
    if (strcmp(what, "memory") == 0)
        limit(RLIMIT_AS, address_space() + (8 << 20));
    if (strcmp(what, "user") == 0)
        return as_nobody();
    if (strcmp(what, "root") == 0)
        return in_empty_root();
    if (strcmp(what, "daemon") == 0)
        return daemonize();
    if (strcmp(what, "late") == 0)
        return late();
    if (strcmp(what, "plugin") == 0 && argc > 2)
        return plugin(argv[2]);
    if (strcmp(what, "stack") == 0)
        in_thread(PTHREAD_STACK_MIN);
    else
        use(NULL);
    return STATUS;
}
