/* SPDX-License-Identifier: Apache-2.0 */
#include "commands/commands.h"

#include "commands/output.h"
#include "report/text.h"
#include "scenario/matrix.h"
#include "scenario/nearest.h"

#include <string.h>
#include <unistd.h>

static const struct {
    const char *name;
    void (*describe)(struct buf *out);
} topics[] = {{"scenario", scenario_describe_keys}, {"matrix-file", matrix_describe_keys}};
#define TOPIC_COUNT (sizeof topics / sizeof *topics)

static int unknown_topic(const char *name)
{
    struct nearest near = {0};
    struct err e;
    for (size_t i = 0; i < command_count; i++)
        nearest_offer(&near, name, commands[i]->name);
    for (size_t i = 0; i < TOPIC_COUNT; i++)
        nearest_offer(&near, name, topics[i].name);
    if (near.word)
        err_set(&e, ERR_USAGE, "help: nothing is known of \"%s\", did you mean %s? (locktrail help lists all)", name,
                near.word);
    else
        err_set(&e, ERR_USAGE, "help: nothing is known of \"%s\" (locktrail help lists all)", name);
    return output_error(&e);
}

/* One line for each key is what grep wants; on a terminal its text goes below itself, behind the column of keys. */
static void add_keys(void (*describe)(struct buf *out), struct buf *out)
{
    struct buf lines = {0};
    describe(&lines);
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
    size_t keys = 0;
    while (topic && keys < TOPIC_COUNT && strcmp(topics[keys].name, topic) != 0)
        keys++;
    if (!topic)
        commands_help(&text);
    else if (command)
        command_usage(command, &text);
    else if (keys < TOPIC_COUNT)
        add_keys(topics[keys].describe, &text);
    else
        return unknown_topic(topic);
    int code = output_text(&text);
    buf_fini(&text);
    return code;
}

const struct command command_help = {
    .name = "help",
    .operands = "[COMMAND | scenario | matrix-file]",
    .operands_max = 1,
    .summary = "Shows the commands, the options of one, or the keys of a scenario or matrix file.",
    .run = run,
};
