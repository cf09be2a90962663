/* SPDX-License-Identifier: Apache-2.0 */
/* libyaml's syntax errors in people's words. */
#ifndef LOCKTRAIL_SCENARIO_SYNTAX_H
#define LOCKTRAIL_SCENARIO_SYNTAX_H

#include "scenario/complain.h"

#include <yaml.h>

/* Complains of the error at which the parser stopped, at the place where a person would mend it. */
void syntax_complain(struct complaints *c, const yaml_parser_t *parser, const struct scenario_override *override);

#endif
