// A double of libnvidia-encode, for tests: it codes with x264 and x265. It proves nothing about a GPU. See books.h.
#include "session.h"

#include <stdlib.h>
#include <string.h>

// The sizes that are taken: hardware refuses small ones, so the double does.
enum { MIN_WIDTH = 145, MIN_HEIGHT = 49, MIN_WIDTH_HEVC = 129, MIN_HEIGHT_HEVC = 33, MAX_SIDE = 4096, MAX_SIDE_HEVC = 8192 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static session *sessions;

// enter finds the session of a handle and keeps others out. A caller's thread has the session's context current.
static session *enter(void *handle, const char *call) {
	pthread_mutex_lock(&lock);
	session *s = sessions;
	while (s && s != handle)
		s = s->next;
	pthread_mutex_unlock(&lock);
	if (!s) {
		fakedriver_misuse("%s of a session that is not open", call);
		return NULL;
	}
	if (fakedriver_current() != s->context)
		fakedriver_misuse("%s without the session's context", call);
	if (pthread_mutex_trylock(&s->inside) != 0) {
		fakedriver_misuse("%s while another thread is in the same session", call);
		return NULL;
	}
	return s;
}

static NVENCSTATUS leave(session *s, NVENCSTATUS status) {
	pthread_mutex_unlock(&s->inside);
	return s->lost ? NV_ENC_ERR_DEVICE_NOT_EXIST : status;
}

// entry makes a function of the table of what serves it. A lost device still takes back what was given out.
#define entry(name, parameter, argument, serve) \
	NVENCSTATUS NVENCAPI name(void *encoder, parameter argument) { \
		session *s = enter(encoder, #name); \
		return s ? leave(s, serve(s, argument)) : NV_ENC_ERR_INVALID_ENCODERDEVICE; \
	}

entry(NvEncInitializeEncoder, NV_ENC_INITIALIZE_PARAMS *, p, session_begin)
entry(NvEncReconfigureEncoder, NV_ENC_RECONFIGURE_PARAMS *, p, session_change)
entry(NvEncGetSequenceParams, NV_ENC_SEQUENCE_PARAM_PAYLOAD *, p, session_headers)
entry(NvEncEncodePicture, NV_ENC_PIC_PARAMS *, p, session_encode)
entry(NvEncInvalidateRefFrames, uint64_t, number, session_invalidate)
entry(NvEncCreateInputBuffer, NV_ENC_CREATE_INPUT_BUFFER *, p, buffers_create_input)
entry(NvEncDestroyInputBuffer, NV_ENC_INPUT_PTR, buffer, buffers_destroy_input)
entry(NvEncLockInputBuffer, NV_ENC_LOCK_INPUT_BUFFER *, p, buffers_lock_input)
entry(NvEncUnlockInputBuffer, NV_ENC_INPUT_PTR, buffer, buffers_unlock_input)
entry(NvEncCreateBitstreamBuffer, NV_ENC_CREATE_BITSTREAM_BUFFER *, p, buffers_create_output)
entry(NvEncDestroyBitstreamBuffer, NV_ENC_OUTPUT_PTR, buffer, buffers_destroy_output)
entry(NvEncLockBitstream, NV_ENC_LOCK_BITSTREAM *, p, buffers_lock_output)
entry(NvEncUnlockBitstream, NV_ENC_OUTPUT_PTR, buffer, buffers_unlock_output)
entry(NvEncRegisterResource, NV_ENC_REGISTER_RESOURCE *, p, buffers_register)
entry(NvEncUnregisterResource, NV_ENC_REGISTERED_PTR, resource, buffers_unregister)
entry(NvEncMapInputResource, NV_ENC_MAP_INPUT_RESOURCE *, p, buffers_map)
entry(NvEncUnmapInputResource, NV_ENC_INPUT_PTR, resource, buffers_unmap)

NVENCSTATUS NVENCAPI NvEncOpenEncodeSessionEx(NV_ENC_OPEN_ENCODE_SESSION_EX_PARAMS *p, void **encoder) {
	if (p->version != NV_ENC_OPEN_ENCODE_SESSION_EX_PARAMS_VER || p->apiVersion != NVENCAPI_VERSION) {
		fakedriver_misuse("NvEncOpenEncodeSessionEx of version %#x for API %#x", p->version, p->apiVersion);
		return NV_ENC_ERR_INVALID_VERSION;
	}
	if (p->deviceType != NV_ENC_DEVICE_TYPE_CUDA || p->device != fakedriver_current()) {
		fakedriver_misuse("NvEncOpenEncodeSessionEx on another device than the current context");
		return NV_ENC_ERR_INVALID_DEVICE;
	}
	*encoder = (void *)(uintptr_t)1; // a real one may leave something there too
	switch (fakedriver_fault()) {
	case NO_NVENC:
		return NV_ENC_ERR_UNSUPPORTED_DEVICE;
	case SESSION_LIMIT:
	case OUT_OF_MEMORY:
		return NV_ENC_ERR_OUT_OF_MEMORY;
	case SESSION_LIMIT_KEY:
		return NV_ENC_ERR_INCOMPATIBLE_CLIENT_KEY;
	default:
		break;
	}
	session *s = calloc(1, sizeof *s);
	s->context = p->device;
	pthread_mutex_init(&s->inside, NULL);
	pthread_mutex_lock(&lock);
	s->next = sessions;
	sessions = s;
	pthread_mutex_unlock(&lock);
	fakedriver_count(SESSION, 1);
	*encoder = s;
	return NV_ENC_SUCCESS;
}

static void unlist(session *s) {
	pthread_mutex_lock(&lock);
	session **at = &sessions;
	while (*at != s)
		at = &(*at)->next;
	*at = s->next;
	pthread_mutex_unlock(&lock);
}

NVENCSTATUS NVENCAPI NvEncDestroyEncoder(void *encoder) {
	session *s = enter(encoder, "NvEncDestroyEncoder");
	if (!s)
		return NV_ENC_ERR_INVALID_ENCODERDEVICE;
	NVENCSTATUS status = s->lost ? NV_ENC_ERR_DEVICE_NOT_EXIST : NV_ENC_SUCCESS;
	if (s->coded && !s->flushed)
		fakedriver_misuse("NvEncDestroyEncoder without the end of the stream before");
	while (s->objects) {
		fakedriver_misuse("NvEncDestroyEncoder while something of kind %d is held", s->objects->kind);
		session_drop(s, s->objects);
	}
	unlist(s);
	if (s->engine)
		s->kind->close(s->engine);
	free(s->picture.y);
	pthread_mutex_unlock(&s->inside);
	pthread_mutex_destroy(&s->inside);
	free(s);
	fakedriver_count(SESSION, -1);
	return status;
}

// ---- questions ----

static const GUID *const codecs[] = {&NV_ENC_CODEC_H264_GUID, &NV_ENC_CODEC_HEVC_GUID};
enum { CODECS = sizeof codecs / sizeof *codecs };

static NVENCSTATUS codec_count(session *s, uint32_t *count) {
	*count = CODECS;
	return NV_ENC_SUCCESS;
}
entry(NvEncGetEncodeGUIDCount, uint32_t *, count, codec_count)

NVENCSTATUS NVENCAPI NvEncGetEncodeGUIDs(void *encoder, GUID *guids, uint32_t size, uint32_t *count) {
	for (*count = 0; *count < CODECS && *count < size; (*count)++)
		guids[*count] = *codecs[*count];
	return NV_ENC_SUCCESS;
}

static int is_hevc(GUID codec) { return memcmp(&codec, &NV_ENC_CODEC_HEVC_GUID, sizeof codec) == 0; }

// list_formats fills a list with what a codec takes, and returns how many there are.
static uint32_t list_formats(GUID codec, NV_ENC_BUFFER_FORMAT *list, uint32_t size) {
	int full = capability(NV_ENC_CAPS_SUPPORT_YUV444_ENCODE, is_hevc(codec)), deep = capability(NV_ENC_CAPS_SUPPORT_10BIT_ENCODE, is_hevc(codec));
	const struct {
		NV_ENC_BUFFER_FORMAT format;
		int taken;
	} formats[] = {
		{NV_ENC_BUFFER_FORMAT_NV12, 1},
		{NV_ENC_BUFFER_FORMAT_IYUV, 1},
		{NV_ENC_BUFFER_FORMAT_YUV444, full},
		{NV_ENC_BUFFER_FORMAT_YUV420_10BIT, deep},
		{NV_ENC_BUFFER_FORMAT_YUV444_10BIT, full && deep},
		{NV_ENC_BUFFER_FORMAT_ARGB, 1},
		{NV_ENC_BUFFER_FORMAT_ABGR, 1},
	};
	uint32_t count = 0;
	for (size_t i = 0; i < sizeof formats / sizeof *formats; i++) {
		if (!formats[i].taken)
			continue;
		if (list && count < size)
			list[count] = formats[i].format;
		count++;
	}
	return count;
}

NVENCSTATUS NVENCAPI NvEncGetInputFormatCount(void *encoder, GUID codec, uint32_t *count) {
	*count = list_formats(codec, NULL, 0);
	return NV_ENC_SUCCESS;
}

NVENCSTATUS NVENCAPI NvEncGetInputFormats(void *encoder, GUID codec, NV_ENC_BUFFER_FORMAT *list, uint32_t size, uint32_t *count) {
	uint32_t all = list_formats(codec, list, size);
	*count = all < size ? all : size;
	return NV_ENC_SUCCESS;
}

int capability(NV_ENC_CAPS asked, int hevc) {
	int flexible = fakedriver_fault() != FIXED;
	switch (asked) {
	case NV_ENC_CAPS_WIDTH_MIN: return hevc ? MIN_WIDTH_HEVC : MIN_WIDTH;
	case NV_ENC_CAPS_HEIGHT_MIN: return hevc ? MIN_HEIGHT_HEVC : MIN_HEIGHT;
	case NV_ENC_CAPS_WIDTH_MAX: case NV_ENC_CAPS_HEIGHT_MAX: return hevc ? MAX_SIDE_HEVC : MAX_SIDE;
	case NV_ENC_CAPS_MB_NUM_MAX: return hevc ? 262144 : 65536;
	case NV_ENC_CAPS_SUPPORTED_RATECONTROL_MODES: return NV_ENC_PARAMS_RC_CBR;
	case NV_ENC_CAPS_SUPPORT_DYN_RES_CHANGE: case NV_ENC_CAPS_SUPPORT_DYN_BITRATE_CHANGE: return flexible;
	case NV_ENC_CAPS_SUPPORT_REF_PIC_INVALIDATION: return flexible && !hevc; // x265 has none
	case NV_ENC_CAPS_SUPPORT_INTRA_REFRESH: return flexible;
	case NV_ENC_CAPS_SUPPORT_YUV444_ENCODE: return fakedriver_fault() != NO_444;
	case NV_ENC_CAPS_SUPPORT_10BIT_ENCODE: return hevc && fakedriver_fault() != NO_10_BIT; // as before the cards that code H.264 so
	case NV_ENC_CAPS_SUPPORT_CUSTOM_VBV_BUF_SIZE: case NV_ENC_CAPS_SUPPORT_CABAC: case NV_ENC_CAPS_SUPPORT_ADAPTIVE_TRANSFORM:
	case NV_ENC_CAPS_SINGLE_SLICE_INTRA_REFRESH: return 1;
	default: return 0;
	}
}

NVENCSTATUS NVENCAPI NvEncGetEncodeCaps(void *encoder, GUID codec, NV_ENC_CAPS_PARAM *p, int *value) {
	session *s = enter(encoder, "NvEncGetEncodeCaps");
	if (!s)
		return NV_ENC_ERR_INVALID_ENCODERDEVICE;
	if (p->version != NV_ENC_CAPS_PARAM_VER)
		return leave(s, NV_ENC_ERR_INVALID_VERSION);
	*value = capability(p->capsToQuery, is_hevc(codec));
	return leave(s, NV_ENC_SUCCESS);
}

// Presets are filled with what a recording would want, so that a live stream has to say what it wants itself.
NVENCSTATUS NVENCAPI NvEncGetEncodePresetConfigEx(void *encoder, GUID codec, GUID preset, NV_ENC_TUNING_INFO tuning, NV_ENC_PRESET_CONFIG *p) {
	session *s = enter(encoder, "NvEncGetEncodePresetConfigEx");
	if (!s)
		return NV_ENC_ERR_INVALID_ENCODERDEVICE;
	if (p->version != NV_ENC_PRESET_CONFIG_VER || p->presetCfg.version != NV_ENC_CONFIG_VER) {
		fakedriver_misuse("NvEncGetEncodePresetConfigEx of versions %#x and %#x", p->version, p->presetCfg.version);
		return leave(s, NV_ENC_ERR_INVALID_VERSION);
	}
	if (tuning <= NV_ENC_TUNING_INFO_UNDEFINED || tuning >= NV_ENC_TUNING_INFO_COUNT)
		return leave(s, NV_ENC_ERR_INVALID_PARAM);
	NV_ENC_CONFIG *c = &p->presetCfg;
	c->gopLength = 250;
	c->frameIntervalP = 3;
	c->frameFieldMode = NV_ENC_PARAMS_FRAME_FIELD_MODE_FRAME;
	c->rcParams.version = NV_ENC_RC_PARAMS_VER;
	c->rcParams.rateControlMode = NV_ENC_PARAMS_RC_VBR;
	c->rcParams.enableLookahead = 1;
	c->rcParams.lowDelayKeyFrameScale = 2;
	if (is_hevc(codec)) {
		c->encodeCodecConfig.hevcConfig.chromaFormatIDC = CHROMA_420;
		c->encodeCodecConfig.hevcConfig.idrPeriod = 250;
		c->encodeCodecConfig.hevcConfig.maxNumRefFramesInDPB = 4;
	} else {
		c->encodeCodecConfig.h264Config.chromaFormatIDC = CHROMA_420;
		c->encodeCodecConfig.h264Config.idrPeriod = 250;
		c->encodeCodecConfig.h264Config.maxNumRefFrames = 4;
	}
	return leave(s, NV_ENC_SUCCESS);
}

const char *NVENCAPI NvEncGetLastErrorString(void *encoder) {
	session *s = enter(encoder, "NvEncGetLastErrorString");
	if (!s)
		return "";
	leave(s, NV_ENC_SUCCESS);
	return s->said;
}

NVENCSTATUS NVENCAPI NvEncodeAPIGetMaxSupportedVersion(uint32_t *version) {
	*version = fakedriver_fault() == DRIVER_TOO_OLD ? 10 << 4 : NVENCAPI_MAJOR_VERSION << 4 | NVENCAPI_MINOR_VERSION;
	return NV_ENC_SUCCESS;
}

NVENCSTATUS NVENCAPI NvEncodeAPICreateInstance(NV_ENCODE_API_FUNCTION_LIST *list) {
	if (list->version != NV_ENCODE_API_FUNCTION_LIST_VER)
		return NV_ENC_ERR_INVALID_VERSION;
	list->nvEncOpenEncodeSessionEx = NvEncOpenEncodeSessionEx;
	list->nvEncDestroyEncoder = NvEncDestroyEncoder;
	list->nvEncInitializeEncoder = NvEncInitializeEncoder;
	list->nvEncReconfigureEncoder = NvEncReconfigureEncoder;
	list->nvEncGetSequenceParams = NvEncGetSequenceParams;
	list->nvEncEncodePicture = NvEncEncodePicture;
	list->nvEncInvalidateRefFrames = NvEncInvalidateRefFrames;
	list->nvEncCreateInputBuffer = NvEncCreateInputBuffer;
	list->nvEncDestroyInputBuffer = NvEncDestroyInputBuffer;
	list->nvEncLockInputBuffer = NvEncLockInputBuffer;
	list->nvEncUnlockInputBuffer = NvEncUnlockInputBuffer;
	list->nvEncCreateBitstreamBuffer = NvEncCreateBitstreamBuffer;
	list->nvEncDestroyBitstreamBuffer = NvEncDestroyBitstreamBuffer;
	list->nvEncLockBitstream = NvEncLockBitstream;
	list->nvEncUnlockBitstream = NvEncUnlockBitstream;
	list->nvEncRegisterResource = NvEncRegisterResource;
	list->nvEncUnregisterResource = NvEncUnregisterResource;
	list->nvEncMapInputResource = NvEncMapInputResource;
	list->nvEncUnmapInputResource = NvEncUnmapInputResource;
	list->nvEncGetEncodeGUIDCount = NvEncGetEncodeGUIDCount;
	list->nvEncGetEncodeGUIDs = NvEncGetEncodeGUIDs;
	list->nvEncGetInputFormatCount = NvEncGetInputFormatCount;
	list->nvEncGetInputFormats = NvEncGetInputFormats;
	list->nvEncGetEncodeCaps = NvEncGetEncodeCaps;
	list->nvEncGetEncodePresetConfigEx = NvEncGetEncodePresetConfigEx;
	list->nvEncGetLastErrorString = NvEncGetLastErrorString;
	return NV_ENC_SUCCESS;
}
