// A double of NVIDIA's NvFBC, for tests; it proves nothing about a driver or a GPU. See interface.h. This file: handles, the threads
// that they are bound to, and capture sessions.
#include "client.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// From the double of libcuda.
CUcontext fakedriver_current(void);
CUresult cuMemAllocPitch_v2(CUdeviceptr *pointer, size_t *pitch, size_t width, size_t height, unsigned element);
CUresult cuMemFree_v2(CUdeviceptr pointer);

static struct client clients[CLIENTS];

int refuse(struct client *c, int code, const char *said) {
	if (c)
		snprintf(c->said, sizeof c->said, "%s", said);
	return code;
}

static struct client *find(session_handle handle) {
	return handle >= 1 && handle <= CLIENTS && clients[handle - 1].used ? &clients[handle - 1] : NULL;
}

int begin_call(const char *call, session_handle handle, const void *parameters, uint32_t version, int bound, struct client **c) {
	pthread_mutex_lock(&lock);
	if (!(*c = find(handle))) {
		misuse("%s of a handle that is not open", call);
		return ERR_INVALID_HANDLE;
	}
	uint32_t given = *(const uint32_t *)parameters;
	if (given != version) {
		misuse("%s with a structure of version %08x, not %08x", call, given, version);
		return refuse(*c, ERR_API_VERSION, "structure version");
	}
	if (bound && !((*c)->bound && pthread_equal((*c)->thread, pthread_self()))) {
		misuse("%s on a thread that the context is not bound to", call);
		return refuse(*c, ERR_CONTEXT, "The context is not bound");
	}
	if (fault() == X_GONE)
		return refuse(*c, ERR_X, "X server closed the connection");
	return SUCCESS;
}

int end_call(int code) {
	pthread_mutex_unlock(&lock);
	return code;
}

static const char *get_last_error(session_handle handle) {
	struct client *c = find(handle);
	return c ? c->said : "";
}

// ---- handles ----

static int create_handle(session_handle *handle, struct create_handle *p) {
	pthread_mutex_lock(&lock);
	if (p->dwVersion != VERSION_CREATE_HANDLE) {
		misuse("NvFBCCreateHandle with a structure of version %08x", p->dwVersion);
		return end_call(ERR_API_VERSION);
	}
	if (p->privateData || p->privateDataSize || p->bExternallyManagedContext)
		misuse("NvFBCCreateHandle with what this double does not know");
	switch (fault()) {
	case NO_X: return end_call(ERR_X);
	case OTHER_DRIVER: return end_call(ERR_GLX);
	case MAX_CLIENTS: return end_call(ERR_MAX_CLIENTS);
	default: break;
	}
	for (int i = 0; i < CLIENTS; i++)
		if (!clients[i].used) {
			clients[i] = (struct client){.used = 1, .bound = 1, .thread = pthread_self()};
			handles++;
			*handle = i + 1;
			return end_call(SUCCESS);
		}
	return end_call(ERR_MAX_CLIENTS);
}

static int bind_context(session_handle handle, struct one_word *p) {
	struct client *c;
	int code = begin_call("NvFBCBindContext", handle, p, VERSION_ONE_WORD, 0, &c);
	if (code != SUCCESS)
		return end_call(code);
	if (c->bound && !pthread_equal(c->thread, pthread_self())) {
		misuse("NvFBCBindContext while another thread has it");
		return end_call(refuse(c, ERR_CONTEXT, "The context is bound to another thread"));
	}
	c->bound = 1;
	c->thread = pthread_self();
	return end_call(SUCCESS);
}

static int release_context(session_handle handle, struct one_word *p) {
	struct client *c;
	int code = begin_call("NvFBCReleaseContext", handle, p, VERSION_ONE_WORD, 0, &c);
	// A thread lets go of a context of its own even if the X server is gone.
	if (c && c->bound && pthread_equal(c->thread, pthread_self()))
		c->bound = 0;
	else if (code == SUCCESS && c->bound) {
		misuse("NvFBCReleaseContext on another thread");
		code = refuse(c, ERR_CONTEXT, "The context is bound to another thread");
	}
	return end_call(code);
}

static int get_status(session_handle handle, struct get_status *p) {
	struct client *c;
	int code = begin_call("NvFBCGetStatus", handle, p, VERSION_GET_STATUS, 0, &c);
	if (code != SUCCESS)
		return end_call(code);
	int modeset = due(MODESET);
	p->bIsCapturePossible = fault() != NOT_SUPPORTED;
	p->bCurrentlyCapturing = sessions > 0;
	p->bInModeset = modeset;
	p->bCanCreateNow = !modeset && fault() != BUSY;
	p->screenWidth = modeset ? 0 : screen.width;
	p->screenHeight = modeset ? 0 : screen.height;
	p->dwNvFBCVersion = fault() == DRIVER_1_6 ? 0x106 : API;
	return end_call(SUCCESS);
}

// ---- sessions ----

static void free_buffers(struct client *c) {
	for (int i = 0; i < BUFFERS; i++) {
		if (c->type == SHARED_CUDA && c->device[i])
			cuMemFree_v2(c->device[i]);
		else
			free(c->buffer[i]);
		c->device[i] = 0;
		c->buffer[i] = NULL;
	}
}

