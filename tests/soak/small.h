/* What the soak is made with: directories, threads and semaphores whose every failure ends the
 * program, so that the soak itself reads as a list of what happens. */
#ifndef PS_TESTS_SOAK_SMALL_H
#define PS_TESTS_SOAK_SMALL_H

#include <pthread.h>
#include <semaphore.h>

#include <p2psync.h>

#define SOAK_PATH_SIZE  64
#define SOAK_DEADLINE_S 120 /* nothing takes so long: it is stuck */

/* Print why, and end the program. */
void soak_fail(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));
void soak_check(p2psync_result result, const char *what);

/* The string after `key` in the map that `reply` holds; frees the map. */
void soak_text(p2psync_result result, struct p2psync_buffer *reply, const char *key, char *out,
               size_t size);

/* Wait for SOAK_DEADLINE_S at most. */
void soak_await(sem_t *semaphore, const char *what);

void soak_dir_make(char out[static SOAK_PATH_SIZE]);
void soak_dir_remove(const char *dir);
void soak_thread_start(pthread_t *thread, void *(*run)(void *), void *argument);
void soak_thread_join(pthread_t thread);

#endif
