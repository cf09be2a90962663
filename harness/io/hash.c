/* SPDX-License-Identifier: Apache-2.0 */
#include "io/hash.h"

#include <assert.h>
#include <openssl/evp.h>

void hash_text(const void *bytes, size_t size, char out[HASH_TEXT_SIZE])
{
    static const char digits[] = "0123456789abcdef";
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned length = 0;
    int done = EVP_Digest(bytes != NULL ? bytes : "", size, digest, &length, EVP_sha256(), NULL);
    assert(done == 1 && length * 2 + 1 == HASH_TEXT_SIZE);
    (void)done;
    for (unsigned i = 0; i < length; i++) {
        out[2 * i] = digits[digest[i] >> 4];
        out[2 * i + 1] = digits[digest[i] & 15];
    }
    out[2 * length] = '\0';
}
