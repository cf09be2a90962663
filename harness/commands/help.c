/* SPDX-License-Identifier: Apache-2.0 */
#include "commands/commands.h"

#include "commands/output.h"
#include "report/text.h"
#include "scenario/nearest.h"
#include "scenario/scenario.h"

#include <string.h>
#include <unistd.h>

static const char scenario_topic[] = "scenario";

static int unknown_topic(const char *name)
{
    struct nearest near = {0};
    struct err e;
    for (size_t i = 0; i < command_count; i++)
        nearest_offer(&near, name, commands[i]->name);
    nearest_offer(&near, name, scenario_topic);
    if (near.word)
        err_set(&e, ERR_USAGE, "help: nothing is known of \"%s\", did you mean %s? (locktrail help lists all)", name,
                near.word);
    else
        err_set(&e, ERR_USAGE, "help: nothing is known of \"%s\" (locktrail help lists all)", name);
    return output_error(&e);
}

/* One line for each key is what grep wants; on a terminal its text goes below itself, behind the column of keys. */
static void add_keys(struct buf *out)
{
    struct buf lines = {0};
    scenario_describe_keys(&lines);
    if (!output_is_terminal(STDOUT_FILENO)) {
        *out = lines;
        return;
    }
    const char *first = lines.data;
    size_t indent = strcspn(first, " ");
    indent += strspn(first + indent, " ");
    for (char *at = lines.data, *newline; (newline = strchr(at, '\n')); at = newline + 1) {
        *newline = '\0';
        size_t key = strlen(at) < indent ? strlen(at) : indent;
        buf_add(out, at, key);
        text_add_wrapped(out, at + key, indent);
    }
    buf_fini(&lines);
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
        add_keys(&text);
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
