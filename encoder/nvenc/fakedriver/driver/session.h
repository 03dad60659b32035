// A session of the double of NVENC, and what it keeps. It proves nothing about a GPU. See books.h.
#ifndef FAKEDRIVER_SESSION_H
#define FAKEDRIVER_SESSION_H

#include "books.h"
#include "engine.h"
#include "input.h"

#include <ffnvcodec/nvEncodeAPI.h>
#include <pthread.h>

// A thing that a session gave its caller; handles are pointers to it, and only those in the session's list count.
typedef struct object {
	enum thing kind;
	struct object *next;
	int width, height;
	NV_ENC_BUFFER_FORMAT format;
	size_t pitch;
	uint8_t *data;
	int rows;   // luma rows in data
	int locked; // by the caller
	// Output buffers.
	int filled; // holds a picture that was not taken yet
	int length, capacity, keyframe, qp;
	uint64_t number;
	// Registrations and mappings.
	struct object *registration;
	CUarray array;
	int mapped;
} object;

typedef struct session {
	struct session *next;
	CUcontext context;
	pthread_mutex_t inside; // held while a thread is in a call
	object *objects;
	int begun, lost, flushed, coded, busy;
	int hevc;
	NV_ENC_INITIALIZE_PARAMS params;
	NV_ENC_CONFIG config;
	const engine_kind *kind;
	void *engine;
	engine_picture picture;
	uint64_t newest; // number of the newest picture
	char said[256];
} session;

enum { CHROMA_420 = 1, CHROMA_444 = 3 }; // chroma_format_idc

NVENCSTATUS session_refuse(session *s, NVENCSTATUS status, const char *format, ...) __attribute__((format(printf, 3, 4)));

object *session_add(session *s, enum thing kind);
object *session_find(session *s, void *handle, enum thing kind, const char *call);
void session_drop(session *s, object *o);

// session_takes reports whether pictures of a format are right for the stream: of its chroma, or RGB, and of its depth.
int session_takes(session *s, NV_ENC_BUFFER_FORMAT format);

// capability answers NvEncGetEncodeCaps.
int capability(NV_ENC_CAPS asked, int hevc);

NVENCSTATUS session_begin(session *s, NV_ENC_INITIALIZE_PARAMS *params);
NVENCSTATUS session_change(session *s, NV_ENC_RECONFIGURE_PARAMS *change);
NVENCSTATUS session_headers(session *s, NV_ENC_SEQUENCE_PARAM_PAYLOAD *p);
NVENCSTATUS session_encode(session *s, NV_ENC_PIC_PARAMS *picture);
NVENCSTATUS session_invalidate(session *s, uint64_t number);

NVENCSTATUS buffers_create_input(session *s, NV_ENC_CREATE_INPUT_BUFFER *p);
NVENCSTATUS buffers_destroy_input(session *s, NV_ENC_INPUT_PTR handle);
NVENCSTATUS buffers_lock_input(session *s, NV_ENC_LOCK_INPUT_BUFFER *p);
NVENCSTATUS buffers_unlock_input(session *s, NV_ENC_INPUT_PTR handle);
NVENCSTATUS buffers_create_output(session *s, NV_ENC_CREATE_BITSTREAM_BUFFER *p);
NVENCSTATUS buffers_destroy_output(session *s, NV_ENC_OUTPUT_PTR handle);
NVENCSTATUS buffers_lock_output(session *s, NV_ENC_LOCK_BITSTREAM *p);
NVENCSTATUS buffers_unlock_output(session *s, NV_ENC_OUTPUT_PTR handle);
NVENCSTATUS buffers_register(session *s, NV_ENC_REGISTER_RESOURCE *p);
NVENCSTATUS buffers_unregister(session *s, NV_ENC_REGISTERED_PTR handle);
NVENCSTATUS buffers_map(session *s, NV_ENC_MAP_INPUT_RESOURCE *p);
NVENCSTATUS buffers_unmap(session *s, NV_ENC_INPUT_PTR handle);

#endif
