// A double of NVIDIA's driver, for tests; it proves nothing about a GPU. See books.h.
#include "books.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char headline[] = "A double of NVIDIA's driver, for tests. It shows whether its caller keeps the rules that "
	"the headers state; it cannot prove anything about a GPU.\n";

static const char *const things[THINGS] = {"contexts", "memory", "pinned memory", "arrays", "streams", "graphics resources",
	"mapped graphics resources", "sessions", "input buffers", "output buffers", "registrations", "mappings"};

static const char *const faults[FAULTS] = {"none", "no-device", "no-nvenc", "session-limit", "session-limit-key", "out-of-memory",
	"out-of-buffers", "driver-too-old", "device-lost", "slow", "busy", "fixed", "fixed-preset", "no-egl-images", "no-444", "no-10bit"};

enum { MISUSES = 8192 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int held[THINGS];
static char misuses[MISUSES];
static int misuse_count;
static enum fault fault;
static int wait, environment_read;
static FILE *log_file;

// write_log writes a line to the file that the environment names, with the lock held.
static void write_log(const char *kind, const char *text) {
	const char *path = getenv("FAKEDRIVER_LOG");
	if (!path)
		return;
	if (!log_file) {
		log_file = fopen(path, "a");
		if (!log_file)
			return;
		fputs(headline, log_file);
	}
	fprintf(log_file, "%s%s\n", kind, text);
	fflush(log_file);
}

void fakedriver_count(enum thing thing, int change) {
	pthread_mutex_lock(&lock);
	held[thing] += change;
	pthread_mutex_unlock(&lock);
}

void fakedriver_misuse(const char *format, ...) {
	char text[512];
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(text, sizeof text, format, arguments);
	va_end(arguments);
	pthread_mutex_lock(&lock);
	misuse_count++;
	size_t used = strlen(misuses);
	snprintf(misuses + used, sizeof misuses - used, "misuse: %s\n", text);
	write_log("misuse: ", text);
	pthread_mutex_unlock(&lock);
}

void fakedriver_note(const char *format, ...) {
	char text[512];
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(text, sizeof text, format, arguments);
	va_end(arguments);
	pthread_mutex_lock(&lock);
	write_log("", text);
	pthread_mutex_unlock(&lock);
}

static int named(const char *name) {
	for (int i = 0; i < FAULTS; i++)
		if (strcmp(faults[i], name) == 0)
			return i;
	return -1;
}

// read_environment takes the first fault from the environment, NAME or NAME:PICTURES, with the lock held.
static void read_environment(void) {
	if (environment_read)
		return;
	environment_read = 1;
	const char *value = getenv("FAKEDRIVER_FAULT");
	if (!value)
		return;
	char name[64];
	int after = 0;
	if (sscanf(value, "%63[^:]:%d", name, &after) >= 1 && named(name) >= 0) {
		fault = named(name);
		wait = after;
	}
}

enum fault fakedriver_fault(void) {
	pthread_mutex_lock(&lock);
	read_environment();
	enum fault now = fault;
	pthread_mutex_unlock(&lock);
	return now;
}

int fakedriver_due(void) {
	pthread_mutex_lock(&lock);
	int due = wait == 0;
	if (wait > 0)
		wait--;
	else if (fault == SLOW || fault == BUSY)
		fault = NO_FAULT; // these come once
	pthread_mutex_unlock(&lock);
	return due;
}

int fakedriver_inject(const char *name, int after) {
	int number = named(name);
	if (number < 0)
		return -1;
	pthread_mutex_lock(&lock);
	environment_read = 1;
	fault = number;
	wait = after;
	pthread_mutex_unlock(&lock);
	return 0;
}

int fakedriver_report(char *text, size_t size) {
	pthread_mutex_lock(&lock);
	int lines = misuse_count;
	snprintf(text, size, "%s", misuses);
	for (int i = 0; i < THINGS; i++) {
		if (held[i] == 0)
			continue;
		size_t used = strlen(text);
		snprintf(text + used, size - used, "held: %d %s\n", held[i], things[i]);
		lines++;
	}
	misuse_count = 0;
	misuses[0] = 0;
	pthread_mutex_unlock(&lock);
	return lines;
}
