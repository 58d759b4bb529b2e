/* fuzz_corpus VECTORS DIR: writes the structures of the vectors into DIR, one file each, for
 * libFuzzer to start from. */
#include <dirent.h>
#include <stdio.h>
#include <string.h>

#include "tests/wire/vector.h"

/* The texts of a merge, as fuzz_merge_text takes them apart: with a NUL between them. */
static bool write_texts(const char *dir, const char *name, const struct vector *vector)
{
    static const char *const texts[] = {"base", "earlier", "later"};
    char path[1024];
    (void)snprintf(path, sizeof path, "%s/%s", dir, name);
    FILE *file = fopen(path, "we");
    bool good = file != NULL;
    for (size_t i = 0; i < 3 && good; i++) {
        struct ps_bytes text = vector_get(vector, texts[i]);
        good = (i == 0 || fputc('\0', file) == '\0') &&
               (text.size == 0 || fwrite(text.data, text.size, 1, file) == 1);
    }
    return file != NULL && fclose(file) == 0 && good;
}

static bool write_values(const char *dir, const char *name)
{
    struct vector vector;
    bool good = true;
    vector_read(&vector, name);
    if (strncmp(name, "merge_text_", strlen("merge_text_")) == 0) {
        good = write_texts(dir, name, &vector);
    }
    for (size_t i = 0; i < vector.count && good; i++) {
        if (strcmp(vector.name[i], "bytes") != 0 && strcmp(vector.name[i], "code") != 0) {
            continue;
        }
        char path[1024];
        (void)snprintf(path, sizeof path, "%s/%s", dir, name);
        FILE *file = fopen(path, "we");
        good = file != NULL && fwrite(vector.value[i].data, vector.value[i].size, 1, file) == 1;
        good = file != NULL && fclose(file) == 0 && good;
    }
    vector_free(&vector);
    return good;
}

int main(int argc, char **argv)
{
    DIR *vectors = argc == 3 ? opendir(argv[1]) : NULL;
    if (vectors == NULL) {
        (void)fprintf(stderr, "usage: fuzz_corpus VECTORS DIR\n");
        return 2;
    }
    bool good = true;
    for (const struct dirent *entry = readdir(vectors); entry != NULL && good;
         entry = readdir(vectors)) {
        char name[256];
        (void)snprintf(name, sizeof name, "%s", entry->d_name);
        char *end = strstr(name, ".hex");
        if (end != NULL) {
            *end = '\0';
            good = write_values(argv[2], name);
        }
    }
    (void)closedir(vectors);
    return good ? 0 : 1;
}
