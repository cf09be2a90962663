/* SPDX-License-Identifier: Apache-2.0 */
/* What no single key can say: combinations that can't be run, and members whose value follows from others. */
#ifndef LOCKTRAIL_SCENARIO_CHECK_H
#define LOCKTRAIL_SCENARIO_CHECK_H

#include "scenario/scenario.h"
#include "scenario/tree.h"

/* Most processes of one arm: issue 3 asks for 256 workers at once. */
#define PROCESSES_MAX 256
/* Most threads of all processes: Linux' default for the highest process number (pid_max) is 32768. */
#define THREADS_MAX 32768

/* Most agents of a scenario: each kind that is one, once. */
#define AGENTS_MAX 4
/* Most faults: each upload is looked at once for each of them; random plans have a handful. */
#define FAULTS_MAX 64
/* Most disturbances: each is looked at some times in a second. */
#define DISTURBANCES_MAX 64

/* Fills in what follows from other members and from what the file leaves out. Before check_combinations. */
void check_fill(struct scenario *s, const struct node *root);

/* Complains of impossible combinations. What depends on a value that is already bad is not looked at. */
void check_combinations(struct complaints *c, const struct scenario *s, const struct node *root);

/* Those of one worker and of its locks. */
void check_worker(struct complaints *c, const struct scenario *s, const struct scenario_worker *w,
                  const struct node *root);

/* Those of agents, backend, ui and faults. */
void check_pipeline(struct complaints *c, const struct scenario *s, const struct node *root);

/* Those of disturbances. */
void check_soak(struct complaints *c, const struct scenario *s, const struct node *root);

/* That `name`, which stands at `node`, is a worker of the scenario. */
void check_worker_known(struct complaints *c, const struct scenario *s, const char *name, const struct node *node,
                        const struct step *step);

/* Where a key stands; where it is missing, the mapping. */
struct place check_place_of(const struct node *map, const char *key);

/* A value on the way of keys that is given and good, else NULL. */
const struct node *check_given(const struct node *map, const char *key);

#endif
