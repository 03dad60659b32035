// What the double knows of one handle, and how its entry points begin and end.
#ifndef FAKEFBC_CLIENT_H
#define FAKEFBC_CLIENT_H

#include "books.h"

#include <ffnvcodec/dynlink_cuda.h>

// Two buffers by turns: no caller may count on finding a frame where the last one was.
enum { CLIENTS = 10, BUFFERS = 2 };

struct client {
	int used, bound;
	pthread_t thread;
	char said[512];

	int session, set_up, cursor;
	enum capture_type type;
	unsigned mode; // of the screen when the session was made
	int width, height;
	unsigned seen, grabs; // the last frame that was grabbed; how many grabs brought one
	CUdeviceptr device[BUFFERS];
	void *buffer[BUFFERS];
	void **address; // where a host buffer's address is written
};

// begin_call takes the lock and checks what every call is checked for; end_call lets go of it.
int begin_call(const char *call, session_handle handle, const void *parameters, uint32_t version, int bound, struct client **c);
int end_call(int code);

// refuse keeps the words for an error.
int refuse(struct client *c, int code, const char *said);

int set_up(struct client *c, const char *call, enum capture_type type, uint32_t format);

int system_setup(session_handle handle, struct system_setup *p);
int system_grab(session_handle handle, struct system_grab *p);
int cuda_setup(session_handle handle, struct cuda_setup *p);
int cuda_grab(session_handle handle, struct cuda_grab *p);

#endif
