// SPDX-License-Identifier: Apache-2.0
/*
 * The floor under an import: reads a log in large pieces, finds its lines, and writes as many bytes
 * for each as a document has. Nothing is read as JSON, nothing is made.
 *
 *     floor_lines FILE OUT BYTES
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PIECE = 256 << 10, OUT_SIZE = 512 << 10 };

static char piece[PIECE];
static char document[OUT_SIZE];

int main(int argc, char **argv)
{
    int in = argc == 4 ? open(argv[1], O_RDONLY) : -1;
    int out = argc == 4 ? open(argv[2], O_WRONLY | O_CREAT | O_APPEND, 0644) : -1;
    if (in < 0 || out < 0) {
        fprintf(stderr, "usage: floor_lines FILE OUT BYTES\n");
        return 2;
    }
    size_t size = (size_t)strtoul(argv[3], NULL, 10);
    size_t waiting = 0;
    unsigned long lines = 0;
    ssize_t n;
    while ((n = read(in, piece, sizeof(piece))) > 0) {
        for (const char *at = piece; (at = memchr(at, '\n', (size_t)(piece + n - at))) != NULL;
             at++) {
            lines++;
            memset(document + waiting, 'x', size);
            waiting += size;
            if (waiting + size > sizeof(document)) {
                if (write(out, document, waiting) < 0) {
                    return 1;
                }
                waiting = 0;
            }
        }
    }
    if (waiting > 0 && write(out, document, waiting) < 0) {
        return 1;
    }
    printf("%lu\n", lines);
    return 0;
}
