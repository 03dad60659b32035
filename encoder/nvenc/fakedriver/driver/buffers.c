// Buffers and registered resources of the double of NVENC, with the order in which they may be used. It proves nothing about
// a GPU. See books.h.
#include "session.h"

#include <stdlib.h>
#include <string.h>

enum { INPUT_ALIGNMENT = 64 };

// version checks a structure's version, the caller's first duty.
#define version(s, p, wanted) \
	if (!(p) || (p)->version != (wanted)) { \
		fakedriver_misuse("%s: structure of version %#x, want %#x", __func__, (p) ? (p)->version : 0, (unsigned)(wanted)); \
		return session_refuse(s, NV_ENC_ERR_INVALID_VERSION, "structure version"); \
	}

#define begun(s) \
	if (!(s)->begun) { \
		fakedriver_misuse("%s before NvEncInitializeEncoder", __func__); \
		return session_refuse(s, NV_ENC_ERR_ENCODER_NOT_INITIALIZED, "not initialized"); \
	}

object *session_add(session *s, enum thing kind) {
	object *o = calloc(1, sizeof *o);
	o->kind = kind;
	o->next = s->objects;
	s->objects = o;
	fakedriver_count(kind, 1);
	return o;
}

object *session_find(session *s, void *handle, enum thing kind, const char *call) {
	for (object *o = s->objects; o; o = o->next)
		if (o == handle && o->kind == kind)
			return o;
	fakedriver_misuse("%s of a handle that this session did not give", call);
	session_refuse(s, NV_ENC_ERR_INVALID_PTR, "unknown handle");
	return NULL;
}

void session_drop(session *s, object *o) {
	object **at = &s->objects;
	while (*at != o)
		at = &(*at)->next;
	*at = o->next;
	fakedriver_count(o->kind, -1);
	if (o->kind == INPUT_BUFFER || o->kind == OUTPUT_BUFFER)
		free(o->data);
	free(o);
}

NVENCSTATUS buffers_create_input(session *s, NV_ENC_CREATE_INPUT_BUFFER *p) {
	version(s, p, NV_ENC_CREATE_INPUT_BUFFER_VER);
	begun(s);
	if (input_is_rgb(p->bufferFmt) || !session_takes(s, p->bufferFmt))
		return session_refuse(s, NV_ENC_ERR_UNSUPPORTED_PARAM, "buffer format %#x", p->bufferFmt);
	object *o = session_add(s, INPUT_BUFFER);
	o->width = p->width;
	o->height = o->rows = p->height;
	o->format = p->bufferFmt;
	o->pitch = (input_row(o->format, p->width) + INPUT_ALIGNMENT - 1) / INPUT_ALIGNMENT * INPUT_ALIGNMENT;
	o->data = malloc(input_bytes(o->format, o->pitch, o->rows));
	p->inputBuffer = o;
	return NV_ENC_SUCCESS;
}

NVENCSTATUS buffers_destroy_input(session *s, NV_ENC_INPUT_PTR handle) {
	object *o = session_find(s, handle, INPUT_BUFFER, "NvEncDestroyInputBuffer");
	if (!o)
		return NV_ENC_ERR_INVALID_PTR;
	if (o->locked)
		fakedriver_misuse("NvEncDestroyInputBuffer of a buffer that is locked");
	session_drop(s, o);
	return NV_ENC_SUCCESS;
}

NVENCSTATUS buffers_lock_input(session *s, NV_ENC_LOCK_INPUT_BUFFER *p) {
	version(s, p, NV_ENC_LOCK_INPUT_BUFFER_VER);
	object *o = session_find(s, p->inputBuffer, INPUT_BUFFER, "NvEncLockInputBuffer");
	if (!o)
		return NV_ENC_ERR_INVALID_PTR;
	if (o->locked)
		fakedriver_misuse("NvEncLockInputBuffer of a buffer that is locked");
	o->locked = 1;
	p->bufferDataPtr = o->data;
	p->pitch = o->pitch;
	return NV_ENC_SUCCESS;
}

