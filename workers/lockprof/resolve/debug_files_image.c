/* SPDX-License-Identifier: Apache-2.0 */
#include "lockprof/resolve/debug_files_image.h"

#include "base/mem.h"

#include <elf.h>
#include <stdlib.h>
#include <string.h>

static void pad(struct buf *out)
{
    static const char zeros[8];
    buf_add(out, zeros, -out->size & 7);
}

void image_write(struct buf *out, const struct image_section *sections, size_t count)
{
    struct buf names = {0};
    /* The first header is empty, the last one is that of the names. */
    Elf64_Shdr *headers = mem_calloc(count + 2, sizeof headers[0]);
    Elf64_Ehdr head = {.e_ident = {ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB, EV_CURRENT},
                       .e_type = ET_REL,
                       .e_machine = EM_X86_64,
                       .e_version = EV_CURRENT,
                       .e_ehsize = sizeof head,
                       .e_shentsize = sizeof headers[0],
                       .e_shnum = (Elf64_Half)(count + 2),
                       .e_shstrndx = (Elf64_Half)(count + 1)};
    buf_add(out, &head, sizeof head);
    buf_add_char(&names, '\0');
    for (size_t i = 0; i < count; i++) {
        headers[i + 1] = (Elf64_Shdr){.sh_name = (Elf64_Word)names.size,
                                      .sh_type = SHT_PROGBITS,
                                      .sh_offset = out->size,
                                      .sh_size = sections[i].size,
                                      .sh_addralign = 1};
        buf_add(&names, sections[i].name, strlen(sections[i].name) + 1);
        buf_add(out, sections[i].bytes, sections[i].size);
        pad(out);
    }
    headers[count + 1] = (Elf64_Shdr){.sh_name = (Elf64_Word)names.size,
                                      .sh_type = SHT_STRTAB,
                                      .sh_offset = out->size,
                                      .sh_size = names.size + sizeof ".shstrtab",
                                      .sh_addralign = 1};
    buf_add(&names, ".shstrtab", sizeof ".shstrtab");
    buf_add(out, names.data, names.size);
    pad(out);
    head.e_shoff = out->size;
    buf_add(out, headers, (count + 2) * sizeof headers[0]);
    memcpy(out->data, &head, sizeof head);
    buf_fini(&names);
    free(headers);
}
