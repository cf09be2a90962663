/* SPDX-License-Identifier: Apache-2.0 */
#include "commands/commands.h"

#include "base/mem.h"
#include "commands/output.h"
#include "scenario/scenario.h"

#include <stdlib.h>
#include <string.h>

static const char scenario_topic[] = "scenario";

static int unknown_topic(const char *name)
{
    const char **names = mem_calloc(command_count + 1, sizeof *names);
    struct err e;
    for (size_t i = 0; i < command_count; i++)
        names[i] = commands[i]->name;
    names[command_count] = scenario_topic;
    const char *near = nearest(name, names, command_count + 1);
    if (near)
        err_set(&e, ERR_USAGE, "help: nothing is known of \"%s\", did you mean %s? (locktrail help lists all)", name,
                near);
    else
        err_set(&e, ERR_USAGE, "help: nothing is known of \"%s\" (locktrail help lists all)", name);
    free(names);
    return output_error(&e);
}

static int run(const struct command_line *line)
{
    struct buf text = {0};
    const char *topic = line->operand_count > 0 ? line->operands[0] : NULL;
    const struct command *command = topic ? command_find(topic) : NULL;
    if (!topic)
        commands_help(&text);
    else if (command)
        command_usage(command, &text);
    else if (strcmp(topic, scenario_topic) == 0)
        scenario_describe_keys(&text);
    else
        return unknown_topic(topic);
    int code = output_text(&text);
    buf_fini(&text);
    return code;
}

const struct command command_help = {
    .name = "help",
    .operands = "[COMMAND | scenario]",
    .operands_max = 1,
    .summary = "Shows the commands, the options of one, or the keys of a scenario file.",
    .run = run,
};