NVENCSTATUS buffers_unlock_input(session *s, NV_ENC_INPUT_PTR handle) {
	object *o = session_find(s, handle, INPUT_BUFFER, "NvEncUnlockInputBuffer");
	if (!o)
		return NV_ENC_ERR_INVALID_PTR;
	if (!o->locked)
		fakedriver_misuse("NvEncUnlockInputBuffer of a buffer that is not locked");
	o->locked = 0;
	return NV_ENC_SUCCESS;
}

NVENCSTATUS buffers_create_output(session *s, NV_ENC_CREATE_BITSTREAM_BUFFER *p) {
	version(s, p, NV_ENC_CREATE_BITSTREAM_BUFFER_VER);
	begun(s);
	if (fakedriver_fault() == OUT_OF_BUFFERS)
		return session_refuse(s, NV_ENC_ERR_OUT_OF_MEMORY, "no memory for a bitstream");
	p->bitstreamBuffer = session_add(s, OUTPUT_BUFFER);
	return NV_ENC_SUCCESS;
}

NVENCSTATUS buffers_destroy_output(session *s, NV_ENC_OUTPUT_PTR handle) {
	object *o = session_find(s, handle, OUTPUT_BUFFER, "NvEncDestroyBitstreamBuffer");
	if (!o)
		return NV_ENC_ERR_INVALID_PTR;
	if (o->locked || o->filled)
		fakedriver_misuse("NvEncDestroyBitstreamBuffer of a buffer that is in use");
	session_drop(s, o);
	return NV_ENC_SUCCESS;
}

NVENCSTATUS buffers_lock_output(session *s, NV_ENC_LOCK_BITSTREAM *p) {
	version(s, p, NV_ENC_LOCK_BITSTREAM_VER);
	object *o = session_find(s, p->outputBitstream, OUTPUT_BUFFER, "NvEncLockBitstream");
	if (!o)
		return NV_ENC_ERR_INVALID_PTR;
	if (!o->filled || o->locked) {
		fakedriver_misuse("NvEncLockBitstream of a buffer that is %s", o->locked ? "locked" : "empty");
		return session_refuse(s, NV_ENC_ERR_INVALID_CALL, "nothing to lock");
	}
	o->locked = 1;
	o->filled = 0;
	p->bitstreamBufferPtr = o->data;
	p->bitstreamSizeInBytes = o->length;
	p->pictureType = o->keyframe ? NV_ENC_PIC_TYPE_IDR : NV_ENC_PIC_TYPE_P;
	p->pictureStruct = NV_ENC_PIC_STRUCT_FRAME;
	p->frameAvgQP = o->qp;
	p->outputTimeStamp = o->number;
	return NV_ENC_SUCCESS;
}

NVENCSTATUS buffers_unlock_output(session *s, NV_ENC_OUTPUT_PTR handle) {
	object *o = session_find(s, handle, OUTPUT_BUFFER, "NvEncUnlockBitstream");
	if (!o)
		return NV_ENC_ERR_INVALID_PTR;
	if (!o->locked)
		fakedriver_misuse("NvEncUnlockBitstream of a buffer that is not locked");
	o->locked = 0;
	return NV_ENC_SUCCESS;
}

enum { CUDA_ARRAY3D_SURFACE_LDST = 2 };

// find_memory checks that what is registered is there, and as large as was said.
static int find_memory(object *o, const NV_ENC_REGISTER_RESOURCE *p) {
	if (p->resourceType == NV_ENC_INPUT_RESOURCE_TYPE_CUDAARRAY) {
		CUarray array = p->resourceToRegister;
		o->data = array->data;
		o->array = array;
		o->pitch = (size_t)array->width * array->channels;
		return (array->flags & CUDA_ARRAY3D_SURFACE_LDST) && p->pitch == o->pitch &&
			o->pitch * array->height >= input_bytes(o->format, o->pitch, o->height);
	}
	size_t size = 0;
	o->data = fakedriver_memory((CUdeviceptr)(uintptr_t)p->resourceToRegister, &size);
	o->pitch = p->pitch;
	return o->data && p->pitch % 4 == 0 && p->pitch >= input_row(o->format, o->width) && size >= input_bytes(o->format, p->pitch, o->height);
}

