/* SPDX-License-Identifier: Apache-2.0 */
#include "lockprof/export/post.h"

#include "base/mem.h"
#include "lockprof/export/event.h"
#include "lockprof/export/version.h"

#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Of an answer's body: enough to say why it was refused. */
#define ANSWER_MAX 300

struct poster {
    CURL *curl;
};

struct attempt {
    const struct post *post;
    char error[CURL_ERROR_SIZE];
    char answer[ANSWER_MAX + 1];
    size_t answer_size;
    curl_mime *body;
    struct curl_slist *headers;
};

long long post_now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (long long)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

struct poster *poster_new(void)
{
    struct poster *poster = mem_calloc(1, sizeof *poster);
    poster->curl = curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK ? curl_easy_init() : NULL;
    if (!poster->curl) {
        free(poster);
        return NULL;
    }
    return poster;
}

void poster_free(struct poster *poster)
{
    if (!poster)
        return;
    curl_easy_cleanup(poster->curl);
    curl_global_cleanup();
    free(poster);
}

static int on_progress(void *data, curl_off_t down_total, curl_off_t down, curl_off_t up_total, curl_off_t up)
{
    const struct attempt *a = data;
    (void)down_total, (void)down, (void)up_total, (void)up;
    return post_now_ms() >= atomic_load(a->post->deadline_ms);
}

static size_t on_answer(char *bytes, size_t size, size_t count, void *data)
{
    struct attempt *a = data;
    size_t room = ANSWER_MAX - a->answer_size, taken = size * count < room ? size * count : room;
    memcpy(a->answer + a->answer_size, bytes, taken);
    a->answer_size += taken;
    return size * count;
}

/* False without memory. */
static bool add_part(struct attempt *a, const char *name, const char *file, const char *type, const void *bytes,
                     size_t size)
{
    curl_mimepart *part = curl_mime_addpart(a->body);
    return part && curl_mime_name(part, name) == CURLE_OK && curl_mime_filename(part, file) == CURLE_OK &&
           curl_mime_type(part, type) == CURLE_OK && curl_mime_data(part, bytes, size) == CURLE_OK;
}

static bool add_header(struct attempt *a, const char *text)
{
    struct curl_slist *longer = curl_slist_append(a->headers, text);
    if (longer)
        a->headers = longer;
    return longer != NULL;
}

static bool add_headers(struct attempt *a)
{
    bool good = add_header(a, "DD-EVP-ORIGIN: lockprof") && add_header(a, "DD-EVP-ORIGIN-VERSION: " LOCKPROF_VERSION) &&
                /* A body of more than a megabyte would wait a second for an agent's "100 Continue". */
                add_header(a, "Expect:");
    if (good && a->post->endpoint->agentless && a->post->api_key) {
        char *key = mem_printf("DD-API-KEY: %s", a->post->api_key);
        good = add_header(a, key);
        explicit_bzero(key, strlen(key));
        free(key);
    }
    return good;
}

static bool set_up(struct poster *poster, struct attempt *a)
{
    const struct post *post = a->post;
    CURL *c = poster->curl;
    curl_easy_reset(c);
    a->body = curl_mime_init(c);
    if (!a->body || !add_part(a, "event", "event.json", "application/json", post->event, strlen(post->event)) ||
        !add_part(a, EVENT_ATTACHMENT, EVENT_ATTACHMENT, "application/octet-stream", post->bytes->data,
                  post->bytes->size) ||
        !add_headers(a))
        return false;
    curl_easy_setopt(c, CURLOPT_URL, post->endpoint->url);
    curl_easy_setopt(c, CURLOPT_UNIX_SOCKET_PATH, post->endpoint->socket);
    /* An agent is beside us: the environment's proxies are for the world outside. */
    if (!post->endpoint->agentless)
        curl_easy_setopt(c, CURLOPT_NOPROXY, "*");
    curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(c, CURLOPT_USERAGENT, "lockprof/" LOCKPROF_VERSION);
    curl_easy_setopt(c, CURLOPT_HTTPHEADER, a->headers);
    curl_easy_setopt(c, CURLOPT_MIMEPOST, a->body);
    curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(c, CURLOPT_TIMEOUT_MS, (long)POST_TIMEOUT_MS);
    curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT_MS, (long)POST_CONNECT_TIMEOUT_MS);
    curl_easy_setopt(c, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(c, CURLOPT_XFERINFOFUNCTION, on_progress);
    curl_easy_setopt(c, CURLOPT_XFERINFODATA, a);
    curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, on_answer);
    curl_easy_setopt(c, CURLOPT_WRITEDATA, a);
    curl_easy_setopt(c, CURLOPT_ERRORBUFFER, a->error);
    return true;
}

static int fail_transport(const struct attempt *a, CURLcode code, struct post_failure *failure)
{
    failure->again = code != CURLE_URL_MALFORMAT && code != CURLE_UNSUPPORTED_PROTOCOL;
    if (code == CURLE_ABORTED_BY_CALLBACK)
        return err_set(&failure->error, ERR_MISSING, "no answer within the time that is left");
    return err_set(&failure->error, ERR_MISSING, "%s", a->error[0] ? a->error : curl_easy_strerror(code));
}

static int fail_status(struct poster *poster, const struct attempt *a, long status, struct post_failure *failure)
{
    curl_off_t after = 0;
    curl_easy_getinfo(poster->curl, CURLINFO_RETRY_AFTER, &after);
    failure->again = status == 408 || status == 429 || status >= 500;
    failure->retry_after_s = (long)after;
    return err_set(&failure->error, ERR_MISSING, "answered with status %ld%s%s", status, a->answer_size > 0 ? ": " : "",
                   a->answer);
}

int poster_send(struct poster *poster, const struct post *post, struct post_failure *failure)
{
    struct attempt a = {.post = post};
    int result = -1;
    *failure = (struct post_failure){0};
    if (!set_up(poster, &a)) {
        err_set(&failure->error, ERR_INTERNAL, "out of memory");
    } else {
        CURLcode code = curl_easy_perform(poster->curl);
        long status = 0;
        curl_easy_getinfo(poster->curl, CURLINFO_RESPONSE_CODE, &status);
        if (code != CURLE_OK)
            fail_transport(&a, code, failure);
        else if (status < 200 || status > 299)
            fail_status(poster, &a, status, failure);
        else
            result = 0;
    }
    curl_mime_free(a.body);
    curl_slist_free_all(a.headers);
    return result;
}
