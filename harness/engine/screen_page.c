/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/screen_page.h"

#include "base/base64.h"
#include "base/mem.h"

#include <limits.h>
#include <stdint.h>
#include <string.h>

/* First words of a page that is not as expected. */
#define OTHER_PAGE_MAX "200"

/* The page is there and is the one that is meant: calls `then`, else tells `done` what is there. */
#define WAIT_FOR(ready, then)                                                                                          \
    "const done=arguments[arguments.length-1];"                                                                        \
    "const other=()=>done({other:(document.body?document.body.innerText:'').slice(0," OTHER_PAGE_MAX ")});"            \
    "const look=()=>{"                                                                                                 \
    "if(document.readyState!=='complete')return setTimeout(look,10);" ready then "};look();"

#define FLAME_READY                                                                                                    \
    "const chart=document.getElementById('stack-chart'),"                                                              \
    "written=document.getElementById('current-details-left');"                                                         \
    "if(!chart||!written)return other();"                                                                              \
    "if(!chart.style.height)return setTimeout(look,10);" /* set when the boxes are drawn */                            \
    "const boxes=[...chart.querySelectorAll('.boxbg')],top=b=>parseFloat(b.style.top),"                                \
    "rows=[...new Set(boxes.map(top))].sort((a,b)=>a-b),"                                                              \
    "whole=b=>{b.dispatchEvent(new MouseEvent('mouseenter'));"                                                         \
    "const text=[...written.childNodes].map(n=>n.nodeName==='BR'?'\\n':n.textContent).join('');"                       \
    "b.dispatchEvent(new MouseEvent('mouseleave'));return text;},"                                                     \
    "root=boxes.filter(b=>top(b)===rows[0]);"                                                                          \
    "if(root.length!==1||whole(root[0])!=='root')return other();"                                                      \
    "const below=boxes.filter(b=>top(b)===rows[1]&&b.getBoundingClientRect().width>=1);"

/* pprof's own font; a box's share of the whole stays the same when the window grows. */
static const char flame_measure[] =
    WAIT_FOR(FLAME_READY, "const pen=document.createElement('canvas').getContext('2d');pen.font='12pt Arial';"
                          "const wanted=below.map(b=>(pen.measureText(whole(b)).width+8)"
                          "*chart.clientWidth/b.getBoundingClientRect().width);"
                          "done({width:Math.min(1e6,Math.ceil(Math.max(0,...wanted)))});");
static const char flame_read[] = WAIT_FOR(FLAME_READY, "done({texts:below.map(whole)});");
static const char top_read[] =
    WAIT_FOR("const value=document.getElementById('flathdr1'),name=document.getElementById('namehdr'),"
             "rows=document.getElementById('rows');"
             "if(!value||!name||!rows)return other();",
             "done({texts:[...rows.rows].filter(r=>r.cells[value.cellIndex].textContent!=='0')"
             ".map(r=>r.cells[name.cellIndex].textContent)});");
/* The second frame after the size has come shows it. */
static const char settle[] = "const [width,height,done]=arguments;"
                             "const look=()=>{if(outerWidth!==width||outerHeight!==height)return setTimeout(look,10);"
                             "requestAnimationFrame(()=>requestAnimationFrame(()=>done({settled:true})));};look();";

/* --- requests --- */

static void add_arguments(struct json_out *out, const char *directory, bool root)
{
    static const char *const fixed[] = {"--headless=new",
                                        "--disable-gpu",
                                        "--disable-quic",
                                        "--disable-background-networking",
                                        "--disable-component-update",
                                        "--disable-sync",
                                        "--disable-extensions",
                                        "--disable-dev-shm-usage", /* containers give it 64 MB */
                                        "--no-first-run",
                                        "--no-default-browser-check",
                                        "--no-proxy-server"};
    struct buf text = {0};
    json_array(out);
    for (size_t i = 0; i < sizeof fixed / sizeof *fixed; i++)
        json_string(out, fixed[i]);
    if (root) /* Chromium refuses to start as root with its sandbox */
        json_string(out, "--no-sandbox");
    buf_printf(&text, "--window-size=%d,%d", SCREEN_WIDTH, SCREEN_HEIGHT);
    json_string(out, text.data);
    buf_clear(&text);
    buf_printf(&text, "--user-data-dir=%s", directory);
    json_string(out, text.data);
    json_array_end(out);
    buf_fini(&text);
}

void screen_session_body(const char *directory, bool root, int64_t timeout_ms, struct buf *buf)
{
    struct json_out out = json_begin(buf, 0);
    json_object(&out);
    json_key(&out, "capabilities");
    json_object(&out);
    json_key(&out, "alwaysMatch");
    json_object(&out);
    json_put_string(&out, "browserName", "chrome");
    json_key(&out, "timeouts");
    json_object(&out);
    json_put_int(&out, "script", timeout_ms);
    json_put_int(&out, "pageLoad", timeout_ms);
    json_object_end(&out);
    json_key(&out, "goog:chromeOptions");
    json_object(&out);
    json_key(&out, "args");
    add_arguments(&out, directory, root);
    json_object_end(&out);
    json_object_end(&out);
    json_object_end(&out);
    json_object_end(&out);
}