NVENCSTATUS buffers_register(session *s, NV_ENC_REGISTER_RESOURCE *p) {
	version(s, p, NV_ENC_REGISTER_RESOURCE_VER);
	begun(s);
	if (p->resourceType != NV_ENC_INPUT_RESOURCE_TYPE_CUDADEVICEPTR && p->resourceType != NV_ENC_INPUT_RESOURCE_TYPE_CUDAARRAY) {
		fakedriver_misuse("NvEncRegisterResource of a resource of type %d in a session of CUDA", p->resourceType);
		return session_refuse(s, NV_ENC_ERR_UNSUPPORTED_PARAM, "resource type");
	}
	if (!session_takes(s, p->bufferFormat)) {
		fakedriver_misuse("NvEncRegisterResource in format %#x, which is not the stream's", p->bufferFormat);
		return session_refuse(s, NV_ENC_ERR_UNSUPPORTED_PARAM, "buffer format %#x", p->bufferFormat);
	}
	object *o = session_add(s, REGISTRATION);
	o->width = p->width;
	o->height = o->rows = p->height;
	o->format = p->bufferFormat;
	if (!find_memory(o, p)) {
		fakedriver_misuse("NvEncRegisterResource of memory that does not hold %ux%u in format %#x", p->width, p->height, p->bufferFormat);
		session_drop(s, o);
		return session_refuse(s, NV_ENC_ERR_RESOURCE_REGISTER_FAILED, "memory");
	}
	p->registeredResource = o;
	return NV_ENC_SUCCESS;
}

NVENCSTATUS buffers_unregister(session *s, NV_ENC_REGISTERED_PTR handle) {
	object *o = session_find(s, handle, REGISTRATION, "NvEncUnregisterResource");
	if (!o)
		return NV_ENC_ERR_RESOURCE_NOT_REGISTERED;
	size_t size;
	if (o->mapped)
		fakedriver_misuse("NvEncUnregisterResource of a resource that is mapped");
	if (!o->array && !fakedriver_memory((CUdeviceptr)(uintptr_t)o->data, &size))
		fakedriver_misuse("NvEncUnregisterResource after its memory was freed");
	session_drop(s, o);
	return NV_ENC_SUCCESS;
}

NVENCSTATUS buffers_map(session *s, NV_ENC_MAP_INPUT_RESOURCE *p) {
	version(s, p, NV_ENC_MAP_INPUT_RESOURCE_VER);
	object *from = session_find(s, p->registeredResource, REGISTRATION, "NvEncMapInputResource");
	if (!from)
		return NV_ENC_ERR_RESOURCE_NOT_REGISTERED;
	if (from->mapped)
		fakedriver_misuse("NvEncMapInputResource of a resource that is mapped");
	from->mapped = 1;
	object *o = session_add(s, MAPPING);
	o->registration = from;
	o->width = from->width;
	o->height = from->height;
	o->rows = from->rows;
	o->format = from->format;
	o->pitch = from->pitch;
	o->data = from->data;
	p->mappedResource = o;
	p->mappedBufferFmt = o->format;
	return NV_ENC_SUCCESS;
}

NVENCSTATUS buffers_unmap(session *s, NV_ENC_INPUT_PTR handle) {
	object *o = session_find(s, handle, MAPPING, "NvEncUnmapInputResource");
	if (!o)
		return NV_ENC_ERR_RESOURCE_NOT_MAPPED;
	for (object *each = s->objects; each; each = each->next)
		if (each->kind == OUTPUT_BUFFER && each->filled)
			fakedriver_misuse("NvEncUnmapInputResource before NvEncLockBitstream has said that the picture is coded");
	o->registration->mapped = 0;
	session_drop(s, o);
	return NV_ENC_SUCCESS;
}
