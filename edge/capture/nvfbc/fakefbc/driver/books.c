// A double of NVIDIA's NvFBC, for tests; it proves nothing about a driver or a GPU. See interface.h.
#include "books.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const char *const faults[FAULTS] = {"none", "no-x", "other-driver", "not-supported", "driver-too-old", "driver-1.6", "busy",
	"max-clients", "no-cuda", "modeset", "recreate", "x-gone", "slow", "broken", "short", "other-clock"};

enum { MISUSES = 8192, PATIENCE_S = 10 };

pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
pthread_cond_t changed;
struct screen screen;
int handles, sessions;

static pthread_cond_t waiting; // a grab waits
static int waiters;
static enum fault injected;
static int calls_left;
static char misuses[MISUSES];
static int misuse_count;

__attribute__((constructor)) static void start(void) {
	pthread_condattr_t monotonic;
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&changed, &monotonic);
	pthread_cond_init(&waiting, &monotonic);
	pthread_condattr_destroy(&monotonic);
}

void misuse(const char *format, ...) {
	char text[512];
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(text, sizeof text, format, arguments);
	va_end(arguments);
	misuse_count++;
	size_t used = strlen(misuses);
	snprintf(misuses + used, sizeof misuses - used, "misuse: %s\n", text);
}

enum fault fault(void) { return injected; }

int due(enum fault which) {
	if (injected != which)
		return 0;
	if (--calls_left <= 0)
		injected = NO_FAULT;
	return 1;
}

int64_t now_us(void) {
	struct timespec t;
	clock_gettime(injected == OTHER_CLOCK ? CLOCK_REALTIME : CLOCK_MONOTONIC, &t);
	return t.tv_sec * INT64_C(1000000) + t.tv_nsec / 1000;
}

void waits(int change) {
	waiters += change;
	pthread_cond_broadcast(&waiting);
}

void fakefbc_show(int width, int height, const uint8_t *pixels) {
	size_t size = (size_t)width * height * 4;
	pthread_mutex_lock(&lock);
	if (width != screen.width || height != screen.height) {
		free(screen.pixels);
		screen.pixels = malloc(size);
		screen.width = width;
		screen.height = height;
		screen.mode++;
	}
	memcpy(screen.pixels, pixels, size);
	screen.frame++;
	screen.rendered_us = now_us();
	pthread_cond_broadcast(&changed);
	pthread_mutex_unlock(&lock);
}

int fakefbc_inject(const char *name, int calls) {
	for (int i = 0; i < FAULTS; i++) {
		if (strcmp(faults[i], name) != 0)
			continue;
		pthread_mutex_lock(&lock);
		injected = i;
		calls_left = calls;
		pthread_cond_broadcast(&changed);
		pthread_mutex_unlock(&lock);
		return 0;
	}
	return -1;
}

int fakefbc_await(void) {
	struct timespec until;
	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += PATIENCE_S;
	pthread_mutex_lock(&lock);
	int late = 0;
	while (waiters == 0 && !late)
		late = pthread_cond_timedwait(&waiting, &lock, &until);
	pthread_mutex_unlock(&lock);
	return !late;
}

int fakefbc_report(char *text, size_t size) {
	pthread_mutex_lock(&lock);
	int lines = misuse_count;
	snprintf(text, size, "%s", misuses);
	const struct {
		int count;
		const char *of;
	} held[] = {{handles, "handles"}, {sessions, "capture sessions"}};
	for (size_t i = 0; i < sizeof held / sizeof *held; i++) {
		if (held[i].count == 0)
			continue;
		size_t used = strlen(text);
		snprintf(text + used, size - used, "held: %d %s\n", held[i].count, held[i].of);
		lines++;
	}
	misuse_count = 0;
	misuses[0] = 0;
	pthread_mutex_unlock(&lock);
	return lines;
}