void screen_open_body(const char *url, struct buf *buf)
{
    struct json_out out = json_begin(buf, 0);
    json_object(&out);
    json_put_string(&out, "url", url);
    json_object_end(&out);
}

void screen_size_body(unsigned width, unsigned height, struct buf *buf)
{
    struct json_out out = json_begin(buf, 0);
    json_object(&out);
    json_put_uint(&out, "width", width);
    json_put_uint(&out, "height", height);
    json_object_end(&out);
}

static void add_script(const char *script, const unsigned *arguments, size_t count, struct buf *buf)
{
    struct json_out out = json_begin(buf, 0);
    json_object(&out);
    json_put_string(&out, "script", script);
    json_key(&out, "args");
    json_array(&out);
    for (size_t i = 0; i < count; i++)
        json_uint(&out, arguments[i]);
    json_array_end(&out);
    json_object_end(&out);
}

void screen_flame_measure_body(struct buf *out)
{
    add_script(flame_measure, NULL, 0, out);
}

void screen_settle_body(unsigned width, unsigned height, struct buf *out)
{
    add_script(settle, (const unsigned[]){width, height}, 2, out);
}

void screen_flame_read_body(struct buf *out)
{
    add_script(flame_read, NULL, 0, out);
}

void screen_top_read_body(struct buf *out)
{
    add_script(top_read, NULL, 0, out);
}

/* --- answers --- */

int screen_session_read(const struct json *value, char **session, char **how, struct err *e)
{
    const struct json *capabilities = json_get(value, "capabilities");
    const char *id = json_get_string(value, "sessionId", "");
    const char *version = json_get_string(capabilities, "browserVersion", "");
    /* It becomes part of a URL. */
    if (id[0] == '\0' || strspn(id, "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-_") != strlen(id))
        return err_set(e, ERR_INTERNAL, "the browser's driver opened no session: its answer has no usable sessionId");
    *session = mem_strdup(id);
    *how = mem_printf("pprof in Chromium %s", version[0] ? version : "of unknown version");
    return 0;
}

static int not_expected(const struct json *value, const char *what, struct err *e)
{
    const char *other = json_get_string(value, "other", NULL);
    if (other && other[0])
        return err_set(e, ERR_INTERNAL, "the page is not pprof's %s, it says: %s", what, other);
    return err_set(e, ERR_INTERNAL, "the page is not pprof's %s%s", what, other ? ", it is empty" : "");
}

int screen_flame_measure(const struct json *value, size_t *width, struct err *e)
{
    int64_t given = json_get_int(value, "width", -1);
    if (given < 0 || given > INT_MAX)
        return not_expected(value, "flame graph", e);
    *width = (size_t)given;
    return 0;
}

static int read_texts(const struct json *value, const char *what, const char *unlabelled, enum screen_place place,
                      struct screen_record *record, size_t *count, struct err *e)
{
    const struct json *texts = json_get(value, "texts");
    size_t known = record->label_count;
    if (!texts || texts->type != JSON_ARRAY)
        return not_expected(value, what, e);
    for (size_t i = 0; i < texts->size; i++) {
        const struct json *text = &texts->items[i];
        if (text->type != JSON_STRING)
            return not_expected(value, what, e);
        if (strcmp(text->string, unlabelled) == 0)
            record->unlabelled[place] = true;
        else
            screen_record_label(record, known, text->string, place);
    }
    *count = texts->size;
    return 0;
}

int screen_flame_read(const struct json *value, struct screen_record *record, struct err *e)
{
    size_t count;
    return read_texts(value, "flame graph", SCREEN_LABEL_KEY, SCREEN_FLAMEGRAPH, record, &count, e);
}

int screen_top_read(const struct json *value, struct screen_record *record, size_t *count, struct err *e)
{
    return read_texts(value, "top table", "<unknown>", SCREEN_TOP, record, count, e);
}

int screen_picture_read(const struct json *value, struct buf *out, struct err *e)
{
    static const char png[] = "\x89PNG\r\n\x1a\n";
    size_t before = out->size;
    if (!value || value->type != JSON_STRING || base64_read(value->string, value->size, out) < 0 ||
        out->size - before < sizeof png - 1 || memcmp(out->data + before, png, sizeof png - 1) != 0)
        return err_set(e, ERR_INTERNAL, "the browser's driver gave no PNG picture");
    return 0;
}

static unsigned clamp(size_t wanted, unsigned least)
{
    return wanted < least ? least : wanted > SCREEN_SIZE_MAX ? SCREEN_SIZE_MAX : (unsigned)wanted;
}

unsigned screen_width_for(size_t wanted)
{
    return clamp(wanted, SCREEN_WIDTH);
}

unsigned screen_height_for(size_t rows)
{
    return clamp(rows * SCREEN_ROW_HEIGHT + SCREEN_HEIGHT_ELSE, SCREEN_HEIGHT);
}