static int create_session(session_handle handle, struct create_session *p) {
	struct client *c;
	int code = begin_call("NvFBCCreateCaptureSession", handle, p, VERSION_CREATE_SESSION, 1, &c);
	if (code != SUCCESS)
		return end_call(code);
	if (c->session) {
		misuse("NvFBCCreateCaptureSession before the last one was destroyed");
		return end_call(refuse(c, ERR_BAD_REQUEST, "A session exists"));
	}
	if (p->eTrackingType != TRACKING_SCREEN || p->captureBox[2] || p->frameSize[0] || !p->bDisableAutoModesetRecovery)
		misuse("NvFBCCreateCaptureSession with settings that this double does not know");
	if (p->bAllowDirectCapture && (!p->bPushModel || p->bWithCursor))
		misuse("direct capture without push model, or with the cursor");
	if (fault() == MODESET)
		return end_call(refuse(c, ERR_BAD_REQUEST, "The X server is in modeset"));
	if (p->eCaptureType == SHARED_CUDA) {
		if (fault() == NO_CUDA)
			return end_call(refuse(c, ERR_CUDA, "Unable to share with CUDA"));
		if (!fakedriver_current()) {
			misuse("NvFBCCreateCaptureSession for CUDA without a current context");
			return end_call(refuse(c, ERR_CUDA, "No CUDA context"));
		}
	} else if (p->eCaptureType != TO_SYS) {
		return end_call(refuse(c, ERR_INVALID_PARAM, "Capture type"));
	}
	c->session = 1;
	c->set_up = 0;
	c->type = p->eCaptureType;
	c->cursor = p->bWithCursor;
	c->mode = screen.mode;
	c->width = screen.width;
	c->height = screen.height;
	sessions++;
	return end_call(SUCCESS);
}

static void forget_session(struct client *c) {
	if (c->session) {
		free_buffers(c);
		c->session = 0;
		sessions--;
	}
}

static int destroy_session(session_handle handle, struct one_word *p) {
	struct client *c;
	int code = begin_call("NvFBCDestroyCaptureSession", handle, p, VERSION_ONE_WORD, 1, &c);
	if (code != SUCCESS)
		return end_call(code);
	if (!c->session) {
		misuse("NvFBCDestroyCaptureSession without one");
		return end_call(refuse(c, ERR_BAD_REQUEST, "No session"));
	}
	forget_session(c);
	return end_call(SUCCESS);
}

static int destroy_handle(session_handle handle, struct one_word *p) {
	struct client *c;
	int gone = fault() == X_GONE;
	int code = begin_call("NvFBCDestroyHandle", handle, p, VERSION_ONE_WORD, !gone, &c);
	if (code != SUCCESS && !(c && gone))
		return end_call(code);
	if (c->session && !gone)
		misuse("NvFBCDestroyHandle with its capture session");
	forget_session(c);
	c->used = 0;
	handles--;
	return end_call(code);
}

// ---- setting up ----

int set_up(struct client *c, const char *call, enum capture_type type, uint32_t format) {
	if (!c->session || c->type != type) {
		misuse("%s without a capture session of its type", call);
		return refuse(c, ERR_BAD_REQUEST, "No session of this type");
	}
	if (format != FORMAT_BGRA)
		return refuse(c, ERR_UNSUPPORTED, "This double only knows BGRA");
	free_buffers(c);
	size_t size = (size_t)c->width * c->height * 4, pitch;
	for (int i = 0; i < BUFFERS; i++) {
		if (type == SHARED_CUDA) {
			// One long row: rows lie without gaps.
			if (cuMemAllocPitch_v2(&c->device[i], &pitch, size, 1, 16) != CUDA_SUCCESS)
				return refuse(c, ERR_CUDA, "Out of the GPU's memory");
			c->buffer[i] = (void *)(uintptr_t)c->device[i];
		} else {
			c->buffer[i] = malloc(size);
		}
	}
	c->set_up = 1;
	return SUCCESS;
}

int NvFBCCreateInstance(struct functions *f) {
	pthread_mutex_lock(&lock);
	if (f->dwVersion != API)
		misuse("NvFBCCreateInstance for API %x", f->dwVersion);
	if (f->dwVersion != API || fault() == DRIVER_TOO_OLD)
		return end_call(ERR_API_VERSION);
	memset(f->entry, 0, sizeof f->entry);
	f->entry[GET_LAST_ERROR] = get_last_error;
	f->entry[CREATE_HANDLE] = create_handle;
	f->entry[DESTROY_HANDLE] = destroy_handle;
	f->entry[GET_STATUS] = get_status;
	f->entry[CREATE_SESSION] = create_session;
	f->entry[DESTROY_SESSION] = destroy_session;
	f->entry[BIND_CONTEXT] = bind_context;
	f->entry[RELEASE_CONTEXT] = release_context;
	f->entry[TO_SYS_SETUP] = system_setup;
	f->entry[TO_SYS_GRAB] = system_grab;
	f->entry[TO_CUDA_SETUP] = cuda_setup;
	f->entry[TO_CUDA_GRAB] = cuda_grab;
	return end_call(SUCCESS);
}
